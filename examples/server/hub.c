/* The hub's thread: takes those who come, serves those who are behind from the store, then sleeps
 * until any run of the lab has news. */
#include "hub.h"

#include "server.h"
#include "text.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOW_BYTES (64u * 1024u) /* who has more waiting is left alone */
#define PAGE 100
#define RETRY_MS 1000 /* after the store has failed */

typedef struct member {
    struct member *next;
    int64_t number, place, last_ms;
    char run_id[MODELLAB_RUN_ID_BYTES]; /* "" = all */
    char *owner, *user, *types, *runs;  /* NULL = any */
    bool is_final, behind, left;
    hub_taker taker;
    void *taker_user;
} member;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool running, stopping;
    pthread_t thread;
    modellab_lab *lab;
    member *coming;
    int64_t *leaving;
    size_t leaving_count, leaving_room;
    modellab_cancel *sleeping; /* what ends the present sleep */
    bool woken;
} hub = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static _Atomic int64_t idle_ms = 15000;

/* The thread's own. */
static member *members;
static int64_t place; /* sequence up to which all were told */

void hub_set_idle(int64_t ms)
{
    atomic_store(&idle_ms, ms);
}

static void member_free(member *m)
{
    free(m->owner);
    free(m->user);
    free(m->types);
    free(m->runs);
    free(m);
}

static bool keep(const char *text, char **out)
{
    *out = text != NULL ? strdup(text) : NULL;
    return text == NULL || *out != NULL;
}

static member *member_create(const hub_wish *w, const hub_taker *taker, void *user)
{
    member *m = calloc(1, sizeof *m);
    if (m == NULL)
        return NULL;
    if (w->run_id != NULL)
        (void)strncpy(m->run_id, w->run_id, sizeof m->run_id - 1);
    m->place = w->after;
    m->is_final = w->is_final;
    m->behind = true;
    m->last_ms = text_now_ms();
    m->taker = *taker;
    m->taker_user = user;
    if (keep(w->owner, &m->owner) && keep(w->user, &m->user) && keep(w->types, &m->types) &&
        keep(w->runs, &m->runs))
        return m;
    member_free(m);
    return NULL;
}

/* Under the lock. */
static void wake_locked(void)
{
    hub.woken = true;
    if (hub.sleeping != NULL)
        modellab_cancel_set(hub.sleeping);
    (void)pthread_cond_signal(&hub.changed);
}

void hub_wake(void)
{
    (void)pthread_mutex_lock(&hub.lock);
    wake_locked();
    (void)pthread_mutex_unlock(&hub.lock);
}

void hub_leave(int64_t number)
{
    (void)pthread_mutex_lock(&hub.lock);
    for (size_t i = 0; i < hub.leaving_count; i++)
        if (hub.leaving[i] == number)
            number = 0;
    if (number != 0 && hub.leaving_count == hub.leaving_room) {
        size_t room = hub.leaving_room > 0 ? 2 * hub.leaving_room : 64;
        int64_t *grown = realloc(hub.leaving, room * sizeof *grown);
        if (grown != NULL) {
            hub.leaving = grown;
            hub.leaving_room = room;
        }
    }
    if (number != 0 && hub.leaving_count < hub.leaving_room)
        hub.leaving[hub.leaving_count++] = number; /* else the next event or idle() tells */
    wake_locked();
    (void)pthread_mutex_unlock(&hub.lock);
}

bool hub_is_final(const char *type)
{
    static const char *const types[] = {"run_completed", "run_failed", "run_cancelled",
                                        "run_timeout", "run_stale"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(type, types[i]) == 0)
            return true;
    return false;
}

static bool wants(const member *m, const modellab_event_info *e)
{
    return (m->owner == NULL || strcmp(m->owner, e->user) == 0) &&
           (m->user == NULL || strcmp(m->user, e->user) == 0) &&
           (m->types == NULL || text_list_has(m->types, e->type)) &&
           (m->runs == NULL || text_list_has(m->runs, e->run_id));
}

static void give(member *m, const modellab_event_info *e, const char *json, size_t bytes)
{
    if (json == NULL || !m->taker.event(m->taker_user, e, json, bytes))
        m->left = true;
    m->last_ms = text_now_ms();
}

static void end_member(member *m, hub_end why)
{
    if (!m->left && m->taker.end != NULL)
        m->taker.end(m->taker_user, why);
    m->left = true;
}

static void give_of_run(member *m, const modellab_event_info *e, const char *json, size_t bytes)
{
    m->place = e->number;
    if (m->types == NULL || text_list_has(m->types, e->type))
        give(m, e, json, bytes);
    if (hub_is_final(e->type) && !m->is_final)
        end_member(m, HUB_FINAL);
}

static bool has_room(const member *m)
{
    return m->taker.waiting(m->taker_user) < LOW_BYTES;
}

