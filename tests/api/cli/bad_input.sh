#!/usr/bin/env bash
# Executes docs/bad-input.md: every row is a case that is made here and compared with the table.
# With `long` as fourth argument also those that take minutes.
# shellcheck source=tests/api/cli/common.sh
. "$(dirname "$0")/common.sh"
install_model
bad_files=$work/bad
mkdir "$bad_files"
long=${4-}
"$built/make_bad_audio" "$bad_files" --long >/dev/null || exit 1

# Each case_NAME sets $code, $out, $err by `run`, or returns 77 after saying why it cannot be made.
transcribe() { run transcribe "$bad_files/$1" "${@:2}"; }
case_empty() { transcribe empty.wav; }
case_text() { transcribe text.wav; }
case_truncated_flac() { transcribe truncated.flac; }
case_claims_34_gb() { transcribe claims_34_gb.wav; }
case_rate_0_hz() { transcribe rate_0_hz.wav; }
case_rate_2_ghz() { transcribe rate_2_ghz.wav; }
case_channels_1024() { transcribe channels_1024.wav; }
case_no_samples() { transcribe no_samples.wav; }
case_not_closed() {
  { head -c 4 "$bad_files/one_ms.wav"; printf '\0\0\0\0'; tail -c +9 "$bad_files/one_ms.wav" | head -c 32
    printf '\0\0\0\0'; tail -c +45 "$bad_files/one_ms.wav"; } >"$bad_files/not_closed.wav"
  transcribe not_closed.wav
}
case_nan() { transcribe nan.wav; }
case_one_ms() { transcribe one_ms.wav; }
case_silence_10h() {
  if [ "$long" != long ]; then
    skip "silence_10h: takes minutes (the test cli_bad_input_long does it)"
    return 77
  fi
  transcribe silence_10h.flac
}
case_silence_10h_capped() { transcribe silence_10h.flac --cap audio_seconds=3600; }
case_directory() { run transcribe "$bad_files"; }
case_fifo() {
  mkfifo "$bad_files/pipe.wav"
  transcribe pipe.wav
}
case_unreadable() {
  cp "$bad_files/one_ms.wav" "$bad_files/unreadable.wav"
  chmod 000 "$bad_files/unreadable.wav"
  if [ -r "$bad_files/unreadable.wav" ]; then
    # root reads everything: ask without that power
    local powerless=(setpriv "--bounding-set=-dac_override,-dac_read_search")
    if "${powerless[@]}" cat "$bad_files/unreadable.wav" >/dev/null 2>&1 || ! "${powerless[@]}" true 2>/dev/null; then
      skip "unreadable: this user reads every file and cannot give that up"
      return 77
    fi
    calls=$((calls + 1))
    out=$work/seen/$calls.out err=$work/seen/$calls.err
    "${powerless[@]}" "$program" transcribe "$bad_files/unreadable.wav" >"$out" 2>"$err"
    code=$?
  else
    transcribe unreadable.wav
  fi
}
case_vanished() { transcribe vanished.wav; }
case_vanished_input() {
  local id
  id=$("$program" run submit "$bad_files/one_ms.wav" --quiet) || return 1
  find "$canary/runs/$id" -name 'input*' -type f -delete
  run run wait "$id"
}
case_unknown_model() { transcribe one_ms.wav --model whisper-tinny.en; }
case_half_written_model() {
  run models import half "$work/ggml-small.bin"
  rm "$MODEL_LAB_MODELS_ROOT"/half/ggml-small.bin
  transcribe one_ms.wav --model half
}
case_corrupt_cache() {
  transcribe one_ms.wav
  local image
  image=$(find "$MODEL_LAB_CACHE_ROOT" -name '*.mlimg' | head -n 1)
  [ -n "$image" ] || return 1
  printf 'rubbish' | dd of="$image" bs=1 seek=0 conv=notrunc 2>/dev/null
  transcribe one_ms.wav
}
case_changed_model() {
  run models import changed "$work/ggml-small.bin"
  printf 'x' | dd of="$MODEL_LAB_MODELS_ROOT/changed/ggml-small.bin" bs=1 seek=200000 conv=notrunc 2>/dev/null
  find "$MODEL_LAB_CACHE_ROOT" -name '*.mlimg' -delete # as if it was never used before
  transcribe one_ms.wav --model changed
}
case_read_only_lab() {
  mkdir "$work/frozen"
  if ! mount -t tmpfs -o size=4m none "$work/frozen" 2>/dev/null; then
    skip "read_only_lab: this user cannot mount a file system"
    return 77
  fi
  run --version
  MODEL_LAB_ROOT=$work/frozen/lab "$program" run list >/dev/null 2>&1
  mount -o remount,ro "$work/frozen"
  MODEL_LAB_ROOT=$work/frozen/lab run transcribe "$bad_files/one_ms.wav"
  # looking at it is possible
  MODEL_LAB_ROOT=$work/frozen/lab "$program" run list >/dev/null 2>"$work/seen/frozen.err" ||
    bad "a read-only lab cannot be listed: $(cat "$work/seen/frozen.err")"
}
case_full_disk() {
  mkdir "$work/small"
  if ! mount -t tmpfs -o size=512k none "$work/small" 2>/dev/null; then
    skip "full_disk: this user cannot mount a file system"
    return 77
  fi
  MODEL_LAB_ROOT=$work/small/lab "$program" run list >/dev/null 2>&1
  dd if=/dev/zero of="$work/small/filler" bs=4k 2>/dev/null
  MODEL_LAB_MIN_FREE_BYTES=0 MODEL_LAB_ROOT=$work/small/lab run transcribe "$bad_files/size_unknown.wav"
  # looking at it and the check of health are possible meanwhile
  MODEL_LAB_ROOT=$work/small/lab "$program" run list >/dev/null 2>"$work/seen/small.err" ||
    bad "the lab of a full disk cannot be listed: $(cat "$work/seen/small.err")"
  MODEL_LAB_ROOT=$work/small/lab "$program" admin health >"$work/seen/small.health" 2>&1
  if [ $? -ne 10 ]; then bad "a full disk is healthy: $(cat "$work/seen/small.health")"; fi
  rm "$work/small/filler"
  # with space again the lab works: nothing was left half done
  MODEL_LAB_ROOT=$work/small/lab MODEL_LAB_MIN_FREE_BYTES=0 "$program" run list \
    >"$work/seen/small.out" 2>&1 || bad "the lab of the full disk does not open again"
  if grep -E 'QUEUED|RUNNING' "$work/seen/small.out"; then bad "a run is left over on the full disk"; fi
}
case_unknown_keys() {
  printf '{"schema_version":1,"config":{"asr":{"langage":"en"}},"prioritty":"high"}' >"$work/request.json"
  run run submit "$bad_files/one_ms.wav" --request "$work/request.json"
}
case_newer_schema() {
  local lab=$work/newer/lab
  mkdir -p "$work/newer"
  MODEL_LAB_ROOT=$lab "$program" run list >/dev/null 2>&1
  # the schema version stands at byte 60 of the database's header
  printf '\000\000\003\347' | dd of="$lab/lab.sqlite" bs=1 seek=60 conv=notrunc 2>/dev/null
  MODEL_LAB_ROOT=$lab run transcribe "$bad_files/one_ms.wav"
}
case_two_processes() {
  "$program" transcribe "$bad_files/size_unknown.wav" >"$work/seen/two.out" 2>"$work/seen/two.err" &
  local other=$!
  transcribe one_ms.wav
  wait "$other" || bad "the other process failed: $(cat "$work/seen/two.err")"
}

