#!/usr/bin/env bash
# Help, typos, exit codes, completion and the manual page: all come from the one table of commands.
# shellcheck source=tests/api/cli/common.sh
. "$(dirname "$0")/common.sh"

run
check "no command: usage" exit_is 2
check "no command: help" prints "Usage: modellab COMMAND"
run --help
check "--help" exit_is 0
commands=$(sed -n '/^Commands:/,/^$/p' "$out" | sed -n 's/^  \([a-z]*\( [a-z]*\)\{0,1\}\)  .*/\1/p')
check "all commands are listed" [ "$(printf '%s\n' "$commands" | wc -l)" -ge 20 ]

# every command: help, usage line, examples; the example's command exists
"$program" completion bash >"$work/complete.bash"
"$program" completion zsh >"$work/complete.zsh"
"$program" completion fish >"$work/complete.fish"
"$program" help --man >"$work/modellab.1"
while read -r command; do
  # shellcheck disable=SC2086
  run $command --help
  check "$command --help" exit_is 0
  check "$command: usage line" prints "Usage: modellab $command"
  check "$command: examples" prints "Examples:"
  check "$command: --json" prints "--json"
  # shellcheck disable=SC2086
  run help $command
  check "help $command" prints "Usage: modellab $command"
  check "bash completes $command" grep -qF "\"$command" "$work/complete.bash"
  check "zsh completes $command" grep -qF "'$command" "$work/complete.zsh"
  check "the manual has $command" grep -qF "modellab $command" "$work/modellab.1"
  for option in $(sed -n 's/^  ....--\([a-z0-9-]*\).*/\1/p' "$out"); do
    check "zsh completes $command --$option" \
      sh -c "sed -n \"/^        '$command')/,/;;/p\" \"$work/complete.zsh\" | grep -qF -- '--${option}['"
    check "fish completes $command --$option" \
      grep -qF "\"$command*\" -- (string join \" \" (commandline -opc)[2..])' -l $option" "$work/complete.fish"
    check "the manual has --$option" grep -qF "\\-\\-$(printf '%s' "$option" | sed 's/-/\\-/g')" "$work/modellab.1"
  done
done <<<"$commands"

# typos
typo() { # SUGGESTION ARGUMENTS...
  local wanted=$1
  shift
  run "$@"
  check "'$*' is usage" exit_is 2
  check "'$*' suggests $wanted" says "did you mean $wanted?"
  check "'$*': one line" [ "$(wc -l <"$err")" -eq 1 ]
}
typo '`transcribe`' transcibe x.wav
typo '`run list`' run lst
typo '`models pull`' models pul x
typo '`models pull`' pull x
typo '`admin health`' admin helth
typo --format transcribe x.wav --formt srt
typo --word-times transcribe x.wav --word-time
typo srt transcribe x.wav --format str
typo transcribe transcribe x.wav --task transcirbe
typo cpu_seconds transcribe x.wav --cap cpu_second=1
typo COMPLETED run list --status COMPLETD

# the same table as JSON
run help --json
check "help as JSON" is_json
check "all commands" [ "$(json commands.count)" -eq "$("$program" help | sed -n '/^Commands:/,/^$/p' | grep -c '^  ')" ]
check "a command" json_is commands.0.name transcribe
check "its options" [ "$(json commands.0.options.count)" -gt 10 ]
check "exit codes" json_is exit_codes.2.name USAGE
run help run list --json
check "one command as JSON" [ "$(json commands.count)" -eq 1 ]
check "its choices" json_is commands.0.options.1.choices.0 QUEUED
run run list --help --json
check "--help as JSON" json_is commands.0.name "run list"
run help run --json
check "a group as JSON" [ "$(json commands.count)" -gt 5 ]
run completion bash --json
check "a completion script as JSON" json_is shell bash
"$program" completion bash >"$work/script"
check "the same script" [ "$(json script)" = "$(cat "$work/script")" ]
run help --man --json
check "the manual page is no JSON" exit_is 2

# wrong values
wrong() {
  run "$@"
  check "'$*' is usage" exit_is 2
  check "'$*': one line that says what is wrong" [ "$(wc -l <"$err")" -eq 1 ]
  check "'$*': nothing on stdout" [ ! -s "$out" ]
}
wrong transcribe
wrong transcribe x.wav --beam 0
wrong transcribe x.wav --beam 99
wrong transcribe x.wav --beam two
wrong transcribe x.wav --temperature 0,2
wrong transcribe x.wav --temperature ''
wrong transcribe x.wav --max-duration soon
wrong transcribe x.wav --cap cpu_seconds
wrong transcribe x.wav --cap cpu_seconds=-1
wrong transcribe x.wav --cap api_calls=1.5
wrong transcribe x.wav --format
wrong transcribe x.wav --json=yes
wrong transcribe a.wav b.wav --output one.txt
wrong transcribe a/x.wav b/x.wav --output "$work/"
wrong run status
wrong run status a b
wrong run list --limit 0
wrong run list --before x
wrong run list --before '01ARZ3NDEKTSV4RRFFQ69G5FA!'
wrong completion csh
wrong nonsense
wrong supervise --workers 0
run transcribe --beam 0 --json x.wav
check "an error as JSON" json_is error.code USAGE
run --version
check "--version" prints "modellab "
run version --json
check "version as JSON" [ "$(json version)" = "$(sed -n 's/.*VERSION "\(.*\)"/\1/p;s/^modellab //p' <("$program" version))" ]

