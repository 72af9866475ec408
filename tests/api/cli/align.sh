#!/usr/bin/env bash
# `modellab align`: every word of a text gets its time, in all formats; what is refused. With the real models of
# MODEL_LAB_TEST_MODELS.
# shellcheck source=tests/api/cli/common.sh
. "$(dirname "$0")/common.sh"
printf 'Hello? Hello?\n' >"$work/talk.txt"
run align "$work/no.wav" "$work/talk.txt"
check "models that are not installed" says whisper-tiny.en
check "it fails" [ "$code" -ne 0 ]
run align "$work/no.wav" "$work/no.txt"
check "no text" exit_is 4
check "it names the text, no model" sh -c "grep -qF no.txt '$err' && ! grep -qF whisper '$err'"
run align "$work/no.wav"
check "a text must be named" exit_is 2
run transcribe "$work/talk.txt" --format textgrid --beam 99
check "formats by the word are known to transcribe" says "--beam"

real=${MODEL_LAB_TEST_MODELS-}
if [ ! -f "$real/silero-vad-v6/model.json" ] || [ ! -f "$real/whisper-tiny.en/model.json" ] || [ ! -f "$real/sample-conversation/sample.wav" ]; then
  skip "MODEL_LAB_TEST_MODELS has not all of whisper-tiny.en, silero-vad-v6, sample-conversation"
else
  export MODEL_LAB_MODELS_ROOT=$real
  sample=$real/sample-conversation/sample.wav
  cut -d ' ' -f 6- "$real/sample-conversation/sample.stm" | sed 's/^<[^>]*> *//' >"$work/talk.txt"
  words=$(wc -w <"$work/talk.txt")
  run align "$sample" "$work/talk.txt" --quiet
  check "align" exit_is 0
  check "JSON by default" is_json
  check "all words" [ "$(json words.count)" -eq "$words" ]
  run align "$sample" "$work/talk.txt" --format ctm --quiet
  check "ctm: a line a word" [ "$(wc -l <"$out")" -eq "$words" ]
  check "ctm: rising" sh -c "cut -d ' ' -f 3 '$out' | sort -c -g"
  run align "$sample" - --format srt --quiet -o "$work/talk.srt" <"$work/talk.txt"
  check "srt: a cue a word, text from stdin" [ "$(grep -c -- '-->' "$work/talk.srt")" -eq "$words" ]
  run align "$sample" "$work/talk.txt" --format textgrid --quiet -o "$work/made/"
  check "TextGrid" grep -q '"words"' "$work/made/sample.TextGrid"
  run transcribe "$sample" --vad --format vtt_words --quiet
  check "transcribe --vad, by the word" exit_is 0
  check "cues" [ "$(grep -c -- '-->' "$out")" -ge 60 ]
  dd if=/dev/zero bs=32000 count=20 2>/dev/null | cat <(printf 'RIFF\x24\xc4\x09\x00WAVEfmt \x10\0\0\0\1\0\1\0\x80\x3e\0\0\0\x7d\0\0\2\0\x10\0data\x00\xc4\x09\x00') - >"$work/silence.wav"
  run transcribe "$work/silence.wav" --vad --quiet
  check "silence" exit_is 0
  check "gives no text" [ ! -s "$out" ]
  run align "$work/silence.wav" "$work/talk.txt" --quiet
  check "there is nothing to align in silence" [ "$code" -ne 0 ]
  check "it says so" says "no speech"
  printf '' >"$work/empty.txt"
  run align "$sample" "$work/empty.txt" --format ctm --quiet
  check "an empty text has no words" exit_is 0
  check "none" [ ! -s "$out" ]
fi
finish
