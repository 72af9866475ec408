/* Threads for the checks of health. A check that hangs keeps its thread, and another one goes on
 * with the rest; whoever asked gets what is known by then. */
#include "lab/health_probe.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "log/logger.h"
#include "os/locale.h"
#include <string.h>

#define NS_PER_MS ((int64_t)1000000)
/* So long beyond its deadline a vital check may hang before the lab counts as unable to work. */
#define PATIENCE_NS ((int64_t)10 * 1000000000)

/* Waiting goes by the real clock, whatever clock the lab was given. */
static int64_t now_ns(void)
{
    return mli_os_system_clock.monotonic_ns(mli_os_system_clock.user);
}

modellab_status mli_health_probe_open(mli_lab *lab, modellab_error *err)
{
    mli_health_probe *p = mli_alloc_zero(lab->alloc, sizeof *p);
    if (p == NULL) {
        return mli_no_memory(err);
    }
    int rc = mli_os_mutex_init(&p->mutex);
    if (rc == 0) {
        rc = mli_os_cond_init(&p->answered);
        if (rc != 0) {
            mli_os_mutex_destroy(&p->mutex);
        }
    }
    if (rc != 0) {
        mli_free(lab->alloc, p);
        return mli_fail_os(err, rc, "a lock could not be made");
    }
    p->lab = lab;
    for (size_t i = 0; i < mli_health_rule_count; i++) {
        p->hands[i].at = -1;
        p->slots[i].last.state = MODELLAB_HEALTH_INITIALIZING;
    }
    const mli_os_clock *clock = lab->os.clock;
    int64_t now = clock->monotonic_ns(clock->user);
    atomic_store(&p->clock.offset_ns, clock->realtime_ns(clock->user) - now);
    atomic_store(&p->clock.since_ns, now);
    lab->probe = p;
    return MODELLAB_OK;
}

static void run_check(mli_lab *lab, size_t i, const mli_cancel_word *cancel, mli_health_check *out)
{
    int64_t started = now_ns();
    memset(out, 0, sizeof *out);
    out->name = mli_health_rules[i].name;
    out->cancel = cancel;
    mli_health_rules[i].run(lab, out);
    out->cancel = NULL;
    out->milliseconds = (double)(now_ns() - started) / 1e6;
    if (out->state != MODELLAB_HEALTH_HEALTHY) {
        mli_log(lab->logger, MODELLAB_LOG_WARN, "health.check", out->message,
                MLI_LOG_FIELDS(mli_log_string("check", out->name),
                               mli_log_string("state", mli_health_state_name(out->state))));
    }
}

static size_t next_queued(const mli_health_probe *p)
{
    size_t i = 0;
    while (i < mli_health_rule_count && !p->slots[i].queued) {
        i++;
    }
    return i;
}

/* With the mutex held, which it lets go while the check runs. */
static void run_queued(mli_health_probe *p, size_t i)
{
    mli_health_slot *slot = &p->slots[i];
    mli_health_check result;
    slot->queued = false;
    slot->running = true;
    slot->began_ns = now_ns();
    atomic_store(&slot->cancel, 0);
    mli_os_mutex_unlock(&p->mutex);
    run_check(p->lab, i, &slot->cancel, &result);
    mli_os_mutex_lock(&p->mutex);
    slot->last = result;
    slot->finished_ns = now_ns();
    slot->running = false;
    mli_os_cond_broadcast(&p->answered);
}

static void *work(void *arg)
{
    mli_health_hand *hand = arg;
    mli_health_probe *p = hand->probe;
    mli_os_thread_set_name("modellab-health");
    mli_os_mutex_lock(&p->mutex);
    for (size_t i; !p->leaving && (i = next_queued(p)) < mli_health_rule_count;) {
        hand->at = (int)i;
        run_queued(p, i);
        hand->at = -1;
    }
    hand->ended = true;
    mli_os_mutex_unlock(&p->mutex);
    return NULL;
}

static bool is_overdue(const mli_health_slot *slot, const mli_health_rule *rule, int64_t now)
{
    return slot->running && now - slot->began_ns >= rule->deadline_ms * NS_PER_MS;
}

/* Whether a thread is at work that may still come to the queued checks in time. */
static bool has_free_hand(const mli_health_probe *p, int64_t now)
{
    for (size_t i = 0; i < mli_health_rule_count; i++) {
        const mli_health_hand *h = &p->hands[i];
        if (h->used && !h->ended &&
            (h->at < 0 || !is_overdue(&p->slots[h->at], &mli_health_rules[h->at], now))) {
            return true;
        }
    }
    return false;
}

