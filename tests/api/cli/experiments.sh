#!/usr/bin/env bash
# `modellab experiment ...`: what is refused, and where; and with real models (else skipped) the
# example of docs/experiments.md, command by command, through to the table and the verdict.
# shellcheck source=tests/api/cli/common.sh
. "$(dirname "$0")/common.sh"

"$built/make_bad_audio" "$work/bad" >/dev/null 2>&1
python=${MODEL_LAB_TEST_PYTHON:-python3}
"$python" - "$work/tone.wav" <<'PY' || exit 1
import math, struct, sys, wave
with wave.open(sys.argv[1], "wb") as w:
    w.setnchannels(1); w.setsampwidth(2); w.setframerate(16000)
    w.writeframes(b"".join(struct.pack("<h", int(8000 * math.sin(i / 6))) for i in range(16000)))
PY
printf 'so\n' >"$work/so.txt"
# document INPUTS CANDIDATES [MORE]
document() { printf '{"name":"x","inputs":[%s],"candidates":[%s]%s}' "$1" "$2" "${3-}" >"$work/x.json"; }
one='{"file":"tone.wav"}' ingest='{"name":"a","request":{"pipeline":"ingest"}}'

refused() { # POINTER TEXT: nothing is stored
  run experiment create "$work/x.json"
  check "refused: $1" exit_is 3
  check "its place: $1" says "$1"
  check "why: $2" says "$2"
  check "nothing is stored: $1" [ -z "$(ls "$canary/experiments" 2>/dev/null)" ]
}
document "$one" "$ingest" ',"repetitons":2'
refused repetitons 'did you mean'
document "$one" "$ingest" ',"repetitions":101'
refused /repetitions 100
document '{"file":"none.wav"}' "$ingest"
refused /inputs/0/file 'cannot be opened'
document '{"file":"so.txt"}' "$ingest"
refused /inputs/0/file ''
document '{"file":"tone.wav","reference":"none.txt"}' "$ingest"
refused /inputs/0/reference 'cannot be opened'
document '{"file":"tone.wav","turns":"so.txt"}' "$ingest"
refused /inputs/0/turns 'RTTM'
document '{"file":"tone.wav","reference":"so.txt","reference_text":"so"}' "$ingest"
refused /inputs/0/reference_text 'not both'
document "$one,$one" "$ingest"
refused /inputs/1/name 'another one'
document "$one" "$ingest,$ingest"
refused /candidates/1/name 'another one'
document "$one" '{"name":"a b","request":{}}'
refused /candidates/0/name letters
document "$one" '{"name":"a","request":{"pipeline":"ingst"}}'
refused /candidates/0/request/pipeline ingest
document "$one" '{"name":"a","request":{"config":{"asr":{"beamsize":2}}}}'
refused /candidates/0/request/config/asr beam_size
document "$one" '{"name":"a","request":{"config":{"asr":{"model":"whisper-none"}}}}'
refused /candidates/0/request/config/asr/model 'not installed'
document "$one" '{"name":"a","request":{"pipeline":"ingest","idempotency_key":"k"}}'
refused /candidates/0/request/idempotency_key 'keys of their own'
printf '{"name":' >"$work/x.json"
run experiment create "$work/x.json"
check "broken JSON" exit_is 3
run experiment list --json
check "none is there" [ "$(cat "$out")" = "[]" ]

document "$one" "$ingest" ',"repetitions":2'
run experiment create "$work/x.json"
check "create" exit_is 0
id=$(cat "$out")
run experiment create "$work/x.json" --json
check "create again: the same" json_is id "$id"
sed 's/"name":"x"/"name":"y"/' "$work/x.json" >"$work/y.json"
run experiment create "$work/y.json" --json
check "another name: another one" [ "$(json id)" != "$id" ]
run experiment delete "$(json id)"
check "delete" exit_is 0
run experiment status abcdef
check "none of this id" exit_is 4
run experiment status "${id:0:8}"
check "status by the beginning of the id" prints 'PENDING  2 runs, 2 not_started'
run experiment compare "$id" --json
check "compare before the start" json_is candidates.0.open 2
run experiment start "$id" --json
check "start" json_is counts.QUEUED 2
first=$(json runs.0.run_id)
run experiment start "$id" --json
check "start again: the same runs" json_is runs.0.run_id "$first"
check "and no others" [ "$(run_count)" -eq 2 ]
run experiment delete "$id"
check "not while they are queued" exit_is 1
run experiment cancel "$id"
check "cancel" prints '2 CANCELLED'
run run status "$first" --json
check "whose run it is" json_is experiment_id "$id"
check "which candidate" json_is candidate_id a
check "its source" json_is source experiment
run experiment wait "$id"
check "wait: some did not complete" exit_is 1
run experiment list
check "list" prints "${id:0:12} DONE"
run experiment show "$id"
check "show" json_is snapshot.inputs.0.name tone.wav
# Retention takes the runs, not what was kept of them; leftovers of experiments go, too.
mkdir "$canary/experiments/incoming-01"
printf x >"$canary/experiments/incoming-01/incoming"
touch -d '3 days ago' "$canary/experiments/incoming-01/incoming" "$canary/experiments/incoming-01"
run admin cleanup --keep-runs 0
check "cleanup" exit_is 0
check "no run is left of it" [ "$(run_count)" -eq 0 ]
check "nor what was never stored" [ ! -e "$canary/experiments/incoming-01" ]
check "the experiment's files stay" [ -d "$canary/experiments/$id" ]
run experiment compare "$id" --json
check "they count" json_is candidates.0.failed 2
check "and are not gone" json_is gone 0
run experiment compare "$id" --csv --json
check "one form" exit_is 2

