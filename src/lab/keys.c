/* Keys: the store has a sha256 of each secret (256 random bits need no slow hash). A check costs
 * one look by an index; when a key was used last is written at most once a minute. */
#include "lab/keys.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/hmac.h"
#include "base/str.h"
#include "log/logger.h"
#include <stdatomic.h>
#include <string.h>

#define PREFIX "mlk_"
#define HINT_BYTES 8 /* "mlk_" and four characters: 236 bits stay */
#define NAME_BYTES 512
#define USED_EVERY_MS 60000
#define MOST_OVERLAP_MS ((int64_t)30 * 24 * 3600 * 1000)

static const char base32[] = "abcdefghijklmnopqrstuvwxyz234567";

static const struct {
    const char *name;
    uint32_t bit;
} scopes[] = {{"runs:read", MLI_SCOPE_RUNS_READ},
              {"runs:write", MLI_SCOPE_RUNS_WRITE},
              {"models:write", MLI_SCOPE_MODELS_WRITE},
              {"admin", MLI_SCOPE_ADMIN}};

static uint32_t scope_of(const char *text, size_t bytes)
{
    for (size_t i = 0; i < sizeof scopes / sizeof *scopes; i++) {
        if (strlen(scopes[i].name) == bytes && memcmp(scopes[i].name, text, bytes) == 0)
            return scopes[i].bit;
    }
    return 0;
}

uint32_t mli_scopes_parse(const char *text)
{
    uint32_t all = 0;

    while (text != NULL) {
        text += strspn(text, " ,");
        size_t bytes = strcspn(text, " ,");
        if (bytes == 0)
            break;
        uint32_t one = scope_of(text, bytes);
        if (one == 0)
            return 0;
        all |= one;
        text += bytes;
    }
    return all;
}

void mli_scopes_write(uint32_t all, char out[64])
{
    size_t at = 0;

    for (size_t i = 0; i < sizeof scopes / sizeof *scopes; i++) {
        if ((all & scopes[i].bit) != 0) {
            const size_t bytes = strlen(scopes[i].name); /* all of them have room */
            if (at > 0)
                out[at++] = ' ';
            memcpy(out + at, scopes[i].name, bytes);
            at += bytes;
        }
    }
    out[at] = '\0';
}

int mli_secret_make(const mli_os_random *random, const char prefix[4],
                    char out[MLI_KEY_SECRET_BYTES])
{
    unsigned char bytes[33] = {0};
    int rc = random->fill(random->user, bytes, 32);

    memcpy(out, prefix, 4);
    for (size_t i = 0; i < 52; i++) { /* 5 bits each; the last character has 1 */
        size_t bit = i * 5;
        unsigned pair = (unsigned)bytes[bit / 8] << 8 | bytes[bit / 8 + 1];
        out[4 + i] = base32[pair >> (11 - bit % 8) & 31];
    }
    out[MLI_KEY_SECRET_BYTES - 1] = '\0';
    mli_wipe(bytes, sizeof bytes);
    return rc;
}

static void hash_secret(const char *secret, char out[65])
{
    mli_sha256 h;

    mli_sha256_init(&h);
    mli_sha256_update(&h, secret, strlen(secret));
    mli_sha256_hex(&h, out);
}

static bool is_secret(const char *text)
{
    size_t i = 4;

    if (text == NULL || strncmp(text, PREFIX, 4) != 0)
        return false;
    while (i < MLI_KEY_SECRET_BYTES - 1 && text[i] != '\0' && strchr(base32, text[i]) != NULL)
        i++;
    return i == MLI_KEY_SECRET_BYTES - 1 && text[i] == '\0';
}

modellab_key_refusal mli_key_decide(const mli_key_row *key, const char secret_hash[65],
                                    uint32_t need, int64_t now_ms)
{
    bool present = strlen(key->hash) == 64 && mli_equal_secret(key->hash, secret_hash, 64);
    bool previous =
        strlen(key->previous_hash) == 64 && mli_equal_secret(key->previous_hash, secret_hash, 64);
    uint32_t has = mli_scopes_parse(key->scopes);

    if (!present && !previous)
        return MODELLAB_KEY_UNKNOWN;
    if (key->revoked_ms >= 0)
        return MODELLAB_KEY_REVOKED;
    if (key->expires_ms >= 0 && now_ms >= key->expires_ms)
        return MODELLAB_KEY_EXPIRED;
    if (!present && now_ms >= key->previous_until_ms)
        return MODELLAB_KEY_EXPIRED;
    return (has & MLI_SCOPE_ADMIN) != 0 || (has & need) == need ? MODELLAB_KEY_GRANTED
                                                                : MODELLAB_KEY_SCOPE;
}

const char *mli_key_state(const mli_key_row *key, int64_t now_ms)
{
    return key->revoked_ms >= 0                                ? "revoked"
           : key->expires_ms >= 0 && now_ms >= key->expires_ms ? "expired"
                                                               : "active";
}

