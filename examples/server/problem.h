/* Errors as replies: problem+json (RFC 9457), or OpenAI's shape for its operations (OP_OPENAI). The
 * status of the library decides the status of HTTP. */
#ifndef SERVER_PROBLEM_H
#define SERVER_PROBLEM_H

#include "call.h"

/* `err` may be NULL (then the sentence of the status). A report (may be NULL, is given back) makes
 * "errors": [{"pointer", "detail", "id"}] of its findings of severity error. */
void reply_error(call *c, modellab_status status, const modellab_error *err,
                 modellab_report *owned_report);
/* type = /api/v1/problems#slug; title and slug come from the closed list in problem.c. */
void reply_problem(call *c, int http, const char *slug, const char *detail);
/* As reply_problem(), with a member of its own: `owned` (its reference is taken) as `key`. */
void reply_problem_more(call *c, int http, const char *slug, const char *detail, const char *key,
                        json_t *owned);
/* 422 with one error. `pointer`: "/steps/0" of the body, "limit" of the query, "" of the whole */
void reply_invalid(call *c, const char *pointer, const char *detail);
/* As reply_problem(), after "Retry-After: seconds". */
void reply_later(call *c, int http, const char *slug, const char *detail, int64_t seconds);

/* The status of HTTP for one of the library, and its slug. */
int problem_http(modellab_status status, const char **slug);

/* The closed list, for those who read it; false behind its end. */
bool problem_at(size_t index, const char **slug, const char **title);

/* A problem without a call, as text to be freed. NULL: out of memory. */
char *problem_alone(int http, const char *slug, const char *detail, const char *request_id);

#endif
