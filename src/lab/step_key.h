/* Keys of steps: one sha256 over everything that the result of a step depends on. Two steps of the
 * same key give the same bytes, so that one may stand for the other. */
#ifndef MLI_LAB_STEP_KEY_H
#define MLI_LAB_STEP_KEY_H

#include "base/hash.h"
#include "base/json.h"

typedef struct mli_step_key {
    mli_sha256 hash;
} mli_step_key;

/* `version` rises whenever the same inputs begin to give other results. */
void mli_step_key_begin(mli_step_key *key, const char *step, int32_t version);
/* One thing that counts; the order of the calls is part of the key. NULL counts as "". */
void mli_step_key_add(mli_step_key *key, const char *name, const char *value);
/* The members of an object but those named in `without` (NULL-terminated), each by its canonical
 * text. E_NO_MEMORY. */
MODELLAB_MUST_CHECK modellab_status mli_step_key_options(mli_step_key *key, const mli_json *options,
                                                         const char *const *without,
                                                         const modellab_allocator *alloc,
                                                         modellab_error *err);
void mli_step_key_end(mli_step_key *key, char out[65]);

#endif
