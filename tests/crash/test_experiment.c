/* Starting an experiment while the process is killed at each of its steps: before a run is stored,
 * between the run and the note of it, behind the note; and by two at once. Each cell has exactly
 * one run in the end. Planted: without the keys of the runs the check finds the second ones. */
#include "lab/experiment.h"
#include "unit/lab/lab_common.h"
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CELLS = 4 };

static temp_folder folder;
static char id[MLI_EXPERIMENT_ID_BYTES];

static const char document[] =
    "{\"name\":\"killed\",\"inputs\":[{\"name\":\"1\",\"file\":\"a.wav\",\"reference_text\":\"so\"}"
    ","
    "{\"name\":\"2\",\"file\":\"a.wav\"}],\"candidates\":["
    "{\"name\":\"a\",\"request\":{\"pipeline\":\"ingest\"}},"
    "{\"name\":\"b\",\"request\":{\"pipeline\":\"ingest\",\"priority\":\"high\"}}]}";

static int set_up(void **state)
{
    static unsigned char wav[WAV_BYTES];
    char path[512];
    mli_findings report;
    (void)state;
    temp_folder_make(&folder);
    assert_true(snprintf(path, sizeof path, "%s/a.wav", folder.path) > 0);
    write_file(path, wav, make_wav(wav, 16000, 1, 0));
    mli_lab *lab = open_lab(&folder, NULL, NULL, 0);
    const mli_experiment_source source = {
        .document = document, .bytes = strlen(document), .folder = folder.path};
    mli_findings_begin(&report, NULL);
    ASSERT_OK(mli_experiment_create(lab, &source, id, &report, err));
    mli_findings_dispose(&report);
    mli_lab_unref(lab);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temp_folder_remove(&folder);
    return 0;
}

/* The store's operations, with the place at which the process dies. */
typedef enum place { BEFORE_RUN, AFTER_RUN, AFTER_NOTE, NOWHERE } place;
static const mli_store_ops *real;
static mli_store_ops planted;
static place dies_at;
static int dies_in, calls;
static bool without_keys;

static void die_there(place where)
{
    if (where == dies_at && ++calls == dies_in)
        (void)kill(getpid(), SIGKILL);
}

static modellab_status insert(mli_store *store, const mli_run_row *run, const mli_event_row *events,
                              size_t count, char existing[MLI_ULID_BYTES], modellab_error *err)
{
    mli_run_row row = *run;
    if (without_keys)
        row.idempotency_key = "";
    die_there(BEFORE_RUN);
    const modellab_status status = real->insert(store, &row, events, count, existing, err);
    die_there(AFTER_RUN);
    return status;
}

static modellab_status note(mli_store *store, const char *experiment,
                            const mli_experiment_cell *cell, modellab_error *err)
{
    const modellab_status status = real->experiment_cell(store, experiment, cell, err);
    die_there(AFTER_NOTE);
    return status;
}

static void plant(mli_lab *lab)
{
    real = lab->store->ops;
    planted = *real;
    planted.insert = insert;
    planted.experiment_cell = note;
    lab->store->ops = &planted;
}

static modellab_status start(void)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_findings report;
    mli_lab *lab = open_lab(&folder, NULL, NULL, 0);
    plant(lab);
    mli_findings_begin(&report, NULL);
    modellab_status status = mli_experiment_start(lab, id, NULL, &report, &err);
    mli_findings_dispose(&report);
    mli_lab_unref(lab);
    return status;
}

/* In a process of its own. */
static pid_t start_apart(place where, int in)
{
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dies_at = where;
        dies_in = in;
        _exit(start() == MODELLAB_OK ? 0 : 1);
    }
    return pid;
}

static bool was_killed(pid_t pid)
{
    int how = 0;
    assert_int_equal(pid, waitpid(pid, &how, 0));
    assert_true((WIFEXITED(how) && WEXITSTATUS(how) == 0) ||
                (WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL));
    return WIFSIGNALED(how);
}

/* Runs that are too many or too few; every cell has one of its own, of its candidate. */
static int wrong(void)
{
    mli_experiment_cell_list *cells = NULL;
    mli_lab *lab = open_lab(&folder, NULL, NULL, 0);
    const int runs = count_runs(lab);
    ASSERT_OK(mli_store_experiment_cells(lab->store, id, NULL, &cells, err));
    int bad = abs(runs - CELLS) + abs((int)cells->count - CELLS);
    for (size_t i = 0; i < cells->count; i++) {
        mli_run_record *record = NULL;
        const char *candidate = cells->rows[i].candidate == 0 ? "a" : "b";
        ASSERT_OK(mli_store_load(lab->store, cells->rows[i].run_id, &record, err));
        bad += strcmp(record->run->candidate, candidate) != 0;
        bad += strcmp(record->run->experiment_id, id) != 0;
        mli_run_record_free(record);
        for (size_t k = 0; k < i; k++)
            bad += strcmp(cells->rows[i].run_id, cells->rows[k].run_id) == 0;
    }
    mli_experiment_cell_list_free(cells);
    mli_lab_unref(lab);
    return bad;
}

/* Killed at each place once; returns what was wrong in all of them. */
static int kill_everywhere(int *killed)
{
    int bad = 0;
    *killed = 0;
    for (int where = BEFORE_RUN; where < NOWHERE; where++) {
        for (int in = 1; in <= CELLS; in++) {
            *killed += was_killed(start_apart((place)where, in));
            dies_at = NOWHERE;
            assert_int_equal(MODELLAB_OK, start());
            assert_int_equal(MODELLAB_OK, start());
            bad += wrong();
            tear_down(NULL);
            set_up(NULL);
        }
    }
    return bad;
}

static void killed_at_each_step(void **state)
{
    int killed;
    (void)state;
    assert_int_equal(0, kill_everywhere(&killed));
    assert_int_equal(3 * CELLS, killed);
}

static void without_keys_it_is_found(void **state)
{
    int killed;
    (void)state;
    without_keys = true;
    const int bad = kill_everywhere(&killed);
    without_keys = false;
    assert_true(bad >= CELLS); /* those that died behind the run */
}

static void two_at_once(void **state)
{
    (void)state;
    for (int round = 0; round < 5; round++) {
        pid_t pids[3];
        for (int i = 0; i < 3; i++)
            pids[i] = start_apart(NOWHERE, 0);
        for (int i = 0; i < 3; i++)
            assert_false(was_killed(pids[i]));
        assert_int_equal(0, wrong());
        tear_down(NULL);
        set_up(NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(killed_at_each_step, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_keys_it_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_at_once, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
