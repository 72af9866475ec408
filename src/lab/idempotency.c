/* Claims of idempotency keys. An owner is named by its process, so that the claim of one that died
 * can be told from one that is at work. */
#include "lab/idempotency.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/id.h"
#include "base/str.h"
#include "log/logger.h"
#include "os/locale.h"
#include "os/process.h"
#include <errno.h>
#include <string.h>

#define KEEP_MS ((int64_t)24 * 3600 * 1000)
#define TRIES 4

modellab_status mli_idempotency_key_read(const char *header, char out[MLI_IDEMPOTENCY_KEY_BYTES],
                                         modellab_error *err)
{
    size_t bytes = strlen(header), n = 0;
    bool quoted = bytes >= 2 && header[0] == '"' && header[bytes - 1] == '"';
    const char *at = quoted ? header + 1 : header, *end = header + bytes - (quoted ? 1 : 0);
    bool good = true;

    for (; good && at < end; at++) {
        if (quoted && *at == '\\') {
            at++;
            good = at < end && (*at == '"' || *at == '\\');
        } else if (*at == '"') {
            good = false;
        }
        good =
            good && *at >= (quoted ? ' ' : '!') && *at <= '~' && n + 1 < MLI_IDEMPOTENCY_KEY_BYTES;
        if (good) {
            out[n++] = *at;
        }
    }
    out[n] = '\0';
    return good && n > 0 ? MODELLAB_OK
                         : mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                                    "an idempotency key has 1 to 128 visible characters");
}

/* "<boot id> <pid> <start> <nonce>" */
MODELLAB_MUST_CHECK static modellab_status
name_owner(const mli_lab *lab, char out[MLI_IDEMPOTENCY_OWNER_BYTES], modellab_error *err)
{
    const mli_os_processes *p = lab->os.processes;
    char nonce[MLI_ULID_BYTES];
    mli_os_identity self;
    int rc = p->identity(p->user, 0, &self);

    if (rc != 0) {
        return mli_fail_os(err, -rc, "this process cannot be named");
    }
    rc = mli_ulid_new(lab->os.clock, lab->os.random, nonce);
    if (rc != 0) {
        return mli_fail_os(err, rc, "no random numbers");
    }
    (void)mli_os_format(out, MLI_IDEMPOTENCY_OWNER_BYTES, "%s %lld %llu %s", self.boot_id,
                        (long long)self.pid, (unsigned long long)self.start_ticks, nonce);
    return MODELLAB_OK;
}

/* Cuts the first word off; NULL when there is none. */
static char *next_word(char **rest)
{
    char *word = *rest, *end = word != NULL ? strchr(word, ' ') : NULL;

    if (end != NULL) {
        *end++ = '\0';
    }
    *rest = end;
    return word;
}

/* Does the process live that an owner names? What cannot be looked at counts as alive. */
static bool owner_lives(const mli_lab *lab, const char *owner)
{
    const mli_os_processes *p = lab->os.processes;
    mli_os_identity then = {0}, now;
    char text[MLI_IDEMPOTENCY_OWNER_BYTES], *word, *rest = text;
    int64_t pid = 0, ticks = 0;
    int rc;

    (void)mli_str_copy(text, sizeof text, owner);
    word = next_word(&rest);
    (void)mli_str_copy(then.boot_id, sizeof then.boot_id, word);
    word = next_word(&rest);
    if (word == NULL || !mli_parse_i64(word, 1, INT64_MAX, &pid)) {
        return false; /* none that we have made */
    }
    word = next_word(&rest);
    if (word == NULL || !mli_parse_i64(word, 0, INT64_MAX, &ticks)) {
        return false;
    }
    then.pid = pid;
    then.start_ticks = (uint64_t)ticks;
    rc = p->identity(p->user, pid, &now);
    return rc == 0 ? mli_os_identity_equal(&then, &now) : rc != -ESRCH;
}

/* One look at the key: it is ours, answered, or somebody's who lives. *again: who had it died, or
 * its row went meanwhile. */
