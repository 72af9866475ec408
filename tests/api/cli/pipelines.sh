#!/usr/bin/env bash
# `modellab pipeline list | show | validate | resolve | save | delete`: words, JSON shapes, exit codes.
# shellcheck source=tests/api/cli/common.sh
. "$(dirname "$0")/common.sh"
says_not() { ! says "$1"; }
prints_not() { ! prints "$1"; }

run pipeline list
check "list" exit_is 0
check "list: built in" prints full_meeting
run pipeline list --json
check "list as JSON" is_json
check "list as JSON: built in" json_is 0.built_in true
run pipeline show quick_summary
check "show" json_is config.summary.sentences 3
run pipeline show none
check "show: none" exit_is 4
run pipeline show full_meetin
check "show: a suggestion" says 'there is no pipeline "full_meetin"; did you mean "full_meeting"?'
run pipeline
check "the noun alone" exit_is 2
check "the noun alone: where to look" says 'needs one of its commands; see `modellab help pipeline`'

run pipeline resolve summary
check "resolve" prints ingest,asr,summary
check "resolve: what was added" prints "was added"
run pipeline resolve asr,summry --json
check "resolve: unknown" exit_is 3
check "resolve: not valid" json_is valid false
check "resolve: suggestion" prints summary
run pipeline resolve min
check "resolve: nothing is near" prints_not "did you mean"

echo '{"text":"Mine","steps":["vad","asr"],"config":{"vad":{"pad_ms":7}}}' >"$work/mine.json"
echo '{"steps":["asr"],"config":{"asr":{"beamsize":2}}}' >"$work/bad.json"
run pipeline validate "$work/mine.json"
check "validate" prints ingest,vad,asr
run pipeline validate "$work/bad.json"
check "validate: bad" exit_is 3
check "validate: place" prints /config/asr
check "validate: suggestion" prints beam_size
run pipeline validate full_meeting
check "validate: by name" prints ingest,vad,asr,diarization
run pipeline validate full_meetin
check "validate: neither a name nor a file" exit_is 4
run pipeline save mine "$work/bad.json"
check "save: bad" exit_is 3
run pipeline save transcribe "$work/mine.json"
check "save: built in" exit_is 2
check "save: built in, and what to do" says "is built in: choose another name"
run pipeline save ../x "$work/mine.json"
check "save: a path" exit_is 2
run pipeline save mine "$work/mine.json"
check "save" exit_is 0
check "save: no complaint" says_not warning
echo '{"steps":["asr"],"config":{"summary":{"sentences":2}}}' >"$work/odd.json"
run pipeline save odd "$work/odd.json"
check "save: options that no step uses" exit_is 0
check "save: they are named" says "warning: /config/summary"
run pipeline delete odd
run pipeline list
check "saved" prints "mine                 vad,asr  Mine"
run pipeline resolve mine
check "resolve a saved one" prints ingest,vad,asr
run pipeline delete mine
check "delete" exit_is 0
install_model
mkdir "$work/audio"
"$built/make_bad_audio" "$work/audio" >/dev/null || exit 1
audio=$work/audio/size_unknown.wav
run run submit "$audio" --steps "asr, ingest" --dry-run
check "steps of a run" exit_is 0
run run submit "$audio" --steps asr,sumary --dry-run
check "steps of a run: unknown" exit_is 3
check "steps of a run: suggestion" says 'did you mean "summary"?'
run run submit "$audio" --steps asr --pipeline transcribe --dry-run
check "steps and a pipeline" exit_is 2
run run submit "$audio" --steps "" --dry-run
check "no steps at all" exit_is 3
run pipeline delete mine
check "deleted already" exit_is 4
finish