/* A page of the store; false when the store has failed. */
static bool load_page(const member *m, modellab_event_list **list, modellab_status *status)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    if (m->run_id[0] != '\0') {
        *status = modellab_event_list_load(hub.lab, m->run_id, m->place, PAGE, 0, list, &err);
    } else {
        modellab_event_feed_options options = MODELLAB_EVENT_FEED_OPTIONS_INIT;
        options.after = m->place;
        options.limit = PAGE;
        options.user = m->owner != NULL ? m->owner : m->user;
        *status = modellab_event_feed_load(hub.lab, &options, list, &err);
    }
    return *status == MODELLAB_OK || *status == MODELLAB_E_NOT_FOUND;
}

static void give_page(member *m, const modellab_event_list *list)
{
    size_t count = modellab_event_list_count(list);
    for (size_t i = 0; i < count && !m->left && has_room(m); i++) {
        modellab_event_info e = {.size = sizeof e};
        if (modellab_event_list_at(list, i, &e, NULL) != MODELLAB_OK)
            continue; /* the index is one of its own */
        if (m->run_id[0] == '\0' && !wants(m, &e)) {
            m->place = e.sequence;
            continue;
        }
        size_t bytes = 0;
        char *json = hub_event_json(&e, &bytes);
        if (m->run_id[0] != '\0') {
            give_of_run(m, &e, json, bytes);
        } else {
            m->place = e.sequence;
            give(m, &e, json, bytes);
        }
        free(json);
    }
}

/* Brings one who is behind nearer to the present; false when the store has failed. */
static bool catch_up(member *m)
{
    modellab_event_list *list = NULL;
    modellab_status status;
    if (!load_page(m, &list, &status))
        return false;
    if (status == MODELLAB_E_NOT_FOUND) {
        end_member(m, HUB_GONE);
        return true;
    }
    if (modellab_event_list_count(list) == 0 && modellab_event_list_next(list) > m->place) {
        m->place = modellab_event_list_next(list); /* others' events: there may be more behind */
    } else if (modellab_event_list_count(list) == 0) {
        m->behind = false;
        if (m->is_final)
            end_member(m, HUB_FINAL);
    } else {
        give_page(m, list);
    }
    modellab_event_list_unref(list);
    return true;
}

/* What has just been stored, to one who is not behind. */
static void tell(member *m, const modellab_event_info *e, const char *json, size_t bytes)
{
    bool of_run = m->run_id[0] != '\0';
    if (m->behind || m->left || (of_run && strcmp(m->run_id, e->run_id) != 0))
        return;
    if (of_run && e->number <= m->place)
        return;
    if (!of_run && e->sequence <= m->place)
        return;
    if (!has_room(m) || (of_run && e->number != m->place + 1)) {
        m->behind = true; /* from the store, later */
        return;
    }
    if (of_run) {
        give_of_run(m, e, json, bytes);
    } else {
        m->place = e->sequence;
        if (wants(m, e))
            give(m, e, json, bytes);
    }
}

static void tell_all(const modellab_event_list *list)
{
    size_t count = modellab_event_list_count(list);
    for (size_t i = 0; i < count; i++) {
        modellab_event_info e = {.size = sizeof e};
        size_t bytes = 0;
        if (modellab_event_list_at(list, i, &e, NULL) != MODELLAB_OK)
            continue; /* the index is one of its own */
        char *json = hub_event_json(&e, &bytes);
        for (member *m = members; m != NULL; m = m->next)
            tell(m, &e, json, bytes);
        free(json);
    }
}

static void release(member *m)
{
    m->taker.release(m->taker_user);
    member_free(m);
}

/* Those who come join. A taker is asked without the lock: it has one of its own, within which it
 * may leave. Under the lock again when nobody else has come meanwhile. */
static void welcome_locked(void)
{
    while (hub.coming != NULL) {
        member *coming = hub.coming;
        hub.coming = NULL;
        (void)pthread_mutex_unlock(&hub.lock);
        while (coming != NULL) {
            member *next = coming->next;
            coming->left = coming->taker.gone(coming->taker_user);
            coming->next = members;
            members = coming;
            coming = next;
        }
        (void)pthread_mutex_lock(&hub.lock);
    }
}

/* Those who come join, those who leave go: all who were asked are members when the list is read. */
static void gather(void)
{
    (void)pthread_mutex_lock(&hub.lock);
    welcome_locked();
    for (size_t i = 0; i < hub.leaving_count; i++)
        for (member *m = members; m != NULL; m = m->next)
            m->left = m->left || m->number == hub.leaving[i];
    hub.leaving_count = 0;
    hub.woken = false;
    (void)pthread_mutex_unlock(&hub.lock);
}

static void let_go(bool all)
{
    for (member **at = &members; *at != NULL;) {
        member *m = *at;
        if (m->left || all) {
            *at = m->next;
            release(m);
        } else {
            at = &m->next;
        }
    }
}

/* Signs of life. How long until the next one is due. */
static int64_t look_at_clocks(void)
{
    int64_t now = text_now_ms(), every = atomic_load(&idle_ms), left = every;
    for (member *m = members; m != NULL; m = m->next) {
        if (now - m->last_ms >= every) {
            m->left = m->left || !m->taker.idle(m->taker_user);
            m->last_ms = now;
        }
        if (m->last_ms + every - now < left)
            left = m->last_ms + every - now;
    }
    return left > 0 ? left : 0;
}