MODELLAB_MUST_CHECK static modellab_status try_claim(modellab_idempotency *c, const char *user,
                                                     const char *key, bool *again,
                                                     modellab_error *err)
{
    mli_lab *lab = c->lab;
    int64_t now = mli_lab_now_ms(lab);
    const mli_reply_row row = {.user = user,
                               .key = key,
                               .owner = c->owner,
                               .created_ms = now,
                               .expires_ms = now + KEEP_MS};
    modellab_status status = mli_store_reply_claim(lab->store, &row, &c->found, &c->mine, err);

    *again = false;
    if (status != MODELLAB_OK || c->mine || c->found->row.http_status != 0 ||
        owner_lives(lab, c->found->row.owner)) {
        return status;
    }
    status = mli_store_reply_take_over(lab->store, &c->found->row, c->owner, &c->mine, err);
    *again = status == MODELLAB_OK && !c->mine; /* another one was faster */
    return status;
}

MODELLAB_MUST_CHECK static modellab_status claim(modellab_idempotency *c, const char *user,
                                                 const char *key, modellab_error *err)
{
    modellab_status status = name_owner(c->lab, c->owner, err);
    bool again = true;

    for (int i = 0; status == MODELLAB_OK && again && i < TRIES; i++) {
        mli_reply_free(c->found);
        c->found = NULL;
        status = try_claim(c, user, key, &again, err);
    }
    return status == MODELLAB_OK && again
               ? mli_fail(err, MODELLAB_E_BUSY, "several claim this key at once; try again")
               : status;
}

