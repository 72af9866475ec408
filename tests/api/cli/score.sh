#!/usr/bin/env bash
# `modellab score`: numbers, formats by look, several pairs, lines, refusals with their exit codes.
# shellcheck source=tests/api/cli/common.sh
. "$(dirname "$0")/common.sh"

printf 'The cat sat on the mat.\nHello, world again\n' >"$work/ref.txt"
printf 'the cat sit on mat\nhello big world again\n' >"$work/hyp.txt"
printf 'a cat sit mat\nhello again\n' >"$work/worse.txt"
printf 'SPEAKER a 1 0 5 <NA> <NA> ann <NA> <NA>\nSPEAKER a 1 5 5 <NA> <NA> bob <NA> <NA>\n' >"$work/ref.rttm"
printf 'SPEAKER a 1 0 6 <NA> <NA> 1 <NA> <NA>\nSPEAKER a 1 6 4 <NA> <NA> 2 <NA> <NA>\n' >"$work/hyp"
printf 'a 1 0 6\n' >"$work/part.uem"

run score wer "$work/ref.txt" "$work/hyp.txt" --normalizer simple
check "wer" exit_is 0
check "wer: the rate" prints "wer                         33.33 %"
run score wer "$work/ref.txt" "$work/hyp.txt"
check "wer: as it is" prints "wer                         55.56 %"
run score cer "$work/ref.txt" "$work/hyp.txt" --json
check "cer: json" prints '"metric":"cer","cer":0.'
run score wer "$work/ref.txt" "$work/hyp.txt" "$work/ref.txt" "$work/ref.txt" --normalizer simple --json
check "two pairs: rate of the sums" prints '"wer":0.16666666666666666'
check "two pairs: both" prints '"name":"ref.txt","rate":0.0'
run score wer "$work/ref.txt" "$work/hyp.txt" --lines --json
check "lines" prints '"name":"hyp.txt:2"'
run score wer "$work/ref.txt" "$work/worse.txt" --normalizer simple --against "$work/hyp.txt"
check "against" prints "difference to --against"
printf 'Mr. Smith paid ten thousand dollars' >"$work/said.txt"
printf 'mister smith paid $10,000' >"$work/heard.txt"
run score wer "$work/said.txt" "$work/heard.txt" --normalizer english
check "english" prints "wer                         0.00 %"
run score wer "$work/said.txt" "$work/heard.txt" --normalizer basic
check "basic is not english" prints "substitutions               3"
run score wer "$work/ref.txt" - <"$work/hyp.txt"
check "stdin" exit_is 0
run score der "$work/ref.rttm" "$work/hyp"
check "der: format by its look" prints "der                         10.00 %"
run score der "$work/ref.rttm" "$work/hyp" --collar 2
check "der: collar" prints "der                         0.00 %"
run score jer "$work/ref.rttm" "$work/hyp" --uem "$work/part.uem"
check "jer: uem" prints "scored_seconds              6"
run score vad "$work/ref.rttm" "$work/hyp"
check "vad" prints "detection_error             0.00 %"

run score der "$work/ref.txt" "$work/hyp"
check "a text has no turns" exit_is 3
check "a text has no turns: said" says "a text without times has no turns"
run score wer "$work/ref.txt" "$work/nowhere.txt"
check "a file that is not there" exit_is 4
run score wer "$work/ref.txt"
check "half a pair" exit_is 2
run score wer "$work/ref.txt" "$work/hyp.txt" "$work/ref.txt"
check "one and a half pairs" exit_is 2
run score der "$work/ref.rttm" "$work/hyp" --collar -1
check "a wrong collar" exit_is 2
head -n 1 "$work/hyp.txt" >"$work/short.txt"
run score wer "$work/ref.txt" "$work/short.txt" --lines
check "lines that do not match" exit_is 3
printf 'SPEAKER a 1 x\n' >"$work/bad.rttm"
run score der "$work/ref.rttm" "$work/bad.rttm"
check "a damaged file" exit_is 3
check "a damaged file: the line" says "bad.rttm: line 1: "
finish
