/* The simulation itself: hosts, the outside, and the order in which everybody acts. */
#include "crash/sim_private.h"

#include "base/error.h"
#include "lab/cancel.h"
#include "lab/state.h"
#include "lab/submit.h"
#include "unit/lab/lab_common.h"

sim_counts sim_total;
int sim_present_host; /* whose code runs: its pid is "self" */

uint64_t sim_draw(sim *s) /* splitmix64 */
{
    uint64_t z = (s->random += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

int64_t sim_between(sim *s, int64_t low, int64_t high)
{
    return low + (int64_t)(sim_draw(s) % (uint64_t)(high - low + 1));
}

bool sim_happens(sim *s, int of_thousand)
{
    return !s->calm && (int)(sim_draw(s) % 1000) < of_thousand;
}

void sim_blame(sim *s, const char *what)
{
    s->wrong = s->wrong != NULL ? s->wrong : what;
}

mli_lab *sim_open_lab(sim *s)
{
    modellab_lab_options options = MODELLAB_LAB_OPTIONS_INIT;
    mli_lab *lab = NULL;
    options.models_root = options.cache_root = s->root;
    ASSERT_OK(mli_lab_open(s->root, &options, &s->tables, &lab, err));
    lab->settings.min_free_bytes = 0;
    sim_plant_store(s, lab);
    return lab;
}

void sim_start_host(sim *s, int which)
{
    host *h = &s->hosts[which];
    modellab_supervisor_options options = MODELLAB_SUPERVISOR_OPTIONS_INIT;
    sim_present_host = which;
    h->life = ++s->lives;
    h->lab = sim_open_lab(s);
    options.worker_program = "/bin/true"; /* has to exist; is never run */
    options.max_workers = (int32_t)sim_between(s, 1, 3);
    options.threads_per_worker = 1;
    options.keep_on_host_death = (int32_t)sim_between(s, 0, 1);
    ASSERT_OK(mli_supervisor_create(h->lab, &options, &h->supervisor, err));
    h->alive = true;
    h->next_ns = s->now_ns;
}

/* Its descriptors close and its locks are free; nothing else is done on the way out. */
void sim_crash_host(sim *s, int which)
{
    host *h = &s->hosts[which];
    int64_t pid = h->lab->pid;
    sim_present_host = which;
    sim_total.host_crashes++;
    h->alive = false;
    mli_lab *lab = mli_lab_ref(h->lab);
    h->lab->pid = -1; /* as in a forked child: lets go, and touches nothing that is shared */
    mli_supervisor_destroy(h->supervisor);
    lab->pid = pid;
    mli_lab_unref(lab);
    mli_lab_unref(h->lab);
    h->supervisor = NULL;
    h->lab = NULL;
    for (int i = 0; i < WORKERS; i++) {
        worker *w = &s->workers[i];
        if (w->host == which && w->state == WORKER_ZOMBIE) {
            w->state = WORKER_REAPED;
        }
    }
}

static void act_host(sim *s, int which)
{
    host *h = &s->hosts[which];
    modellab_error err = MODELLAB_ERROR_INIT;
    int64_t next_ms = 0;
    sim_present_host = which;
    for (size_t i = 0; s->plant == SIM_NO_TURNS && i < h->supervisor->job_count; i++) {
        h->supervisor->jobs[i]->ingest.bounds.turn_lines = 0;
        h->supervisor->jobs[i]->ingest.bounds.turn_bytes = 0;
    }
    if (mli_supervisor_step(h->supervisor, 0, &next_ms, &err) != MODELLAB_OK) {
        sim_blame(s, "a supervisor failed");
        print_message("supervisor: %s\n", err.message);
    }
    h->next_ns = s->now_ns + (next_ms > 0 ? next_ms : 1) * MS;
    sim_check_round(s);
}

/* --- the outside --- */

run *sim_submit(sim *s, int which, const char *request)
{
    modellab_run_submit_options o = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    run *r = &s->runs[s->run_count];
    sim_present_host = which;
    r->said_fence = -1;
    r->max_attempts = 1;
    o.request = request;
    ASSERT_OK(mli_run_submit(s->hosts[which].lab, &o, r->id, NULL, err));
    s->run_count++;
    sim_total.runs++;
    return r;
}

static void submit_any(sim *s, int which)
{
    char request[256];
    int max_attempts = (int)sim_between(s, 1, 3);
    (void)snprintf(request, sizeof(request),
                   "{\"steps\":[\"noop\"],\"max_duration_seconds\":%d,\"max_attempts\":%d,"
                   "\"stall_seconds\":20}",
                   (int)sim_between(s, 2, 40), max_attempts);
    sim_submit(s, which, request)->max_attempts = max_attempts;
}

static void act_outside(sim *s)
{
    int which = (int)sim_between(s, 0, HOSTS - 1);
    host *h = &s->hosts[which];
    s->outside_ns = s->now_ns + sim_between(s, 1, 900) * MS;
    if (!h->alive) {
        if (s->calm || sim_happens(s, 400)) {
            sim_start_host(s, which);
        }
        return;
    }
    sim_present_host = which;
    if (sim_happens(s, s->faults->clock_jump)) {
        sim_total.clock_jumps++;
        s->jump_ns += sim_between(s, -3600, 3600) * SECOND;
    }
    if (s->run_count < s->wanted && (s->calm || (sim_draw(s) & 1) != 0)) {
        submit_any(s, which);
    }
    if (s->run_count > 0 && sim_happens(s, s->faults->cancel)) {
        run *r = &s->runs[sim_between(s, 0, s->run_count - 1)];
        modellab_cancel_outcome outcome = 0;
        ASSERT_OK(mli_run_cancel(h->lab, r->id, &outcome, err));
        bool first = outcome == MODELLAB_CANCEL_CANCELLED || outcome == MODELLAB_CANCEL_REQUESTED;
        r->cancelled = first ? outcome : r->cancelled;
    }
    for (int i = 0; i < HOSTS; i++) {
        sim_wake_host(s, i);
    }
    if (sim_happens(s, s->faults->host_crash)) {
        sim_crash_host(s, which);
    }
}

void sim_live_until(sim *s, int64_t until_ns)
{
    while (s->wrong == NULL && s->now_ns < until_ns) {
        int64_t due = s->outside_ns;
        int which = -1;
        worker *w = sim_next_worker(s);
        for (int i = 0; i < HOSTS; i++) {
            if (s->hosts[i].alive && !s->hosts[i].stopped && s->hosts[i].next_ns < due) {
                due = s->hosts[i].next_ns;
                which = i;
            }
        }
        if (w != NULL && w->next_ns < due) {
            s->now_ns = w->next_ns > s->now_ns ? w->next_ns : s->now_ns;
            sim_act_worker(s, w);
            continue;
        }
        if (which < 0 && s->outside_ns == INT64_MAX) {
            s->now_ns = until_ns; /* nobody has anything to do */
            return;
        }
        s->now_ns = due > s->now_ns ? due : s->now_ns;
        if (which >= 0) {
            act_host(s, which);
        } else {
            act_outside(s);
        }
    }
}

static bool all_final(sim *s)
{
    mli_lab *lab = s->hosts[0].alive ? s->hosts[0].lab : s->hosts[1].lab;
    for (int i = 0; i < s->run_count; i++) {
        modellab_run_status now = 0;
        if (lab == NULL || mli_store_status(lab->store, s->runs[i].id, &now, NULL) != MODELLAB_OK ||
            !mli_status_is_final(now)) {
            return false;
        }
    }
    return s->run_count == s->wanted;
}

static void set_up(sim *s, const char *folder)
{
    (void)snprintf(s->root, sizeof(s->root), "%s", folder);
    assert_int_equal(mli_os_remove_tree(&mli_os_system_files, s->root), 0);
    s->next_pid = FIRST_PID;
    s->now_ns = SECOND;
    sim_fill_tables(s);
}

sim *sim_begin(const char *folder, uint64_t seed, const sim_faults *faults, sim_plant plant)
{
    static sim state;
    sim *s = &state;
    memset(s, 0, sizeof(*s));
    s->random = seed;
    s->faults = faults;
    s->plant = plant;
    s->calm = true;
    s->outside_ns = INT64_MAX;
    set_up(s, folder);
    return s;
}

void sim_end(sim *s, bool check)
{
    for (int i = 0; i < HOSTS; i++) {
        if (s->hosts[i].alive && s->wrong == NULL && check) {
            sim_present_host = i;
            mli_supervisor_destroy(s->hosts[i].supervisor);
            mli_lab_unref(s->hosts[i].lab);
            s->hosts[i].alive = false;
        } else if (s->hosts[i].alive) {
            sim_crash_host(s, i);
        }
    }
    if (check) {
        sim_check_all(s);
    }
    for (int i = 0; i < WORKERS; i++) {
        if (s->workers[i].host != -2) {
            sim_end_worker(s, &s->workers[i], true, KILL);
        }
    }
}

const char *sim_run(const char *folder, uint64_t seed, int runs, const sim_faults *faults,
                    sim_plant plant)
{
    sim *s = sim_begin(folder, seed, faults, plant);
    s->wanted = runs;
    s->calm = false;
    s->outside_ns = 0;
    for (int i = 0; i < HOSTS; i++) {
        sim_start_host(s, i);
    }
    sim_live_until(s, s->now_ns + sim_between(s, 5, 60) * SECOND);
    s->calm = true;
    for (int i = 0; i < 60 && s->wrong == NULL && !all_final(s); i++) {
        sim_live_until(s, s->now_ns + 10 * SECOND);
    }
    sim_live_until(s, s->now_ns + 20 * SECOND); /* what still works has time to notice */
    sim_end(s, true);
    return s->wrong;
}
