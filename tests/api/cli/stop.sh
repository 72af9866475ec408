#!/usr/bin/env bash
# Ctrl-C and SIGTERM: the first ends cleanly and keeps what is done, the second leaves at once.
# shellcheck source=tests/api/cli/common.sh
. "$(dirname "$0")/common.sh"
install_model
mkdir "$work/audio"
"$built/make_bad_audio" "$work/audio" >/dev/null || exit 1
audio=$work/audio/size_unknown.wav
export MODEL_LAB_TESTING=1

# start FAULT ARGUMENTS...: runs the program beside this script; $pid
start() {
  calls=$((calls + 1))
  out=$work/seen/$calls.out err=$work/seen/$calls.err
  MODEL_LAB_FAIL_STEP=$1 "$program" "${@:2}" >"$out" 2>"$err" &
  pid=$!
}
ended() { # waits for it; $code
  wait "$pid"
  code=$?
}
# Until the program (not the shell that becomes it) handles SIGINT.
wait_for_handler() {
  for _ in $(seq 6000); do
    if ! kill -0 "$pid" 2>/dev/null; then return 0; fi # it has ended already: too late
    if [ "$(readlink "/proc/$pid/exe")" = "$(readlink -f "$program")" ] &&
      [ $((0x$(sed -n 's/^SigCgt:[[:space:]]*//p' "/proc/$pid/status") & 2)) -ne 0 ]; then return 0; fi
    sleep 0.01
  done
  bad "the program does not handle SIGINT"
}
# until the newest run is in this status and step `ingest` is done
wait_for_asr() {
  for _ in $(seq 2000); do
    if "$program" run events last 2>/dev/null | grep -q 'step_started *asr'; then return 0; fi
    sleep 0.05
  done
  bad "the run did not reach the step asr"
}
forget_runs() { rm -rf "$canary"; }

forget_runs
start asr:sleep=60000 transcribe "$audio"
wait_for_asr
kill -INT "$pid"
ended
check "SIGINT: exit code $code" exit_is 130
check "SIGINT: status" [ "$(fact status)" = CANCELLED ]
check "SIGINT: reason" [ "$(fact reason)" = cancelled_by_user ]
check "SIGINT: says the run id" says "$(fact run)"
check "SIGINT: nothing on stdout" [ ! -s "$out" ]
check "SIGINT: the finished step is kept" sh -c "'$program' run status last | grep -q 'step ingest.*COMPLETED'"

forget_runs
start asr:sleep=60000 transcribe "$audio" "$audio" --json
wait_for_asr
kill -TERM "$pid"
ended
check "SIGTERM: exit code $code" exit_is 143
check "SIGTERM: status" [ "$(fact status)" = CANCELLED ]
check "SIGTERM: JSON is whole" is_json
check "SIGTERM: the second file was not begun" [ "$(run_count)" -eq 1 ]

# the worker looks at nothing: the second signal does not wait for the ladder
forget_runs
start asr:hang transcribe "$audio"
wait_for_asr
worker=$(pgrep -P "$pid" | head -n 1)
kill -INT "$pid"
for _ in $(seq 3000); do
  if says "once more leaves at once"; then break; fi
  sleep 0.02
done
check "it says that it is stopping" says "once more leaves at once"
kill -INT "$pid"
ended
check "second SIGINT: exit code $code" exit_is 130
run run list
for _ in $(seq 600); do # the worker notices that its host is gone, or is killed here
  if ! grep -qE ' (QUEUED|RUNNING) ' "$out"; then break; fi
  [ -z "$worker" ] || kill -9 "$worker" 2>/dev/null
  sleep 0.1
  run admin reconcile
  run run list
done
check "second SIGINT: the run gets a final status" sh -c "! grep -qE ' (QUEUED|RUNNING) ' '$out'"

# what was done of a run that ended early can be had in every format
forget_runs
{
  cat "$audio"
  for _ in $(seq 70); do tail -c +45 "$audio"; done
} >"$work/audio/long.wav"
MODEL_LAB_FAIL_STEP=asr:die_windows run transcribe "$work/audio/long.wav"
check "dies after a window: exit code $code" exit_is 1
run run results last
check "the partial transcript is kept" prints transcript.partial.json
for format in txt srt vtt json; do
  run run results last --format "$format"
  check "partial as $format: exit code $code" exit_is 0
  check "partial as $format: there is text" [ -s "$out" ]
  check "partial as $format: it is said" says "the part of the text that was done"
done

# waiting only: the run belongs to another process
# (a slow machine begins to wait so late that the run has ended: a longer one)
for milliseconds in 3000 30000 300000; do
  forget_runs
  start "asr:sleep=$milliseconds" supervise
  supervisor=$pid
  id=$("$program" run submit "$audio" --quiet)
  wait_for_asr
  start "" run wait "$id"
  wait_for_handler
  kill -INT "$pid"
  ended
  if ! exit_is 0; then break; fi
  kill -TERM "$supervisor"
  wait "$supervisor"
