#!/usr/bin/env bash
# `modellab run explain | bump | hold | release`, `run submit --hold --max-queue --priority`: words,
# JSON shapes, exit codes.
# shellcheck source=tests/api/cli/common.sh
. "$(dirname "$0")/common.sh"
mkdir "$work/audio"
"$built/make_bad_audio" "$work/audio" >/dev/null || exit 1
audio=$work/audio/size_unknown.wav
submit() { run run submit "$audio" --pipeline ingest --quiet "$@"; cat "$out"; }

first=$(submit)
second=$(submit --priority 25)
held=$(submit --hold)
run run explain "$first"
check "explain" exit_is 0
check "explain: the reason" prints no_supervisor
check "explain: the position" prints "2 of 2"
run run explain "$second" --json
check "explain as JSON" is_json
check "explain as JSON: reason" json_is wait.reason no_supervisor
check "explain as JSON: position" json_is position 1
check "explain as JSON: priority" json_is priority 25
check "explain as JSON: the lab" json_is lab.supervisors 0
run run explain "$held" --json
check "held: reason" json_is wait.reason held
check "held: position" json_is position null
run run status "$held"
check "held: status says so" prints "The run is held"

run run bump "$first"
check "bump" exit_is 0
run run explain "$first" --json
check "bumped: position" json_is position 1
run run bump "$first" --priority low --json
check "bump to a priority" json_is results.0.outcome moved
run run explain "$first" --json
check "lowered: position" json_is position 2
check "lowered: priority" json_is priority 0
run run bump "$first" --priority hgih
check "no such priority" exit_is 2
check "no such priority: says what is near" says "did you mean high"
run run bump "$first" --priority 31
check "too much" exit_is 2
submit --priority 31 >/dev/null
check "too much at submit" exit_is 2

run run hold "$first" "$second"
check "hold" exit_is 0
run run explain "$second" --json
check "nothing is in line" json_is waiting 0
run run release "$first" "$second" "$held" 01J00000000000000000000000
check "release: one does not exist" exit_is 4
check "release: the others are released" prints "$held released"
run run explain "$held" --json
check "three are in line" json_is waiting 3

run run wait "$held"
check "a released run is executed" exit_is 0
run run hold "$held"
check "hold of an ended run" exit_is 1
check "hold of an ended run: says so" says "already ended"
run run explain "$held" --json
check "ended: status" json_is status COMPLETED
check "ended: waits for nothing" json_is wait.reason none
run run explain
check "explain needs a run" exit_is 2

# Who follows or waits sleeps until something happens: nothing looks again and again meanwhile.
still=$(submit --hold)
sleeps() { cat "/proc/$1"/task/*/status 2>/dev/null | awk '/^voluntary/ {n += $2} END {print n}'; }
# follower WORDS...: starts it, looks at it for a second once it has begun (again while it works: a
# busy machine may take long to bring it so far), ends it with SIGINT
follower() {
  calls=$((calls + 1))
  out=$work/seen/$calls.out err=$work/seen/$calls.err
  "$program" "$@" >"$out" 2>"$err" &
  pid=$!
  woken=999
  for _ in $(seq 60); do
    before=$(sleeps "$pid")
    sleep 1
    after=$(sleeps "$pid")
    woken=$((after - before))
    if [ -s "$out" ] && [ "$woken" -le 2 ]; then break; fi
  done
  since=$(date +%s%N)
  kill -INT "$pid"
  wait "$pid"
  code=$?
  took=$((($(date +%s%N) - since) / 1000000))
}
# That the signal itself wakes it, not its next look, is for lab_follow: how long it took is only said.
follower run events "$still" --follow
check "a follower ends by Ctrl-C" exit_is 130
echo "a follower ended $took ms after Ctrl-C"
if [ "$woken" -gt 50 ]; then
  skip "this kernel cannot wait for two words at once: a follower looks at its own every 10 ms"
else
  check "a follower sleeps: it woke $woken times in a second" [ "$woken" -le 2 ]
fi
"$program" run events "$still" --follow >"$work/seen/followed" 2>&1 &
pid=$!
sleep 0.3
"$program" run cancel "$still" >/dev/null
wait "$pid"
check "a follower ends with the run" grep -q run_cancelled "$work/seen/followed"

late=$(submit --max-queue 0.2)
sleep 0.5
run run wait "$late" --timeout 10m
check "queue deadline: exit code $code" exit_is 124
check "queue deadline: status" [ "$(fact status "$late")" = TIMEOUT ]
check "queue deadline: reason" [ "$(fact reason "$late")" = queue_timeout ]
check "queue deadline: text" [ "$(fact message "$late")" = "Run timed out in the queue after 0.2 seconds" ]
finish
