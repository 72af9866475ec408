/* Replies that are given again: a client that does not know whether its request arrived sends it
 * again with the same key, and gets the first answer; nothing is done twice. Keys belong to a user
 * and are forgotten after a day. A claim that was given up, or of a process that died, is taken
 * over by who asks next; what had been done by then is found by the run's own key
 * (modellab_idempotency_run_key()).
 * @since 0.1
 *
 * Example: examples/c/idempotency.c */
#ifndef MODELLAB_IDEMPOTENCY_H
#define MODELLAB_IDEMPOTENCY_H

#include <modellab/lab.h>

/** Bytes of the key that modellab_idempotency_run_key() makes, with its NUL. */
#define MODELLAB_IDEMPOTENCY_RUN_KEY_BYTES 38

/** What became of a key. */
typedef int32_t modellab_idempotency_outcome;
enum {
    MODELLAB_IDEMPOTENCY_NEW = 1,     /**< it is yours: do the work and finish */
    MODELLAB_IDEMPOTENCY_RUNNING = 2, /**< the first request with it is still at work */
    MODELLAB_IDEMPOTENCY_REPLAY = 3,  /**< answered before: give that answer again */
    MODELLAB_IDEMPOTENCY_MISMATCH =
        4 /**< answered before, or a run was made under it, for another request */
};

/** A claim of a key, or the answer that it had. */
typedef struct modellab_idempotency modellab_idempotency;

/** An answer. Strings are borrowed, from the caller when it is given, else from the handle. */
typedef struct modellab_idempotency_reply {
    size_t size;            /**< sizeof(modellab_idempotency_reply) */
    int32_t http_status;    /**< 100..599 */
    int32_t reserved;       /**< 0 */
    const char *media_type; /**< NULL = "" */
    const char *headers;    /**< whatever the caller wants to have again with it; NULL = "" */
    const char *body;       /**< UTF-8, at most 1 MiB; NULL = "" */
} modellab_idempotency_reply;

#define MODELLAB_IDEMPOTENCY_REPLY_INIT                                                            \
    {                                                                                              \
        sizeof(modellab_idempotency_reply), 0, 0, NULL, NULL, NULL                                 \
    }

MODELLAB_BEGIN_DECLS

/** Fills the struct like its INIT macro. @threads any @since 0.1 */
MODELLAB_API void modellab_idempotency_reply_init(modellab_idempotency_reply *reply, size_t size);

/** Claims a key, or finds what became of it.
 * @param user      whose key it is; "" = of nobody
 * @param key       as in the header Idempotency-Key: bare, or quoted; 1..128 visible characters
 * @param[out] out  new with NEW and REPLAY, else NULL; give it back with
 * modellab_idempotency_unref()
 * @param[out] outcome  NEW, RUNNING, or REPLAY: whether that is the answer to this request tells
 * modellab_idempotency_match()
 * @errors E_INVALID_ARGUMENT (no such key), E_STORE_READ_ONLY, E_STORE_FAILED, E_BUSY, E_NO_SPACE,
 * E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_idempotency_begin(
    modellab_lab *lab, const char *user, const char *key, modellab_idempotency **out,
    modellab_idempotency_outcome *outcome, modellab_error *err);

/** Adds a part of what makes the request this one and no other (method, path, body, sha256 of a
 * file); parts do not run into each other. @threads confined @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_idempotency_add(
    modellab_idempotency *claim, const void *data, size_t bytes, modellab_error *err);

/** When all parts are there: NEW of a claim, REPLAY or MISMATCH of an answer; MISMATCH also of a
 * claim that was taken over, when a run of another request was made under it. Call it before
 * anything is done for the request: the claim keeps what the request was.
 * @errors E_STATE (asked before, or the claim is another one's by now), E_STORE_READ_ONLY,
 * E_STORE_FAILED, E_BUSY, E_NO_SPACE, E_NO_MEMORY @threads confined @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_idempotency_match(
    modellab_idempotency *claim, modellab_idempotency_outcome *outcome, modellab_error *err);

/** A key for the request of the run that is made under this claim (its `idempotency_key`): the same
 * for whoever takes the claim over, another one for each other claim. @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_idempotency_run_key(const modellab_idempotency *claim,
                             char out[MODELLAB_IDEMPOTENCY_RUN_KEY_BYTES], modellab_error *err);

/** The answer of a handle with REPLAY. `reply->size` must be set.
 * @errors E_STATE (it has none), E_ABI_TOO_SMALL @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_idempotency_get_reply(
    const modellab_idempotency *claim, modellab_idempotency_reply *reply, modellab_error *err);

/** Stores the answer of a claim that was matched.
 * @errors E_STATE (no claim, not matched, or finished), E_INVALID_ARGUMENT, E_LIMIT (the body),
 * E_STORE_READ_ONLY, E_STORE_FAILED, E_BUSY, E_NO_SPACE, E_NO_MEMORY @threads confined @since 0.1
 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_idempotency_finish(
    modellab_idempotency *claim, const modellab_idempotency_reply *reply, modellab_error *err);

/** Gives the handle back; NULL is accepted. A claim that was not finished is given up: the next
 * request with its key is NEW, and has the same run key, by which it finds the run that was stored
 * under the claim; when there is none, it may be another request. @threads confined @since 0.1 */
MODELLAB_API void modellab_idempotency_unref(modellab_idempotency *claim);

MODELLAB_END_DECLS
#endif
