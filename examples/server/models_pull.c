/* POST /api/v1/models/{name}/pull: a recorded run ("models_pull") fetches and installs the model on
 * a thread of its own; one for each model at a time, a few at once, the others wait in line. */
#include "crew.h"
#include "model_pool.h"
#include "problem.h"
#include "replay.h"
#include "reply.h"
#include "run_summary.h"
#include "server.h"
#include "speech_warm.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PULLS_AT_ONCE = 2, PULLS_MOST = 64, LOOK_MS = 50 };

/* Seen by the looks (timers) and, once it has begun, by its thread. */
typedef struct puller {
    struct puller *next; /* of all, in the order of their requests */
    pthread_mutex_t lock;
    int references;
    modellab_catalog *catalog;
    modellab_record *record; /* one thread at a time: the lock */
    modellab_cancel *cancel;
    modellab_logger *log; /* of the request */
    char *name, *user, id[MODELLAB_RUN_ID_BYTES];
    modellab_status why;                       /* of the record's check */
    bool is_voice, waits, begun, ended, stops; /* stops: the server does */
} puller;

static struct {
    pthread_mutex_t lock; /* before that of a puller */
    puller *first;
    size_t count;
} pulls = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void drop(puller *p)
{
    (void)pthread_mutex_lock(&p->lock);
    bool last = --p->references == 0;
    (void)pthread_mutex_unlock(&p->lock);
    if (!last)
        return;
    modellab_record_destroy(p->record); /* one that was cancelled ends as its check said */
    modellab_catalog_unref(p->catalog);
    modellab_cancel_unref(p->cancel);
    modellab_logger_unref(p->log);
    (void)pthread_mutex_destroy(&p->lock);
    free(p->name);
    free(p->user);
    free(p);
}

static void say(const puller *p, modellab_log_level level, const char *event, const char *what)
{
    char text[512];
    (void)snprintf(text, sizeof text, "%s: %s (run %s)", p->name, what, p->id);
    modellab_logger_write(p->log, level, event, text);
}

/* Under its lock: may it go on? */
static bool goes_on(puller *p)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    if (p->why == MODELLAB_OK)
        p->why = modellab_record_check(p->record, &err);
    p->stops = p->stops || server_is_draining();
    return p->why == MODELLAB_OK && !p->stops;
}

/* Under its lock. */
static void tell(puller *p, json_t *details)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    char *text = details != NULL ? json_dumps(details, JSON_COMPACT) : NULL;
    json_decref(details);
    if (text != NULL && modellab_record_tell(p->record, text, &err) != MODELLAB_OK)
        modellab_logger_write(p->log, MODELLAB_LOG_WARN, "models.progress_not_told", err.message);
    free(text);
}

static int32_t on_progress(void *user, const char *file, const char *source, int64_t done,
                           int64_t total)
{
    puller *p = user;
    json_t *details = json_pack("{s:s, s:s, s:I}", "file", file, "source", source, "done_bytes",
                                (json_int_t)done);
    if (details != NULL && total >= 0 &&
        json_object_set_new(details, "total_bytes", json_integer((json_int_t)total)) != 0)
        total = -1; /* it is left out */
    (void)pthread_mutex_lock(&p->lock);
    bool good = goes_on(p);
    if (good)
        tell(p, details);
    (void)pthread_mutex_unlock(&p->lock);
    if (!good)
        json_decref(details);
    return good ? 0 : 1;
}

/* Under its lock. */
MODELLAB_MUST_CHECK static modellab_status finish(puller *p, modellab_status status,
                                                  const char *message, modellab_error *err)
{
    if (status == MODELLAB_OK)
        return modellab_record_finish(p->record, MODELLAB_RUN_COMPLETED, MODELLAB_REASON_NONE, NULL,
                                      err);
    if (p->why != MODELLAB_OK)
        return MODELLAB_OK; /* it ends as its check said, when it is destroyed */
    if (p->stops)
        return modellab_record_finish(p->record, MODELLAB_RUN_CANCELLED,
                                      MODELLAB_REASON_HOST_STOPPED, "The server stops.", err);
    return modellab_record_finish(p->record, MODELLAB_RUN_FAILED,
                                  status == MODELLAB_E_NO_SPACE ? MODELLAB_REASON_NO_SPACE
                                  : status == MODELLAB_E_NETWORK || status == MODELLAB_E_NO_SOURCE
                                      ? MODELLAB_REASON_NETWORK_ERROR
                                      : MODELLAB_REASON_HOST_FAILED,
                                  message, err);
}