# completion works, not only parses
check "bash -n" bash -n "$work/complete.bash"
complete_words() {
  bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _modellab
    printf "%s\n" "${COMPREPLY[@]}"' bash "$work/complete.bash" "$@"
}
check "bash: tr" [ "$(complete_words modellab tr)" = transcribe ]
check "bash: models p" [ "$(complete_words modellab models pu)" = pull ]
check "bash: --form" [ "$(complete_words modellab transcribe --form)" = --format ]
check "bash: --format ct" [ "$(complete_words modellab transcribe --format ct)" = ctm ]
check "bash: completion z" [ "$(complete_words modellab completion z)" = zsh ]
touch "$work/two words.wav"
check "bash: a name with a space" [ "$(complete_words modellab transcribe "$work/two")" = "$work/two words.wav" ]
check "bash: as an option's value" [ "$(complete_words modellab transcribe --output "$work/two")" = "$work/two words.wav" ]
for shell in zsh fish; do
  if command -v "$shell" >/dev/null; then
    check "$shell -n" "$shell" -n "$work/complete.$shell"
  else
    skip "$shell is not installed: its completion is compared with the table only"
  fi
done
if command -v man >/dev/null && man --help 2>/dev/null | grep -q warnings; then
  check "the manual page formats without warnings" \
    [ -z "$(MANROFFSEQ='' MANWIDTH=100 man --warnings -E UTF-8 -l -Tutf8 -Z "$work/modellab.1" 2>&1 >/dev/null)" ]
else
  skip "man is not installed: the manual page is not formatted"
fi

# the documents that come from the table
sed -n 's/^| \([0-9]*\) | \(.*\) |$/\1 \2/p' "$top/docs/exit-codes.md" >"$work/documented"
"$program" --help | sed -n '/Exit codes:/,$p' | sed -n 's/^ *\([0-9][0-9]*\)  \(.*\)/\1 \2/p' >"$work/actual"
check "docs/exit-codes.md is as the program" diff "$work/documented" "$work/actual"
check "there are exit codes" [ "$(wc -l <"$work/actual")" -ge 10 ]
run env --example
check ".env.example is as the program makes it" cmp -s "$out" "$top/.env.example"

# whatever a document shows as a command exists, with its options
grep -ohE '`(modellab )?(run|admin|models|supervise|transcribe|estimate|info|env|help|completion)( [^`]*)?`' \
  $(find "$top/docs" -name '*.md' ! -name status.md) "$top/README.md" "$top/CONTRIBUTING.md" | tr -d '`' | sed 's/^modellab //' | sort -u >"$work/shown"
check "documents show commands" [ "$(wc -l <"$work/shown")" -ge 30 ]
shown_is_real() { # a line of a document: the longest command that it begins with, then its options
  local line=$1 command='' candidate option
  while read -r candidate; do
    case "$candidate " in "$line "*) return 0 ;; esac # a group of commands
    case "$line " in "$candidate "*) [ "${#candidate}" -gt "${#command}" ] && command=$candidate ;; esac
  done <<<"$commands"
  [ -n "$command" ] || return 1
  # shellcheck disable=SC2086
  "$program" $command --help >"$work/help"
  for option in $(printf '%s' "$line" | grep -oE -- '--[a-z][a-z-]*'); do
    grep -qE -- "$option([ =,]|\$)" "$work/help" || return 1
  done
}
while read -r line; do
  check "a document shows: modellab $line" shown_is_real "$line"
done <"$work/shown"
if shown_is_real "run sumbit x"; then bad "a command that is none passes for one"; fi
if shown_is_real "run list --stauts FAILED"; then bad "an option that is none passes for one"; fi

# info and env
run info --json
check "info as JSON" is_json
for key in version isa blas_core lab models cache; do
  check "info has $key" [ -n "$(json "$key")" ]
done
may_name_the_lab
run info
check "info names the lab" prints "$canary"
may_name_the_lab
run env MODEL_LAB_MIN_FREE_BYTES
check "env shows value and source" prints "MODEL_LAB_MIN_FREE_BYTES=1M  # environment"
run env MODEL_LAB_NONSENSE
check "env: unknown variable" exit_is 4
HF_TOKEN=canary-secret run env --json
check "env as JSON" is_json
check "a secret is not shown" sh -c "! grep -q canary-secret '$out' '$err'"
may_name_the_lab
MODEL_LAB_MAX_WORKERS=many run env MODEL_LAB_MAX_WORKERS
check "a wrong value is named" says "MODEL_LAB_MAX_WORKERS (environment) must be a whole number"
# no password of an address, no token
for shown in "" --json; do
  # shellcheck disable=SC2086
  MODEL_LAB_PROXY=http://ann:hunter2@proxy.invalid:3128 MODEL_LAB_HUB_URL=https://hunter2@hub.invalid \
    HF_TOKEN=hunter2 run env $shown
  check "env $shown: exit code $code" exit_is 0
  check "env $shown shows the proxy's host" prints proxy.invalid:3128
  check "env $shown shows no password" sh -c "! grep -q hunter2 '$out'"
  may_name_the_lab
done
finish
