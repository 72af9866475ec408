/* Deadlines and the ladder: when a run has to stop, and how firmly it is told. Pure functions of
 * the times that they are given. */
#include "lab/deadlines.h"

#include "base/checked.h"
#include "os/locale.h"

#define NS_PER_MS ((int64_t)1000000)

/* start + ms, INT64_MAX when it lies beyond. */
static int64_t after_ms(int64_t start_ns, int64_t ms)
{
    int64_t span = 0;
    int64_t end = 0;
    if (mli_mul_overflow(ms, NS_PER_MS, &span) || mli_add_overflow(start_ns, span, &end)) {
        return INT64_MAX;
    }
    return end;
}

int64_t mli_deadline_run_ms(int64_t request_ms, int64_t pipeline_ms, int64_t configured_ms)
{
    if (request_ms > 0) {
        return request_ms;
    }
    if (pipeline_ms > 0) {
        return pipeline_ms;
    }
    return configured_ms > 0 ? configured_ms : MLI_DEADLINE_DEFAULT_MS;
}

/* "Run timed out after", then "3 minutes", "2.5 seconds": at most one decimal, cut and not rounded,
 * so that it never tells more than the limit. */
static void put_amount(const char *what, int64_t value_ms, int64_t unit_ms, const char *unit,
                       char *out, size_t capacity)
{
    int64_t whole = value_ms / unit_ms;
    int64_t tenth = value_ms % unit_ms * 10 / unit_ms;
    const char *plural = whole == 1 && tenth == 0 ? "" : "s";
    if (tenth == 0) {
        (void)mli_os_format(out, capacity, "%s %lld %s%s", what, (long long)whole, unit, plural);
    } else {
        (void)mli_os_format(out, capacity, "%s %lld.%lld %s%s", what, (long long)whole,
                            (long long)tenth, unit, plural);
    }
}

static void put_span(const char *what, int64_t limit_ms, char *out, size_t capacity)
{
    if (limit_ms < 0) {
        limit_ms = 0;
    }
    if (limit_ms > 0 && limit_ms < 100) {
        (void)mli_os_format(out, capacity, "%s %lld milliseconds", what, (long long)limit_ms);
    } else if (limit_ms < 120000) {
        put_amount(what, limit_ms, 1000, "second", out, capacity);
    } else {
        put_amount(what, limit_ms, 60000, "minute", out, capacity);
    }
}

void mli_deadline_text(int64_t limit_ms, char *out, size_t capacity)
{
    put_span("Run timed out after", limit_ms, out, capacity);
}

void mli_deadline_queue_text(int64_t limit_ms, char *out, size_t capacity)
{
    put_span("Run timed out in the queue after", limit_ms, out, capacity);
}

int64_t mli_deadline_effective_ms(const mli_deadline_view *view)
{
    if (view->run_limit_ms <= 0) {
        return view->wall_cap_ms > 0 ? view->wall_cap_ms : 0;
    }
    if (view->wall_cap_ms > 0 && view->wall_cap_ms < view->run_limit_ms) {
        return view->wall_cap_ms;
    }
    return view->run_limit_ms;
}

static int64_t run_end(const mli_deadline_view *view)
{
    int64_t limit = mli_deadline_effective_ms(view);
    return limit > 0 ? after_ms(view->started_ns, limit) : INT64_MAX;
}

static int64_t step_end(const mli_deadline_view *view)
{
    bool on = view->step_limit_ms > 0 && view->step_started_ns != 0;
    return on ? after_ms(view->step_started_ns, view->step_limit_ms) : INT64_MAX;
}

static int64_t stall_end(const mli_deadline_view *view)
{
    bool on = view->stall_limit_ms > 0 && view->progress_ns != 0;
    return on ? after_ms(view->progress_ns, view->stall_limit_ms) : INT64_MAX;
}

mli_deadline_kind mli_deadline_passed(const mli_deadline_view *view, int64_t now_ns)
{
    if (now_ns >= run_end(view)) {
        return MLI_DEADLINE_RUN;
    }
    if (now_ns >= step_end(view)) {
        return MLI_DEADLINE_STEP;
    }
    return now_ns >= stall_end(view) ? MLI_DEADLINE_STALL : MLI_DEADLINE_NONE;
}

int64_t mli_deadline_next_ns(const mli_deadline_view *view)
{
    int64_t next = run_end(view);
    int64_t step = step_end(view);
    int64_t stall = stall_end(view);
    next = step < next ? step : next;
    return stall < next ? stall : next;
}

void mli_ladder_init(mli_ladder *ladder, int64_t term_ms, int64_t kill_ms)
{
    ladder->term_ms = term_ms > 0 ? term_ms : MLI_LADDER_TERM_MS;
    ladder->kill_ms = kill_ms > 0 ? kill_ms : MLI_LADDER_KILL_MS;
    if (ladder->kill_ms < ladder->term_ms) {
        ladder->kill_ms = ladder->term_ms;
    }
    ladder->asked_ns = 0;
    ladder->rung = MLI_LADDER_IDLE;
}

bool mli_ladder_ask(mli_ladder *ladder, int64_t now_ns)
{
    if (ladder->rung != MLI_LADDER_IDLE) {
        return false;
    }
    ladder->rung = MLI_LADDER_ASKED;
    ladder->asked_ns = now_ns;
    return true;
}

int64_t mli_ladder_next_ns(const mli_ladder *ladder)
{
    if (ladder->rung == MLI_LADDER_ASKED) {
        return after_ms(ladder->asked_ns, ladder->term_ms);
    }
    if (ladder->rung == MLI_LADDER_TERM) {
        return after_ms(ladder->asked_ns, ladder->kill_ms);
    }
    return INT64_MAX;
}

mli_ladder_rung mli_ladder_climb(mli_ladder *ladder, int64_t now_ns)
{
    if (now_ns >= mli_ladder_next_ns(ladder)) {
        ladder->rung = ladder->rung == MLI_LADDER_ASKED ? MLI_LADDER_TERM : MLI_LADDER_KILL;
    }
    return ladder->rung;
}