/* It has come to its end, whichever. */
static void end(puller *p, modellab_status status, const char *message)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    (void)pthread_mutex_lock(&p->lock);
    modellab_status ended = modellab_record_step_end(
        p->record, status == MODELLAB_OK ? MODELLAB_RUN_COMPLETED : MODELLAB_RUN_FAILED,
        status == MODELLAB_OK ? NULL : message, &err);
    if (ended == MODELLAB_OK)
        ended = finish(p, status, message, &err);
    modellab_record_destroy(p->record);
    p->record = NULL;
    p->ended = true;
    bool stopped = p->stops || p->why != MODELLAB_OK;
    (void)pthread_mutex_unlock(&p->lock);
    if (ended != MODELLAB_OK)
        modellab_logger_write(p->log, MODELLAB_LOG_WARN, "models.run_not_ended", err.message);
    say(p, status == MODELLAB_OK || stopped ? MODELLAB_LOG_INFO : MODELLAB_LOG_WARN,
        "models.pull_ended",
        status == MODELLAB_OK ? "installed"
        : p->stops            ? "ended, because the server stops"
        : stopped             ? "cancelled"
                              : message);
    (void)pthread_mutex_lock(&pulls.lock);
    puller **at = &pulls.first;
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    pulls.count--;
    (void)pthread_mutex_unlock(&pulls.lock);
}

/* On its thread. */
static void pull(void *user)
{
    puller *p = user;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_pull_options options = MODELLAB_PULL_OPTIONS_INIT;
    options.progress = on_progress;
    options.user = p;
    options.cancel = p->cancel;
    say(p, MODELLAB_LOG_INFO, "models.pull_begun", "it is fetched");
    modellab_status status = modellab_catalog_pull(p->catalog, p->name, &options, &err);
    model_pool_forget(p->name);
    if (status == MODELLAB_OK && p->is_voice)
        speech_warm_voice(p->name, p->cancel, p->log);
    end(p, status, err.message);
    drop(p);
}

/* Begins, when it is the first that waits and there is room. */
static void try_to_begin(puller *p)
{
    (void)pthread_mutex_lock(&pulls.lock);
    const puller *first = pulls.first;
    while (first->begun)
        first = first->next;
    if (first == p) {
        (void)pthread_mutex_lock(&p->lock);
        p->references++; /* the thread's */
        p->begun = crew_run(&crew_of_pulls, PULLS_AT_ONCE, pull, p);
        p->references -= !p->begun;
        (void)pthread_mutex_unlock(&p->lock);
    }
    bool waits = !p->begun && !p->waits;
    p->waits = p->waits || waits;
    (void)pthread_mutex_unlock(&pulls.lock);
    if (!waits)
        return;
    say(p, MODELLAB_LOG_INFO, "models.pull_waits", "others are fetched first");
    (void)pthread_mutex_lock(&p->lock);
    tell(p, json_pack("{s:b}", "waits", 1));
    (void)pthread_mutex_unlock(&p->lock);
}

/* Holds no thread: it comes back until the pull has ended. */
static void look(void *user)
{
    puller *p = user;
    (void)pthread_mutex_lock(&p->lock);
    bool ended = p->ended, good = ended || goes_on(p), begun = p->begun;
    (void)pthread_mutex_unlock(&p->lock);
    if (!ended && good && !begun)
        try_to_begin(p);
    if (!good) {
        modellab_cancel_set(p->cancel);
        if (!begun) {
            end(p, MODELLAB_E_CANCELLED, "it did not begin");
            ended = true;
        }
    }
    if (ended || !job_after(LOOK_MS, look, p)) {
        /* at the server's stop its thread ends by the progress and the cancel word */
        modellab_cancel_set(p->cancel);
        drop(p);
    }
}

MODELLAB_MUST_CHECK static modellab_status begin_record(call *c, puller *p, modellab_error *err)
{
    modellab_record_options options = MODELLAB_RECORD_OPTIONS_INIT;
    json_t *config = json_pack("{s:{s:s}}", "models_pull", "model", p->name);
    char *text = config != NULL ? json_dumps(config, JSON_COMPACT) : NULL;
    json_decref(config);
    if (text == NULL)
        return MODELLAB_E_NO_MEMORY;
    options.pipeline = "models_pull";
    options.user = call_user(c);
    options.request_id = call_request_id(c);
    options.trace_parent = call_trace_parent(c);
    options.trace_state = call_trace_state(c);
    options.config_json = text;
    modellab_status status = modellab_record_begin(call_lab(c), &options, &p->record, err);
    free(text);
    if (status != MODELLAB_OK)
        return status;
    (void)snprintf(p->id, sizeof p->id, "%s", modellab_record_run_id(p->record));
    return modellab_record_step_begin(p->record, "pull", err);
}

static void answer(call *c, const char *id, modellab_idempotency *claim)
{
    char path[96];
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run *run = NULL;
    modellab_status status = modellab_run_load(call_lab(c), id, &run, &err);
    if (status != MODELLAB_OK) {
        reply_error(c, status, &err, NULL);
        return;
    }
    (void)snprintf(path, sizeof path, "/api/v1/runs/%s", id);
    json_t *summary = run_summary(run);
    char *text = summary != NULL ? json_dumps(summary, JSON_COMPACT) : NULL;
    json_decref(summary);
    modellab_run_unref(run);
    if (text == NULL) {
        reply_problem(c, 500, "internal", "out of memory");
        return;
    }
    replay_keep(c, claim, 202, path, text);
    reply_location(c, path);
    reply_bytes(c, 202, "application/json", text, strlen(text));
    free(text);
}

