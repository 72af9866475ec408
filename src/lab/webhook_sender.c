/* The thread that makes deliveries: sleeps until events come (the bell of the lab), or one that
 * failed is due again. */
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

struct modellab_webhook_sender {
    mli_lab *lab; /* referenced */
    mli_webhook_settings settings;
    mli_os_thread thread;
    mli_cancel_word leave;
};

/* Sleeps in slices that look at the word. */
static void pause_for(modellab_webhook_sender *s, int64_t ms)
{
    const mli_os_clock *clock = s->lab->os.clock;

    for (int64_t slept = 0; slept < ms && !mli_cancelled(&s->leave); slept += SLICE_MS)
        (void)clock->sleep_ns(clock->user, SLICE_MS * NS_PER_MS); /* EINTR: a shorter slice */
}

/* Until the bell rings, `ms` have passed or the word is set. */
static void wait_for_events(modellab_webhook_sender *s, uint32_t mark, int64_t ms)
{
    int rc = mli_bell_wait(&s->lab->bell, MLI_FEED_BELL, mark, &s->leave, ms * NS_PER_MS);

    if (rc == -ENOSYS) /* it cannot be waited for so: look again soon */
        pause_for(s, ms < 500 ? ms : 500);
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

static void *run(void *arg)
{
    modellab_webhook_sender *s = arg;

    mli_os_thread_set_name("modellab-hooks");
    while (!mli_cancelled(&s->leave)) {
        modellab_error err = MODELLAB_ERROR_INIT;
        int64_t next_ms = -1;
        const uint32_t mark = mli_bell_mark(&s->lab->bell, MLI_FEED_BELL);
        if (!has_webhooks(s)) {
            mli_os_futex_wait(&s->leave, 0, LONGEST_SLEEP_MS * NS_PER_MS);
            continue;
        }
        modellab_status status = mli_webhook_round(s->lab, &s->settings, &s->leave, &next_ms, &err);
        if (status == MODELLAB_E_FORKED)
            return NULL;
        if (status != MODELLAB_OK) {
            mli_log_error(s->lab->logger, MODELLAB_LOG_ERROR, "webhook.round_failed",
                          "it will be tried again", status, &err);
            next_ms = LONGEST_SLEEP_MS;
            pause_for(s, LONGEST_SLEEP_MS / 2);
        }
        pause_for(s, LEAST_PAUSE_MS);
        if (next_ms != 0)
            wait_for_events(s, mark,
                            next_ms > 0 && next_ms < LONGEST_SLEEP_MS ? next_ms : LONGEST_SLEEP_MS);
    }
    return NULL;
}

modellab_status mli_webhook_sender_start(mli_lab *lab, modellab_webhook_sender **out,
                                         modellab_error *err)
{
    modellab_webhook_sender *s = mli_alloc_zero(lab->alloc, sizeof *s);
    if (s == NULL)
        return mli_no_memory(err);
    modellab_status status = mli_webhook_settings_read(lab, &s->settings, err);
    if (status != MODELLAB_OK) {
        mli_free(lab->alloc, s);
        return status;
    }
    s->lab = mli_lab_ref(lab);
    int rc = mli_os_thread_start(&s->thread, 0, run, s);
    if (rc != 0) {
        mli_lab_unref(lab);
        mli_free(lab->alloc, s);
        return mli_fail_os(err, rc, "the thread of webhooks could not be started");
    }
    *out = s;
    return MODELLAB_OK;
}

void mli_webhook_sender_stop(modellab_webhook_sender *s)
{
    if (s != NULL) {
        mli_lab *lab = s->lab;

        atomic_store(&s->leave, 1);
        mli_os_futex_wake(&s->leave, 1);
        lab->os.words->wake(lab->os.words->user, &s->leave);
        mli_os_thread_join(s->thread);
        mli_free(lab->alloc, s);
        mli_lab_unref(lab);
    }
}
