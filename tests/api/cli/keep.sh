#!/usr/bin/env bash
# `modellab admin cleanup | disk` and what checks and carries runs: words, JSON shapes, exit codes.
# shellcheck source=tests/api/cli/common.sh
. "$(dirname "$0")/common.sh"
mkdir "$work/audio"
"$built/make_bad_audio" "$work/audio" >/dev/null || exit 1
audio=$work/audio/size_unknown.wav

run admin cleanup
check "cleanup of an empty lab" exit_is 0
run admin disk --json
check "disk as JSON" json_is runs 0
run run submit "$audio" --pipeline ingest
first=$(cat "$out")
run run wait "$first"
check "a run" exit_is 0
run run submit "$audio" --pipeline ingest
second=$(cat "$out")
run run wait "$second"
waits=$("$program" run submit "$audio" --pipeline ingest --quiet)

run run verify "$first" "$second"
check "verify" exit_is 0
check "verify says so" prints intact
run run verify "$first" --json
check "verify as JSON" json_is results.0.intact true
run run compare "$first" "$second"
check "compare" prints duration
run run compare "$first" "$waits" --json
check "compare as JSON" json_is facts.0.b QUEUED
printf '{"steps":["ingest"],"labels":{"a":"b"},"priority":"high"}' >"$work/request.json"
run run submit "$audio" --request "$work/request.json" --quiet
other=$(cat "$out")
run run compare "$first" "$other"
check "compare shows what differs in the request" prints '/priority: 10 -> 20'
check "and what was added to it" prints '/labels: null -> {"a":"b"}'
check "and that there is no text" prints "not compared: one of them has none"
check "with a star" sh -c "grep -q '^\* request' '$out'"
run run compare "$first" "$other" --json
check "the same as JSON" prints '"pointer":"/labels"'
run run compare "$first" "$first"
check "compare with itself: no star" sh -c "! grep -q '^\*' '$out'"
run run compare "$first" 01ARZ3NDEKTSV4RRFFQ69G5FAV
check "compare with a run that is none" exit_is 4
run run cancel "$other" --quiet
run run compare "$first"
check "compare needs two" exit_is 2
printf 'x' >>"$MODEL_LAB_ROOT/runs/$second/input"
run run verify "$first" "$second"
check "verify finds a byte" exit_is 10
check "and names it" prints input.longer
truncate -s -1 "$MODEL_LAB_ROOT/runs/$second/input"

run run bundle "$first" --output "$work/run.zip"
check "bundle" exit_is 0
run run bundle "$first" --output "$work/run.zip"
check "a bundle overwrites nothing" says "already exists"
run run bundle "$waits" --output "$work/waits.zip"
check "a run that waits is not bundled" sh -c "[ $code -ne 0 ]"
run run import "$work/run.zip"
check "it is there already" says "has this run already"
run run import "$work/run.zip" --lab "$work/other" --json
check "import into another lab" json_is run_id "$first"
run run status "$first" --lab "$work/other" --json
check "it is marked" json_is imported true
run run import "$audio" --lab "$work/other"
check "no bundle" exit_is 3
check "says what makes one" says "run bundle"
head -c 3000 "$work/run.zip" >"$work/cut.zip"
run run import "$work/cut.zip" --lab "$work/other" --json
check "half a bundle" exit_is 3
run run import "$work/none.zip" --lab "$work/other"
check "no file" exit_is 4
none=01ARZ3NDEKTSV4RRFFQ69G5FAV
for command in status verify results events explain bundle retry rerun hold bump cancel; do
  run run "$command" "$none"
  check "run $command of a run that is none" exit_is 4
  check "run $command says where runs are listed" says "modellab run list"
  check "run $command names it" says "$none"
done
run run compare "$first" "$none"
check "compare names the one that is none" says "$none"
run run status "$first" --json
check "what nothing measures is absent" json_is measures.methods.gpu_seconds absent
check "and null" json_is measures.gpu_seconds null

run admin cleanup --only runs
check "cleanup of all must be said" exit_is 2
run admin cleanup --older-than soon
check "no age" exit_is 2
run admin cleanup --keep-bytes 5X
check "no size" exit_is 2
run admin cleanup --keep-runs 0 --status RUNNING
check "active runs are refused" exit_is 2
run admin cleanup --keep-runs 1 --dry-run --json
check "dry run" json_is runs 1
check "dry run says so" json_is dry_run true
run run status "$first"
check "a dry run takes nothing" exit_is 0
run admin cleanup --keep-runs 1
check "cleanup" exit_is 0
run run status "$first"
check "the older one is gone" exit_is 4
run run status "$waits"
check "one that waits is not" exit_is 0
run admin cleanup --older-than 0s --only inputs --json
check "inputs only" json_is inputs 1
run run results "$second"
check "the results stay" exit_is 0
run admin cleanup --older-than 1d
check "nothing is a day old" exit_is 0
run run status "$second"
check "so it is still there" exit_is 0
run admin doctor
check "doctor" prints "lab.open"
check "doctor says what to do" prints "models pull"
MODEL_LAB_MAX_WORKERS=many run admin doctor --json
check "doctor finds a bad setting" exit_is 10
check "doctor as JSON" json_is worst error
run admin disk
check "disk" prints largest_input
MODEL_LAB_MIN_FREE_BYTES=100000G run admin disk
check "disk: nothing would be accepted" exit_is 6
MODEL_LAB_MIN_FREE_BYTES=100000G run run submit "$audio" --pipeline ingest
check "and nothing is" exit_is 6
check "with what to do" says "admin cleanup"
finish