/* Serves all who are behind a page each. True: somebody could take more at once. */
static bool serve_those_behind(bool *failed)
{
    bool more = false;
    for (member *m = members; m != NULL && !*failed; m = m->next)
        if (m->behind && !m->left && has_room(m)) {
            *failed = !catch_up(m);
            more = more || (m->behind && !m->left && has_room(m));
        }
    return more;
}

/* Sleeps until there are events, somebody wakes it, or the time is over. */
static modellab_status follow(int64_t wait_ms, modellab_event_list **list)
{
    modellab_event_feed_options options = MODELLAB_EVENT_FEED_OPTIONS_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_cancel *cancel = NULL;
    modellab_status status = modellab_cancel_create(NULL, &cancel, &err);
    if (status != MODELLAB_OK)
        return status;
    (void)pthread_mutex_lock(&hub.lock);
    hub.sleeping = cancel;
    bool woken = hub.woken || hub.stopping;
    (void)pthread_mutex_unlock(&hub.lock);
    options.after = place;
    options.limit = PAGE;
    options.wait_ms = woken ? 0 : wait_ms;
    options.cancel = cancel;
    status = modellab_event_feed_load(hub.lab, &options, list, &err);
    (void)pthread_mutex_lock(&hub.lock);
    hub.sleeping = NULL;
    (void)pthread_mutex_unlock(&hub.lock);
    modellab_cancel_unref(cancel);
    return status;
}

/* Nobody is there, or the store has failed: sleeps on its own condition. False: the end. */
static bool rest(bool failed)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += RETRY_MS / 1000;
    (void)pthread_mutex_lock(&hub.lock);
    if (failed && !hub.stopping)
        (void)pthread_cond_timedwait(&hub.changed, &hub.lock, &until);
    while (!failed && members == NULL && hub.coming == NULL && !hub.stopping)
        (void)pthread_cond_wait(&hub.changed, &hub.lock);
    bool go_on = !hub.stopping;
    (void)pthread_mutex_unlock(&hub.lock);
    return go_on;
}

static void say_failed(modellab_status status)
{
    modellab_logger_write(server_log(), MODELLAB_LOG_ERROR, "hub.failed",
                          modellab_status_text(status));
}

static void *work(void *unused)
{
    bool failed = false, empty = true;
    (void)unused;
    while (rest(failed)) {
        modellab_event_list *list = NULL;
        modellab_status status = MODELLAB_OK;
        failed = false;
        gather();
        if (empty && members != NULL)
            status = modellab_event_feed_end(hub.lab, &place, NULL);
        bool more = status == MODELLAB_OK && serve_those_behind(&failed);
        let_go(false);
        int64_t left = look_at_clocks();
        if (status == MODELLAB_OK && !failed)
            status = follow(more ? 0 : left, &list);
        if (status == MODELLAB_OK && list != NULL) {
            tell_all(list);
            place = modellab_event_list_next(list);
        } else if (status != MODELLAB_OK && status != MODELLAB_E_CANCELLED) {
            say_failed(status);
            failed = true;
        }
        modellab_event_list_unref(list);
        let_go(false);
        empty = members == NULL;
    }
    gather();
    let_go(true);
    return NULL;
}

/* Under the lock. */
static bool start_locked(modellab_lab *lab)
{
    if (hub.running || hub.stopping)
        return hub.running && !hub.stopping;
    hub.lab = modellab_lab_ref(lab);
    hub.running = pthread_create(&hub.thread, NULL, work, NULL) == 0;
    if (!hub.running) {
        modellab_lab_unref(hub.lab);
        hub.lab = NULL;
    }
    return hub.running;
}

int64_t hub_number(void)
{
    static _Atomic int64_t numbers;
    return atomic_fetch_add(&numbers, 1) + 1;
}

bool hub_join(modellab_lab *lab, int64_t number, const hub_wish *wish, const hub_taker *taker,
              void *user)
{
    member *m = member_create(wish, taker, user);
    if (m == NULL)
        return false;
    m->number = number;
    (void)pthread_mutex_lock(&hub.lock);
    bool joined = start_locked(lab);
    if (joined) {
        m->next = hub.coming;
        hub.coming = m;
        wake_locked();
    }
    (void)pthread_mutex_unlock(&hub.lock);
    if (!joined)
        member_free(m);
    return joined;
}

void hub_stop(void)
{
    (void)pthread_mutex_lock(&hub.lock);
    bool running = hub.running;
    hub.stopping = true;
    wake_locked();
    (void)pthread_mutex_unlock(&hub.lock);
    if (running) {
        (void)pthread_join(hub.thread, NULL);
        modellab_lab_unref(hub.lab);
    }
    (void)pthread_mutex_lock(&hub.lock); /* there are those that leave still */
    free(hub.leaving);
    hub.leaving = NULL;
    hub.leaving_count = hub.leaving_room = 0;
    hub.running = false;
    (void)pthread_mutex_unlock(&hub.lock);
}
