/* Webhooks: what a subscription may be, and the lists. */
#include "lab/webhooks.h"

#include "base/alloc.h"
#include "base/config.h"
#include "base/error.h"
#include "base/hmac.h"
#include "base/str.h"
#include "lab/keys.h"
#include "log/logger.h"
#include <string.h>

#define MOST_WEBHOOKS 1000
#define LEAST_SECRET 16
#define USER_BYTES 512
#define LONGEST_DELAY_MS 3600000

static const char *const kinds[] = {
    "run_queued",  "run_started",      "run_completed", "run_failed",    "run_cancelled",
    "run_timeout", "run_stale",        "run_requeued",  "run_held",      "run_released",
    "run_moved",   "cancel_requested", "step_started",  "step_progress", "step_completed",
    "step_failed", "step_skipped",     "artifact_added"};

MODELLAB_MUST_CHECK static modellab_status post(void *user, const mli_http_post_request *request,
                                                mli_http_post_answer *answer, mli_buf *out,
                                                modellab_error *err)
{
    (void)user;
    return mli_http_post(request, answer, out, err);
}

MODELLAB_MUST_CHECK static modellab_status read_ca_file(mli_lab *lab, mli_webhook_settings *out,
                                                        modellab_error *err)
{
    char *path = NULL;
    modellab_status status =
        mli_config_get(lab->alloc, "MODEL_LAB_WEBHOOK_CA_FILE", &path, NULL, err);

    if (status == MODELLAB_OK && path != NULL && strlen(path) < sizeof out->ca_file)
        memcpy(out->ca_file, path, strlen(path) + 1);
    else if (status == MODELLAB_OK && path != NULL)
        status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                          "the path of MODEL_LAB_WEBHOOK_CA_FILE is too long");
    mli_free(lab->alloc, path);
    return status;
}

modellab_status mli_webhook_settings_read(mli_lab *lab, mli_webhook_settings *out,
                                          modellab_error *err)
{
    char *networks = NULL;

    *out = (mli_webhook_settings){.post = post};
    modellab_status status =
        mli_config_get(lab->alloc, "MODEL_LAB_WEBHOOK_ALLOW", &networks, NULL, err);
    if (status == MODELLAB_OK)
        status = mli_address_rule_parse(networks, &out->rule, err);
    mli_free(lab->alloc, networks);
    if (status == MODELLAB_OK)
        status = read_ca_file(lab, out, err);
    if (status == MODELLAB_OK)
        status = mli_config_int("MODEL_LAB_WEBHOOK_ATTEMPTS", 8, &out->attempts, err);
    if (status == MODELLAB_OK)
        status = mli_config_int("MODEL_LAB_WEBHOOK_RETRY_SECONDS", 10000, &out->base_ms, err);
    return status;
}

int64_t mli_webhook_delay_ms(const mli_webhook_settings *settings, int64_t attempts)
{
    int64_t delay_ms = settings->base_ms;

    for (int64_t i = 1; i < attempts && delay_ms < LONGEST_DELAY_MS; i++)
        delay_ms *= 2;
    return delay_ms < LONGEST_DELAY_MS ? delay_ms : LONGEST_DELAY_MS;
}

/* Separated by blanks or commas; into `out` with blanks. */
MODELLAB_MUST_CHECK static modellab_status read_kinds(const char *text, char out[512],
                                                      modellab_error *err)
{
    size_t used = 0;

    out[0] = '\0';
    while (text != NULL) {
        text += strspn(text, " ,");
        const size_t bytes = strcspn(text, " ,");
        size_t i = 0;
        if (bytes == 0)
            break;
        while (i < sizeof kinds / sizeof *kinds &&
               (strlen(kinds[i]) != bytes || memcmp(kinds[i], text, bytes) != 0))
            i++;
        if (i == sizeof kinds / sizeof *kinds || used + bytes + 2 > 512)
            return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "there are no events %.40s", text);
        if (used > 0)
            out[used++] = ' ';
        memcpy(out + used, text, bytes);
        used += bytes;
        out[used] = '\0';
        text += bytes;
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status take_secret(mli_lab *lab, const char *given,
                                                       char out[MODELLAB_WEBHOOK_SECRET_MAX + 1],
                                                       modellab_error *err)
{
    if (given == NULL) {
        int rc = mli_secret_make(lab->os.random, "whk_", out);
        return rc == 0 ? MODELLAB_OK : mli_fail_os(err, rc, "no random numbers for a secret");
    }
    const size_t bytes = strlen(given);
    if (bytes < LEAST_SECRET || bytes > MODELLAB_WEBHOOK_SECRET_MAX ||
        !mli_utf8_valid(given, bytes))
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "a secret has 16 to 128 bytes");
    memcpy(out, given, bytes + 1);
    return MODELLAB_OK;
}

