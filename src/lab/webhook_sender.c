/* The threads that make deliveries. One looks: it sleeps until events come (the bell of the lab),
 * or a delivery that failed is due again, and gives what is due to those that deliver; these take
 * the next one themselves. A webhook has one delivery on its way at most (the store's lease), and
 * those that did not answer last time can never hold all threads. */
#include "base/alloc.h"
#include "base/error.h"
#include "lab/webhooks.h"
#include "log/logger.h"
#include "os/words.h"
#include <errno.h>

#define NS_PER_MS INT64_C(1000000)
/* A writer that died after its commit has not rung. */
#define LONGEST_SLEEP_MS 2000
#define SLICE_MS 10
/* Between rounds, so that a busy lab's events are looked at many at a time. */
#define LEAST_PAUSE_MS 50

/* One that delivers; its thread is started when it is first needed. */
typedef struct slot {
    modellab_webhook_sender *sender;
    mli_os_thread thread;
    bool started;
    mli_delivery_list *taken; /* what it is at, or has to begin; NULL = it is idle */
} slot;

struct modellab_webhook_sender {
    mli_lab *lab; /* referenced */
    mli_webhook_settings settings;
    mli_os_thread thread;
    mli_cancel_word leave;
    _Atomic uint32_t nudge; /* 1: who looks has something to look at */
    /* Under the lock. */
    mli_os_mutex lock;
    mli_os_cond work;
    slot slots[MLI_WEBHOOK_AT_ONCE];
    int doubtful; /* attempts on their way that may hang */
};

static void wake_looker(modellab_webhook_sender *s)
{
    atomic_store(&s->nudge, 1);
    mli_os_futex_wake(&s->nudge, 1);
    s->lab->os.words->wake(s->lab->os.words->user, &s->nudge);
}

/* Sleeps in slices that look at the word. */
static void pause_for(modellab_webhook_sender *s, int64_t ms)
{
    const mli_os_clock *clock = s->lab->os.clock;

    for (int64_t slept = 0; slept < ms && !mli_cancelled(&s->leave); slept += SLICE_MS)
        (void)clock->sleep_ns(clock->user, SLICE_MS * NS_PER_MS); /* EINTR: a shorter slice */
}

/* Until the bell rings, `ms` have passed, or somebody nudges. */
static void wait_for_events(modellab_webhook_sender *s, uint32_t mark, int64_t ms)
{
    int rc = mli_bell_wait(&s->lab->bell, MLI_FEED_BELL, mark, &s->nudge, ms * NS_PER_MS);

    if (rc == -ENOSYS) /* it cannot be waited for so: look again soon */
        mli_os_futex_wait(&s->nudge, 0, (ms < 500 ? ms : 500) * NS_PER_MS);
}

/* True when there may be something to do for it at all. */
static bool has_webhooks(modellab_webhook_sender *s)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_webhook_list *hooks = NULL;
    modellab_status status = mli_store_webhooks(s->lab->store, NULL, false, &hooks, &err);
    const bool any = status != MODELLAB_OK || hooks->count > 0;

    mli_webhook_list_free(hooks);
    return any;
}

/* Under the lock: the next one that may be begun now. *next_ms as mli_webhook_take(). */
MODELLAB_MUST_CHECK static modellab_status take(modellab_webhook_sender *s, mli_delivery_list **out,
                                                int64_t *next_ms, modellab_error *err)
{
    const bool fresh = s->doubtful >= MLI_WEBHOOK_DOUBTFUL;
    modellab_status status = mli_webhook_take(s->lab, fresh, out, next_ms, err);

    if (status == MODELLAB_OK && *out != NULL)
        s->doubtful += mli_webhook_is_doubtful(&(*out)->rows[0]);
    else if (fresh)
        *next_ms = -1; /* others have to wait for one of them to end, who nudges then */
    return status;
}

static void tell_failure(modellab_webhook_sender *s, modellab_status status,
                         const modellab_error *err)
{
    mli_log_error(s->lab->logger, MODELLAB_LOG_ERROR, "webhook.round_failed",
                  "it will be tried again", status, err);
}

/* Under the lock, which is given back meanwhile. */
static void deliver(modellab_webhook_sender *s, mli_delivery_list *taken)
{
    modellab_error err = MODELLAB_ERROR_INIT;

    mli_os_mutex_unlock(&s->lock);
    modellab_status status =
        mli_webhook_deliver(s->lab, &s->settings, &taken->rows[0], &s->leave, &err);
    if (status != MODELLAB_OK && status != MODELLAB_E_FORKED)
        tell_failure(s, status, &err); /* its lease ends, then somebody makes it again */
    mli_os_mutex_lock(&s->lock);
    s->doubtful -= mli_webhook_is_doubtful(&taken->rows[0]);
    mli_delivery_list_free(taken);
}

/* Delivers what it was given, and then what is due, until there is nothing. */
static void *run_slot(void *arg)
{
    slot *me = arg;
    modellab_webhook_sender *s = me->sender;

    mli_os_thread_set_name("modellab-hook");
    mli_os_mutex_lock(&s->lock);
    while (!mli_cancelled(&s->leave) || me->taken != NULL) {
        modellab_error err = MODELLAB_ERROR_INIT;
        mli_delivery_list *next = NULL;
        int64_t next_ms = -1;
        if (me->taken == NULL) {
            mli_os_cond_wait(&s->work, &s->lock);
            continue;
        }
        deliver(s, me->taken); /* broken off at once when we leave: then it is given back */
        modellab_status status =
            mli_cancelled(&s->leave) ? MODELLAB_OK : take(s, &next, &next_ms, &err);
        me->taken = status == MODELLAB_OK ? next : NULL;
        if (me->taken == NULL)
            wake_looker(s); /* when the next one is due, or what went wrong */
    }
    mli_os_mutex_unlock(&s->lock);
    return NULL;
}

