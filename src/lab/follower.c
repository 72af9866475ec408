/* A waiting reader sleeps until the bell of the lab rings for its run; where there is no bell it
 * looks again at intervals that grow from 1 to 15 ms (a look costs some 20 us), and at its cancel
 * word in between. */
#include "lab/follower.h"

#include <errno.h>

#define FIRST_LOOK_NS ((int64_t)1000000)
#define LONGEST_LOOK_NS ((int64_t)15000000)
#define CANCEL_LOOK_NS ((int64_t)10000000)
/* A writer that died after its commit has not rung. */
#define UNASKED_LOOK_NS ((int64_t)2000000000)

static int64_t now_of(const mli_follower *f)
{
    return f->lab->os.clock->monotonic_ns(f->lab->os.clock->user);
}

mli_follower mli_follow(const mli_lab *lab, const char *run_id, int64_t wait_ms,
                        const mli_cancel_word *cancel)
{
    mli_follower f = {lab, run_id, cancel, -1, FIRST_LOOK_NS, 0};
    int64_t now = now_of(&f);

    if (wait_ms >= 0 && wait_ms <= INT64_MAX / 2000000 - now / 1000000) {
        f.until = now + wait_ms * 1000000;
    }
    return f;
}

void mli_follower_mark(mli_follower *f)
{
    f->mark = mli_bell_mark(&f->lab->bell, f->run_id);
}

bool mli_follower_is_over(const mli_follower *f)
{
    return f->until >= 0 && now_of(f) >= f->until;
}

/* Sleeps for `ns` at most. */
static void sleep_some(const mli_follower *f, int64_t ns)
{
    const mli_os_clock *clock = f->lab->os.clock;
    int64_t now = now_of(f), end = now + ns;

    end = f->until >= 0 && f->until < end ? f->until : end;
    for (; now < end && !mli_cancelled(f->cancel); now = now_of(f)) {
        /* EINTR only makes the step shorter; the loop looks at the clock */
        (void)clock->sleep_ns(clock->user, end - now < CANCEL_LOOK_NS ? end - now : CANCEL_LOOK_NS);
    }
}

/* Until the bell rings, the cancel word is set, or for a while. False: that cannot be waited for.
 * A system that cannot wait for two words is woken in between to look at the second. */
static bool wait_for_bell(const mli_follower *f)
{
    int64_t left = f->until < 0 ? UNASKED_LOOK_NS : f->until - now_of(f);
    int rc;

    left = left > UNASKED_LOOK_NS ? UNASKED_LOOK_NS : left > 0 ? left : 0;
    rc = mli_bell_wait(&f->lab->bell, f->run_id, f->mark, f->cancel, left);
    if (rc == -ENOSYS && f->cancel != NULL) {
        rc = mli_bell_wait(&f->lab->bell, f->run_id, f->mark, NULL,
                           left < CANCEL_LOOK_NS ? left : CANCEL_LOOK_NS);
    }
    return rc != -ENOSYS;
}

bool mli_follower_wait(mli_follower *f)
{
    if (!mli_cancelled(f->cancel) && !wait_for_bell(f)) {
        int64_t longer = f->pause_ns + f->pause_ns / 8;

        sleep_some(f, f->pause_ns);
        f->pause_ns = longer < LONGEST_LOOK_NS ? longer : LONGEST_LOOK_NS;
    }
    return !mli_cancelled(f->cancel);
}
