/* Keys of an HTTP front-end or another host: who may do what, until when. The store holds a hash of
 * a key's secret alone; the secret (256 random bits) is told once, when it is made. A key has
 * scopes, a user whose runs it is for, an expiry, and can be rotated: the old secret stays good for
 * a while, so that clients change over without a gap. docs/keys.md. @since 0.1
 *
 * Scopes: runs:read, runs:write, models:write, and admin, which has all of them.
 *
 * Example: examples/c/key.c */
#ifndef MODELLAB_KEY_H
#define MODELLAB_KEY_H

#include <modellab/lab.h>

/** Bytes of the id of a key or a webhook (a ULID) with its NUL. */
#define MODELLAB_KEY_ID_BYTES 27

/** What a key is made of. Zero or NULL is the default. */
typedef struct modellab_key_options {
    size_t size;        /**< sizeof(modellab_key_options) */
    const char *name;   /**< for people, at most 128 characters; NULL = "" */
    const char *user;   /**< whose runs it is for, at most 128 characters; NULL = "" */
    const char *scopes; /**< "runs:read runs:write"; separated by blanks or commas */
    int64_t expires_ms; /**< since 1970 UTC; 0 = never */
} modellab_key_options;

#define MODELLAB_KEY_OPTIONS_INIT                                                                  \
    {                                                                                              \
        sizeof(modellab_key_options), NULL, NULL, NULL, 0                                          \
    }

/** Why a secret was refused. */
typedef int32_t modellab_key_refusal;
enum {
    MODELLAB_KEY_GRANTED = 0,
    MODELLAB_KEY_UNKNOWN = 1, /**< there is no such key */
    MODELLAB_KEY_EXPIRED = 2, /**< it was good until its expiry, or until the end of an overlap */
    MODELLAB_KEY_REVOKED = 3,
    MODELLAB_KEY_SCOPE = 4 /**< it is good, but not for this */
};

/** What came of a check. */
typedef struct modellab_key_grant {
    size_t size; /**< sizeof(modellab_key_grant), set by the caller */
    modellab_key_refusal refusal;
    int32_t admin;                  /**< 1: it has scope admin */
    char id[MODELLAB_KEY_ID_BYTES]; /**< of the key, also of a refused one; "" = unknown */
    char user[513];                 /**< "" when it is unknown */
    char scopes[64];                /**< separated by blanks */
} modellab_key_grant;

/** All keys of a lab: immutable. */
typedef struct modellab_key_list modellab_key_list;

/** A key without its secret. Strings are borrowed from the list. */
typedef struct modellab_key_info {
    size_t size; /**< sizeof(modellab_key_info), set by the caller */
    const char *id;
    const char *name;
    const char *user;
    const char *scopes; /**< separated by blanks */
    const char *hint;   /**< the first characters of its secret: "mlk_ab2c" */
    const char *state;  /**< "active", "expired", "revoked" */
    int64_t created_ms;
    int64_t expires_ms;        /**< 0 = never */
    int64_t rotated_ms;        /**< 0 = it was not */
    int64_t previous_until_ms; /**< until when the secret before is good; 0 = there is none */
    int64_t revoked_ms;        /**< 0 = it was not */
    int64_t used_ms;           /**< the last time, to a minute; 0 = never */
} modellab_key_info;

MODELLAB_BEGIN_DECLS

/** Fills the struct like its INIT macro, for callers without macros. `size` is the caller's sizeof.
 * @threads any @since 0.1 */
MODELLAB_API void modellab_key_options_init(modellab_key_options *options, size_t size);

/** Makes a key.
 * @param[out] id      MODELLAB_KEY_ID_BYTES
 * @param[out] secret  "mlk_..."; told this once. New; modellab_buffer_destroy()
 * @errors E_INVALID_ARGUMENT (no or unknown scopes, names, an expiry that has passed), E_LIMIT
 * (10000 keys), E_STORE_READ_ONLY, E_STORE_FAILED, E_BUSY, E_NO_SPACE, E_NO_MEMORY
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_key_create(modellab_lab *lab, const modellab_key_options *options,
                    char id[MODELLAB_KEY_ID_BYTES], modellab_buffer **secret, modellab_error *err);

/** Gives a key another secret. The one before stays good for `overlap_ms`, and a still older one no
 * longer at all.
 * @param overlap_ms  0 = the old one is refused from now on; at most 30 days
 * @errors as modellab_key_create(), E_NOT_FOUND, E_STATE (it is revoked) @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_key_rotate(modellab_lab *lab,
                                                                     const char *id,
                                                                     int64_t overlap_ms,
                                                                     modellab_buffer **secret,
                                                                     modellab_error *err);

/** From now on it is refused, everywhere. Again: nothing changes.
 * @errors E_NOT_FOUND, E_STORE_READ_ONLY, E_STORE_FAILED, E_BUSY, E_NO_SPACE, E_NO_MEMORY
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_key_revoke(modellab_lab *lab,
                                                                     const char *id,
                                                                     modellab_error *err);

/** Decides whether a secret may be used for something. The store is asked by a part of the secret's
 * hash, the whole hash is compared in constant time; how long the look-up takes is not promised.
 * @param secret      as it came; NULL or anything else is no key
 * @param scope       "" = any key will do
 * @param[out] grant  filled also when it is refused
 * @errors E_PERMISSION (grant->refusal says why), E_STORE_FAILED, E_NO_MEMORY
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_key_check(modellab_lab *lab,
                                                                    const char *secret,
                                                                    const char *scope,
                                                                    modellab_key_grant *grant,
                                                                    modellab_error *err);
/** "granted", "unknown", "expired", "revoked", "scope". Static. @threads any @since 0.1 */
MODELLAB_API const char *modellab_key_refusal_name(modellab_key_refusal refusal);

/** The keys of the lab, revoked ones too, in the order of their making.
 * @param id        NULL = all
 * @param[out] out  new; modellab_key_list_unref()
 * @errors E_NOT_FOUND (id), E_STORE_FAILED, E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_key_list_load(modellab_lab *lab,
                                                                        const char *id,
                                                                        modellab_key_list **out,
                                                                        modellab_error *err);
/** Gives a reference back; NULL is accepted. @threads any @since 0.1 */
MODELLAB_API void modellab_key_list_unref(modellab_key_list *list);
/** Number of items; 0 for NULL. @threads any @since 0.1 */
MODELLAB_API size_t modellab_key_list_count(const modellab_key_list *list);
/** Item at `index`; `out->size` must be set. @errors E_NOT_FOUND (index), E_ABI_TOO_SMALL
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_key_list_at(const modellab_key_list *list,
                                                                      size_t index,
                                                                      modellab_key_info *out,
                                                                      modellab_error *err);

MODELLAB_END_DECLS
#endif