# One time for all runs; Ctrl-C gives the run back.
document "$one" "$ingest" ',"repetitions":3'
run experiment create "$work/x.json"
id=$(cat "$out")
run experiment start "$id"
export MODEL_LAB_TESTING=1
MODEL_LAB_FAIL_STEP=ingest:sleep=2000 run experiment wait "$id" --timeout 4s
check "the time is that of all" exit_is 124
MODEL_LAB_FAIL_STEP=ingest:sleep=60000 "$program" experiment wait "$id" >"$work/wait.out" 2>"$work/wait.err" &
pid=$!
for _ in $(seq 1000); do
  if "$program" experiment status "$id" | grep -q '[0-9] RUNNING'; then break; fi
  sleep 0.05
done
kill -INT "$pid"
wait "$pid"
code=$?
check "Ctrl-C: exit code $code" [ "$code" -eq 130 ]
run experiment status "$id" --json
check "Ctrl-C: none is cancelled" json_is counts.CANCELLED 0
run experiment wait "$id" --json
check "then they are done" exit_is 0
check "all of them" json_is counts.COMPLETED 3

models=${MODEL_LAB_TEST_MODELS-}
if [ -n "$models" ] && [ -f "$models/whisper-tiny.en/model.json" ] && [ -f "$models/sample-conversation/sample.wav" ]; then
  export MODEL_LAB_MODELS_ROOT=$models
  mkdir "$work/example"
  cp "$models"/sample-conversation/sample.* "$work/example/"
  block() { sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/p" "$top/docs/experiments.md" | sed '1d;$d'; }
  block json >"$work/example/beams.json"
  block sh >"$work/example/commands"
  mkdir "$work/path"
  ln -s "$program" "$work/path/modellab"
  out=$work/seen/example.out err=$work/seen/example.err
  (cd "$work/example" && PATH=$work/path:$PATH bash -e commands) >"$out" 2>"$err"
  code=$?
  check "the example" exit_is 0
  check "its table" grep -qE '^greedy +1 +0 +[0-9.]+ \([0-9.]+-[0-9.]+\)' "$out"
  check "the other candidate" grep -qE '^beam2 +1 +0 +[0-9.]+ \(' "$out"
  check "its verdict" grep -qE '^A greedy, B beam2: (A_BETTER|B_BETTER|NEUTRAL|INCONCLUSIVE)\.' "$out"
  id=$(cd "$work/example" && "$program" experiment create beams.json)
  run experiment compare "$id" --json
  check "pooled words" json_is candidates.0.quality.wer.inputs 1
  rate=$(json candidates.0.quality.wer.value)
  greedy=$("$program" experiment status "$id" --json | "$built/json_get" runs.0.run_id)
  run run results "$greedy" --artifact score.json
  check "equal those of the run" [ "$(json words.wer)" = "$rate" ]
  run experiment compare "$id" --csv
  check "CSV: a line each" [ "$(wc -l <"$out")" -eq 3 ]
  check "CSV: as many fields" [ "$(sed 's/[^,]//g' "$out" | sort -u | wc -l)" -eq 1 ]
  # The runs go; what was kept of them stays.
  run experiment compare "$id" --json
  cp "$out" "$work/before"
  run admin cleanup --keep-runs 0
  check "no run is left" [ "$(run_count)" -eq 0 ]
  run experiment compare "$id" --json
  check "compare after cleanup" cmp -s "$out" "$work/before"
  run experiment status "$id" --json
  check "they are gone" json_is counts.gone 2
  # Words over silence are counted; a candidate that makes no transcript is not looked at.
  "$python" -c 'import sys, wave
w = wave.open(sys.argv[1], "wb"); w.setnchannels(1); w.setsampwidth(2); w.setframerate(16000)
w.writeframes(bytes(960000))' "$work/silence.wav"
  document '{"file":"silence.wav"}' "$ingest"',{"name":"b","request":{"steps":["asr"]}}' ',"repetitions":2'
  run experiment create "$work/x.json"
  id=$(cat "$out")
  run experiment start "$id"
  run experiment wait "$id"
  check "silence is heard" exit_is 0
  run experiment compare "$id" --json
  check "text over silence, in each repetition" json_is candidates.1.findings.text_over_silence 2
  check "no loop" json_is candidates.1.findings.repetition 0
  check "runs that were looked at" json_is candidates.1.findings.runs 2
  all=$(json candidates.1.findings.all)
  check "all of them" [ "$all" = $(($(json candidates.1.findings.low_confidence) + 2)) ]
  check "nobody looked" json_is candidates.0.findings null
  cp "$out" "$work/before"
  run experiment compare "$id" --csv
  check "findings: a field" grep -qE "^\"b\",.*,$all,\"[A-Z_]+\"\$" "$out"
  run experiment compare "$id"
  check "findings: a column" grep -qE "^b +2 +0 +$all " "$out"
  run admin cleanup --keep-runs 0
  run experiment compare "$id" --json
  check "findings when the runs are gone" cmp -s "$out" "$work/before"
else
  skip "the example needs MODEL_LAB_TEST_MODELS with whisper-tiny.en and sample-conversation"
fi
finish
