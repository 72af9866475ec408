/* A host whose system calls are failed by the test: opens a lab, submits two runs, executes them,
 * and says what was acknowledged. Afterwards, undisturbed, it looks whether the lab is what it
 * said. fault_run run ROOT WORKER PLANT      says: start, ack ID, end ID STATUS, log EVENT, error
 * TEXT fault_run check ROOT WORKER [ID[=STATUS]]...   says: wrong TEXT PLANT: none; short=N: write
 * number N takes only half; careless: a submission that failed is acknowledged; deaf: a sync that
 * failed is none. Exit: 0 well, 1 not, 2 usage. */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lab/lab.h"
#include <modellab/modellab.h>

/* A fault may leave a run that does not end; afterwards each must, however slow the machine is. */
enum { RUNS = 2, RUNS_MOST = 16384, PATIENCE_S = 60, PATIENCE_AFTER_S = 240 };

static mli_os_files files;
static atomic_int writes;
static int short_at = -1;
static bool careless;

static void say(const char *what, const char *a, const char *b)
{
    char line[512];
    int length = snprintf(line, sizeof(line), "%s %s%s%s\n", what, a, b[0] != '\0' ? " " : "", b);
    ssize_t written = write(1, line, (size_t)length); /* what cannot be said was not said */
    (void)written;
}

static int64_t write_less(void *user, int fd, const void *data, size_t bytes)
{
    bool now = atomic_fetch_add(&writes, 1) == short_at && bytes > 1;
    return mli_os_system_files.write(user, fd, data, now ? bytes / 2 : bytes);
}

static int sync_anyway(void *user, int fd)
{
    (void)mli_os_system_files.sync(user, fd); /* the planted bug */
    return 0;
}

static int sync_data_anyway(void *user, int fd)
{
    (void)mli_os_system_files.sync_data(user, fd); /* the planted bug */
    return 0;
}

static int sync_nothing(void *user, int fd)
{
    (void)user;
    (void)fd;
    return 0;
}

static void plant(const char *what)
{
    files = mli_os_system_files;
    careless = strcmp(what, "careless") == 0;
    if (strncmp(what, "short=", 6) == 0) {
        short_at = atoi(what + 6);
        files.write = write_less;
    } else if (strcmp(what, "deaf") == 0) {
        files.sync = sync_anyway;
        files.sync_data = sync_data_anyway;
    } else if (strcmp(what, "no-sync") == 0) {
        files.sync = sync_nothing;
        files.sync_data = sync_nothing;
    }
}

static void on_line(void *user, const modellab_log_line *line)
{
    (void)user;
    say("log", line->event, "");
}

static int failed(const modellab_error *err)
{
    say("error", err->message, "");
    return 1;
}

static modellab_status submit(mli_lab *lab, int number, char id[MODELLAB_RUN_ID_BYTES],
                              modellab_error *err)
{
    static const unsigned char wav[60] = {'R', 'I', 'F', 'F', 52,  0,  0, 0, 'W', 'A', 'V', 'E',
                                          'f', 'm', 't', ' ', 16,  0,  0, 0, 1,   0,   1,   0,
                                          64,  31,  0,   0,   128, 62, 0, 0, 2,   0,   16,  0,
                                          'd', 'a', 't', 'a', 16,  0,  0, 0, 1,   0,   2,   0,
                                          3,   0,   4,   0,   5,   0,  6, 0, 7,   0,   8,   0};
    modellab_run_submit_options options = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    options.request = number % 2 == 0 ? "{\"pipeline\":\"ingest\"}" : "{\"steps\":[\"noop\"]}";
    if (number % 2 == 0) {
        options.input_data = wav;
        options.input_bytes = sizeof(wav);
        options.input_name = "short.wav";
    }
    return modellab_run_submit(lab, &options, id, NULL, err);
}

static bool is_over(mli_lab *lab, const char *id, modellab_run_status *status)
{
    modellab_run *run = NULL;
    modellab_run_info info = {.size = sizeof(info)};
    bool over = modellab_run_load(lab, id, &run, NULL) == MODELLAB_OK &&
                modellab_run_get_info(run, &info, NULL) == MODELLAB_OK &&
                modellab_run_status_is_final(info.status) != 0;
    *status = over ? info.status : 0;
    modellab_run_unref(run);
    return over;
}