static bool is_name(const char *text)
{
    size_t bytes = strlen(text);

    if (bytes > NAME_BYTES || !mli_utf8_valid(text, bytes))
        return false;
    for (size_t i = 0; i < bytes; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return false;
    }
    return true;
}

/* A new secret with its hash and hint. */
MODELLAB_MUST_CHECK static modellab_status make_secret(mli_lab *lab,
                                                       char secret[MLI_KEY_SECRET_BYTES],
                                                       char hash[65], char hint[HINT_BYTES + 1],
                                                       modellab_error *err)
{
    int rc = mli_secret_make(lab->os.random, PREFIX, secret);

    if (rc != 0)
        return mli_fail_os(err, rc, "no random numbers for a key");
    hash_secret(secret, hash);
    memcpy(hint, secret, HINT_BYTES);
    hint[HINT_BYTES] = '\0';
    return MODELLAB_OK;
}

/* For who asks later what was changed; who asked for it stands in the lines of his request. */
static void tell(mli_lab *lab, const char *event, const char *text, const mli_key_row *key)
{
    mli_log(lab->logger, MODELLAB_LOG_INFO, event, text,
            MLI_LOG_FIELDS(mli_log_string("key_id", key->id),
                           mli_log_string("scopes", key->scopes != NULL ? key->scopes : ""),
                           mli_log_string("of_user", key->user != NULL ? key->user : ""),
                           mli_log_int("good_until_ms", key->expires_ms),
                           mli_log_int("previous_until_ms", key->previous_until_ms)));
}

modellab_status mli_key_create(mli_lab *lab, const modellab_key_options *options,
                               char id[MLI_ULID_BYTES], char secret[MLI_KEY_SECRET_BYTES],
                               modellab_error *err)
{
    char hash[65], hint[HINT_BYTES + 1], text[64];
    const uint32_t wanted = mli_scopes_parse(options->scopes);
    const int64_t now_ms = mli_lab_now_ms(lab);
    mli_key_row row = {.id = id,
                       .name = options->name != NULL ? options->name : "",
                       .user = options->user != NULL ? options->user : "",
                       .scopes = text,
                       .hash = hash,
                       .hint = hint,
                       .created_ms = now_ms,
                       .previous_until_ms = -1,
                       .expires_ms = options->expires_ms > 0 ? options->expires_ms : -1};

    if (wanted == 0)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "a key needs scopes of runs:read, runs:write, models:write, admin");
    if (!is_name(row.name) || !is_name(row.user))
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the name or the user is not valid");
    if (options->expires_ms < 0 || (row.expires_ms >= 0 && row.expires_ms <= now_ms))
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the key would have expired already");
    mli_scopes_write(wanted, text);
    int rc = mli_ulid_new(lab->os.clock, lab->os.random, id);
    if (rc != 0)
        return mli_fail_os(err, rc, "no random numbers for a key");
    modellab_status status = make_secret(lab, secret, hash, hint, err);
    if (status == MODELLAB_OK)
        status = mli_store_key_put(lab->store, &row, MLI_KEY_MOST, err);
    if (status == MODELLAB_OK)
        tell(lab, "key.created", "a key was made", &row);
    return status;
}

modellab_status mli_key_rotate(mli_lab *lab, const char *id, int64_t overlap_ms,
                               char secret[MLI_KEY_SECRET_BYTES], modellab_error *err)
{
    char hash[65], hint[HINT_BYTES + 1];
    const int64_t now_ms = mli_lab_now_ms(lab);

    if (overlap_ms < 0 || overlap_ms > MOST_OVERLAP_MS)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "the overlap of a rotation is 0 to 30 days");
    const mli_key_change change = {.id = id,
                                   .what = MLI_KEY_ROTATE,
                                   .now_ms = now_ms,
                                   .hash = hash,
                                   .hint = hint,
                                   .previous_until_ms = now_ms + overlap_ms};
    modellab_status status = make_secret(lab, secret, hash, hint, err);
    if (status == MODELLAB_OK)
        status = mli_store_key_change(lab->store, &change, err);
    if (status == MODELLAB_OK)
        tell(lab, "key.rotated", "a key has got another secret",
             &(mli_key_row){
                 .id = id, .expires_ms = -1, .previous_until_ms = change.previous_until_ms});
    return status;
}

modellab_status mli_key_revoke(mli_lab *lab, const char *id, modellab_error *err)
{
    const mli_key_change change = {.id = id, .what = MLI_KEY_REVOKE, .now_ms = mli_lab_now_ms(lab)};
    modellab_status status = mli_store_key_change(lab->store, &change, err);

    if (status == MODELLAB_OK)
        tell(lab, "key.revoked", "a key was revoked",
             &(mli_key_row){.id = id, .expires_ms = -1, .previous_until_ms = -1});
    return status;
}

