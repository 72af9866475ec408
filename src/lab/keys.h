/* Keys of front-ends: made, rotated, revoked, and the decision whether a secret may be used. */
#ifndef MLI_LAB_KEYS_H
#define MLI_LAB_KEYS_H

#include "lab/lab.h"
#include "store/keys.h"
#include <modellab/key.h>

#define MLI_KEY_SECRET_BYTES 57 /* "mlk_", 52 characters, NUL */
#define MLI_KEY_MOST 10000

enum {
    MLI_SCOPE_RUNS_READ = 1,
    MLI_SCOPE_RUNS_WRITE = 2,
    MLI_SCOPE_MODELS_WRITE = 4,
    MLI_SCOPE_ADMIN = 8
};

struct modellab_key_list {
    mli_lab *lab; /* referenced */
    mli_key_list *rows;
};

/* Scopes separated by blanks or commas; 0 = there are none, or one is unknown. */
uint32_t mli_scopes_parse(const char *text);
void mli_scopes_write(uint32_t scopes, char out[64]);
/* `prefix` and 256 random bits in lower-case base32 (RFC 4648, without padding). Errno value. */
__attribute__((warn_unused_result)) int
mli_secret_make(const mli_os_random *random, const char prefix[4], char out[MLI_KEY_SECRET_BYTES]);

/* Why `secret_hash` may not be used with this key for `need`, a pure decision. It is the hash of
 * the present or of the previous secret, else the key is not the one (UNKNOWN). */
modellab_key_refusal mli_key_decide(const mli_key_row *key, const char secret_hash[65],
                                    uint32_t need, int64_t now_ms);

MODELLAB_MUST_CHECK modellab_status mli_key_create(mli_lab *lab,
                                                   const modellab_key_options *options,
                                                   char id[MLI_ULID_BYTES],
                                                   char secret[MLI_KEY_SECRET_BYTES],
                                                   modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_key_rotate(mli_lab *lab, const char *id, int64_t overlap_ms,
                                                   char secret[MLI_KEY_SECRET_BYTES],
                                                   modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_key_revoke(mli_lab *lab, const char *id,
                                                   modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_key_check(mli_lab *lab, const char *secret,
                                                  const char *scope, modellab_key_grant *grant,
                                                  modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_key_list_load(mli_lab *lab, const char *id,
                                                      modellab_key_list **out, modellab_error *err);
void mli_key_list_unref(modellab_key_list *list);
const char *mli_key_state(const mli_key_row *key, int64_t now_ms);

#endif
