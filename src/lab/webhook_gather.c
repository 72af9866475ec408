/* Deliveries of events: what is sent is written when its event is looked at, in the transaction
 * that moves the webhook's cursor behind it. Who dies before has moved nothing, so none is lost. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "lab/webhooks.h"
#include <string.h>

#define EVENTS_A_TIME 100

static bool has_word(const char *words, const char *word)
{
    const size_t bytes = strlen(word);

    while (*words != '\0') {
        const size_t n = strcspn(words, " ");
        if (n == bytes && memcmp(words, word, n) == 0)
            return true;
        words += n + (words[n] == ' ');
    }
    return false;
}

/* A run that came, ended, from another lab makes no news. */
static bool wants(const mli_webhook_row *hook, const mli_feed_row *event)
{
    const char *of = hook->kinds[0] != '\0'
                         ? hook->kinds
                         : "run_completed run_failed run_cancelled run_timeout run_stale";

    return !event->imported && (hook->every_user || strcmp(hook->user, event->user) == 0) &&
           has_word(of, event->type);
}

static void write_body(mli_buf *out, const char *delivery_id, const char *webhook_id,
                       const mli_feed_row *event, int64_t now_ms)
{
    mli_jw w;

    mli_jw_init(&w, out);
    mli_jw_object(&w);
    mli_jw_kstring(&w, "id", delivery_id);
    mli_jw_kstring(&w, "type", event != NULL ? event->type : "test");
    mli_jw_kstring(&w, "webhook_id", webhook_id);
    mli_jw_kutc(&w, "created_at", now_ms);
    if (event != NULL) {
        mli_jw_kstring(&w, "run_id", event->run_id);
        mli_jw_kstring(&w, "request_id", event->request_id);
        mli_jw_kstring(&w, "trace_id", event->trace_id);
        mli_jw_kstring(&w, "user", event->user);
        mli_jw_kstring(&w, "pipeline", event->pipeline);
        mli_jw_kstring(&w, "experiment_id", event->experiment_id);
        mli_jw_key(&w, "event");
        mli_jw_object(&w);
        mli_jw_kint(&w, "number", event->number);
        mli_jw_kutc(&w, "time", event->time_ms);
        mli_jw_kstring(&w, "step", event->step);
        mli_jw_key(&w, "data");
        mli_jw_raw(&w, event->data, strlen(event->data));
        mli_jw_end_object(&w);
    }
    mli_jw_end_object(&w);
}

typedef struct draft {
    mli_delivery_row row;
    char id[MLI_ULID_BYTES];
    mli_buf body;
} draft;

MODELLAB_MUST_CHECK static modellab_status
make(mli_lab *lab, const char *webhook_id, const mli_feed_row *event, draft *d, modellab_error *err)
{
    const int64_t now_ms = mli_lab_now_ms(lab);
    int rc = mli_ulid_new(lab->os.clock, lab->os.random, d->id);

    mli_buf_init(&d->body, lab->alloc);
    if (rc != 0)
        return mli_fail_os(err, rc, "no random numbers for a delivery");
    write_body(&d->body, d->id, webhook_id, event, now_ms);
    d->row = (mli_delivery_row){.id = d->id,
                                .kind = event != NULL ? event->type : "test",
                                .run_id = event != NULL ? event->run_id : "",
                                .request_id = event != NULL ? event->request_id : "",
                                .trace_id = event != NULL ? event->trace_id : "",
                                .body = mli_buf_text(&d->body),
                                .event_seq = event != NULL ? event->seq : 0,
                                .created_ms = now_ms};
    return mli_buf_status(&d->body, err);
}

/* One page of events of one webhook. */
MODELLAB_MUST_CHECK static modellab_status look_at(mli_lab *lab, const mli_webhook_row *hook,
                                                   const mli_feed_list *events, bool *moved,
                                                   modellab_error *err)
{
    draft *drafts = mli_alloc_array(lab->alloc, EVENTS_A_TIME, sizeof *drafts);
    mli_delivery_row *rows = mli_alloc_array(lab->alloc, EVENTS_A_TIME, sizeof *rows);
    modellab_status status = drafts != NULL && rows != NULL ? MODELLAB_OK : mli_no_memory(err);
    size_t count = 0, made = 0;

    for (size_t i = 0; status == MODELLAB_OK && i < events->count; i++) {
        if (wants(hook, &events->rows[i])) {
            status = make(lab, hook->id, &events->rows[i], &drafts[made++], err);
            rows[count++] = drafts[made - 1].row;
        }
    }
    if (status == MODELLAB_OK)
        status = mli_store_deliveries_put(lab->store, hook->id, hook->cursor, events->next, rows,
                                          count, moved, err);
    for (size_t i = 0; i < made; i++)
        mli_buf_dispose(&drafts[i].body);
    mli_free(lab->alloc, drafts);
    mli_free(lab->alloc, rows);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status
gather_one(mli_lab *lab, mli_webhook_row *hook, const mli_cancel_word *cancel, modellab_error *err)
{
    bool more = true;

    while (more && !mli_cancelled(cancel)) {
        const mli_feed_query query = {.after = hook->cursor, .limit = EVENTS_A_TIME};
        mli_feed_list *events = NULL;
        bool moved = false;
        modellab_status status = mli_store_feed(lab->store, &query, &events, err);
        if (status == MODELLAB_OK && events->next > hook->cursor)
            status = look_at(lab, hook, events, &moved, err);
        if (status != MODELLAB_OK) {
            mli_feed_list_free(events);
            return status;
        }
        more = moved && events->full; /* somebody else was faster: he goes on */
        hook->cursor = events->next;
        mli_feed_list_free(events);
    }
    return MODELLAB_OK;
}

modellab_status mli_webhook_gather(mli_lab *lab, const mli_cancel_word *cancel, modellab_error *err)
{
    mli_webhook_list *hooks = NULL;
    modellab_status status = mli_store_webhooks(lab->store, NULL, true, &hooks, err);

    for (size_t i = 0; status == MODELLAB_OK && i < hooks->count; i++)
        status = gather_one(lab, &hooks->rows[i], cancel, err);
    mli_webhook_list_free(hooks);
    return status;
}

modellab_status mli_webhook_test(mli_lab *lab, const char *id, char delivery_id[MLI_ULID_BYTES],
                                 modellab_error *err)
{
    mli_webhook_list *hooks = NULL;
    bool moved = false;
    draft d;
    modellab_status status = mli_store_webhooks(lab->store, id, false, &hooks, err);

    if (status == MODELLAB_OK && hooks->count == 0)
        status = mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no webhook of this id");
    if (status == MODELLAB_OK && hooks->rows[0].disabled_ms >= 0)
        status = mli_fail(err, MODELLAB_E_STATE, "the webhook is disabled");
    mli_webhook_list_free(hooks);
    if (status != MODELLAB_OK)
        return status;
    status = make(lab, id, NULL, &d, err);
    if (status == MODELLAB_OK)
        status = mli_store_deliveries_put(lab->store, id, 0, 0, &d.row, 1, &moved, err);
    memcpy(delivery_id, d.id, MLI_ULID_BYTES);
    mli_buf_dispose(&d.body);
    return status;
}
