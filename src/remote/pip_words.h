/* What pip's words mean: pure text functions. */
#ifndef MLI_REMOTE_PIP_WORDS_H
#define MLI_REMOTE_PIP_WORDS_H

#include <modellab/status.h>
#include <stdbool.h>

/* [A-Za-z0-9._-]+==[A-Za-z0-9._!+-]+ */
bool mli_pip_requirement_valid(const char *requirement);
/* What pip's output says about a failure: the status and a sentence without paths and hosts.
 * E_UNSUPPORTED: it was no pip client. */
MODELLAB_MUST_CHECK modellab_status mli_pip_explain(const char *output, int exit_code,
                                                    modellab_error *err);

#endif
