#!/usr/bin/env bash
# A lab that can only be read: everything that looks works, what cannot says one clear sentence.
# shellcheck source=tests/api/cli/common.sh
. "$(dirname "$0")/common.sh"
install_model
mkdir "$work/audio"
"$built/make_bad_audio" "$work/audio" >/dev/null || exit 1
chmod 755 "$work"
run transcribe "$work/audio/size_unknown.wav" --quiet
check "a run that completes" exit_is 0
good=$(fact run)
run transcribe "$work/audio/nan.wav" --quiet
check "a run that fails" exit_is 3
failed=$(fact run)
run run submit "$work/audio/size_unknown.wav"
queued=$(cat "$out")
"$program" run list >/dev/null # folds the log of the store into it

# By another user, or by our own who has taken the right away from himself.
if [ "$(id -u)" -ne 0 ]; then
  other=()
elif setpriv --reuid=65534 --regid=65534 --clear-groups "$program" --version >/dev/null 2>&1; then
  other=(setpriv --reuid=65534 --regid=65534 --clear-groups)
else
  skip "root writes everywhere, and setpriv cannot start the program as another user here"
  finish
fi
look() { # ARGUMENTS...
  calls=$((calls + 1))
  out=$work/seen/$calls.out err=$work/seen/$calls.err
  "${other[@]}" "$program" "$@" >"$out" 2>"$err"
  code=$?
}
one_sentence() { [ "$(wc -l <"$err")" -eq 1 ]; }
chmod -R a+rX,a-w "$canary"
look run wait "$good"
check "wait for what has ended" exit_is 0
check "its status" prints COMPLETED
look run wait "$failed"
check "the exit code is that of the run" exit_is 3
check "its status" prints FAILED
look run wait "$queued" --timeout 300ms
check "what waits is waited for" exit_is 124
check "by whom it can be done" says "waiting for a supervisor of another user"
for what in "status $good" "results $good" "events $failed" "events $failed --follow" list "explain $queued"; do
  # shellcheck disable=SC2086 # words
  look run $what
  check "run $what" exit_is 0
  check "run $what: nothing to say" silent
done
look admin health
check "health" exit_is 0
check "health: not ready" prints "ready=false: The lab was opened for reading only."
look admin health --json
check "health as JSON" json_is ready false
check "the reason in it" json_is why "The lab was opened for reading only."
look run cancel "$queued"
check "cancel" exit_is 7
check "cancel: one sentence" one_sentence

# not even that
chmod 000 "$canary/lab.sqlite"
for what in "wait $good" "status $good" "results $good" "events $good" list; do
  # shellcheck disable=SC2086 # words
  look run $what
  check "unreadable: run $what" exit_is 7
  check "unreadable: one sentence of run $what" one_sentence
  check "unreadable: it says what" says "cannot open the store's database: permission denied"
done
look admin health
check "unreadable: health" exit_is 10
check "unreadable: the reason" prints "ready=false: the lab cannot be opened"
look admin health --json
check "unreadable: health as JSON" json_is ready false
chmod -R u+rwX "$canary"
run admin health --json
check "writable again: ready" json_is ready true
finish
