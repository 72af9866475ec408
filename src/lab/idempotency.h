/* Idempotency keys: who claims one, whether whoever claimed it lives, and what was answered. */
#ifndef MLI_LAB_IDEMPOTENCY_H
#define MLI_LAB_IDEMPOTENCY_H

#include "base/hash.h"
#include "lab/lab.h"
#include <modellab/idempotency.h>

enum { MLI_IDEMPOTENCY_KEY_BYTES = 129, MLI_IDEMPOTENCY_OWNER_BYTES = 128 };
#define MLI_IDEMPOTENCY_BODY_MOST ((size_t)1 << 20)

struct modellab_idempotency {
    mli_lab *lab;         /* referenced */
    mli_reply *found;     /* what the store has */
    mli_sha256 parts;     /* of the request */
    char fingerprint[65]; /* "" = not all parts are there */
    char owner[MLI_IDEMPOTENCY_OWNER_BYTES];
    bool mine, done, refused; /* refused: a run of another request was made under it */
};

/* The key of a header, bare or quoted (RFC 8941), as it is kept. E_INVALID_ARGUMENT. */
MODELLAB_MUST_CHECK modellab_status mli_idempotency_key_read(const char *header,
                                                             char out[MLI_IDEMPOTENCY_KEY_BYTES],
                                                             modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_idempotency_begin(mli_lab *lab, const char *user,
                                                          const char *key,
                                                          modellab_idempotency **out,
                                                          modellab_idempotency_outcome *outcome,
                                                          modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_idempotency_match(modellab_idempotency *claim,
                                                          modellab_idempotency_outcome *outcome,
                                                          modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_idempotency_finish(modellab_idempotency *claim,
                                                           const modellab_idempotency_reply *reply,
                                                           modellab_error *err);
void mli_idempotency_run_key(const modellab_idempotency *claim,
                             char out[MODELLAB_IDEMPOTENCY_RUN_KEY_BYTES]);
void mli_idempotency_unref(modellab_idempotency *claim);

#endif
