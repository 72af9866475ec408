#!/usr/bin/env bash
# `modellab run ...`, `supervise`, `admin ...`: their words, JSON shapes and exit codes.
# shellcheck source=tests/api/cli/common.sh
. "$(dirname "$0")/common.sh"
install_model
mkdir "$work/audio"
"$built/make_bad_audio" "$work/audio" >/dev/null || exit 1
audio=$work/audio/size_unknown.wav

run run list
check "an empty lab" exit_is 0
run run list --json
check "an empty lab as JSON" [ "$(json runs.count)" -eq 0 ]
run run status last
check "no last run" exit_is 4
run run status 01ARZ3NDEKTSV4RRFFQ69G5FAV
check "unknown run" exit_is 4
run run status short
check "no id" exit_is 4
run run cancel 01ARZ3NDEKTSV4RRFFQ69G5FAV
check "cancel of an unknown run" exit_is 4

run run submit "$audio" --priority high --user ann
check "submit" exit_is 0
id=$(cat "$out")
check "submit prints the id" [ "${#id}" -eq 26 ]
check "submit says that the run waits" says "waits for a supervisor"
check "it is queued" [ "$(fact status "$id")" = QUEUED ]
run run wait "$id" --timeout 1ms
check "a wait that is too short" sh -c "[ $code -eq 124 ] || [ $code -eq 0 ]"
run run wait "$id"
check "wait executes it itself" exit_is 0
check "wait prints the status" prints COMPLETED
run run wait "$id" --json
check "wait again: at once, as JSON" json_is status COMPLETED

run run status "$id" --json
for key in run_id status pipeline steps artifacts; do
  check "record has $key" sh -c "'$built/json_get' $key <'$out' >/dev/null"
done
run run status "$id"
check "status as text" prints "COMPLETED"
check "its CPU" prints "CPU"
check "its cost" prints "cost"
run run list --json --user ann
check "list by user" [ "$(json runs.count)" -eq 1 ]
run run list --user bob --json
check "list of nobody" [ "$(json runs.count)" -eq 0 ]
run run list --status COMPLETED
check "list by status" prints "$id"
run run list --status FAILED
check "list by another status" sh -c "! grep -q $id '$out'"

run run results "$id"
check "results" prints transcript.json
run run results "$id" --json
check "results as JSON" json_is artifacts.0.step ingest
artifact=$(json artifacts.1.id)
run run results "$id" --artifact "$artifact"
check "an artifact by id" is_json
run run results "$id" --artifact transcript.json --output "$work/t.json"
check "an artifact by name into a file" is_json "$work/t.json"
run run results "$id" --artifact nothing.txt
check "no such artifact" exit_is 4
run run results "$id" --format srt
check "a transcript in a format" prints '-->'

run run events "$id" --json
check "events: one object a line" [ "$(wc -l <"$out")" -ge 4 ]
head -n 1 "$out" >"$work/event"
check "events: first number" [ "$(json number "$work/event")" = 1 ]
numbers=$(sed -n 's/.*"number":\([0-9]*\).*/\1/p' "$out")
check "events: no gaps" [ "$numbers" = "$(seq "$(printf '%s\n' "$numbers" | wc -l)")" ]
run run events "$id" --follow --after 2
check "events --follow ends with the run" exit_is 0
check "events --after" sh -c "! grep -q run_queued '$out'"

second=$("$program" run submit "$audio" --quiet)
run run cancel "$second"
check "cancel of a queued run" prints cancelled
check "it is cancelled" [ "$(fact status "$second")" = CANCELLED ]
run run cancel "$second" "$id" --json
check "cancel again" json_is results.0.outcome already_terminal
check "cancel of a finished run" json_is results.1.outcome already_terminal
check "cancel again is no failure" exit_is 0
run run wait "$second"
check "waiting for a cancelled run" exit_is 1

printf '{"schema_version":1,"pipeline":"ingest"}' >"$work/request.json"
run run submit "$audio" --request "$work/request.json" --json
check "a whole request" json_is status QUEUED
third=$(json run_id)
before=$(run_count)
for option in --cap=cpu_seconds=1 --priority=high --max-duration=1m --user=ann --beam=2 --hold; do
  run run submit "$audio" --request "$work/request.json" $option
  check "--request and $option: refused" exit_is 2
  check "--request and $option: said" says "${option%%=*} and --request cannot be given together"
