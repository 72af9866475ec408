#!/usr/bin/env bash
# `modellab transcribe`: formats, places, stdin, several files, JSON, caps, quietness and progress.
# shellcheck source=tests/api/cli/common.sh
. "$(dirname "$0")/common.sh"
install_model
mkdir "$work/audio" "$work/audio2"
"$built/make_bad_audio" "$work/audio" >/dev/null || exit 1
audio=$work/audio/size_unknown.wav # one second, good
cp "$audio" "$work/audio/second.wav"
cp "$audio" "$work/audio2/second.wav"

run transcribe "$audio" --quiet
check "txt" exit_is 0
check "--quiet and no terminal: silence on stderr" silent
check "there is text" [ -s "$out" ]
text=$(cat "$out")

run transcribe "$audio" --quiet --format json
check "json" exit_is 0
check "json is JSON" is_json
check "json has the text" [ "$(json text)" = "$text" ]
run transcribe "$audio" --quiet --format verbose_json
check "verbose_json" is_json
check "verbose_json: task" json_is task transcribe
check "verbose_json: segments" [ "$(json segments.count)" -ge 1 ]
run transcribe "$audio" --quiet --format srt
check "srt: number and times" sh -c "sed -n 1p '$out' | grep -qx 1 && sed -n 2p '$out' | grep -qE '^[0-9:,]{12} --> [0-9:,]{12}$'"
run transcribe "$audio" --quiet --json --format srt
check "srt needs no word times" sh -c "! grep -q '\"words\":\[{' '$out'"
run transcribe "$audio" --quiet --format vtt
check "vtt" [ "$(head -n 1 "$out")" = WEBVTT ]
run transcribe "$audio" --quiet --format tsv
check "tsv" [ "$(head -n 1 "$out")" = "$(printf 'start\tend\ttext')" ]
run transcribe "$audio" --quiet --format ctm
check "ctm asks for word times by itself" exit_is 0
run transcribe "$audio" --quiet --word-times --format verbose_json
check "word times" [ "$(json words.count)" -ge 1 ]

# places
run transcribe "$audio" --quiet --format srt --output "$work/one.srt"
check "--output FILE" [ -s "$work/one.srt" ]
check "--output: nothing on stdout" [ ! -s "$out" ]
run transcribe "$audio" "$work/audio/second.wav" --quiet --format vtt --output "$work/made/"
check "--output DIR/ is made" [ -s "$work/made/size_unknown.vtt" ]
check "a file each" [ -s "$work/made/second.vtt" ]
check "no temporary file stays" [ "$(find "$work/made" -type f | wc -l)" -eq 2 ]
run transcribe "$work/audio/second.wav" "$work/audio2/second.wav" --output "$work/made/"
check "two files of one name are refused before anything runs" exit_is 2
before=$(run_count)
run transcribe "$audio" --output "$work/no/such/folder/x.txt"
check "an output that cannot be written" exit_is 1
check "it says so" says "cannot be written"
check "the run is there all the same" [ "$(run_count)" -eq $((before + 1)) ]
check "and its text can be had" sh -c "'$program' run results last --format txt | grep -q ."

# what is no regular file is written, not replaced; a link keeps what it names
mkfifo "$work/pipe"
timeout 600 cat "$work/pipe" >"$work/seen/through-the-pipe" &
reader=$!
run transcribe "$audio" --quiet --output "$work/pipe"
check "--output PIPE" exit_is 0
check "it is still a pipe" [ -p "$work/pipe" ]
[ -p "$work/pipe" ] || kill "$reader"
wait "$reader"
check "the text came through it" [ "$(cat "$work/seen/through-the-pipe")" = "$text" ]
printf old >"$work/named"
chmod 600 "$work/named"
ln -s named "$work/link"
run transcribe "$audio" --quiet --output "$work/link"
check "--output LINK" exit_is 0
check "it is still a link" [ -L "$work/link" ]
check "the file that it names has the text" [ "$(cat "$work/named")" = "$text" ]
check "and its mode" [ "$(stat -c %a "$work/named")" = 600 ]
ln -s not-yet "$work/dangling"
run run results last --format txt --output "$work/dangling"
check "a link to nothing makes the file" [ "$(cat "$work/not-yet" 2>/dev/null)" = "$text" ]
run run results last --format txt --output /dev/null
check "--output /dev/null" exit_is 0
check "/dev/null is a device" [ -c /dev/null ]
if mknod "$work/null" c 1 3 2>/dev/null; then
  run run results last --format txt --output "$work/null"
  check "a device stays one" [ -c "$work/null" ]
else
  skip "this user cannot make a device: --output to one is tested by the pipe alone"
fi

# stdin
run transcribe - --quiet <"$audio"
check "stdin" exit_is 0
check "stdin gives the same text" [ "$(cat "$out")" = "$text" ]
check "the run's input is called stdin" [ "$(fact input)" = stdin ]
check "the spool file is gone" [ -z "$(find "${TMPDIR:-/tmp}" -maxdepth 1 -user "$(id -u)" -name 'modellab-stdin-*' -newer "$work/ggml-small.bin")" ]
# names that are hostile: no UTF-8, and a sequence that steers the terminal
escape=$(printf '\033')
for name in "$(printf 'caf\351.wav')" "$(printf 'a\033[31mred.wav')" "$(printf '\342\200\256gnp.wav')"; do
  cp "$audio" "$work/audio/$name"
  run transcribe "$work/audio/$name" --json --quiet
  check "a hostile name: exit code $code" exit_is 0
  check "a hostile name: valid JSON" is_json
  check "a hostile name: the JSON is UTF-8" iconv -f UTF-8 -t UTF-8 -o /dev/null "$out"
  for command in "run list" "run status last" "run status last --json" "run list --json"; do
    # shellcheck disable=SC2086
    run $command
    check "$command: no raw control" sh -c "! grep -aq '$escape' '$out'"
    check "$command: UTF-8" iconv -f UTF-8 -t UTF-8 -o /dev/null "$out"
    check "$command: no mark of direction" sh -c "! grep -aq '$(printf '\342\200\256')' '$out'"
  done
  run transcribe "$work/audio/none-$name"
  check "a hostile name that is not there" exit_is 4
  check "no raw control in the message" sh -c "! grep -aq '$escape' '$err'"