done
check "run wait: exit code $code" exit_is 130
check "run wait: the run goes on" says "the run goes on"
run run wait "$id"
check "run wait: and completes" exit_is 0
kill -TERM "$supervisor"
wait "$supervisor"
check "supervise drains on SIGTERM" [ $? -eq 0 ]

# a supervisor that is told to stop puts its run back
forget_runs
start asr:sleep=60000 supervise --drain 1
id=$("$program" run submit "$audio" --quiet)
wait_for_asr
kill -TERM "$pid"
ended
check "drain: exit code $code" exit_is 0
check "drain: said" says "put back into the queue"
check "drain: the run waits again" [ "$(fact status)" = QUEUED ]
run run wait "$id"
check "drain: and can be executed" exit_is 0

# stdin that does not end
forget_runs
mkfifo "$work/endless"
sleep 600 >"$work/endless" &
writer=$!
calls=$((calls + 1))
out=$work/seen/$calls.out err=$work/seen/$calls.err
"$program" transcribe - <"$work/endless" >"$out" 2>"$err" &
pid=$!
wait_for_handler
kill -INT "$pid"
ended
check "SIGINT while stdin is read: exit code $code" exit_is 130
check "no run was made" [ "$(run_count)" -eq 0 ]
kill "$writer" 2>/dev/null

# what nobody can catch leaves no spool of stdin either
spools() { find "$work/tmp" -name 'modellab-stdin-*' | wc -l; }
mkdir "$work/tmp"
for signal in HUP KILL; do
  sleep 600 >"$work/endless" &
  writer=$!
  TMPDIR=$work/tmp "$program" transcribe - <"$work/endless" >"$work/seen/spool.out" 2>"$work/seen/spool.err" &
  pid=$!
  wait_for_handler
  for _ in $(seq 3000); do
    if readlink /proc/"$pid"/fd/* 2>/dev/null | grep -q "^$work/tmp/"; then break; fi
    sleep 0.02
  done
  check "SIG$signal: stdin is being spooled" sh -c "readlink /proc/$pid/fd/* | grep -q '^$work/tmp/'"
  kill -s "$signal" "$pid"
  wait "$pid" 2>/dev/null
  check "SIG$signal: no spool stays" [ "$(spools)" -eq 0 ]
  kill "$writer" 2>/dev/null
done

# Long copying and hashing: a signal ends it at the next block, and nothing is left of it.
forget_runs
{
  head -c 40 "$audio"
  printf '\377\377\377\377'
} >"$work/audio/large.wav"
truncate -s 256M "$work/audio/large.wav"
# again where the signal came too late: the script may be held up longer than the work takes
for _ in $(seq 10); do
  forget_runs
  start "" run submit "$work/audio/large.wav" --pipeline ingest
  while kill -0 "$pid" 2>/dev/null; do
    if [ -n "$(find "$canary/runs" -name 'input*.tmp' 2>/dev/null)" ]; then break; fi
    sleep 0.01
  done
  kill -INT "$pid" 2>/dev/null
  ended
  if ! exit_is 0; then break; fi
done
check "SIGINT while the input is copied: exit code $code" exit_is 130
check "copying: said" says "large.wav: cancelled"
check "copying: no run" [ "$(run_count)" -eq 0 ]
check "copying: no folder of it" [ -z "$(ls -A "$canary/runs" 2>/dev/null)" ]

run run submit "$work/audio/large.wav" --pipeline ingest --quiet
id=$(cat "$out")
run run cancel "$id"
# SIGINT as soon as the program listens: the work itself takes much longer. Again where it did not.
interrupt() { # REMAINS ARGUMENTS...: what it leaves when it ends by itself
  for _ in $(seq 10); do
    start "" "${@:2}"
    wait_for_handler
    kill -INT "$pid" 2>/dev/null
    ended
    if ! exit_is 0; then break; fi
    rm -rf "$1"
  done
}
interrupt "$work/nothing" run verify "$id" "$id" "$id" "$id" "$id" "$id" "$id" "$id"
check "SIGINT while verifying: exit code $code" exit_is 130
interrupt "$work/cut.zip" run bundle "$id" --output "$work/cut.zip"
check "SIGINT while bundling: exit code $code" exit_is 130
check "bundling: no file is left" [ -z "$(find "$work" -maxdepth 1 -name 'cut.zip*')" ]
run run bundle "$id" --output "$work/whole.zip"
check "a bundle" exit_is 0
interrupt "$work/other-lab" run import "$work/whole.zip" --lab "$work/other-lab"
check "SIGINT while importing: exit code $code" exit_is 130
check "importing: nothing is left" [ -z "$(find "$work/other-lab/runs" -mindepth 1 2>/dev/null)" ]
finish
