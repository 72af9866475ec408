/* Keys in the store: who may do what until when. Of a secret only its sha256 is kept (64 hex
 * digits); it is looked for by the first 16 of them, and the caller compares the whole. */
#ifndef MLI_STORE_KEYS_H
#define MLI_STORE_KEYS_H

#include <modellab/alloc.h>
#include <modellab/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mli_store mli_store;

#define MLI_KEY_LOOK_DIGITS 16

/* A row that a caller fills borrows his strings; a loaded one is in a list. Times of -1: never. */
typedef struct mli_key_row {
    const char *id, *name, *user;
    const char *scopes; /* separated by blanks */
    const char *hash;
    const char *hint;          /* first characters of the secret, for people */
    const char *previous_hash; /* of the secret before the last rotation; "" = none */
    int64_t previous_until_ms; /* until when that is good */
    int64_t created_ms, expires_ms, rotated_ms, revoked_ms, used_ms;
} mli_key_row;

typedef struct mli_key_list {
    const modellab_allocator *alloc;
    size_t count;
    mli_key_row *rows; /* in the order of their making */
    char *text;
} mli_key_list;

typedef enum mli_key_what { MLI_KEY_ROTATE, MLI_KEY_REVOKE, MLI_KEY_USED } mli_key_what;

typedef struct mli_key_change {
    const char *id;
    mli_key_what what;
    int64_t now_ms;
    const char *hash, *hint;   /* ROTATE: of the new secret */
    int64_t previous_until_ms; /* ROTATE */
} mli_key_change;

/* E_ALREADY_EXISTS. E_LIMIT: there are `most` that are not revoked. */
MODELLAB_MUST_CHECK modellab_status mli_store_key_put(mli_store *store, const mli_key_row *row,
                                                      int64_t most, modellab_error *err);
/* E_NOT_FOUND. E_STATE: a rotation of one that is revoked. A second revocation changes nothing.
 * USED survives a power cut only once something after it was committed, and does not wait while
 * another process writes (E_BUSY). */
MODELLAB_MUST_CHECK modellab_status mli_store_key_change(mli_store *store,
                                                         const mli_key_change *change,
                                                         modellab_error *err);
/* `id` NULL = all. */
MODELLAB_MUST_CHECK modellab_status mli_store_keys(mli_store *store, const char *id,
                                                   mli_key_list **out, modellab_error *err);
/* Keys whose present or previous secret may be the one with this hash. */
MODELLAB_MUST_CHECK modellab_status mli_store_keys_look(mli_store *store, const char *hash,
                                                        mli_key_list **out, modellab_error *err);
void mli_key_list_free(mli_key_list *list);

#endif
