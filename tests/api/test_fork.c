/* A host with everything at work is forked, and the child gives back or stops every handle of its
 * parent: it neither hangs nor takes anything from it. Arguments: a folder for the lab, and
 * "run". */
#include "api/live_kit.h"
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *folder;
static live_models models;
static modellab_error err = MODELLAB_ERROR_INIT;

/* All handles of the host. */
static struct host {
    modellab_logger *logger;
    modellab_lab *lab;
    modellab_supervisor *supervisor, *stepped;
    modellab_webhook_sender *sender;
    modellab_live *live;
    modellab_record *record;
    modellab_upload *upload;
    modellab_idempotency *claim;
    modellab_segment_feed *feed;
    modellab_event_list *events;
    modellab_run_list *runs;
    modellab_health *health;
    modellab_asr_session *asr;
    modellab_vad_session *vad;
    modellab_rate *rate;
    modellab_tracker *tracker;
    modellab_cancel *cancel;
    modellab_encoder *encoder;
    modellab_artifact *artifact;
    heard heard;
    char done_run[MODELLAB_RUN_ID_BYTES], live_run[MODELLAB_RUN_ID_BYTES],
        record_run[MODELLAB_RUN_ID_BYTES];
} h;

static modellab_lab *open_lab(modellab_logger *logger)
{
    modellab_lab_options options = MODELLAB_LAB_OPTIONS_INIT;
    modellab_lab *lab = NULL;

    options.logger = logger;
    OK(modellab_lab_open(folder, &options, &lab, &err));
    return lab;
}

static void submit(char id[MODELLAB_RUN_ID_BYTES])
{
    modellab_run_submit_options options = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;

    options.request = "{\"pipeline\":\"ingest\"}";
    options.input_path = models.sample;
    OK(modellab_run_submit(h.lab, &options, id, NULL, &err));
}

static void open_artifact(void)
{
    modellab_run *run = NULL;
    modellab_artifact_info info = {.size = sizeof info};

    OK(modellab_run_load(h.lab, h.done_run, &run, &err));
    OK(modellab_run_artifact_at(run, 0, &info, &err));
    OK(modellab_artifact_open(h.lab, h.done_run, info.id, &h.artifact, &err));
    modellab_run_unref(run);
}

static void open_live(void)
{
    modellab_live_options options = MODELLAB_LIVE_OPTIONS_INIT;
    modellab_record_options record = MODELLAB_RECORD_OPTIONS_INIT;

    heard_init(&h.heard);
    options.asr = models.asr;
    options.vad = models.vad;
    options.lab = h.lab;
    options.record = &record;
    options.callback = listen;
    options.user = &h.heard;
    OK(modellab_live_open(&options, &h.live, &err));
    strcpy(h.live_run, modellab_live_run_id(h.live));
    OK(modellab_live_push(h.live, models.pcm, 2 * RATE * sizeof(int16_t), &err));
}

static void open_upload(void)
{
    modellab_upload_options options = MODELLAB_UPLOAD_OPTIONS_INIT;

    OK(modellab_upload_begin(h.lab, &options, &h.upload, &err));
}

static void open_all(void)
{
    modellab_logger_options log = MODELLAB_LOGGER_OPTIONS_INIT;
    modellab_record_options record = MODELLAB_RECORD_OPTIONS_INIT;
    modellab_rate_options rate = MODELLAB_RATE_OPTIONS_INIT;
    modellab_idempotency_outcome outcome = 0;
    modellab_run_status status = 0;
    char path[600];

    (void)snprintf(path, sizeof path, "%s.log", folder);
    log.file = path;
    OK(modellab_logger_create(&log, &h.logger, &err));
    h.lab = open_lab(h.logger);
    OK(modellab_supervisor_create(h.lab, NULL, &h.supervisor, &err));
    OK(modellab_supervisor_start(h.supervisor, &err));
    OK(modellab_supervisor_create(h.lab, NULL, &h.stepped, &err));
    OK(modellab_webhook_sender_start(h.lab, &h.sender, &err));
    submit(h.done_run);
    OK(modellab_run_wait(h.lab, h.done_run, 120000, NULL, &status, &err));
    assert_int_equal(MODELLAB_RUN_COMPLETED, status);
    open_artifact();
    open_live();
    OK(modellab_record_begin(h.lab, &record, &h.record, &err));
    strcpy(h.record_run, modellab_record_run_id(h.record));
    OK(modellab_record_step_begin(h.record, "work", &err));
    open_upload();
    OK(modellab_idempotency_begin(h.lab, "ann", "key", &h.claim, &outcome, &err));
    OK(modellab_segment_feed_open(h.lab, h.done_run, &h.feed, &err));
    OK(modellab_event_list_load(h.lab, h.done_run, 0, 0, 0, &h.events, &err));
    OK(modellab_run_list_load(h.lab, NULL, &h.runs, &err));
    OK(modellab_health_run(h.lab, MODELLAB_HEALTH_READY, &h.health, &err));
    OK(modellab_asr_session_create(models.asr, 2, &h.asr, &err));
    OK(modellab_vad_session_create(models.vad, NULL, &h.vad, &err));
    rate.limit = 1;
    OK(modellab_rate_create(&rate, &h.rate, &err));
    OK(modellab_tracker_create(NULL, &h.tracker, &err));
    OK(modellab_cancel_create(NULL, &h.cancel, &err));
}

