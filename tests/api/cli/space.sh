#!/usr/bin/env bash
# A disk that fills while a run works: what is said, how long it is waited, and that the run ends with
# the truth when there is space again.
# shellcheck source=tests/api/cli/common.sh
. "$(dirname "$0")/common.sh"
export MODEL_LAB_TESTING=1 MODEL_LAB_MIN_FREE_BYTES=0
mkdir "$work/audio" "$work/small"
if ! mount -t tmpfs -o size=1536k none "$work/small" 2>/dev/null; then
  skip "this user cannot mount a file system"
  exit 0
fi
install_model
"$built/make_bad_audio" "$work/audio" >/dev/null || exit 1
audio=$work/audio/size_unknown.wav
export MODEL_LAB_ROOT=$work/small/lab

start() { # FAULT ARGUMENTS...
  calls=$((calls + 1))
  out=$work/seen/$calls.out err=$work/seen/$calls.err
  MODEL_LAB_FAIL_STEP=$1 "$program" "${@:2}" >"$out" 2>"$err" &
  pid=$!
}
ended() {
  wait "$pid"
  code=$?
}
# until COMMAND succeeds, at most a minute
until_it() {
  for _ in $(seq 600); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.1
  done
  return 1
}
in_asr() { grep -q '"type":"step_started".*"asr"\|"asr".*"type":"step_started"' "$MODEL_LAB_ROOT"/runs/*/journal.jsonl; }
has_outcome() { grep -q '"type":"outcome"' "$MODEL_LAB_ROOT"/runs/*/journal.jsonl; }
has_completed() { grep '"type":"outcome"' "$MODEL_LAB_ROOT"/runs/*/journal.jsonl | grep -q '"COMPLETED"'; }
# The worker stands still meanwhile: it does not end before there is no space.
fill() {
  local worker
  worker=$(pgrep -P "$pid" | head -n 1)
  [ -z "$worker" ] || kill -STOP "$worker"
  dd if=/dev/zero of="$work/small/filler" bs=4k 2>/dev/null
  [ -z "$worker" ] || kill -CONT "$worker"
}
says_or_ends() { says "$1" || ! kill -0 "$pid"; }
times_said() { [ "$(grep -cF -- "$1" "$err")" -eq "$2" ]; }
new_lab() { # [apart]: its runs lie on another disk, where a worker can go on
  if mountpoint -q "$MODEL_LAB_ROOT/runs"; then umount "$MODEL_LAB_ROOT/runs"; fi
  rm -rf "$work/small/filler" "$MODEL_LAB_ROOT"
  "$program" run list >/dev/null 2>&1
  if [ "${1-}" = apart ]; then mount -t tmpfs -o size=8m none "$MODEL_LAB_ROOT/runs" || exit 1; fi
}

# The worker completes, its end cannot be recorded.
# (longer where the worker is done before there is no space)
for ms in 3000 30000 300000; do
  new_lab apart
  start asr:sleep=$ms transcribe "$audio"
  check "apart: the run is in asr" until_it in_asr
  fill
  check "apart: the worker completes" until_it has_outcome
  if until_it says_or_ends "the lab's disk is full: the end of the run waits for space" && kill -0 "$pid"; then break; fi
  ended
done
check "apart: it is said" says "the lab's disk is full: the end of the run waits for space"
sleep 2.5
check "apart: it is said once" times_said "disk is full" 1
check "apart: the run has no end yet" [ "$(MODEL_LAB_ROOT=$work/small/lab "$program" run list 2>/dev/null | grep -c RUNNING)" -eq 1 ]
freed=$(date +%s%3N)
rm "$work/small/filler"
ended
check "apart: exit code $code" exit_is 0
check "apart: status" [ "$(fact status)" = COMPLETED ]
run run status last --json
end=$(date -d "$(json ended_at)" +%s%3N)
check "apart: it ended when its worker did ($((freed - end)) ms before there was space)" [ $((freed - end)) -gt 2000 ]
run run verify last
check "apart: the run is whole" exit_is 0

# The wait is bounded, and the truth comes later all the same.
# (longer where the worker is not done before it is given up)
for seconds in 3 15 75; do
  new_lab apart
  export MODEL_LAB_SPACE_WAIT_SECONDS=$seconds
  start asr:sleep=1500 transcribe "$audio"
  check "bounded: the run is in asr" until_it in_asr
  fill
  ended
  until_it has_outcome # else it stops itself now
  if exit_is 6 && has_completed; then break; fi
done
check "bounded: exit code $code" exit_is 6
check "bounded: it is said" says "cannot write to the lab"
check "bounded: the worker had completed" has_completed
rm "$work/small/filler"
run run wait last
check "bounded: exit code of the wait $code" exit_is 0
check "bounded: status" [ "$(fact status)" = COMPLETED ]
unset MODEL_LAB_SPACE_WAIT_SECONDS

# The worker itself finds no space: it is to make its artifact while there is none.
for seconds in 4 20 100; do
  new_lab
  start asr:sleep=$((seconds * 500)) transcribe "$audio"
  check "full: the run is in asr" until_it in_asr
  fill
  until_it says_or_ends "the lab's disk is full"
  said=$(says "the lab's disk is full" && echo yes)
  sleep "$seconds"
  rm "$work/small/filler"
  ended
  if ! exit_is 0; then break; fi
done
check "full: it is said" [ "$said" = yes ]
check "full: exit code $code" exit_is 6
check "full: status" [ "$(fact status)" = FAILED ]
check "full: reason" [ "$(fact reason)" = no_space ]

# Too little space to start it.
new_lab
"$program" run submit "$audio" --quiet >/dev/null 2>&1
MODEL_LAB_MIN_FREE_BYTES=1G MODEL_LAB_SPACE_WAIT_SECONDS=1 run run wait last
check "start: exit code $code" exit_is 6
check "start: it is said" says "the start of the run waits for space"
check "start: status" [ "$(fact status)" = QUEUED ]
run run wait last
check "start: with space it is executed: exit code $code" exit_is 0

if mountpoint -q "$MODEL_LAB_ROOT/runs"; then umount "$MODEL_LAB_ROOT/runs"; fi
finish
