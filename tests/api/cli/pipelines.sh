#!/usr/bin/env bash
# `modellab pipeline list | show | validate | resolve | save | delete`: words, JSON shapes, exit codes.
# shellcheck source=tests/api/cli/common.sh
. "$(dirname "$0")/common.sh"

run pipeline list
check "list" exit_is 0
check "list: built in" prints full_meeting
run pipeline list --json
check "list as JSON" is_json
check "list as JSON: built in" json_is 0.built_in true
run pipeline show quick_summary
check "show" json_is config.summary.sentences 3
run pipeline show none
check "show: none" exit_is 4

run pipeline resolve summary
check "resolve" prints ingest,asr,summary
check "resolve: what was added" prints "was added"
run pipeline resolve asr,summry --json
check "resolve: unknown" exit_is 3
check "resolve: not valid" json_is valid false
check "resolve: suggestion" prints summary

echo '{"text":"Mine","steps":["vad","asr"],"config":{"vad":{"pad_ms":7}}}' >"$work/mine.json"
echo '{"steps":["asr"],"config":{"asr":{"beamsize":2}}}' >"$work/bad.json"
run pipeline validate "$work/mine.json"
check "validate" prints ingest,vad,asr
run pipeline validate "$work/bad.json"
check "validate: bad" exit_is 3
check "validate: place" prints /config/asr
check "validate: suggestion" prints beam_size
run pipeline save mine "$work/bad.json"
check "save: bad" exit_is 3
run pipeline save transcribe "$work/mine.json"
check "save: built in" exit_is 2
run pipeline save ../x "$work/mine.json"
check "save: a path" exit_is 2
run pipeline save mine "$work/mine.json"
check "save" exit_is 0
run pipeline list
check "saved" prints "mine                 vad,asr  Mine"
run pipeline resolve mine
check "resolve a saved one" prints ingest,vad,asr
run pipeline delete mine
check "delete" exit_is 0
run pipeline delete mine
check "deleted already" exit_is 4
finish