/* Steps until all have ended; what a step cannot do is said, and tried again, as hosts do. */
static int supervise(mli_lab *lab, const char *worker, char ids[][MODELLAB_RUN_ID_BYTES], int count,
                     int patience_s)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_supervisor *s = NULL;
    modellab_supervisor_options options = MODELLAB_SUPERVISOR_OPTIONS_INIT;
    time_t end = time(NULL) + patience_s;
    int over = 0;
    options.worker_program = worker;
    options.max_workers = 1;
    if (modellab_supervisor_create(lab, &options, &s, &err) != MODELLAB_OK) {
        return failed(&err);
    }
    while (over < count && time(NULL) < end) {
        modellab_run_status status = 0;
        modellab_status rc = modellab_supervisor_step(s, 50, NULL, &err);
        if (rc != MODELLAB_OK) {
            (void)failed(&err);
        }
        if (rc == MODELLAB_E_STORE_FAILED) {
            break; /* nothing can be recorded any more: a host opens the lab again */
        }
        over = 0;
        for (int i = 0; i < count; i++) {
            over += is_over(lab, ids[i], &status);
        }
    }
    for (int i = 0; i < count; i++) {
        modellab_run_status status = 0;
        if (is_over(lab, ids[i], &status)) {
            say("end", ids[i], modellab_run_status_name(status));
        }
    }
    modellab_supervisor_destroy(s);
    return over == count ? 0 : 1;
}

/* Submits and steps by turns. */
static int stream(mli_lab *lab, const char *worker)
{
    static char ids[RUNS_MOST][MODELLAB_RUN_ID_BYTES];
    static bool said[RUNS_MOST];
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_supervisor *s = NULL;
    modellab_supervisor_options options = MODELLAB_SUPERVISOR_OPTIONS_INIT;
    options.worker_program = worker;
    if (modellab_supervisor_create(lab, &options, &s, &err) != MODELLAB_OK) {
        return failed(&err);
    }
    for (int count = 0; count < RUNS_MOST; count++) {
        if (submit(lab, count, ids[count], &err) != MODELLAB_OK) {
            return failed(&err);
        }
        say("ack", ids[count], "");
        if (modellab_supervisor_step(s, 5, NULL, &err) != MODELLAB_OK) {
            return failed(&err);
        }
        for (int i = 0; i <= count; i++) {
            modellab_run_status status = 0;
            if (!said[i] && is_over(lab, ids[i], &status)) {
                said[i] = true;
                say("end", ids[i], modellab_run_status_name(status));
            }
        }
    }
    modellab_supervisor_destroy(s);
    return 0;
}

static int run(char **argv)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_logger *logger = NULL;
    mli_lab *lab = NULL;
    bool on_and_on = strcmp(argv[1], "stream") == 0;
    modellab_log_sink sink = MODELLAB_LOG_SINK_INIT;
    modellab_logger_options how = MODELLAB_LOGGER_OPTIONS_INIT;
    modellab_lab_options options = MODELLAB_LAB_OPTIONS_INIT;
    char ids[RUNS][MODELLAB_RUN_ID_BYTES];
    mli_lab_tables tables = {.files = &files};
    int code = 0;
    int count = 0;
    plant(argv[4]);
    sink.write = on_line;
    how.sink = &sink;
    say("start", "", "");
    if (modellab_logger_create(&how, &logger, &err) != MODELLAB_OK) {
        return failed(&err);
    }
    options.logger = logger;
    modellab_status status = mli_lab_open(argv[2], &options, &tables, &lab, &err);
    for (int i = 0; i < RUNS && status == MODELLAB_OK && !on_and_on; i++) {
        modellab_status rc = submit(lab, i, ids[count], &err);
        if (rc == MODELLAB_OK) {
            say("ack", ids[count++], "");
        } else {
            code = failed(&err);
        }
        if (rc != MODELLAB_OK && careless) {
            say("ack", "01HZXW6F9T8Q3N5V7B2C4D6E8G", ""); /* the planted bug: a host's own id */
        }
    }
    if (status != MODELLAB_OK) {
        code = failed(&err);
    } else if (on_and_on) {
        code = stream(lab, argv[3]);
    } else if (supervise(lab, argv[3], ids, count, PATIENCE_S) != 0) {
        code = 1;
    }
    modellab_lab_unref(lab);
    modellab_logger_unref(logger);
    return code;
}

