/* The caps of a running run: leave is written into its page, more is held for it in the store
 * before what it holds is used up, and what has been passed ends it. */
#include "lab/job_private.h"

#include "base/error.h"
#include "lab/allowance.h"
#include "log/logger.h"
#include "os/locale.h"
#include "os/memory.h"
#include <string.h>

#define NS_PER_MS ((int64_t)1000000)
#define ASK_AGAIN_NS (1000 * NS_PER_MS) /* after a refusal */
#define OVER_MEMORY_NS                                                                             \
    (100 * NS_PER_MS) /* from the asking to SIGKILL while it is above its cap                      \
                       */
#define LEAST_CPU_MS 2000
#define LEAST_MICROS 100
/* The decoder counts in its own samples: a header of the same length may end a little earlier. */
#define AUDIO_SLACK_MS 100

int64_t mli_allowance_wanted(const mli_allowance *a)
{
    if (a->used < a->held - a->held / 4 - a->least / 4) {
        return 0;
    }
    int64_t more = a->held / 2 > a->least ? a->held / 2 : a->least;
    if (a->most > 0 && more > a->most - a->held) {
        more = a->most - a->held;
    }
    return more > 0 ? more : 0;
}

static bool capped(const mli_job *job, mli_measure measure)
{
    return (job->hold.capped & (1u << measure)) != 0;
}

/* CPU time of earlier attempts, which the run's own cap includes. */
static int64_t earlier_cpu_ns(const mli_job *job)
{
    return job->row->cpu_seconds > 0 ? (int64_t)(job->row->cpu_seconds * 1e9) : 0;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t left_of(int64_t cap, int64_t used)
{
    return cap > used ? cap - used : 0;
}

void mli_job_leave(const mli_job *job, int64_t out[MLI_LEAVES])
{
    const mli_amounts *held = &job->hold.held;
    int64_t cpu = INT64_MAX, calls = INT64_MAX, micros = INT64_MAX, audio = INT64_MAX;
    if (job->caps.cpu_ns > 0) {
        cpu = left_of(job->caps.cpu_ns, earlier_cpu_ns(job));
    }
    if (capped(job, MLI_MEASURE_CPU_MS)) {
        cpu = smaller(cpu, held->of[MLI_MEASURE_CPU_MS] * NS_PER_MS);
    }
    if (job->caps.api_calls != 0) { /* MLI_CAP_NO_CALLS leaves none */
        calls = left_of(job->caps.api_calls, job->row->api_calls > 0 ? job->row->api_calls : 0);
    }
    if (capped(job, MLI_MEASURE_API_CALLS)) {
        calls = smaller(calls, held->of[MLI_MEASURE_API_CALLS]);
    }
    if (job->caps.cost_micros > 0) {
        micros =
            left_of(job->caps.cost_micros, job->row->cost_micros > 0 ? job->row->cost_micros : 0);
    }
    if (capped(job, MLI_MEASURE_COST_MICROS)) {
        micros = smaller(micros, held->of[MLI_MEASURE_COST_MICROS]);
    }
    if (job->caps.audio_ms > 0) {
        audio = job->caps.audio_ms;
    }
    if (capped(job, MLI_MEASURE_AUDIO_MS)) {
        audio = smaller(audio, held->of[MLI_MEASURE_AUDIO_MS] + AUDIO_SLACK_MS);
    }
    out[MLI_LEAVE_CPU_NS] = cpu;
    out[MLI_LEAVE_CALLS] = calls;
    out[MLI_LEAVE_COST_MICROS] = micros;
    out[MLI_LEAVE_AUDIO_MS] = audio;
}

/* What could not be written is written at the next look; until then the worker has less. */
static void write_leave(mli_job *job)
{
    int64_t leave[MLI_LEAVES];
    mli_job_leave(job, leave);
    int rc = mli_page_write_leave(&job->page, leave);
    if (rc != 0 && !job->leave_late) {
        mli_log(job->log, MODELLAB_LOG_WARN, "caps.not_written",
                "the worker was not told yet that it may take more",
                MLI_LOG_FIELDS(mli_log_int("os_error", -rc)));
    }
    job->leave_late = rc != 0;
}

/* Holds more in the store. When there is less than was asked for, what there is; when there is
 * nothing, the sentence that says why stays for the run's end. */
static void ask_for_more(mli_job *job, mli_measure measure, int64_t amount, int64_t now_ns)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_store *store = job->host->lab->store;
    mli_amounts more = {{0}};
    mli_hold hold;
    mli_cap_verdict verdict;
    more.of[measure] = amount;
    modellab_status status =
        mli_store_hold_more(store, job->row->id, job->row->fence, &more, &hold, &verdict, &err);
    if (status == MODELLAB_OK && verdict.measure != 0) {
        int64_t rest = left_of(verdict.value, verdict.used + verdict.held);
        mli_cap_verdict_text(&verdict, job->cap_text, sizeof job->cap_text);
        more.of[measure] = smaller(rest, amount);
        if (rest > 0) {
            status = mli_store_hold_more(store, job->row->id, job->row->fence, &more, &hold,
                                         &verdict, &err);
        }
    }
    if (status != MODELLAB_OK) {
        mli_log_error(job->log, MODELLAB_LOG_WARN, "caps.not_raised",
                      "more could not be held for the run; it will be tried again", status, &err);
    } else {
        job->hold = hold;
    }
    if (status != MODELLAB_OK || verdict.measure != 0) {
        job->ask_ns = now_ns + ASK_AGAIN_NS;
    } else {
        job->cap_text[0] = '\0';
    }
}

