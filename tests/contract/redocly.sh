#!/usr/bin/env bash
# Lints the contract with the pinned redocly, and shows that it finds something: a document with a planted fault is refused.
#   redocly.sh SOURCE OPENAPI.JSON
set -euo pipefail
source=$1 document=$2
tools=$source/build/npm/contract/node_modules/.bin
[ ! -x "$source/build/node/bin/node" ] || PATH="$source/build/node/bin:$PATH"
if [ ! -x "$tools/redocly" ] || ! command -v node >/dev/null; then echo "skipped: scripts/test installs redocly"; exit 77; fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export CI=1 REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true
lint() { "$tools/redocly" lint --config "$source/tests/contract/redocly.yaml" --format=stylish "$1" >"$scratch/log" 2>&1; }
lint "$document" || { cat "$scratch/log"; exit 1; }
planted=0
while IFS= read -r change; do
  python3 -c '
import json, sys
document = json.load(open(sys.argv[1]))
exec(sys.argv[2])
json.dump(document, open(sys.argv[3], "w"))' "$document" "$change" "$scratch/planted.json"
  if lint "$scratch/planted.json"; then echo "not found: $change"; exit 1; fi
  planted=$((planted + 1))
done <<'CHANGES'
document["paths"]["/api/v1/runs"]["get"].pop("summary")
document["paths"]["/api/v1/runs"]["get"]["parameters"].append({"$ref": "#/components/parameters/RunId"})
document["components"]["schemas"]["Run"]["properties"]["status"] = {"type": "text"}
document["components"]["schemas"]["Idle"] = {"type": "string"}
document["paths"]["/api/v1/runs/{id}/priority"]["put"]["requestBody"]["content"]["application/json"]["example"] = {"priority": 31}
CHANGES
echo "redocly: clean; $planted planted faults found"