done
check "nothing of it was stored" [ "$(run_count)" -eq "$before" ]
run run rerun "$id" --request "$work/request.json" --cap cpu_seconds=1
check "rerun --request and --cap" exit_is 2
run run submit "$audio" --request "$work/request.json" --dry-run --quiet
check "--request --dry-run" exit_is 0
printf '{"schema_version":' >"$work/request.json"
run run submit "$audio" --request "$work/request.json"
check "broken JSON" exit_is 3
run run submit "$audio" --request "$work/none.json"
check "no request file" exit_is 4
run run submit "$audio" --pipeline transcrib
check "unknown pipeline" exit_is 3

# what the model cannot do is refused before anything is stored
before=$(run_count)
for wrong in "--language klingon" "--language de" "--task translate"; do
  for command in transcribe "run submit" estimate; do
    # shellcheck disable=SC2086
    run $command "$audio" $wrong
    check "$command $wrong: exit code $code" exit_is 3
    check "$command $wrong: where" grep -qE '/config/asr/(language|task)' "$err"
  done
done
check "nothing of it was stored" [ "$(run_count)" -eq "$before" ]
run run submit "$audio" --language english --task transcribe --hold --quiet
check "a language by its name" exit_is 0
"$program" run cancel last >/dev/null

# a supervisor in another process; a run that cannot be started neither ends it nor holds others up
blocked=$("$program" run submit "$audio" --quiet --priority urgent)
rm "$MODEL_LAB_ROOT/runs/$blocked/lock"
mkdir "$MODEL_LAB_ROOT/runs/$blocked/lock"
"$program" supervise --workers 2 >"$work/seen/supervise.out" 2>"$work/seen/supervise.err" &
supervisor=$!
fourth=$("$program" run submit "$audio" --quiet)
run run wait "$third"
check "supervise executes what waited" exit_is 0
run run wait "$fourth" --timeout 10m
check "supervise executes what comes" exit_is 0
kill -TERM "$supervisor"
wait "$supervisor"
check "supervise ends by SIGTERM" [ $? -eq 0 ]
check "supervise says nothing on stdout" [ ! -s "$work/seen/supervise.out" ]
check "supervise tells what it could not start, once" \
  [ "$(grep -c "will be tried again" "$work/seen/supervise.err")" -eq 1 ]
run run cancel "$blocked"
check "what cannot start can be cancelled" exit_is 0

run admin health
check "health" exit_is 0
run admin health --json --level deep
check "deep health as JSON" is_json
check "deep health: checks" [ "$(json checks.count)" -ge 5 ]
run admin reconcile --dry-run
check "reconcile --dry-run" exit_is 0
run admin reconcile --json
check "reconcile as JSON" is_json
rm -r "${MODEL_LAB_ROOT:?}/runs/$blocked"
run admin reconcile
check "active runs alone: nothing" exit_is 0
run admin reconcile --files
check "a missing folder is found" exit_is 10
check "the finding names its run" grep -q "run.folder_missing .*$blocked" "$out"
run admin reconcile --files --json
check "who is needed, as JSON" json_is needs_a_person true
run admin metrics
check "metrics" prints modellab_runs_total
run admin metrics --openmetrics
check "OpenMetrics" [ "$(tail -n 1 "$out")" = "# EOF" ]

# two labs are apart; one that is not there is not made by looking
run run list --lab "$work/other-lab" --json
check "a lab that is none" exit_is 4
check "is not made" [ ! -e "$work/other-lab" ]
run admin reconcile --lab "$work/other-lab"
"$program" run submit "$audio" --lab "$work/other-lab" --quiet >/dev/null
run run list --lab "$work/other-lab" --json
check "--lab" [ "$(json runs.count)" -eq 1 ]
MODEL_LAB_LOG_LEVEL=info run run list
check "logs on stderr when asked for" grep -q '"event":"lab.opened"' "$err"
run run list
check "and none when not" silent
MODEL_LAB_LOG_FILE=$work/seen/log.jsonl run transcribe "$audio" --quiet
check "a log file" exit_is 0

# What users may use, and what a run would take.
run admin caps set cap_user runs day 1 --json
check "a cap is set" json_is caps.0.measure runs
check "with its value" json_is caps.0.value 1
run admin caps list cap_user
check "caps as text" prints "cap_user"
run admin caps set cap_user peak_memory_bytes day 1GiB
check "a cap that there is not" exit_is 2
run admin caps set cap_user runs
check "too few words" exit_is 2
run admin caps remove cap_user runs day
check "a cap is removed" exit_is 0
run admin caps remove cap_user runs day
check "only once" exit_is 4
run estimate "$audio" --json
check "an estimate" json_is admission now
check "says where it comes from" sh -c "grep -q '\"basis\"' '$out'"
run estimate "$audio"
check "as text" prints "basis"
run run submit "$audio" --dry-run --cap audio_seconds=0.1
check "a cap that refuses" exit_is 5
check "is named" prints "/caps/audio_seconds"

finish