/* With one reference. */
MODELLAB_MUST_CHECK static modellab_status create(call *c, modellab_catalog *owned,
                                                  const modellab_catalog_entry *entry, puller **out,
                                                  modellab_error *err)
{
    puller *p = calloc(1, sizeof *p);
    *out = p;
    if (p == NULL || pthread_mutex_init(&p->lock, NULL) != 0) {
        free(p);
        *out = NULL;
        modellab_catalog_unref(owned);
        return MODELLAB_E_NO_MEMORY;
    }
    p->references = 1;
    p->catalog = owned;
    p->log = modellab_logger_ref(call_log(c));
    p->name = strdup(entry->name);
    p->is_voice = strcmp(entry->task, "tts") == 0;
    p->user = strdup(call_user(c));
    modellab_status status = p->name != NULL && p->user != NULL
                                 ? modellab_cancel_create(NULL, &p->cancel, err)
                                 : MODELLAB_E_NO_MEMORY;
    return status == MODELLAB_OK ? begin_record(c, p, err) : status;
}

/* Under the lock of all: the run of this model's pull; false: none is at work. */
static bool find_running(const char *name, char id[MODELLAB_RUN_ID_BYTES], char **user)
{
    for (const puller *p = pulls.first; p != NULL; p = p->next)
        if (strcmp(p->name, name) == 0) {
            (void)snprintf(id, MODELLAB_RUN_ID_BYTES, "%s", p->id);
            *user = strdup(p->user);
            return true;
        }
    return false;
}

static void start(call *c, modellab_catalog *owned, const modellab_catalog_entry *entry,
                  modellab_idempotency *claim)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = MODELLAB_OK;
    puller *p = NULL;
    char id[MODELLAB_RUN_ID_BYTES], *user = NULL;
    (void)pthread_mutex_lock(&pulls.lock);
    bool runs = find_running(entry->name, id, &user), full = pulls.count >= PULLS_MOST;
    if (!runs && !full) {
        status = create(c, owned, entry, &p, &err);
        owned = NULL;
        if (status == MODELLAB_OK) {
            puller **at = &pulls.first;
            while (*at != NULL)
                at = &(*at)->next;
            *at = p;
            pulls.count++;
            (void)snprintf(id, sizeof id, "%s", p->id);
        }
    }
    (void)pthread_mutex_unlock(&pulls.lock);
    modellab_catalog_unref(owned);
    if (!runs && full) {
        reply_later(c, 503, "unavailable", "too many models wait to be pulled", 60);
    } else if (runs && (user == NULL || !call_may_see(c, user))) {
        reply_later(c, 409, "conflict", "somebody else pulls this model at the moment", 5);
    } else if (status != MODELLAB_OK) {
        reply_error(c, status, &err, NULL);
        if (p != NULL)
            drop(p);
    } else {
        answer(c, id, claim);
        if (!runs)
            look(p);
    }
    free(user);
}

static bool find(const modellab_catalog *catalog, const char *name, modellab_catalog_entry *out)
{
    for (size_t i = 0; i < modellab_catalog_count(catalog); i++) {
        *out = (modellab_catalog_entry){.size = sizeof *out};
        if (modellab_catalog_at(catalog, i, out, NULL) == MODELLAB_OK &&
            strcmp(out->name, name) == 0)
            return true;
    }
    return false;
}

static void pull_model(call *c)
{
    modellab_catalog_options options = MODELLAB_CATALOG_OPTIONS_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_catalog *catalog = NULL;
    modellab_catalog_entry entry;
    options.logger = call_log(c);
    modellab_status status = modellab_catalog_load(&options, &catalog, &err);
    if (status != MODELLAB_OK) {
        reply_error(c, status, &err, NULL);
        return;
    }
    if (find(catalog, call_param(c, "name"), &entry)) {
        modellab_idempotency *claim = NULL;
        if (replay_begin(c, &claim) && replay_match(c, claim, NULL, 0))
            start(c, catalog, &entry, claim);
        else
            modellab_catalog_unref(catalog);
        modellab_idempotency_unref(claim);
        return;
    }
    modellab_catalog_unref(catalog);
    reply_problem(c, 404, "not-found", "there is no model of this name");
}

static const operation table[] = {
    {.id = "pullModel",
     .method = "POST",
     .path = "/api/v1/models/{name}/pull",
     .scope = "models:write",
     .flags = OP_KEYED,
     .run = pull_model},
};
OPERATION_TABLE(models_pull);
