#!/usr/bin/env bash
# `modellab speak`: text, stdin and files into sound files and raw samples, times, refusals. With the small voice of the
# tests; with the real one (MODEL_LAB_TEST_MODELS) a sentence of numbers.
# shellcheck source=tests/api/cli/common.sh
. "$(dirname "$0")/common.sh"
voice=$top/tests/fuzz/corpus/piper/tiny.onnx

run speak "A cat." -o "$work/a.wav" --voice "$voice"
check "without a dictionary" exit_is 4
check "it says which" says "cmudict"
run speak "kat" --ipa -o "$work/a.wav" --voice "$voice"
check "IPA needs none" exit_is 0
check "what came of it" says "1 sentences, 1 words"
check "a file" sh -c "head -c 4 '$work/a.wav' | grep -q RIFF"
run speak "kat ti" --ipa -o - --voice "$voice"
check "raw samples" exit_is 0
cp "$out" "$work/raw"; : >"$out"
printf 'kat ti' >"$work/text"
run speak --text-file "$work/text" --ipa -o "$work/b.wav" --voice "$voice"
check "text from a file" exit_is 0
check "as many samples" [ "$(stat -c %s "$work/b.wav")" -eq $((44 + $(stat -c %s "$work/raw"))) ]
run speak - --ipa -o "$work/c.wav" --voice "$voice" <"$work/text"
check "from stdin" exit_is 0
check "the same file" cmp -s "$work/b.wav" "$work/c.wav"
run speak "kat ti" --ipa -o "$work/d.wav" --voice "$voice" --seed 5
check "another seed" sh -c "! cmp -s '$work/b.wav' '$work/d.wav'"
run speak "kat ti" --ipa -o "$work/d1.wav" --voice "$voice" --seed 5 --noise 0 --noise-w 0
run speak "kat ti" --ipa -o "$work/d2.wav" --voice "$voice" --seed 6 --noise 0 --noise-w 0
check "without noise seeds do nothing" cmp -s "$work/d1.wav" "$work/d2.wav"
for format in flac mp3 ogg opus; do
  run speak "kat" --ipa -o "$work/e.$format" --voice "$voice"
  check "$format" exit_is 0
  run enhance "$work/e.$format" --op resample
  check "$format can be read" exit_is 0
done
run speak "kat" --ipa -o "$work/noname" --format flac --voice "$voice" --rate 8000 --speed 0.5
check "a format by name" exit_is 0
check "is it" sh -c "head -c 4 '$work/noname' | grep -q fLaC"
run speak "kat ti" --ipa -o "$work/f.wav" --voice "$voice" --json
check "words" json_is words.1.word ti
check "their place" json_is words.1.at 4
check "phonemes" json_is phonemes.0.symbol k
check "the output" json_is rate_hz 16000

run speak "kat ti" --g2p ipa -o "$work/f2.wav" --voice "$voice"
check "IPA by --g2p" cmp -s "$work/f.wav" "$work/f2.wav"
run speak "kat" --ipa --g2p lexicon -o "$work/x.wav" --voice "$voice"
check "IPA and no IPA" exit_is 2
run speak "1 0 5 0 2" --g2p ids -o "$work/i.wav" --voice "$voice" --json
check "ids" exit_is 0
check "a line is a word" json_is words.0.word "1 0 5 0 2"
run speak "1 five" --g2p ids -o "$work/x.wav" --voice "$voice"
check "no id" exit_is 2
check "says where it stands" says "at byte 2"
# Of a program in the place of espeak-ng: what it gets, gives, and complains of.
cat >"$work/espeak" <<'END'
#!/bin/sh
[ "$1 $2 $3" = "-q --ipa -v" ] || exit 9
read -r clause
[ "$clause" != bad ] || { echo "cannot say /data/that" >&2; exit 5; }
echo "kat ti"
END
chmod +x "$work/espeak"
MODEL_LAB_ESPEAK_NG=$work/espeak run speak "Cat tea" --g2p exec -o "$work/j.wav" --voice "$voice" --json
check "by a program" exit_is 0
check "its IPA" json_is ipa "kat ti."
check "whose words are the text's" json_is words.1.word tea
MODEL_LAB_ESPEAK_NG=$work/espeak run speak "bad" --g2p exec -o "$work/x.wav" --voice "$voice"
check "a program that fails" exit_is 1
check "in its words" says "espeak ended with exit code 5: cannot say that"
MODEL_LAB_ESPEAK_NG=$work/no-espeak run speak "cat" --g2p exec -o "$work/x.wav" --voice "$voice"
check "no such program" exit_is 4
check "what to do" says "install espeak-ng, or say where it is (MODEL_LAB_ESPEAK_NG)"

dictionary=$work/models/cmudict
mkdir -p "$dictionary" && cp "$top/tests/api/tiny.dict" "$dictionary/cmudict.dict"
printf '{"version":1,"name":"cmudict","architecture":"cmudict","task":"lexicon","files":[{"name":"%s","sha256":"%s","bytes":%d,"role":"lexicon"}]}' \
  cmudict.dict "$(sha256sum "$dictionary/cmudict.dict" | cut -d ' ' -f 1)" "$(stat -c %s "$dictionary/cmudict.dict")" \
  >"$dictionary/model.json"
run speak "A cat." -o "$work/h.wav" --voice "$voice" --json
check "text by the dictionary" exit_is 0
check "its words" json_is words.1.word cat
check "both by the dictionary" json_is from_lexicon 2
check "what it says of cat" json_is phonemes.1.symbol k
check "a file of it" sh -c "head -c 4 '$work/h.wav' | grep -q RIFF"

run speak "kat" --ipa --voice "$voice"
check "no output" exit_is 2
run speak -o "$work/x.wav"
check "no text" exit_is 2
run speak "a" --text-file "$work/text" -o "$work/x.wav"
check "two texts" exit_is 2
run speak "a" -o - --json --voice "$voice"
check "JSON beside samples" exit_is 2
run speak "a" -o "$work/x.wav" --speed 20
check "too fast" exit_is 2
run speak "a" -o "$work/x.wav" --format txt
check "a format of transcripts" exit_is 2
run speak "k7t" --ipa -o "$work/x.wav" --voice "$voice"
check "a symbol that the voice lacks" exit_is 2
check "says where" says "at byte 1"
run speak "kat" --ipa -o "$work/x.wav" --voice none
check "no such voice" exit_is 4
run speak --text-file "$work/none" -o "$work/x.wav"
check "no such file" exit_is 4
check "nothing was written" sh -c "! test -e '$work/x.wav'"

if [ -e "${MODEL_LAB_TEST_MODELS:-}/piper-en_US-joe-medium/model.json" ]; then
  MODEL_LAB_MODELS_ROOT=$MODEL_LAB_TEST_MODELS run speak "Dr. Smith paid \$3.50 for the zorkulator." -o "$work/g.wav" --json
  check "the real voice" exit_is 0
  check "numbers are said" json_is words.3.word '$3.50'
  check "an unknown word by its letters" json_is from_letters 1
else
  skip "no real voice"
fi
finish
