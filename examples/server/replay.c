/* Idempotency-Key by the library's claims; only the translation is here. */
#include "replay.h"

#include "problem.h"
#include "reply.h"
#include <string.h>

#define RETRY_SECONDS 1

bool replay_begin(call *c, modellab_idempotency **claim)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_idempotency_outcome outcome = 0;
    const char *key = call_header(c, "Idempotency-Key");
    *claim = NULL;
    if (key == NULL)
        return true;
    modellab_status status =
        modellab_idempotency_begin(call_lab(c), call_user(c), key, claim, &outcome, &err);
    if (status == MODELLAB_E_INVALID_ARGUMENT) {
        reply_invalid(c, "Idempotency-Key", err.message);
        return false;
    }
    if (status != MODELLAB_OK) {
        reply_error(c, status, &err, NULL);
        return false;
    }
    if (outcome == MODELLAB_IDEMPOTENCY_RUNNING) {
        reply_later(c, 409, "conflict", "the first request with this key is still at work",
                    RETRY_SECONDS);
        return false;
    }
    return true;
}

static void reply_again(call *c, const modellab_idempotency *claim)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_idempotency_reply reply = MODELLAB_IDEMPOTENCY_REPLY_INIT;
    modellab_status status = modellab_idempotency_get_reply(claim, &reply, &err);
    if (status != MODELLAB_OK) {
        reply_error(c, status, &err, NULL);
        return;
    }
    reply_header(c, "Idempotency-Replayed", "true");
    if (reply.headers[0] != '\0')
        reply_location(c, reply.headers);
    reply_bytes(c, reply.http_status, reply.media_type, reply.body, strlen(reply.body));
}

bool replay_match(call *c, modellab_idempotency *claim, const char *const *texts, size_t count)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_idempotency_outcome outcome = 0;
    if (claim == NULL)
        return true;
    const char *method = call_method(c), *path = call_path(c);
    modellab_status status = modellab_idempotency_add(claim, method, strlen(method), &err);
    if (status == MODELLAB_OK)
        status = modellab_idempotency_add(claim, path, strlen(path), &err);
    for (size_t i = 0; status == MODELLAB_OK && i < count; i++) {
        const char *text = texts[i] != NULL ? texts[i] : "";
        status = modellab_idempotency_add(claim, text, strlen(text), &err);
    }
    if (status == MODELLAB_OK)
        status = modellab_idempotency_match(claim, &outcome, &err);
    if (status != MODELLAB_OK) {
        reply_error(c, status, &err, NULL);
        return false;
    }
    if (outcome == MODELLAB_IDEMPOTENCY_REPLAY)
        reply_again(c, claim);
    else if (outcome == MODELLAB_IDEMPOTENCY_MISMATCH)
        reply_invalid(c, "Idempotency-Key", "this key was used for another request");
    return outcome == MODELLAB_IDEMPOTENCY_NEW;
}

void replay_keep(call *c, modellab_idempotency *claim, int http, const char *location,
                 const char *body)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_idempotency_reply reply = MODELLAB_IDEMPOTENCY_REPLY_INIT;
    if (claim == NULL)
        return;
    reply.http_status = http;
    reply.media_type = "application/json";
    reply.headers = location;
    reply.body = body;
    if (modellab_idempotency_finish(claim, &reply, &err) != MODELLAB_OK)
        call_note(c, MODELLAB_LOG_WARN, "reply.not_kept",
                  "a repeated request is found by the key of its run only", "error", err.message);
}
