/* Counters through real restarts: supervisors that are stopped and killed, labs that are opened
 * again. They never fall, and retries, worker starts and findings are counted as they happened.
 * test_counters WORKER HOST */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crash/kit.h"
#include "unit/lab/metrics_check.h"

#define RETRIED                                                                                    \
    "{\"pipeline\":\"ingest\",\"retry\":{\"max_attempts\":2,\"base_seconds\":0.01,"                \
    "\"cap_seconds\":0.01}}"

static mc_text *read_metrics(const kit *k)
{
    modellab_buffer *text = NULL;
    assert_int_equal(modellab_metrics_write(k->lab, MODELLAB_METRICS_PROMETHEUS, &text, NULL),
                     MODELLAB_OK);
    mc_text *m = mc_read(modellab_buffer_data(text), false);
    assert_non_null(m);
    if (m->faults != 0) {
        fail_msg("%s", m->first);
    }
    modellab_buffer_destroy(text);
    return m;
}

static double value(const mc_text *m, const char *key)
{
    const mc_series *s = mc_find(m, key);
    return s != NULL ? s->value : 0;
}

/* The next look: nothing has fallen since the one before, which is given back. */
static mc_text *look_again(const kit *k, mc_text *before)
{
    char name[MC_KEY] = "";
    mc_text *now = read_metrics(k);
    if (before != NULL && mc_fallen(before, now, name) != 0) {
        fail_msg("%s has fallen", name);
    }
    free(before);
    return now;
}

#define RETRIES "modellab_run_retries_total{reason=\"worker_died\"}"
#define STARTS "modellab_worker_starts_total"
#define STALE "modellab_reconcile_findings_total{finding=\"run.stale\"}"
#define FOUND "modellab_stale_found_total"
#define FAILED "modellab_run_ends_total{reason=\"worker_died\"}"

/* A worker that dies twice: one retry, two starts, one end. */
static void die_twice(kit *k)
{
    char id[MODELLAB_RUN_ID_BYTES];
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = "ingest:die"});
    kit_submit(k, RETRIED, 1, id);
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_FAILED);
    kit_stop_host(k, host);
}

/* Supervisor and worker are killed, the lab is opened again: one finding. */
static void be_found_dead(kit *k)
{
    char id[MODELLAB_RUN_ID_BYTES];
    kit_submit(k, "{\"pipeline\":\"ingest\"}", 1, id);
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = "ingest:hang"});
    kit_kill_both(k, host, kit_hanging_worker(k, id));
    kit_reopen(k);
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_STALE);
}

static void counters_never_fall(void **state)
{
    kit *k = *state;
    char name[MC_KEY];
    mc_text *m = look_again(k, NULL);
    for (int round = 1; round <= 3; round++) {
        double starts = value(m, STARTS);
        die_twice(k);
        m = look_again(k, m);
        assert_true(value(m, RETRIES) == round);
        assert_true(value(m, FAILED) == round);
        assert_true(value(m, STARTS) == starts + 2);
        be_found_dead(k);
        m = look_again(k, m);
        assert_true(value(m, STALE) == round);
        assert_true(value(m, FOUND) == round);
        kit_reopen(k);
        m = look_again(k, m);
    }
    /* a counter that fell would be seen */
    mc_text *more = read_metrics(k);
    die_twice(k);
    mc_text *most = read_metrics(k);
    assert_true(mc_fallen(most, more, name) > 0);
    free(more);
    free(most);
    free(m);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {KIT_TEST(counters_never_fall)};
    if (!kit_arguments(argc, argv, 0)) {
        return 2;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