/* What the child is at, for whoever waits for it; 0 = it has come to its end. */
static _Atomic int *at;
static const char *const names[] = {"the end",
                                    "live stop",
                                    "live cancel",
                                    "live push",
                                    "live finish",
                                    "live destroy",
                                    "sender stop",
                                    "supervisor step",
                                    "supervisor drain",
                                    "supervisor destroy",
                                    "stepped destroy",
                                    "record step",
                                    "record finish",
                                    "record destroy",
                                    "upload write",
                                    "upload unref",
                                    "claim finish",
                                    "claim unref",
                                    "feed next",
                                    "feed close",
                                    "artifact",
                                    "lists",
                                    "asr session",
                                    "vad session",
                                    "values",
                                    "models",
                                    "submit",
                                    "lab",
                                    "logger"};

#define SAY(n) atomic_store(at, (n))
#define REFUSED(call)                                                                              \
    do {                                                                                           \
        if ((call) != MODELLAB_E_FORKED)                                                           \
            return 1;                                                                              \
    } while (0)

static int of_threads(void)
{
    modellab_transcript *text = NULL;
    modellab_drain_result drained = {.size = sizeof drained};
    int64_t next = 0;

    SAY(1);
    modellab_live_stop(h.live, "the child goes");
    SAY(2);
    modellab_live_cancel(h.live);
    modellab_live_end(h.live);
    SAY(3);
    REFUSED(modellab_live_push(h.live, models.pcm, 2, NULL));
    SAY(4);
    REFUSED(modellab_live_finish(h.live, &text, NULL));
    SAY(5);
    modellab_live_destroy(h.live);
    SAY(6);
    modellab_webhook_sender_stop(h.sender);
    SAY(7);
    REFUSED(modellab_supervisor_step(h.stepped, 0, &next, NULL));
    SAY(8);
    REFUSED(modellab_supervisor_drain(h.supervisor, 0, &drained, NULL));
    REFUSED(modellab_supervisor_drain(h.stepped, 0, &drained, NULL));
    SAY(9);
    modellab_supervisor_destroy(h.supervisor);
    SAY(10);
    modellab_supervisor_destroy(h.stepped);
    return 0;
}

static int of_work(void)
{
    modellab_idempotency_reply reply = MODELLAB_IDEMPOTENCY_REPLY_INIT;
    modellab_transcript *text = NULL;

    SAY(11);
    REFUSED(modellab_record_step_end(h.record, MODELLAB_RUN_COMPLETED, NULL, NULL));
    SAY(12);
    REFUSED(modellab_record_finish(h.record, MODELLAB_RUN_FAILED, MODELLAB_REASON_HOST_STOPPED,
                                   NULL, NULL));
    SAY(13);
    modellab_record_destroy(h.record);
    SAY(14);
    REFUSED(modellab_upload_write(h.upload, "x", 1, NULL, NULL));
    SAY(15);
    modellab_upload_unref(h.upload);
    SAY(16);
    reply.http_status = 200;
    REFUSED(modellab_idempotency_finish(h.claim, &reply, NULL));
    SAY(17);
    modellab_idempotency_unref(h.claim);
    SAY(18);
    REFUSED(modellab_segment_feed_next(h.feed, 0, NULL, &text, NULL));
    SAY(19);
    modellab_segment_feed_close(h.feed);
    SAY(20);
    modellab_artifact_close(h.artifact);
    SAY(21);
    modellab_event_list_unref(h.events);
    modellab_run_list_unref(h.runs);
    modellab_health_unref(h.health);
    return 0;
}

static int of_values(void)
{
    modellab_run_submit_options options = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    char id[MODELLAB_RUN_ID_BYTES];

    SAY(22);
    modellab_asr_session_destroy(h.asr);
    SAY(23);
    modellab_vad_session_destroy(h.vad);
    SAY(24);
    modellab_rate_unref(h.rate);
    modellab_tracker_unref(h.tracker);
    modellab_cancel_unref(h.cancel);
    SAY(25);
    modellab_model_unref(models.asr);
    modellab_model_unref(models.vad);
    SAY(26);
    options.request = "{\"pipeline\":\"ingest\"}";
    REFUSED(modellab_run_submit(h.lab, &options, id, NULL, NULL));
    SAY(27);
    modellab_lab_unref(h.lab);
    SAY(28);
    modellab_logger_unref(h.logger);
    SAY(0);
    return 0;
}