done
run transcribe "$audio" --user "$(printf 'ann\377')"
check "an option that is no UTF-8 is refused, not changed" exit_is 2
run transcribe - </dev/null
check "empty stdin" exit_is 3
cat "$audio" | run transcribe - --quiet --output "$work/made/"
check "stdin into a folder" [ -s "$work/made/stdin.txt" ]

# several files: one bad one does not stop the others; its code is the program's
run transcribe "$audio" "$work/audio/nan.wav" "$work/audio/second.wav" --quiet
check "the bad file's code" exit_is 3
check "both good files are there" [ "$(wc -l <"$out")" -ge 2 ]
check "one error" [ "$(wc -l <"$err")" -eq 1 ]

# JSON
run transcribe "$audio" "$work/audio/empty.wav" "$work/audio/nan.wav" --json --quiet
check "--json: one document" is_json
check "--json: all files" [ "$(json results.count)" -eq 3 ]
check "--json: run" json_is results.0.status COMPLETED
check "--json: transcript" [ "$(json results.0.transcript.text)" = "$text" ]
check "--json: measures" sh -c "[ \"\$('$built/json_get' results.0.peak_memory_bytes <'$out')\" -gt 1000000 ]"
check "--json: refused input" json_is results.1.error.code MODELLAB_E_INVALID_AUDIO
check "--json: failed run" json_is results.2.reason invalid_audio
check "--json: exit code of the first failure" exit_is 3

# options reach the request
run transcribe "$audio" --quiet --beam 2 --best-of 3 --temperature 0,0.5 --prompt 'Ann' --language en --task transcribe \
  --condition-on-previous no --threads 1 --weights f32 --max-duration 5m --cap cpu_seconds=60 --priority high --user ann
check "all options" exit_is 0
run run status last --json
for pair in request.config.asr.beam_size=2 request.config.asr.best_of=3 request.config.asr.initial_prompt=Ann \
  request.config.asr.condition_on_previous=false request.config.asr.weights=f32 request.max_duration_seconds=300.0 \
  request.caps.cpu_seconds=60.0 request.user=ann; do
  check "request: $pair (has $(json "${pair%%=*}"))" json_is "${pair%%=*}" "${pair#*=}"
done

# the model by environment, by path
MODEL_LAB_WHISPER_MODEL=tiny.en run transcribe "$audio" --quiet
check "MODEL_LAB_WHISPER_MODEL" exit_is 0
run transcribe "$audio" --model ./ggml-small.bin
check "a path is no name of a model" exit_is 2
check "it says what to do" says "modellab models import NAME PATH"

# deadline
MODEL_LAB_TESTING=1 MODEL_LAB_FAIL_STEP=asr:sleep=600000 run transcribe "$audio" --max-duration 1
check "deadline" exit_is 124
check "deadline: status" [ "$(fact status)" = TIMEOUT ]
check "deadline: what to do" says "Raise --max-duration"

# progress on a terminal
if command -v script >/dev/null; then
  # longer where the program is held up while it should draw
  for ms in 1500 15000 150000; do
    MODEL_LAB_TESTING=1 MODEL_LAB_FAIL_STEP=asr:sleep=$ms script -qec "'$program' transcribe '$audio'" /dev/null \
      >"$work/seen/terminal" </dev/null
    if grep -q ETA "$work/seen/terminal"; then break; fi
  done
  check "a bar on a terminal" grep -q 'ETA' "$work/seen/terminal"
  check "the bar is cleared" sh -c "grep -aq \"\$(printf '\\r\\033\\[K')\" '$work/seen/terminal'"
  cp "$audio" "$work/audio/large.wav"
  truncate -s 64M "$work/audio/large.wav"
  script -qec "'$program' run submit --pipeline ingest --hold '$work/audio/large.wav'" /dev/null \
    >"$work/seen/storing" </dev/null
  check "bytes of an input that is stored" grep -aq 'storing  *[0-9.]*/64.0 MiB' "$work/seen/storing"
  rm -f "$work/audio/large.wav"
  # a narrow terminal and a long name: no line is wider than the terminal, or it would wrap
  cp "$audio" "$work/audio/a_name_that_is_longer_than_the_bar_has_room_for.wav"
  for columns in 80 40 20; do
    for ms in 1000 10000 100000; do
      MODEL_LAB_TESTING=1 MODEL_LAB_FAIL_STEP=asr:sleep=$ms script -qec "stty cols $columns; '$program' transcribe \
        '$work/audio/a_name_that_is_longer_than_the_bar_has_room_for.wav' --output /dev/null" /dev/null \
        >"$work/seen/narrow" </dev/null
      widest=$(tr '\r' '\n' <"$work/seen/narrow" | grep -a "$escape\[K\$" | sed "s/$escape\[K//g" | wc -L)
      if [ "$widest" -gt 10 ]; then break; fi
    done
    check "$columns columns: something is drawn" [ "$widest" -gt 10 ]
    check "$columns columns: the widest line has $widest" [ "$widest" -lt "$columns" ]
  done
else
  skip "script is not installed: the progress bar is not looked at"
fi
run transcribe "$audio"
check "no bar without a terminal" sh -c "! grep -q ETA '$err'"
finish