/* There is a place: at most as many threads hang as there are checks, less the queued one. */
static int start_hand(mli_health_probe *p)
{
    for (size_t i = 0; i < mli_health_rule_count; i++) {
        mli_health_hand *h = &p->hands[i];
        if (h->used && h->ended) { /* its last act was under the mutex: this does not wait */
            mli_os_thread_join(h->thread);
            h->used = false;
        }
        if (!h->used) {
            *h = (mli_health_hand){.probe = p, .used = true, .at = -1};
            int rc = mli_os_thread_start(&h->thread, 0, work, h);
            h->used = rc == 0;
            return rc;
        }
    }
    return 0;
}

static void give_up_queued(mli_health_probe *p, int64_t now)
{
    for (size_t i = 0; i < mli_health_rule_count; i++) {
        mli_health_slot *slot = &p->slots[i];
        if (slot->queued) {
            slot->queued = false;
            slot->finished_ns = now;
            slot->last.name = mli_health_rules[i].name;
            mli_health_say(&slot->last, MODELLAB_HEALTH_DEGRADED,
                           "It could not be looked at: no thread can be started.");
        }
    }
}

static void ensure_hand(mli_health_probe *p, int64_t now)
{
    if (next_queued(p) < mli_health_rule_count && !has_free_hand(p, now) && start_hand(p) != 0) {
        give_up_queued(p, now);
    }
}

/* Until when it is worth to wait for an answer of these checks: 0 = all is answered that will be.
 * Those past their deadline are told to stop, which the ones that compute do. */
static int64_t worth_waiting(mli_health_probe *p, const bool *wanted, int64_t now)
{
    int64_t until = 0;
    for (size_t i = 0; i < mli_health_rule_count; i++) {
        mli_health_slot *slot = &p->slots[i];
        int64_t deadline = slot->began_ns + mli_health_rules[i].deadline_ms * NS_PER_MS;
        if (is_overdue(slot, &mli_health_rules[i], now)) {
            atomic_store(&slot->cancel, 1);
        } else if (slot->running && (wanted[i] || next_queued(p) < mli_health_rule_count)) {
            until = until == 0 || deadline < until ? deadline : until;
        }
    }
    return until;
}

static void wait_for(mli_health_probe *p, const bool *wanted, int64_t until)
{
    for (;;) {
        int64_t now = now_ns();
        ensure_hand(p, now);
        int64_t next = worth_waiting(p, wanted, now);
        if (next == 0 && next_queued(p) < mli_health_rule_count) {
            next = now + 10 * NS_PER_MS; /* a thread is about to take it */
        }
        if (next == 0 || now >= until) {
            return;
        }
        (void)mli_os_cond_wait_until(&p->answered, &p->mutex, next < until ? next : until);
    }
}

void mli_health_judge(const mli_health_slot *slot, const mli_health_rule *rule, int64_t now,
                      mli_health_check *out)
{
    bool waits = slot->queued || slot->running;
    int64_t busy = waits ? now - slot->asked_ns : 0;
    int64_t late = busy - rule->deadline_ms * NS_PER_MS;
    bool known = slot->finished_ns > 0;
    *out = slot->last;
    out->name = rule->name;
    out->cancel = NULL;
    out->age_ms = known ? (now - slot->finished_ns) / NS_PER_MS : -1;
    out->is_late = waits && late >= 0;
    if (!known && !out->is_late) {
        mli_health_say(out, MODELLAB_HEALTH_INITIALIZING, "It has not answered yet.");
    }
    if (!out->is_late) {
        return;
    }
    bool lost = rule->vital && late >= PATIENCE_NS;
    out->state = lost || (known && slot->last.state == MODELLAB_HEALTH_CRITICAL)
                     ? MODELLAB_HEALTH_CRITICAL
                     : MODELLAB_HEALTH_DEGRADED;
    if (known) {
        (void)mli_os_format(out->message, sizeof out->message,
                            "No answer for %.1f s; %.1f s ago: %.180s", (double)busy / 1e9,
                            (double)out->age_ms / 1e3, slot->last.message);
    } else {
        (void)mli_os_format(out->message, sizeof out->message, "No answer for %.1f s.",
                            (double)busy / 1e9);
    }
}

