# shellcheck shell=bash disable=SC2034
# Shared by the tests of the command line: a lab, models and a folder of their own, checks, and the
# canary: the lab's absolute root may stand in no output, log or record.
# Sourced with: PROGRAM FOLDER_OF_BUILT_TESTS TOP_OF_THE_SOURCES in the arguments.
set -u
program=$1 built=$2 top=$3
# the name cannot stand anywhere by chance
work=$(mktemp -d "${TMPDIR:-/tmp}/modellab-cli-XXXXXX") || exit 1
canary=$work/canary-$$-lab
export MODEL_LAB_ROOT=$canary MODEL_LAB_MODELS_ROOT=$work/models MODEL_LAB_CACHE_ROOT=$work/cache
export MODEL_LAB_MIN_FREE_BYTES=1M OPENBLAS_NUM_THREADS=1 XDG_CONFIG_HOME=$work/config
export HOME=$work/home LC_ALL=C.UTF-8
unset MODEL_LAB_LOG_LEVEL LOG_LEVEL MODEL_LAB_LOG_FILE MODEL_LAB_TESTING MODEL_LAB_FAIL_STEP
mkdir -p "$work/home" "$work/seen"
failures=0 checks=0 calls=0

cleanup() {
  if mountpoint -q "$work/small/lab/runs" 2>/dev/null; then umount "$work/small/lab/runs"; fi
  if mountpoint -q "$work/small" 2>/dev/null; then umount "$work/small"; fi
  if mountpoint -q "$work/frozen" 2>/dev/null; then umount "$work/frozen"; fi
  chmod -R u+rwX "$work" 2>/dev/null
  rm -rf "$work"
}
trap cleanup EXIT

bad() {
  failures=$((failures + 1))
  printf 'FAILED: %s\n' "$*"
  [ -z "${out-}" ] || printf '  stdout: %s\n' "$(head -c 2000 "$out")"
  [ -z "${err-}" ] || printf '  stderr: %s\n' "$(head -c 2000 "$err")"
}
check() { # NAME CONDITION...: the condition is a command
  local name=$1
  shift
  checks=$((checks + 1))
  "$@" || bad "$name"
}
skip() { printf 'skipped: %s\n' "$*"; }

# run ARGUMENTS...: runs the program; $code, $out and $err (files, kept for the canary).
run() {
  calls=$((calls + 1))
  out=$work/seen/$calls.out err=$work/seen/$calls.err
  "$program" "$@" >"$out" 2>"$err"
  code=$?
}
# What the last call printed may name the lab's root: it is not searched for it. Its stderr is.
may_name_the_lab() { : >"$out"; }
exit_is() { [ "$code" -eq "$1" ]; }
says() { grep -qF -- "$1" "$err"; }
prints() { grep -qF -- "$1" "$out"; }
# a line "name value" of `run status`
fact() { "$program" run status "${2:-last}" 2>/dev/null | sed -n "s/^$1  *//p" | head -n 1; }
run_count() { "$program" run list --limit 1000 2>/dev/null | tail -n +2 | wc -l; }

install_model() {
  "$built/make_model" "$work/ggml-small.bin" || exit 1
  run models import whisper-tiny.en "$work/ggml-small.bin"
  [ "$code" -eq 0 ] || { bad "the test model cannot be installed"; exit 1; }
}

# Files of what was said and recorded that hold the lab's root. `info`, `env` and `models path` may.
canary_files() { grep -rlF -- "$canary" "$work/seen" "$canary" 2>/dev/null; }
check_canary() {
  checks=$((checks + 1))
  out='' err=''
  # planted: the search finds what it looks for
  printf 'x%sx' "$canary" >"$work/seen/planted"
  [ "$(canary_files)" = "$work/seen/planted" ] || bad "the lab's root stands in: $(canary_files | tr '\n' ' ')"
  rm -f "$work/seen/planted"
}
finish() {
  check_canary
  printf '%d checks, %d failures\n' "$checks" "$failures"
  [ "$checks" -gt 0 ] && [ "$failures" -eq 0 ]
  exit $?
}
# Value at a path of the JSON in $out (or in FILE).
json() { "$built/json_get" "$1" <"${2:-$out}"; }
json_is() { [ "$(json "$1" 2>/dev/null)" = "$2" ]; }
is_json() { "$built/json_get" '' <"${1:-$out}" >/dev/null; }
silent() { [ ! -s "$err" ]; }
