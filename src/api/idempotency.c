/* modellab_idempotency: replies that are given again. */
#include "lab/idempotency.h"
#include "base/error.h"
#include "base/sized.h"
#include <modellab/idempotency.h>

enum { REPLY_FIRST = MLI_SIZE_UP_TO(modellab_idempotency_reply, body) };

void modellab_idempotency_reply_init(modellab_idempotency_reply *reply, size_t size)
{
    const modellab_idempotency_reply init = MODELLAB_IDEMPOTENCY_REPLY_INIT;

    mli_sized_init(reply, size, &init, sizeof init);
}

modellab_status modellab_idempotency_begin(modellab_lab *lab, const char *user, const char *key,
                                           modellab_idempotency **out,
                                           modellab_idempotency_outcome *outcome,
                                           modellab_error *err)
{
    if (out != NULL) {
        *out = NULL;
    }
    if (outcome != NULL) {
        *outcome = 0;
    }
    if (lab == NULL || user == NULL || key == NULL || out == NULL || outcome == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "arguments must not be NULL");
    }
    return mli_idempotency_begin(lab, user, key, out, outcome, err);
}

modellab_status modellab_idempotency_add(modellab_idempotency *claim, const void *data,
                                         size_t bytes, modellab_error *err)
{
    const uint64_t length = bytes;

    if (claim == NULL || (data == NULL && bytes > 0)) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "claim and data must not be NULL");
    }
    if (claim->fingerprint[0] != '\0') {
        return mli_fail(err, MODELLAB_E_STATE, "it was matched before");
    }
    mli_sha256_update(&claim->parts, &length, sizeof length);
    mli_sha256_update(&claim->parts, data, bytes);
    return MODELLAB_OK;
}

modellab_status modellab_idempotency_match(modellab_idempotency *claim,
                                           modellab_idempotency_outcome *outcome,
                                           modellab_error *err)
{
    if (outcome != NULL) {
        *outcome = 0;
    }
    if (claim == NULL || outcome == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "arguments must not be NULL");
    }
    return mli_idempotency_match(claim, outcome, err);
}

modellab_status modellab_idempotency_run_key(const modellab_idempotency *claim,
                                             char out[MODELLAB_IDEMPOTENCY_RUN_KEY_BYTES],
                                             modellab_error *err)
{
    if (out != NULL) {
        out[0] = '\0';
    }
    if (claim == NULL || out == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "arguments must not be NULL");
    }
    mli_idempotency_run_key(claim, out);
    return MODELLAB_OK;
}

modellab_status modellab_idempotency_get_reply(const modellab_idempotency *claim,
                                               modellab_idempotency_reply *reply,
                                               modellab_error *err)
{
    const mli_reply_row *row;

    if (claim == NULL || reply == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "arguments must not be NULL");
    }
    row = &claim->found->row;
    if (claim->mine || row->http_status == 0) {
        return mli_fail(err, MODELLAB_E_STATE, "there is no answer yet");
    }
    const modellab_idempotency_reply full = {.size = sizeof full,
                                             .http_status = (int32_t)row->http_status,
                                             .media_type = row->media_type,
                                             .headers = row->headers,
                                             .body = row->body};
    return mli_sized_out(reply, &full, sizeof full, REPLY_FIRST, err);
}

modellab_status modellab_idempotency_finish(modellab_idempotency *claim,
                                            const modellab_idempotency_reply *reply,
                                            modellab_error *err)
{
    modellab_idempotency_reply taken = MODELLAB_IDEMPOTENCY_REPLY_INIT;
    modellab_status status;

    if (claim == NULL || reply == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "arguments must not be NULL");
    }
    status = mli_sized_in(&taken, sizeof taken, REPLY_FIRST, reply, err);
    return status == MODELLAB_OK ? mli_idempotency_finish(claim, &taken, err) : status;
}

void modellab_idempotency_unref(modellab_idempotency *claim)
{
    mli_idempotency_unref(claim);
}