modellab_status mli_idempotency_begin(mli_lab *lab, const char *user, const char *key,
                                      modellab_idempotency **out,
                                      modellab_idempotency_outcome *outcome, modellab_error *err)
{
    char kept[MLI_IDEMPOTENCY_KEY_BYTES];
    modellab_idempotency *c;
    modellab_status status = mli_lab_check(lab, true, err);

    if (status == MODELLAB_OK) {
        status = mli_idempotency_key_read(key, kept, err);
    }
    if (status == MODELLAB_OK && !mli_utf8_valid(user, strlen(user))) {
        status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the user is not UTF-8");
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    c = mli_alloc_zero(lab->alloc, sizeof *c);
    if (c == NULL) {
        return mli_no_memory(err);
    }
    c->lab = mli_lab_ref(lab);
    mli_sha256_init(&c->parts);
    status = claim(c, user, kept, err);
    if (status != MODELLAB_OK) {
        mli_idempotency_unref(c);
        return status;
    }
    *outcome = c->mine                          ? MODELLAB_IDEMPOTENCY_NEW
               : c->found->row.http_status == 0 ? MODELLAB_IDEMPOTENCY_RUNNING
                                                : MODELLAB_IDEMPOTENCY_REPLAY;
    if (*outcome == MODELLAB_IDEMPOTENCY_RUNNING) {
        mli_idempotency_unref(c);
        c = NULL;
    }
    *out = c;
    return MODELLAB_OK;
}

void mli_idempotency_run_key(const modellab_idempotency *c,
                             char out[MODELLAB_IDEMPOTENCY_RUN_KEY_BYTES])
{
    const mli_reply_row *row = &c->found->row;
    char hex[65];
    mli_sha256 hash;

    mli_sha256_init(&hash);
    mli_sha256_update(&hash, row->user, strlen(row->user) + 1);
    mli_sha256_update(&hash, row->key, strlen(row->key) + 1);
    mli_sha256_update(&hash, &row->created_ms, sizeof row->created_ms);
    mli_sha256_hex(&hash, hex);
    (void)mli_os_format(out, MODELLAB_IDEMPOTENCY_RUN_KEY_BYTES, "http-%.32s", hex);
}

/* Who had the claim before has made a run: it is that request's, and no other's. */
MODELLAB_MUST_CHECK static modellab_status was_used(const modellab_idempotency *c, bool *used,
                                                    modellab_error *err)
{
    char key[MODELLAB_IDEMPOTENCY_RUN_KEY_BYTES], run_id[MLI_ULID_BYTES];
    modellab_status status;

    mli_idempotency_run_key(c, key);
    status = mli_store_run_by_key(c->lab->store, NULL, key, run_id, err);
    *used = status == MODELLAB_OK && run_id[0] != '\0';
    return status;
}

/* What the request is stands in the store before anything is done for it: when its run is stored
 * and the answer is not, the claim's next owner knows whose the run is. */
MODELLAB_MUST_CHECK static modellab_status match_claim(modellab_idempotency *c, const char *now,
                                                       bool *used, modellab_error *err)
{
    const mli_reply_row *row = &c->found->row;
    modellab_status status = MODELLAB_OK;

    *used = false;
    if (strcmp(row->fingerprint, now) == 0) {
        return MODELLAB_OK;
    }
    if (row->fingerprint[0] != '\0') {
        status = was_used(c, used, err);
    }
    return status == MODELLAB_OK && !*used
               ? mli_store_reply_match(c->lab->store, row->user, row->key, c->owner, now, err)
               : status;
}

modellab_status mli_idempotency_match(modellab_idempotency *c,
                                      modellab_idempotency_outcome *outcome, modellab_error *err)
{
    mli_sha256 parts = c->parts;
    char now[sizeof c->fingerprint];
    bool used = false;
    modellab_status status = mli_lab_check(c->lab, c->mine, err);

    if (status == MODELLAB_OK && c->fingerprint[0] != '\0') {
        status = mli_fail(err, MODELLAB_E_STATE, "it was matched before");
    }
    if (status == MODELLAB_OK) {
        mli_sha256_hex(&parts, now);
        status = c->mine ? match_claim(c, now, &used, err) : MODELLAB_OK;
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    memcpy(c->fingerprint, now, sizeof now);
    c->refused = used;
    *outcome = used                                          ? MODELLAB_IDEMPOTENCY_MISMATCH
               : c->mine                                     ? MODELLAB_IDEMPOTENCY_NEW
               : strcmp(now, c->found->row.fingerprint) == 0 ? MODELLAB_IDEMPOTENCY_REPLAY
                                                             : MODELLAB_IDEMPOTENCY_MISMATCH;
    return MODELLAB_OK;
}

modellab_status mli_idempotency_finish(modellab_idempotency *c,
                                       const modellab_idempotency_reply *reply, modellab_error *err)
{
    modellab_status status = mli_lab_check(c->lab, true, err);

    if (status == MODELLAB_OK && (!c->mine || c->done || c->refused || c->fingerprint[0] == '\0')) {
        status = mli_fail(err, MODELLAB_E_STATE, "there is no claim to finish");
    }
    if (status == MODELLAB_OK && (reply->http_status < 100 || reply->http_status > 599)) {
        status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "that is no status of HTTP");
    }
    if (status == MODELLAB_OK && reply->body != NULL &&
        strlen(reply->body) > MLI_IDEMPOTENCY_BODY_MOST) {
        status = mli_fail(err, MODELLAB_E_LIMIT, "a reply that is kept has at most 1 MiB");
    }
    if (status == MODELLAB_OK) {
        const mli_reply_row row = {.user = c->found->row.user,
                                   .key = c->found->row.key,
                                   .owner = c->owner,
                                   .fingerprint = c->fingerprint,
                                   .http_status = reply->http_status,
                                   .media_type = reply->media_type,
                                   .headers = reply->headers,
                                   .body = reply->body,
                                   .expires_ms = mli_lab_now_ms(c->lab) + KEEP_MS};

        status = mli_store_reply_put(c->lab->store, &row, err);
    }
    c->done = c->done || status == MODELLAB_OK;
    return status;
}

void mli_idempotency_unref(modellab_idempotency *c)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = MODELLAB_OK;
    mli_lab *lab;

    if (c == NULL) {
        return;
    }
    lab = c->lab;
    /* a forked child has no say in what its parent works on */
    if (c->mine && !c->done && mli_lab_check(lab, true, &err) == MODELLAB_OK) {
        status = mli_store_reply_give_up(lab->store, c->found->row.user, c->found->row.key,
                                         c->owner, &err);
    }
    if (status != MODELLAB_OK) { /* it is taken over when this process has ended */
        mli_log_error(lab->logger, MODELLAB_LOG_WARN, "idempotency.not_given_up",
                      "the key stays claimed while this process lives", status, &err);
    }
    mli_reply_free(c->found);
    mli_free(lab->alloc, c);
    mli_lab_unref(lab);
}
