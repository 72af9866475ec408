/* A chat completion of an OpenAI-compatible service: a system and a user text go out, one text
 * comes back. Tried again within bounds; each try asks the caller for leave first, and tells it
 * what became of it, so that calls are counted, priced and capped. */
#ifndef MLI_REMOTE_CHAT_H
#define MLI_REMOTE_CHAT_H

#include "base/buf.h"
#include "base/cancel.h"
#include "base/json.h"

enum { MLI_CHAT_MODEL = 128 };
#define MLI_CHAT_MAX_ANSWER ((size_t)1 << 20)

typedef struct mli_chat_request {
    const char *base_url; /* "https://host/v1": "/chat/completions" is added */
    const char *key;      /* NULL = none; sent as a bearer token, in no message */
    const char *model;
    const char *system, *user;
    const char *request_id;  /* X-Request-Id; NULL = none */
    const char *traceparent; /* NULL = none */
    int32_t max_tries;       /* 0 = 4 */
    int64_t base_wait_ms;    /* before the second try, doubled for each one more; 0 = 1000 */
    int64_t max_wait_ms;     /* longest wait, also of Retry-After: longer gives up; 0 = 60000 */
    int64_t timeout_ms;      /* of one try; 0 = 120000 */
    const mli_cancel_word *cancel;
    /* Before each try: OK, or why there must be none (comes back as it is). */
    modellab_status (*leave)(void *user, modellab_error *err);
    /* After each: whether a request went out, and its tokens (-1 = not told). */
    void (*made)(void *user, bool sent, int64_t tokens_in, int64_t tokens_out);
    /* A sign of life while it waits, at least every 100 ms; NULL = none. */
    void (*pulse)(void *user);
    void *user_data;
} mli_chat_request;

typedef struct mli_chat_answer {
    char model[MLI_CHAT_MODEL]; /* as the service names it */
    int32_t tries;
    int64_t tokens_in, tokens_out; /* of the last try; -1 = not told */
} mli_chat_answer;

/* Appends the text to `out`. 408, 409, 425, 429, 5xx and a broken connection are tried again, after
 * Retry-After where it is sent; anything else ends it. E_NETWORK, E_PERMISSION (401, 403), E_REMOTE
 * (detail = HTTP status; or an answer that is no completion), E_LIMIT (answer too long),
 * E_CANCELLED, E_INVALID_ARGUMENT, and what `leave` gave. */
MODELLAB_MUST_CHECK modellab_status mli_chat_complete(const mli_chat_request *request,
                                                      mli_chat_answer *answer, mli_buf *out,
                                                      modellab_error *err);

#endif