/* Under the lock: by a slot's thread, or, where none can be started, by this one. */
static void hand_over(modellab_webhook_sender *s, slot *to, mli_delivery_list *taken)
{
    if (!to->started) {
        to->sender = s;
        to->started = mli_os_thread_start(&to->thread, 0, run_slot, to) == 0;
    }
    if (to->started) {
        to->taken = taken;
        mli_os_cond_broadcast(&s->work);
    } else {
        deliver(s, taken);
    }
}

/* Begins what is due, as far as there are slots. */
MODELLAB_MUST_CHECK static modellab_status hand_out(modellab_webhook_sender *s, int64_t *next_ms,
                                                    modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    bool any = true;

    *next_ms = -1;
    mli_os_mutex_lock(&s->lock);
    for (size_t i = 0; status == MODELLAB_OK && any && i < MLI_WEBHOOK_AT_ONCE; i++) {
        mli_delivery_list *taken = NULL;
        if (s->slots[i].taken != NULL || mli_cancelled(&s->leave))
            continue;
        status = take(s, &taken, next_ms, err);
        any = status == MODELLAB_OK && taken != NULL;
        if (any) {
            *next_ms = -1; /* who is at work looks for more himself, and nudges in the end */
            hand_over(s, &s->slots[i], taken);
        }
    }
    mli_os_mutex_unlock(&s->lock);
    return status;
}

static void *run(void *arg)
{
    modellab_webhook_sender *s = arg;
    mli_webhook_memory memory;

    mli_os_thread_set_name("modellab-hooks");
    mli_webhook_memory_init(&memory, s->lab->alloc);
    for (;;) {
        modellab_error err = MODELLAB_ERROR_INIT;
        int64_t next_ms = -1;
        atomic_store(&s->nudge, 0);
        if (mli_cancelled(&s->leave)) /* who stops us sets it before he nudges */
            break;
        const uint32_t mark = mli_bell_mark(&s->lab->bell, MLI_FEED_BELL);
        if (!has_webhooks(s)) {
            mli_os_futex_wait(&s->nudge, 0, LONGEST_SLEEP_MS * NS_PER_MS);
            continue;
        }
        modellab_status status = mli_webhook_gather(s->lab, &memory, &s->leave, &err);
        if (status == MODELLAB_OK)
            status = hand_out(s, &next_ms, &err);
        if (status == MODELLAB_E_FORKED)
            break;
        if (status != MODELLAB_OK) {
            tell_failure(s, status, &err);
            next_ms = LONGEST_SLEEP_MS;
            pause_for(s, LONGEST_SLEEP_MS / 2);
        }
        pause_for(s, LEAST_PAUSE_MS);
        if (next_ms != 0)
            wait_for_events(s, mark,
                            next_ms > 0 && next_ms < LONGEST_SLEEP_MS ? next_ms : LONGEST_SLEEP_MS);
    }
    mli_webhook_memory_dispose(&memory);
    return NULL;
}

/* 0, or an errno value. */
MODELLAB_MUST_CHECK static int start_threads(modellab_webhook_sender *s)
{
    int rc = mli_os_mutex_init(&s->lock);

    if (rc != 0)
        return rc;
    rc = mli_os_cond_init(&s->work);
    if (rc == 0) {
        rc = mli_os_thread_start(&s->thread, 0, run, s);
        if (rc != 0)
            mli_os_cond_destroy(&s->work);
    }
    if (rc != 0)
        mli_os_mutex_destroy(&s->lock);
    return rc;
}

modellab_status mli_webhook_sender_start_with(mli_lab *lab, const mli_webhook_settings *settings,
                                              modellab_webhook_sender **out, modellab_error *err)
{
    modellab_webhook_sender *s = mli_alloc_zero(lab->alloc, sizeof *s);

    if (s == NULL)
        return mli_no_memory(err);
    s->settings = *settings;
    s->lab = mli_lab_ref(lab);
    int rc = start_threads(s);
    if (rc != 0) {
        mli_lab_unref(lab);
        mli_free(lab->alloc, s);
        return mli_fail_os(err, rc, "the thread of webhooks could not be started");
    }
    *out = s;
    return MODELLAB_OK;
}

modellab_status mli_webhook_sender_start(mli_lab *lab, modellab_webhook_sender **out,
                                         modellab_error *err)
{
    mli_webhook_settings settings;
    modellab_status status = mli_webhook_settings_read(lab, &settings, err);

    return status == MODELLAB_OK ? mli_webhook_sender_start_with(lab, &settings, out, err) : status;
}

void mli_webhook_sender_stop(modellab_webhook_sender *s)
{
    if (s != NULL && s->lab->pid == mli_os_pid()) { /* a forked child has no thread of it */
        mli_lab *lab = s->lab;

        atomic_store(&s->leave, 1);
        wake_looker(s);
        mli_os_thread_join(s->thread);
        mli_os_mutex_lock(&s->lock);
        mli_os_cond_broadcast(&s->work);
        mli_os_mutex_unlock(&s->lock);
        for (size_t i = 0; i < MLI_WEBHOOK_AT_ONCE; i++) {
            if (s->slots[i].started)
                mli_os_thread_join(s->slots[i].thread);
        }
        mli_os_cond_destroy(&s->work);
        mli_os_mutex_destroy(&s->lock);
        mli_free(lab->alloc, s);
        mli_lab_unref(lab);
    }
}