rows=0
while IFS='|' read -r _ name _ status reason exit_code sentence _; do
  name=${name// /} status=${status// /} reason=${reason// /} exit_code=${exit_code// /}
  sentence=$(printf '%s' "$sentence" | sed 's/^ *//; s/ *$//')
  case $name in case | ---* | '') continue ;; esac
  rows=$((rows + 1))
  if ! declare -F "case_$name" >/dev/null; then
    bad "docs/bad-input.md has a case that this test does not know: $name"
    continue
  fi
  before=$(run_count)
  "case_$name"
  rc=$?
  [ "$rc" -eq 77 ] && continue
  [ "$rc" -eq 0 ] || bad "$name: the case could not be made"
  check "$name: exit code $code instead of $exit_code" exit_is "$exit_code"
  [ -z "$sentence" ] || check "$name: does not say '$sentence'" says "$sentence"
  if [ "$status" = - ]; then
    check "$name: a run was stored" [ "$(run_count)" -eq "$before" ]
  else
    check "$name: status $(fact status) instead of $status" [ "$(fact status)" = "$status" ]
    got=$(fact reason)
    check "$name: reason ${got:-none} instead of $reason" [ "${got:-none}" = "$reason" ]
  fi
  case $name in
    empty | truncated_flac | unknown_model)
      check "$name: one line on stderr" [ "$(wc -l <"$err")" -eq 1 ] ;;
  esac
done <"$top/docs/bad-input.md"
check "the table has rows" [ "$rows" -ge 20 ]
for known in $(declare -F | sed -n 's/.* case_//p'); do
  check "$known is not in docs/bad-input.md" grep -q "^| $known |" "$top/docs/bad-input.md"
done
run run list --limit 1000
if grep -E ' (QUEUED|RUNNING) ' "$out"; then bad "a run is not final"; fi
transcribe one_ms.wav
check "the lab works afterwards" exit_is 0
finish
