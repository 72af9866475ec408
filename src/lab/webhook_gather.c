/* Deliveries of events: what is sent is written when its event is looked at, in the transaction
 * that moves the webhook's cursor behind it. Who dies before has moved nothing, so none is lost. An
 * event that nobody is told of writes nothing: that it was looked at is remembered. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "lab/webhooks.h"
#include <string.h>

#define EVENTS_A_TIME 100
/* Events that a new process may have to look at again, for each webhook. */
#define MOST_BEHIND 1000

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
MODELLAB_MUST_CHECK static modellab_status put(mli_lab *lab, const mli_webhook_row *hook,
                                               const mli_feed_list *events, int64_t cursor,
                                               bool *moved, modellab_error *err)
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
        status = mli_store_deliveries_put(lab->store, hook->id, cursor, events->next, rows, count,
                                          moved, err);
    for (size_t i = 0; i < made; i++)
        mli_buf_dispose(&drafts[i].body);
    mli_free(lab->alloc, drafts);
    mli_free(lab->alloc, rows);
    return status;
}

void mli_webhook_memory_init(mli_webhook_memory *memory, const modellab_allocator *alloc)
{
    *memory = (mli_webhook_memory){.alloc = alloc};
}

void mli_webhook_memory_dispose(mli_webhook_memory *memory)
{
    mli_free(memory->alloc, memory->items);
    mli_webhook_memory_init(memory, memory->alloc);
}

/* One look at all webhooks. Most of them stand at the same place: they share its page. */
typedef struct pass {
    mli_lab *lab;
    const mli_cancel_word *cancel;
    mli_feed_list *events; /* those after `after`; NULL = none were read */
    int64_t after;
    bool whole; /* nobody was faster, and nothing broke it off */
} pass;

MODELLAB_MUST_CHECK static modellab_status turn_to(pass *p, int64_t after, modellab_error *err)
{
    const mli_feed_query query = {.after = after, .limit = EVENTS_A_TIME};

    if (p->events != NULL && p->after == after)
        return MODELLAB_OK;
    mli_feed_list_free(p->events);
    p->events = NULL;
    p->after = after;
    return mli_store_feed(p->lab->store, &query, &p->events, err);
}

static bool wants_any(const mli_webhook_row *hook, const mli_feed_list *events)
{
    for (size_t i = 0; i < events->count; i++) {
        if (wants(hook, &events->rows[i]))
            return true;
    }
    return false;
}

MODELLAB_MUST_CHECK static modellab_status gather_one(pass *p, const mli_webhook_row *hook,
                                                      mli_webhook_seen *seen, modellab_error *err)
{
    for (bool more = true; more;) {
        bool moved = true;
        if (mli_cancelled(p->cancel)) {
            p->whole = false;
            return MODELLAB_OK;
        }
        modellab_status status = turn_to(p, seen->looked, err);
        if (status != MODELLAB_OK)
            return status;
        const int64_t next = p->events->next;
        const bool put_it = wants_any(hook, p->events) || next - seen->stored >= MOST_BEHIND;
        if (put_it)
            status = put(p->lab, hook, p->events, seen->stored, &moved, err);
        if (status != MODELLAB_OK)
            return status;
        if (!moved) { /* somebody else was faster, or it is gone: looked at again next time */
            p->whole = false;
            return MODELLAB_OK;
        }
        seen->looked = next;
        seen->stored = put_it ? next : seen->stored;
        more = p->events->full;
    }
    return MODELLAB_OK;
}

/* Both lists are in the order of making: as a rule it stands where it stood. */
static int64_t looked_at(const mli_webhook_memory *memory, const mli_webhook_row *hook, size_t hint)
{
    for (size_t i = 0; memory != NULL && i < memory->count; i++) {
        const mli_webhook_seen *one = &memory->items[(hint + i) % memory->count];
        if (strcmp(one->id, hook->id) == 0)
            return one->stored == hook->cursor && one->looked > hook->cursor ? one->looked
                                                                             : hook->cursor;
    }
    return hook->cursor;
}

MODELLAB_MUST_CHECK static modellab_status
gather_all(pass *p, mli_webhook_memory *memory, const mli_webhook_list *hooks, modellab_error *err)
{
    const modellab_allocator *alloc = memory != NULL ? memory->alloc : p->lab->alloc;
    modellab_status status = MODELLAB_OK;
    mli_webhook_seen *items = NULL;

    if (hooks->count > 0) {
        items = mli_alloc_array(alloc, hooks->count, sizeof *items);
        if (items == NULL)
            return mli_no_memory(err);
    }
    size_t count = 0;
    for (; status == MODELLAB_OK && count < hooks->count; count++) {
        const mli_webhook_row *hook = &hooks->rows[count];
        mli_webhook_seen *one = &items[count];
        *one = (mli_webhook_seen){.stored = hook->cursor, .looked = looked_at(memory, hook, count)};
        (void)mli_str_copy(one->id, sizeof one->id, hook->id); /* fits: it is one of ours */
        status = gather_one(p, hook, one, err);
    }
    if (memory == NULL) {
        mli_free(alloc, items);
        return status;
    }
    mli_free(alloc, memory->items);
    memory->items = items;
    memory->count = count;
    return status;
}

modellab_status mli_webhook_gather(mli_lab *lab, mli_webhook_memory *memory,
                                   const mli_cancel_word *cancel, modellab_error *err)
{
    pass p = {.lab = lab, .cancel = cancel, .whole = true};
    mli_webhook_list *hooks = NULL;
    int64_t end = 0;
    modellab_status status = mli_store_feed_end(lab->store, &end, err);

    if (status == MODELLAB_OK && memory != NULL && end > 0 && end == memory->end)
        return MODELLAB_OK; /* nothing has happened */
    if (status == MODELLAB_OK)
        status = mli_store_webhooks(lab->store, NULL, true, &hooks, err);
    if (status == MODELLAB_OK)
        status = gather_all(&p, memory, hooks, err);
    if (memory != NULL)
        memory->end = status == MODELLAB_OK && p.whole ? end : 0;
    mli_feed_list_free(p.events);
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
