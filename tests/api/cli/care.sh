#!/usr/bin/env bash
# A lab is cared for as docs/operations.md says: a back-up while it works and one at rest, a move, an
# upgrade of an old one; what comes out is checked as the document checks it.
# shellcheck source=tests/api/cli/common.sh
. "$(dirname "$0")/common.sh"
mkdir "$work/audio"
"$built/make_bad_audio" "$work/audio" >/dev/null || exit 1
audio=$work/audio/size_unknown.wav
command -v sqlite3 >/dev/null || { skip "sqlite3 is not installed"; exit 0; }

ids=()
submit() {
  run run submit "$audio" --pipeline ingest
  ids+=("$(cat "$out")")
}
intact() { # LAB ID...
  local lab=$1
  shift
  run run verify --lab "$lab" "$@"
}
run_ids() { "$program" run list --lab "$1" --limit 1000 | tail -n +2 | cut -d' ' -f1; }

# while it works: a supervisor takes runs the whole time
for _ in 1 2 3 4 5 6 7 8 9 10; do submit; done
"$program" supervise >"$work/seen/supervise.out" 2>"$work/seen/supervise.err" &
supervisor=$!
for _ in 1 2 3 4 5 6; do submit; done
run run wait "${ids[2]}"
check "runs are executed" exit_is 0
mkdir "$work/copy"
sqlite3 "$MODEL_LAB_ROOT/lab.sqlite" ".backup $work/copy/lab.sqlite"
check "the database is copied while it works" [ $? -eq 0 ]
cp -a "$MODEL_LAB_ROOT/runs" "$work/copy/runs"
submit
for id in "${ids[@]}"; do
  run run wait "$id"
  check "run $id" exit_is 0
done
kill -TERM "$supervisor"
wait "$supervisor"
check "the supervisor drains" [ $? -eq 0 ]

run admin reconcile --lab "$work/copy" --dry-run --files
check "the copy can be looked at" exit_is 0
run admin reconcile --lab "$work/copy" --files
check "and opened: nothing needs a person" exit_is 0
ended=$("$program" run list --lab "$work/copy" --status COMPLETED --limit 1000 | tail -n +2 | cut -d' ' -f1)
check "the copy has ended runs" [ -n "$ended" ]
# shellcheck disable=SC2086
intact "$work/copy" $ended
check "and all of them are intact" exit_is 0
run run submit "$audio" --pipeline ingest --lab "$work/copy"
late=$(cat "$out")
run run wait "$late" --lab "$work/copy"
check "the copy works on" exit_is 0
rm -f "$work/copy/runs/${ids[0]}/journal.jsonl"
intact "$work/copy" "${ids[0]}"
check "planted: a file that the copy lacks is found" exit_is 10

# at rest: the whole folder; and a move of it
cp -a "$MODEL_LAB_ROOT" "$work/rest"
run_ids "$MODEL_LAB_ROOT" >"$work/before"
run run results "${ids[5]}" --artifact audio.json
cp "$out" "$work/result"
mv "$MODEL_LAB_ROOT" "$work/gone"
run run list --lab "$work/gone/nowhere"
check "looking makes no lab where a name was mistyped" sh -c "[ $code -eq 4 ] && [ ! -e '$work/gone/nowhere' ]"
export MODEL_LAB_ROOT=$work/rest
run admin reconcile --files
check "the moved lab: reconcile" exit_is 0
check "the moved lab: nothing is wrong" sh -c "! grep -qE 'warning|error' '$out'"
check "all runs came along" sh -c "'$program' run list --limit 1000 | tail -n +2 | cut -d' ' -f1 | cmp -s - '$work/before'"
# shellcheck disable=SC2046
intact "$work/rest" $(cat "$work/before")
check "all runs are intact" exit_is 0
run run results "${ids[5]}" --artifact audio.json
check "results are the same" cmp -s "$out" "$work/result"
submit
run run wait "${ids[-1]}"
check "the moved lab works on" exit_is 0

# an old lab: readers refuse it with what to do, the first writer brings it up to date
mkdir "$work/old"
sqlite3 "$work/old/lab.sqlite" <"$top/tests/unit/store/version1.sql" >/dev/null
run run list --lab "$work/old"
check "an old lab is read or refused with what to do" sh -c "[ $code -eq 0 ] || grep -q 'open it for writing' '$err'"
run admin reconcile --lab "$work/old"
check "the first opening for writing" exit_is 0
run run list --lab "$work/old"
check "its runs are there" [ "$(tail -n +2 "$out" | wc -l)" -eq 4 ]
version=$(sqlite3 "$work/old/lab.sqlite" "PRAGMA user_version")
sqlite3 "$work/old/lab.sqlite" "PRAGMA user_version=99"
run run list --lab "$work/old"
check "a newer lab is refused" says "use a newer version"
sqlite3 "$work/old/lab.sqlite" "PRAGMA user_version=$version; ALTER TABLE runs DROP COLUMN estimate_json"
run run list --lab "$work/old"
check "a lab of no release is named" says "runs.estimate_json"
check "without a code of sqlite" sh -c "! grep -q 'sqlite error' '$err'"
finish