static void the_child_gives_all_back(void)
{
    int how = 0;
    pid_t pid = fork(), got = 0;

    if (pid == 0) {
        int rc = of_threads();

        rc = rc == 0 ? of_work() : rc;
        rc = rc == 0 ? of_values() : rc;
        _exit(rc);
    }
    for (int i = 0; got == 0 && i < 6000; i++) { /* a minute */
        got = waitpid(pid, &how, WNOHANG);
        if (got == 0)
            (void)usleep(10000);
    }
    if (got == 0) {
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, &how, 0);
        fail_msg("the child hangs at: %s", names[atomic_load(at)]);
    }
    if (!WIFEXITED(how) || WEXITSTATUS(how) != 0)
        fail_msg("the child ended with %x at: %s", (unsigned)how, names[atomic_load(at)]);
}

/* Another process: what is held by whoever lives stays as it is. */
static void another_looks(void)
{
    int how = 0;
    pid_t pid = fork();

    if (pid == 0) {
        char *const arguments[] = {(char *)"test", (char *)folder, (char *)"look", NULL};
        (void)execv("/proc/self/exe", arguments);
        _exit(9);
    }
    assert_int_equal(pid, waitpid(pid, &how, 0));
    assert_true(WIFEXITED(how));
    assert_int_equal(0, WEXITSTATUS(how));
}

/* The part of another process. */
static int look(void)
{
    modellab_idempotency_outcome outcome = 0;
    modellab_idempotency *claim = NULL;
    modellab_report *report = NULL;

    h.lab = open_lab(NULL);
    OK(modellab_lab_reconcile(h.lab, 0, &report, &err));
    modellab_report_unref(report);
    OK(modellab_idempotency_begin(h.lab, "ann", "key", &claim, &outcome, &err));
    modellab_idempotency_unref(claim);
    modellab_lab_unref(h.lab);
    return outcome == MODELLAB_IDEMPOTENCY_RUNNING ? 0 : 3;
}

static void ended(const char *id, modellab_run_status wanted)
{
    modellab_run_status status = 0;

    OK(modellab_run_wait(h.lab, id, 120000, NULL, &status, &err));
    assert_int_equal(wanted, status);
}

static void the_parent_goes_on(void **state)
{
    modellab_transcript *text = NULL;
    modellab_report *report = NULL;
    modellab_upload_info info = {.size = sizeof info};
    unsigned char wav[64 * 1024];
    char id[MODELLAB_RUN_ID_BYTES];
    FILE *file;
    size_t n;

    (void)state;
    open_all();
    the_child_gives_all_back();
    another_looks();
    OK(modellab_live_push(h.live, models.pcm, RATE * sizeof(int16_t), &err));
    OK(modellab_live_finish(h.live, &text, &err));
    modellab_transcript_unref(text);
    modellab_live_destroy(h.live);
    ended(h.live_run, MODELLAB_RUN_COMPLETED);
    OK(modellab_record_step_end(h.record, MODELLAB_RUN_COMPLETED, NULL, &err));
    OK(modellab_record_finish(h.record, MODELLAB_RUN_COMPLETED, MODELLAB_REASON_NONE, NULL, &err));
    ended(h.record_run, MODELLAB_RUN_COMPLETED);
    modellab_record_destroy(h.record);
    file = fopen(models.sample, "rb");
    assert_non_null(file);
    while ((n = fread(wav, 1, sizeof wav, file)) > 0)
        OK(modellab_upload_write(h.upload, wav, n, &report, &err));
    assert_int_equal(0, fclose(file));
    OK(modellab_upload_finish(h.upload, &report, &err));
    OK(modellab_upload_get_info(h.upload, &info, &err));
    submit(id);
    ended(id, MODELLAB_RUN_COMPLETED);
    modellab_segment_feed_close(h.feed);
    modellab_artifact_close(h.artifact);
    modellab_event_list_unref(h.events);
    modellab_run_list_unref(h.runs);
    modellab_health_unref(h.health);
    modellab_asr_session_destroy(h.asr);
    modellab_vad_session_destroy(h.vad);
    modellab_rate_unref(h.rate);
    modellab_tracker_unref(h.tracker);
    modellab_cancel_unref(h.cancel);
    modellab_idempotency_unref(h.claim);
    modellab_upload_unref(h.upload);
    modellab_webhook_sender_stop(h.sender);
    modellab_supervisor_destroy(h.stepped);
    modellab_supervisor_destroy(h.supervisor);
    modellab_lab_unref(h.lab);
    modellab_logger_unref(h.logger);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_parent_goes_on)};

    if (argc != 3)
        return 2;
    folder = argv[1];
    if (strcmp(argv[2], "look") == 0)
        return look();
    at = mmap(NULL, sizeof *at, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        return 2;
    int rc = live_models_open(&models, NULL);
    if (rc != 0)
        return rc;
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    live_models_close(&models);
    return rc;
}
