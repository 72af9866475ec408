/* Checks for the level live: the clocks, and whether this process's own supervisors turn. Nothing
 * here can wait. */
#include "base/str.h"
#include "lab/health_probe.h"
#include "os/locale.h"

#define NS_PER_S ((int64_t)1000000000)
/* A clock before the year this was written, or after the next century, is wrong. */
#define EARLIEST_NS ((int64_t)1735689600 * NS_PER_S)
#define LATEST_NS ((int64_t)4102444800 * NS_PER_S)
/* A clock that is disciplined drifts by at most half of this; what is beyond is a jump. */
#define DRIFT_PER_MILLE 1
#define JUMP_NS NS_PER_S
/* So long a jump is told: deadlines of the queue and ages by the wall clock are off meanwhile. */
#define JUMP_MEMORY_NS (600 * NS_PER_S)
/* Supervisors look after their runs at least every second. */
#define STILL_NS (15 * NS_PER_S)

int64_t mli_clock_jump(int64_t offset_before_ns, int64_t offset_now_ns, int64_t elapsed_ns)
{
    int64_t moved = offset_now_ns - offset_before_ns;
    int64_t allowed = JUMP_NS + (elapsed_ns > 0 ? elapsed_ns : 0) / 1000 * DRIFT_PER_MILLE;
    return moved > allowed || moved < -allowed ? moved : 0;
}

/* Threads may look at the same time: who changes the offset tells the jump. */
static void note_jump(mli_clock_watch *watch, int64_t offset, int64_t now)
{
    int64_t before = atomic_load(&watch->offset_ns);
    int64_t jump = mli_clock_jump(before, offset, now - atomic_load(&watch->since_ns));
    if (jump != 0 && atomic_compare_exchange_strong(&watch->offset_ns, &before, offset)) {
        atomic_store(&watch->since_ns, now);
        atomic_store(&watch->jump_ns, jump);
        atomic_store(&watch->jumped_ns, now);
    }
}

void mli_health_clock(mli_lab *lab, mli_health_check *check)
{
    const mli_os_clock *clock = lab->os.clock;
    mli_clock_watch *watch = &lab->probe->clock;
    int64_t now = clock->monotonic_ns(clock->user);
    int64_t wall = clock->realtime_ns(clock->user);
    note_jump(watch, wall - now, now);
    int64_t jumped = atomic_load(&watch->jumped_ns);
    if (wall < EARLIEST_NS || wall > LATEST_NS) {
        mli_health_say(check, MODELLAB_HEALTH_CRITICAL, "The clock of this machine is wrong.");
    } else if (jumped > 0 && now - jumped < JUMP_MEMORY_NS) {
        check->state = MODELLAB_HEALTH_DEGRADED;
        (void)mli_os_format(check->message, sizeof check->message,
                            "The clock jumped by %.1f s against the monotonic one, %lld s ago "
                            "(it was set, or the machine slept).",
                            (double)atomic_load(&watch->jump_ns) / 1e9,
                            (long long)((now - jumped) / NS_PER_S));
    } else {
        mli_health_say(check, MODELLAB_HEALTH_HEALTHY, "The clock is plausible.");
    }
}

void mli_lab_turned(mli_lab *lab, int *slot, int64_t now_ns)
{
    mli_health_probe *p = lab->probe;
    int64_t turned = now_ns > 0 ? now_ns : 1;
    for (int i = 0; *slot < 0 && i < MLI_LAB_TURNS; i++) {
        int64_t vacant = 0;
        if (atomic_compare_exchange_strong(&p->turns_ns[i], &vacant, turned)) {
            *slot = i;
        }
    }
    if (*slot >= 0) {
        atomic_store(&p->turns_ns[*slot], turned);
    }
}

void mli_lab_turns_end(mli_lab *lab, int *slot)
{
    if (*slot >= 0) {
        atomic_store(&lab->probe->turns_ns[*slot], 0);
        *slot = -1;
    }
}

void mli_health_turns(mli_lab *lab, mli_health_check *check)
{
    const mli_os_clock *clock = lab->os.clock;
    int64_t now = clock->monotonic_ns(clock->user), longest = -1;
    int count = 0;
    for (int i = 0; i < MLI_LAB_TURNS; i++) {
        int64_t turned = atomic_load(&lab->probe->turns_ns[i]);
        if (turned > 0) {
            count++;
            longest = now - turned > longest ? now - turned : longest;
        }
    }
    if (longest >= STILL_NS) {
        check->state = MODELLAB_HEALTH_CRITICAL;
        (void)mli_os_format(check->message, sizeof check->message,
                            "A supervisor of this process has not turned for %lld s.",
                            (long long)(longest / NS_PER_S));
        return;
    }
    (void)mli_os_format(check->message, sizeof check->message,
                        count > 0 ? "The supervisors of this process turn (%d)."
                                  : "No supervisor belongs to this process (%d).",
                        count);
    check->state = MODELLAB_HEALTH_HEALTHY;
}
