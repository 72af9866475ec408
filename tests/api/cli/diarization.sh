#!/usr/bin/env bash
# `modellab diarize` and `transcribe --speakers`: what is refused, and with real models (else
# skipped) turns, names and words with their speakers.
# shellcheck source=tests/api/cli/common.sh
. "$(dirname "$0")/common.sh"

run diarize "$work/none.wav" --speakers 5-2
check "a range the wrong way round" exit_is 2
check "says what it may be" says "--speakers must be a number, MIN-MAX or auto (at most 64), not '5-2'"
run diarize "$work/none.wav" --speakers 65
check "too many" exit_is 2
run diarize "$work/none.wav" --format srt
check "a format with words" exit_is 2
check "points to transcribe" says 'modellab transcribe --speakers'
run transcribe "$work/none.wav" --format rttm
check "a format without words" exit_is 2
run transcribe "$work/none.wav" --format diarized_json
check "speakers that were not asked for" says "add --speakers"
run transcribe "$work/none.wav" --speakers 0
check "no speaker" exit_is 2
run diarize "$work/none.wav"
check "a model that is not installed" exit_is 4
check "is named" says "ge2e-speaker"

models=${MODEL_LAB_TEST_MODELS-}
sample=$models/sample-conversation/sample.wav
if [ -n "$models" ] && [ -f "$models/ge2e-speaker/model.json" ] && [ -f "$models/whisper-tiny.en/model.json" ] && [ -f "$sample" ]; then
  export MODEL_LAB_MODELS_ROOT=$models
  run diarize "$sample" --speakers 2
  check "turns" exit_is 0
  check "as RTTM" prints "SPEAKER sample 1 "
  check "two speakers" prints " <NA> <NA> speaker_2 <NA> <NA>"
  check "how long" says "speaker_2: "
  run diarize "$sample" --speakers 2 --json -q
  check "as JSON" json_is speakers.1.name speaker_2
  check "of the whole" json_is duration 30.0
  run diarize "$sample" -f json -o "$work/turns.json"
  check "into a file" grep -q '"turns"' "$work/turns.json"
  run diarize "$sample" --speakers 2 --enrol Ann="$sample"
  check "a known voice" prints " <NA> <NA> Ann <NA> <NA>"
  run diarize "$sample" --enrol Ann
  check "a voice without a file" exit_is 2
  run diarize "$sample" --enrol Ann="$work/none.wav"
  check "a voice that is not there" exit_is 4
  run transcribe "$sample" --speakers 2 --format srt
  check "words with speakers" exit_is 0
  check "the second one speaks" prints "speaker_2: "
  run enhance "$sample" -o "$work/clip.ogg" --op 'resample(rate_hz=16000)'
  run transcribe "$sample" --speakers 2 --enrol Ann="$work/clip.ogg" --format srt
  check "a known voice in a run" exit_is 0
  check "by name" prints "Ann: "
  run transcribe "$sample" --enrol Ann="$work/clip.ogg"
  check "voices are those of speakers" exit_is 2
  run transcribe "$sample" --speakers --enrol Ann="$sample"
  check "a clip that is too large" says "at most 700 KiB"
  run transcribe "$sample" --speakers --enrol speaker_1="$work/clip.ogg"
  check "a name of unknown speakers" says "those of unknown speakers"
  # the value may be left out
  run transcribe --speakers "$sample" -f diarized_json
  check "as many as are found" prints '"speaker":"A"'
  MODEL_LAB_TESTING=1 MODEL_LAB_FAIL_STEP=diarization run transcribe "$sample" --speakers 2
  check "a failure leaves the text" exit_is 0
  check "which is there" prints "Hello"
  check "and says so" says "the speakers could not be found"
else
  skip "MODEL_LAB_TEST_MODELS has no ge2e-speaker, whisper-tiny.en and sample-conversation"
fi
finish