modellab_status mli_webhook_create(mli_lab *lab, const mli_webhook_settings *settings,
                                   const modellab_webhook_options *options, char id[MLI_ULID_BYTES],
                                   char secret[MODELLAB_WEBHOOK_SECRET_MAX + 1],
                                   modellab_error *err)
{
    char wanted[512];
    const mli_webhook_row row = {.id = id,
                                 .user = options->user != NULL ? options->user : "",
                                 .every_user = options->every_user != 0,
                                 .url = options->url,
                                 .kinds = wanted,
                                 .secret = secret,
                                 .created_ms = mli_lab_now_ms(lab)};

    if (options->url == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "a webhook needs an address");
    if (strlen(row.user) > USER_BYTES || !mli_utf8_valid(row.user, strlen(row.user)))
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the user's name is not valid");
    modellab_status status = mli_address_check_url(&settings->rule, options->url, err);
    if (status == MODELLAB_OK)
        status = read_kinds(options->events, wanted, err);
    if (status == MODELLAB_OK)
        status = take_secret(lab, options->secret, secret, err);
    if (status != MODELLAB_OK)
        return status;
    int rc = mli_ulid_new(lab->os.clock, lab->os.random, id);
    if (rc != 0)
        return mli_fail_os(err, rc, "no random numbers for a webhook");
    status = mli_store_webhook_put(lab->store, &row, MOST_WEBHOOKS, err);
    if (status == MODELLAB_OK)
        mli_log(lab->logger, MODELLAB_LOG_INFO, "webhook.created", "a webhook was made",
                MLI_LOG_FIELDS(mli_log_string("webhook_id", id), mli_log_url("url", options->url)));
    return status;
}

static void tell(const mli_lab *lab, const char *event, const char *text, const char *id)
{
    mli_log(lab->logger, MODELLAB_LOG_INFO, event, text,
            MLI_LOG_FIELDS(mli_log_string("webhook_id", id)));
}

modellab_status mli_webhook_delete(mli_lab *lab, const char *id, modellab_error *err)
{
    modellab_status status = mli_store_webhook_delete(lab->store, id, err);

    if (status == MODELLAB_OK)
        tell(lab, "webhook.deleted", "a webhook was removed", id);
    return status;
}

modellab_status mli_webhook_enable(mli_lab *lab, const char *id, modellab_error *err)
{
    modellab_status status = mli_store_webhook_enable(lab->store, id, err);

    if (status == MODELLAB_OK)
        tell(lab, "webhook.enabled", "a webhook works again", id);
    return status;
}

modellab_status mli_webhook_list_load(mli_lab *lab, const char *id, modellab_webhook_list **out,
                                      modellab_error *err)
{
    modellab_webhook_list *list = mli_alloc_zero(lab->alloc, sizeof *list);
    if (list == NULL)
        return mli_no_memory(err);
    modellab_status status = mli_store_webhooks(lab->store, id, false, &list->rows, err);
    if (status == MODELLAB_OK && id != NULL && list->rows->count == 0)
        status = mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no webhook of this id");
    if (status != MODELLAB_OK) {
        mli_webhook_list_free(list->rows);
        mli_free(lab->alloc, list);
        return status;
    }
    list->lab = mli_lab_ref(lab);
    *out = list;
    return MODELLAB_OK;
}

/* Whether it is there, and where a page goes on. */
MODELLAB_MUST_CHECK static modellab_status find_place(mli_lab *lab, const char *webhook_id,
                                                      const char *before, int64_t *seq,
                                                      modellab_error *err)
{
    mli_webhook_list *hooks = NULL;
    mli_delivery_list *rows = NULL;
    modellab_status status = mli_store_webhooks(lab->store, webhook_id, false, &hooks, err);
    if (status == MODELLAB_OK && hooks->count == 0)
        status = mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no webhook of this id");
    mli_webhook_list_free(hooks);
    if (status != MODELLAB_OK || before == NULL)
        return status;
    status = mli_store_deliveries(lab->store, webhook_id, before, 0, 1, &rows, err);
    if (status == MODELLAB_OK && rows->count == 0)
        status = mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no delivery of this id");
    if (status == MODELLAB_OK)
        *seq = rows->rows[0].seq;
    mli_delivery_list_free(rows);
    return status;
}

modellab_status mli_delivery_list_load(mli_lab *lab, const char *webhook_id, const char *id,
                                       const char *before, int32_t limit,
                                       modellab_delivery_list **out, modellab_error *err)
{
    int64_t seq = 0;
    modellab_status status = find_place(lab, webhook_id, before, &seq, err);
    if (status != MODELLAB_OK)
        return status;
    modellab_delivery_list *list = mli_alloc_zero(lab->alloc, sizeof *list);
    if (list == NULL)
        return mli_no_memory(err);
    status = mli_store_deliveries(lab->store, webhook_id, id, seq, limit, &list->rows, err);
    if (status == MODELLAB_OK && id != NULL && list->rows->count == 0)
        status = mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no delivery of this id");
    if (status != MODELLAB_OK) {
        mli_delivery_list_free(list->rows);
        mli_free(lab->alloc, list);
        return status;
    }
    list->lab = mli_lab_ref(lab);
    *out = list;
    return MODELLAB_OK;
}

void mli_webhook_list_unref(modellab_webhook_list *list)
{
    if (list != NULL) {
        mli_lab *lab = list->lab;
        mli_webhook_list_free(list->rows);
        mli_free(lab->alloc, list);
        mli_lab_unref(lab);
    }
}

void mli_delivery_list_unref(modellab_delivery_list *list)
{
    if (list != NULL) {
        mli_lab *lab = list->lab;
        mli_delivery_list_free(list->rows);
        mli_free(lab->alloc, list);
        mli_lab_unref(lab);
    }
}