/* --- afterwards --- */

static int wrong;

static void complain(const char *what, const char *id)
{
    wrong++;
    say("wrong", what, id);
}

static void look_at_findings(const modellab_report *report, const char *whose)
{
    for (size_t i = 0; i < modellab_report_count(report); i++) {
        modellab_finding finding = MODELLAB_FINDING_INIT;
        if (modellab_report_at(report, i, &finding, NULL) == MODELLAB_OK &&
            finding.severity >= MODELLAB_SEVERITY_ERROR) {
            complain(finding.id, whose);
        }
    }
}

static void verify(mli_lab *lab, const char *id, const char *said)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_report *report = NULL;
    modellab_run_status status = 0;
    if (!is_over(lab, id, &status)) {
        complain("has not ended", id);
        return;
    }
    if (said != NULL && strcmp(said, modellab_run_status_name(status)) != 0) {
        complain("has another end than was said", id);
    }
    if (modellab_run_verify(lab, id, NULL, &report, &err) != MODELLAB_OK) {
        complain(err.message, id);
    }
    look_at_findings(report, id);
    modellab_report_unref(report);
}

static void finish(mli_lab *lab, const char *worker, int count, char **known)
{
    static char ids[RUNS_MOST][MODELLAB_RUN_ID_BYTES];
    int there = 0;
    for (int i = 0; i < count && i < RUNS_MOST; i++) {
        modellab_run *run = NULL;
        (void)snprintf(ids[there], sizeof(ids[0]), "%s", known[i]);
        if (modellab_run_load(lab, ids[there], &run, NULL) == MODELLAB_OK) {
            there++;
        } else {
            complain("was acknowledged and is lost", ids[there]);
        }
        modellab_run_unref(run);
    }
    if (supervise(lab, worker, ids, there, PATIENCE_AFTER_S) != 0) {
        complain("the runs do not end", "");
    }
    for (int i = 0; i < there; i++) {
        const char *said = NULL;
        for (int n = 0; n < count; n++) {
            if (strncmp(known[n], ids[i], MODELLAB_RUN_ID_BYTES - 1) == 0 &&
                known[n][MODELLAB_RUN_ID_BYTES - 1] == '=') {
                said = known[n] + MODELLAB_RUN_ID_BYTES;
            }
        }
        verify(lab, ids[i], said);
    }
}

static int check(int argc, char **argv)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_report *report = NULL;
    mli_lab *lab = NULL;
    plant("none");
    if (modellab_lab_open(argv[2], NULL, &lab, &err) != MODELLAB_OK) {
        complain(err.message, "");
        return 1;
    }
    finish(lab, argv[3], argc - 4, argv + 4);
    int32_t flags = MODELLAB_RECONCILE_FILES;
    for (int i = 0; i < 2; i++) { /* the first one mends what a crash left */
        if (modellab_lab_reconcile(lab, flags, &report, &err) != MODELLAB_OK) {
            complain(err.message, "");
        }
        if (i == 1) {
            look_at_findings(report, "after a reconcile");
        }
        modellab_report_unref(report);
        report = NULL;
    }
    modellab_lab_unref(lab);
    return wrong == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (setenv("MODEL_LAB_TESTING", "1", 1) != 0) { /* allows the step that does nothing */
        return 2;
    }
    if (argc == 5 && (strcmp(argv[1], "run") == 0 || strcmp(argv[1], "stream") == 0)) {
        return run(argv);
    }
    if (argc >= 4 && strcmp(argv[1], "check") == 0) {
        return check(argc, argv);
    }
    return 2;
}
