#!/usr/bin/env bash
# `modellab enhance`: the list of operators, chains over files, what is found, and what is refused.
# shellcheck source=tests/api/cli/common.sh
. "$(dirname "$0")/common.sh"

run enhance
check "the operators" prints "normalize_loudness"
check "their parameters" prints "target_lufs=-23  -70 to 0 LUFS"
check "words" prints "where=ends  ends|all"
run enhance --json
check "the same as JSON" json_is operators.0.name denoise
check "with defaults" json_is operators.0.params.0.default 0.5

# a second of silence, one of a square wave of 500 Hz in 8-bit, one of silence; two channels
half=$(printf '\240%.0s' {1..32})$(printf '\140%.0s' {1..32})
{ head -c 32000 /dev/zero | tr '\0' '\200'
  for _ in $(seq 500); do printf '%s' "$half"; done
  head -c 32000 /dev/zero | tr '\0' '\200'; } >"$work/body"
{ printf 'RIFF\x24\x77\x01\x00WAVEfmt \x10\0\0\0\x01\0\x02\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x08\0data\0\x77\x01\0'
  cat "$work/body"; } >"$work/in.wav"
run enhance "$work/in.wav" --op trim_silence --op "normalize_volume(target_db=-6)" -o "$work/out.flac"
check "a chain" exit_is 0
check "what it found" prints '"removed_seconds":1.8'
check "what came of it" prints "3.00 s, 2 channels, 16000 Hz -> 1.20 s, 2 channels, 16000 Hz"
run enhance "$work/out.flac" --op normalize_volume --json
check "the file is there" json_is frames_in 19200
check "at its level" sh -c "grep -q '\"peak_db\":-[56]\.[09]' '$out'"
check "two readings" json_is passes 2
run enhance "$work/in.wav" --op extract_channel --op "resample(rate_hz=8000)" --op "speed(factor=2)" --json -o "$work/x.wav"
check "other channels and rate" json_is rate_out_hz 8000
check "one channel" json_is channels_out 1
check "times move" json_is moves_time true
check "canonical" json_is operators.2.factor 2.0

run enhance "$work/in.wav" --op "speed(faktor=2)" -o "$work/y.wav"
check "a wrong parameter is a wrong command line" exit_is 2
check "with its place and what was meant" says "at byte 6: speed has no parameter 'faktor'; is 'factor' meant?"
run enhance "$work/in.wav" --op "extract_channel(channel=2)" -o "$work/y.wav"
check "a channel that is not there" exit_is 3
check "says which there are" says "the audio has 2 channels"
check "nothing was written" sh -c "! test -e '$work/y.wav'"
run enhance "$work/in.wav" -o "$work/y.doc"
check "an unknown format" exit_is 3
run enhance "$work/none.wav"
check "no file" exit_is 4
run enhance "$0"
check "no audio" exit_is 3
finish