static void raise_cpu(mli_job *job, int64_t cpu_ns, int64_t now_ns)
{
    mli_allowance a = {.used = cpu_ns / NS_PER_MS,
                       .held = job->hold.held.of[MLI_MEASURE_CPU_MS],
                       .least = LEAST_CPU_MS};
    if (job->caps.cpu_ns > 0) {
        a.most = left_of(job->caps.cpu_ns, earlier_cpu_ns(job)) / NS_PER_MS;
    }
    int64_t more = mli_allowance_wanted(&a);
    if (more > 0) {
        ask_for_more(job, MLI_MEASURE_CPU_MS, more, now_ns);
        write_leave(job);
    }
}

/* Money that the attempt has cost until now. */
static int64_t cost_of_attempt(const mli_job *job, int64_t cpu_ns)
{
    int64_t all = mli_job_cost_now(job, cpu_ns, mli_page_calls(&job->page.seen));
    int64_t before = job->row->cost_micros > 0 ? job->row->cost_micros : 0;
    return all < 0 ? -1 : left_of(all, before);
}

/* What a waiting call would cost beside what the attempt has cost; 0 = none waits. */
static int64_t cost_of_waiting(const mli_job *job, int64_t cpu_ns)
{
    int64_t calls = mli_page_calls(&job->page.seen);
    if (atomic_load(&job->page.seen.call_waits) == 0 || calls == INT64_MAX) {
        return 0;
    }
    int64_t now = mli_job_cost_now(job, cpu_ns, calls);
    int64_t then = mli_job_cost_now(job, cpu_ns, calls + 1);
    return now >= 0 ? left_of(then, now) : 0;
}

/* `call`: what a call costs that waits for more; there must be as much beside what is used. */
static void raise_cost(mli_job *job, int64_t cost, int64_t call, int64_t now_ns)
{
    int64_t before = job->row->cost_micros > 0 ? job->row->cost_micros : 0;
    mli_allowance a = {.used = cost,
                       .held = job->hold.held.of[MLI_MEASURE_COST_MICROS],
                       .most =
                           job->caps.cost_micros > 0 ? left_of(job->caps.cost_micros, before) : 0,
                       .least = LEAST_MICROS};
    int64_t more = mli_allowance_wanted(&a);
    int64_t room = left_of(a.held, cost);
    if (call > 0 && call >= room && call - room <= INT64_MAX - LEAST_MICROS) {
        int64_t wanted = call - room + LEAST_MICROS; /* its CPU time goes on meanwhile */
        wanted = a.most > 0 ? smaller(wanted, left_of(a.most, a.held)) : wanted;
        more = more > wanted ? more : wanted;
    }
    if (more > 0) {
        ask_for_more(job, MLI_MEASURE_COST_MICROS, more, now_ns);
        write_leave(job);
    }
}

/* One more call than is held, for a try or a part that the forecast did not have. */
static void raise_calls(mli_job *job, int64_t now_ns)
{
    int64_t held = job->hold.held.of[MLI_MEASURE_API_CALLS];
    int64_t before = job->row->api_calls > 0 ? job->row->api_calls : 0;
    bool allowed = job->caps.api_calls == 0 || held < left_of(job->caps.api_calls, before);
    if (atomic_load(&job->page.seen.call_waits) != 0 && allowed &&
        mli_page_calls(&job->page.seen) >= held) {
        ask_for_more(job, MLI_MEASURE_API_CALLS, 1, now_ns);
        write_leave(job);
    }
}

