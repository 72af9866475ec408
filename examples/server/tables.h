/* The tables of operations: a file has one line here, in the order of the alphabet. No guard:
 * route.c reads it twice. */
/* clang-format off */
TABLE(ops_admin)
TABLE(ops_caps)
TABLE(ops_contract)
TABLE(ops_events)
TABLE(ops_experiments)
TABLE(ops_health)
TABLE(ops_info)
TABLE(ops_keys)
TABLE(ops_live)
TABLE(ops_pipelines)
TABLE(ops_runs_act)
TABLE(ops_runs_submit)
TABLE(ops_sockets)
TABLE(ops_uploads)
TABLE(ops_web)
TABLE(ops_webhooks)
