/* What commands about keys and webhooks have in common: times and secrets. */
#ifndef MLI_CLI_KEYS_H
#define MLI_CLI_KEYS_H

#include "cli/call.h"

/* As cli_duration_option(), with days: "90d". */
int cli_duration_days(const cli_call *call, cli_option_id id, int64_t fallback, int64_t *out);
void cli_time_text(char out[24], int64_t ms); /* UTC; "-" for 0 */
void cli_json_ktime(cli_json *j, const char *key, int64_t ms);
/* The exit code. */
int cli_print_secret(cli_call *call, const char *id, const char *secret);

#endif