/* May this call note the use? One of those that come at once does, and the next one of this process
 * a minute later, whatever became of it. A slot has 32 bits of a hash of the key and the second;
 * keys that share one only lose it to each other. */
static bool claim_use(mli_lab *lab, const mli_key_row *key, int64_t now_ms)
{
    const uint32_t now_s = (uint32_t)(now_ms / 1000);
    uint64_t hash = UINT64_C(14695981039346656037), seen;

    if (now_ms - key->used_ms < USED_EVERY_MS && now_ms >= key->used_ms)
        return false;
    for (const char *c = key->id; *c != '\0'; c++)
        hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
    _Atomic uint64_t *slot = &lab->key_uses[hash % MLI_KEY_USES];
    seen = atomic_load(slot);
    if (seen >> 32 == hash >> 32 && now_s - (uint32_t)seen < USED_EVERY_MS / 1000)
        return false;
    return atomic_compare_exchange_strong(slot, &seen, (hash >> 32) << 32 | now_s);
}

/* That the time of use is not written is no reason to refuse, nor to wait: the lab may be read-only
 * or full, and another process may write for long. */
static void note_use(mli_lab *lab, const mli_key_row *key, int64_t now_ms)
{
    const mli_key_change change = {.id = key->id, .what = MLI_KEY_USED, .now_ms = now_ms};
    modellab_error why = MODELLAB_ERROR_INIT;

    if (lab->store->read_only || !claim_use(lab, key, now_ms))
        return;
    modellab_status status = mli_store_key_change(lab->store, &change, &why);
    if (status != MODELLAB_OK && status != MODELLAB_E_BUSY)
        mli_log_error(lab->logger, MODELLAB_LOG_WARN, "key.use_not_noted",
                      "when the key was used is not written", status, &why);
}

static void fill(modellab_key_grant *grant, const mli_key_row *key)
{
    mli_str_copy(grant->id, sizeof grant->id, key->id);
    mli_str_copy(grant->user, sizeof grant->user, key->user);
    mli_str_copy(grant->scopes, sizeof grant->scopes, key->scopes);
    grant->admin = (mli_scopes_parse(key->scopes) & MLI_SCOPE_ADMIN) != 0;
}

MODELLAB_MUST_CHECK static modellab_status refuse(modellab_key_refusal why, modellab_error *err)
{
    static const char *const texts[] = {"", "the key is not known", "the key has expired",
                                        "the key is revoked", "the key is not for this"};

    return mli_fail(err, MODELLAB_E_PERMISSION, "%s", texts[why]);
}

modellab_status mli_key_check(mli_lab *lab, const char *secret, const char *scope,
                              modellab_key_grant *grant, modellab_error *err)
{
    const uint32_t need = *scope == '\0' ? 0 : scope_of(scope, strlen(scope));
    const int64_t now_ms = mli_lab_now_ms(lab);
    mli_key_list *list = NULL;
    char hash[65];

    grant->refusal = MODELLAB_KEY_UNKNOWN;
    if (need == 0 && *scope != '\0')
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "there is no such scope");
    if (!is_secret(secret))
        return refuse(MODELLAB_KEY_UNKNOWN, err);
    hash_secret(secret, hash);
    modellab_status status = mli_store_keys_look(lab->store, hash, &list, err);
    if (status != MODELLAB_OK)
        return status;
    for (size_t i = 0; i < list->count && grant->refusal == MODELLAB_KEY_UNKNOWN; i++) {
        grant->refusal = mli_key_decide(&list->rows[i], hash, need, now_ms);
        if (grant->refusal != MODELLAB_KEY_UNKNOWN)
            fill(grant, &list->rows[i]);
        if (grant->refusal == MODELLAB_KEY_GRANTED)
            note_use(lab, &list->rows[i], now_ms);
    }
    mli_key_list_free(list);
    return grant->refusal == MODELLAB_KEY_GRANTED ? MODELLAB_OK : refuse(grant->refusal, err);
}

modellab_status mli_key_list_load(mli_lab *lab, const char *id, modellab_key_list **out,
                                  modellab_error *err)
{
    modellab_key_list *list = mli_alloc_zero(lab->alloc, sizeof *list);
    if (list == NULL)
        return mli_no_memory(err);
    modellab_status status = mli_store_keys(lab->store, id, &list->rows, err);
    if (status == MODELLAB_OK && id != NULL && list->rows->count == 0)
        status = mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no key of this id");
    if (status != MODELLAB_OK) {
        mli_key_list_free(list->rows);
        mli_free(lab->alloc, list);
        return status;
    }
    list->lab = mli_lab_ref(lab);
    *out = list;
    return MODELLAB_OK;
}

void mli_key_list_unref(modellab_key_list *list)
{
    if (list != NULL) {
        mli_lab *lab = list->lab;
        mli_key_list_free(list->rows);
        mli_free(lab->alloc, list);
        mli_lab_unref(lab);
    }
}