/* Memory as the supervisor sees it: not what a worker that does not come to look would tell. */
static int64_t memory_of(mli_job *job)
{
    int64_t peak = 0, now = 0, told = atomic_load(&job->page.seen.peak_bytes);
    if (job->process.pid > 0 && mli_os_memory_peak(job->process.pid, &peak, &now) == 0 &&
        now > job->seen_memory) {
        job->seen_memory = now;
    }
    if (told > job->seen_memory) {
        job->seen_memory = told;
    }
    return job->seen_memory;
}

modellab_reason mli_job_passed_cap(mli_job *job, int64_t now_ns)
{
    mli_run_use use = MLI_RUN_USE_INIT;
    int64_t cpu = atomic_load(&job->page.seen.cpu_ns);
    bool pays = job->caps.cost_micros > 0 || capped(job, MLI_MEASURE_COST_MICROS);
    use.cpu_ns = cpu + job->program.cpu_ns + earlier_cpu_ns(job);
    if (job->caps.peak_memory_bytes > 0) {
        use.memory_bytes = memory_of(job);
    }
    if (pays) {
        use.cost_micros = mli_job_cost_now(job, cpu, mli_page_calls(&job->page.seen));
    }
    modellab_reason reason = mli_caps_passed(&job->caps, &use);
    if (reason != MODELLAB_REASON_NONE) {
        return reason;
    }
    bool may_ask = now_ns >= job->ask_ns;
    if (job->leave_late) {
        write_leave(job);
    }
    if (capped(job, MLI_MEASURE_CPU_MS) && may_ask) {
        raise_cpu(job, cpu, now_ns);
    }
    if (capped(job, MLI_MEASURE_API_CALLS) && may_ask) {
        raise_calls(job, now_ns);
    }
    if (capped(job, MLI_MEASURE_COST_MICROS)) {
        int64_t cost = cost_of_attempt(job, cpu);
        if (may_ask && cost >= 0) {
            raise_cost(job, cost, cost_of_waiting(job, cpu), now_ns);
        }
        if (cost > job->hold.held.of[MLI_MEASURE_COST_MICROS]) {
            return MODELLAB_REASON_COST_CAP;
        }
    }
    return MODELLAB_REASON_NONE;
}

/* A run above its memory cap that does not stop at once is killed: its neighbours need what it
 * takes. */
bool mli_job_over_memory(mli_job *job, int64_t now_ns)
{
    if (job->caps.peak_memory_bytes <= 0 || job->page.fd < 0 || job->killed ||
        mli_page_stop_reason(&job->page.seen) != MODELLAB_REASON_MEMORY_CAP) {
        return false;
    }
    if (job->memory_ns == 0) {
        job->memory_ns = now_ns + OVER_MEMORY_NS;
    }
    int64_t peak = 0, now = 0;
    (void)memory_of(job); /* for the figure in the run's message */
    return now_ns >= job->memory_ns && mli_os_memory_peak(job->process.pid, &peak, &now) == 0 &&
           now > job->caps.peak_memory_bytes;
}

void mli_job_cap_message(const mli_job *job, modellab_reason reason, char *out, size_t capacity)
{
    const double mib = 1024.0 * 1024.0;
    int64_t cap = job->caps.peak_memory_bytes;
    if (reason == MODELLAB_REASON_MEMORY_CAP && cap > 0 && job->page.fd >= 0) {
        int64_t seen = atomic_load(&job->page.seen.peak_bytes);
        seen = seen > job->seen_memory ? seen : job->seen_memory;
        if (job->group.out_of_memory) {
            (void)mli_os_format(out, capacity,
                                "The run reached its memory cap: %.1f MiB are allowed, and the "
                                "kernel ended it there (control group).",
                                (double)cap / mib);
            return;
        }
        (void)mli_os_format(out, capacity,
                            "The run reached its memory cap: %.1f MiB were seen, %.1f MiB are "
                            "allowed; it is looked at every 10 ms, so it was %.1f MiB over.",
                            (double)seen / mib, (double)cap / mib,
                            seen > cap ? (double)(seen - cap) / mib : 0.0);
    } else if ((reason == MODELLAB_REASON_CPU_CAP || reason == MODELLAB_REASON_COST_CAP ||
                reason == MODELLAB_REASON_API_CALLS_CAP) &&
               job->cap_text[0] != '\0') {
        (void)mli_os_format(out, capacity, "%s", job->cap_text);
    }
}
