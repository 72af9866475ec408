/* Which conditions an operation takes, and whether those of a write are fulfilled. */
#include "conditions.h"

#include "call_private.h"
#include "problem.h"
#include "reply.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t writing = PTHREAD_MUTEX_INITIALIZER;

static bool refuse(call *c, const char *header, const char *detail)
{
    c->refused = "condition";
    if ((c->op->flags & OP_OPENAI) != 0)
        reply_problem(c, 400, "bad-request", detail);
    else
        reply_invalid(c, header, detail);
    return false;
}

bool conditions_taken(call *c)
{
    const char *method = c->op->method;
    bool posts = strcmp(method, "POST") == 0, reads = strcmp(method, "GET") == 0;
    if (posts && (c->op->flags & (OP_KEYED | OP_REPEATABLE)) == 0 &&
        call_header(c, "Idempotency-Key") != NULL)
        return refuse(c, "Idempotency-Key",
                      "this operation does not keep its answers: sent again, it is done again");
    if (!posts && !reads && (c->op->flags & OP_MATCHES) == 0 && change_asks(c))
        return refuse(c, "If-Match", "this operation takes no condition");
    return true;
}

void change_begin(void)
{
    (void)pthread_mutex_lock(&writing); /* of its kind it cannot fail */
}

void change_end(void)
{
    (void)pthread_mutex_unlock(&writing);
}

bool change_asks(const call *c)
{
    return call_header(c, "If-Match") != NULL || call_header(c, "If-None-Match") != NULL;
}

bool change_met(call *c, const char *current, size_t bytes)
{
    char tag[REPLY_TAG_BYTES] = "";
    const char *match = call_header(c, "If-Match"), *none = call_header(c, "If-None-Match");
    if (current != NULL)
        reply_tag_of(current, bytes, tag);
    bool good = match == NULL || (current != NULL && reply_list_names(match, tag));
    good = good && (none == NULL || current == NULL || !reply_list_names(none, tag));
    if (good)
        return true;
    if (current != NULL)
        reply_header(c, "ETag", tag);
    reply_problem(c, 412, "precondition-failed",
                  current == NULL ? "there is nothing of this name (any more)"
                                  : "it is not what the condition names: read it again");
    return false;
}

bool change_met_json(call *c, json_t *owned)
{
    char *text = owned != NULL ? json_dumps(owned, JSON_COMPACT) : NULL;
    bool met = text != NULL && change_met(c, text, strlen(text));
    json_decref(owned);
    if (text == NULL)
        reply_problem(c, 500, "internal", "out of memory");
    free(text);
    return met;
}
