#!/usr/bin/env bash
# `modellab key ...` and `modellab webhook ...`: words, JSON shapes, exit codes; no secret in lists.
# shellcheck source=tests/api/cli/common.sh
. "$(dirname "$0")/common.sh"

run key create --name laptop --user ann --scopes runs:read,runs:write --expires 90d
check "create" exit_is 0
secret=$(cat "$out")
check "create: a secret alone on stdout" test "$(grep -cE '^mlk_[a-z2-7]{52}$' "$out")" = 1
run key create --scopes admin --json
check "create as JSON" is_json
admin=$("$built/json_get" id <"$out")
run key create --scopes root
check "no such scope" exit_is 2
run key create --name nobody
check "no scopes" exit_is 2
run key create --scopes admin --expires soon
check "no such time" exit_is 2
run key list
check "list" exit_is 0
check "list: its user" prints ann
check "list: its hint" prints "${secret:0:8}"
check "list: no secret" test "$(grep -cF -- "${secret:4}" "$out")" = 0
run key list --json
check "list as JSON" is_json
check "list as JSON: state" json_is keys.0.state active
check "list as JSON: scopes" json_is keys.0.scopes "runs:read runs:write"
check "list as JSON: never used" json_is keys.0.used_at null
id=$("$built/json_get" keys.0.id <"$out")
run key rotate "$id" --overlap 1d
check "rotate" exit_is 0
check "rotate: another secret" test "$(cat "$out")" != "$secret"
run key rotate "$id" --overlap 31d
check "rotate: too long an overlap" exit_is 2
run key revoke "$admin"
check "revoke" exit_is 0
run key rotate "$admin"
check "rotate a revoked one" test "$code" != 0
run key revoke 01J00000000000000000000000
check "revoke none" exit_is 4
run key list --json
check "revoked" json_is keys.1.state revoked

run webhook create https://hooks.example.com/x --events run_completed,run_failed --json
check "webhook: create" exit_is 0
hook=$("$built/json_get" id <"$out")
secret=$("$built/json_get" secret <"$out")
run webhook create https://127.0.0.1/x
check "webhook: not into our network" exit_is 7
run webhook create https://hooks.example.com/x --events run_complete
check "webhook: no such event" exit_is 2
run webhook list
check "webhook: list" prints hooks.example.com
check "webhook: list without its secret" test "$(grep -cF -- "$secret" "$out")" = 0
run webhook test "$hook"
check "webhook: test" exit_is 0
run webhook deliveries "$hook" --json
check "webhook: deliveries" json_is deliveries.0.event test
check "webhook: nobody has made it yet" json_is deliveries.0.status pending
run webhook enable "$hook"
check "webhook: enable" exit_is 0
run webhook delete "$hook"
check "webhook: delete" exit_is 0
run webhook deliveries "$hook"
check "webhook: gone" exit_is 4
finish