/* The whole lab in one thread, on whatever clock it has: no threads, no deadlines. */
static void look_here(mli_lab *lab, const bool *wanted, modellab_health *out)
{
    for (size_t i = 0; i < mli_health_rule_count; i++) {
        if (wanted[i]) {
            run_check(lab, i, NULL, &out->checks[out->count++]);
        }
    }
}

static void look_behind(mli_health_probe *p, const bool *wanted,
                        const modellab_health_options *options, modellab_health *out)
{
    mli_os_mutex_lock(&p->mutex);
    int64_t now = now_ns();
    for (size_t i = 0; i < mli_health_rule_count; i++) {
        mli_health_slot *slot = &p->slots[i];
        bool fresh = options->max_age_ms > 0 && slot->finished_ns > 0 &&
                     now - slot->finished_ns <= options->max_age_ms * NS_PER_MS;
        if (wanted[i] && !slot->running && !slot->queued && !fresh) {
            slot->queued = true;
            slot->asked_ns = now;
        }
    }
    wait_for(p, wanted, now + options->wait_ms * NS_PER_MS);
    now = now_ns();
    for (size_t i = 0; i < mli_health_rule_count; i++) {
        if (wanted[i]) {
            mli_health_judge(&p->slots[i], &mli_health_rules[i], now, &out->checks[out->count++]);
        }
    }
    mli_os_mutex_unlock(&p->mutex);
}

/* These need no thread: they read words that are there. */
static void look_live(mli_lab *lab, modellab_health *out)
{
    for (size_t i = 0; i < mli_health_rule_count; i++) {
        if (mli_health_rules[i].level == MODELLAB_HEALTH_LIVE) {
            mli_health_check *check = &out->checks[out->count++];
            int64_t started = now_ns();
            check->name = mli_health_rules[i].name;
            mli_health_rules[i].run(lab, check);
            check->milliseconds = (double)(now_ns() - started) / 1e6;
        }
    }
}

static void fill(mli_lab *lab, const modellab_health_options *options, modellab_health *out)
{
    bool wanted[MLI_HEALTH_CHECKS] = {false};
    look_live(lab, out);
    if (options->level == MODELLAB_HEALTH_LIVE) {
        return;
    }
    for (size_t i = 0; i < mli_health_rule_count; i++) {
        modellab_health_level level = mli_health_rules[i].level;
        wanted[i] = level > MODELLAB_HEALTH_LIVE && level <= options->level;
    }
    if (lab->os.health_in_caller) {
        look_here(lab, wanted, out);
    } else {
        look_behind(lab->probe, wanted, options, out);
    }
}

modellab_status mli_health_look(mli_lab *lab, const modellab_health_options *given,
                                modellab_health **out, modellab_error *err)
{
    modellab_health_options options = *given;
    *out = NULL;
    options.level = options.level == 0 ? MODELLAB_HEALTH_READY : options.level;
    if (options.level < MODELLAB_HEALTH_LIVE || options.level > MODELLAB_HEALTH_DEEP) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "there is no such level of health");
    }
    if (options.wait_ms < 0 || options.max_age_ms < 0) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "times must not be negative");
    }
    if (options.wait_ms == 0) {
        options.wait_ms = options.level == MODELLAB_HEALTH_DEEP ? 20000 : 1000;
    }
    modellab_health *health = mli_alloc_zero(lab->alloc, sizeof *health);
    if (health == NULL) {
        return mli_no_memory(err);
    }
    health->has_alloc = lab->alloc != NULL;
    health->alloc = lab->alloc_copy;
    health->level = options.level;
    fill(lab, &options, health);
    *out = health;
    return MODELLAB_OK;
}

/* In a forked child the threads are the parent's: nothing is waited for. */
void mli_health_probe_close(mli_lab *lab)
{
    mli_health_probe *p = lab->probe;
    if (p == NULL) {
        return;
    }
    if (lab->pid == mli_os_pid()) {
        mli_os_mutex_lock(&p->mutex);
        p->leaving = true;
        for (size_t i = 0; i < mli_health_rule_count; i++) {
            atomic_store(&p->slots[i].cancel, 1);
        }
        mli_os_mutex_unlock(&p->mutex);
        for (size_t i = 0; i < mli_health_rule_count; i++) {
            if (p->hands[i].used) {
                mli_os_thread_join(p->hands[i].thread);
            }
        }
        mli_os_cond_destroy(&p->answered);
        mli_os_mutex_destroy(&p->mutex);
    }
    mli_free(lab->alloc, p);
    lab->probe = NULL;
}
