/* Conditions of requests that write: Idempotency-Key and If-Match are honoured by the operations
 * that take them, and refused by those that do not, so that nobody relies on what is not there. */
#ifndef SERVER_CONDITIONS_H
#define SERVER_CONDITIONS_H

#include "call.h"

/* Before the operation: does it take the conditions of this request? False: has replied 422 (400 in
 * OpenAI's dialect). */
MODELLAB_MUST_CHECK bool conditions_taken(call *c);

/* An operation with OP_MATCHES looks at what there is, decides and writes between these two: no
 * other write of this server comes between. They hold for milliseconds. */
void change_begin(void);
void change_end(void);
/* Is there a condition? Then the operation loads what a GET of the same path would give ... */
bool change_asks(const call *c);
/* ... and goes on when that fulfils it. NULL: there is nothing. False: has replied 412. */
MODELLAB_MUST_CHECK bool change_met(call *c, const char *current, size_t bytes);
/* As change_met(), of JSON as reply_json() writes it; the reference is taken (NULL = out of memory:
 * has replied 500). */
MODELLAB_MUST_CHECK bool change_met_json(call *c, json_t *owned);

#endif
