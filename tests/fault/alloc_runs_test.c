/* Every allocation fails once, and from then on, in what a lab does with runs beside a plain day
 * (alloc_test.c): repeating, comparing, bundling, recording, caps, upkeep, supervising. */
#include "fault/faulty_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TRY(call)                                                                                  \
    do {                                                                                           \
        status = (call);                                                                           \
        if (status != MODELLAB_OK)                                                                 \
            goto done;                                                                             \
    } while (0)

static const unsigned char wav[48] = {'R',  'I',  'F', 'F', 40, 0,    0, 0, 'W', 'A', 'V', 'E',
                                      'f',  'm',  't', ' ', 16, 0,    0, 0, 1,   0,   1,   0,
                                      0x80, 0x3e, 0,   0,   0,  0x7d, 0, 0, 2,   0,   16,  0,
                                      'd',  'a',  't', 'a', 4,  0,    0, 0, 1,   0,   2,   0};

static const char said[] =
    "{\"task\":\"transcribe\",\"language\":\"english\",\"duration\":2,\"text\":\"\",\"segments\":["
    "{\"id\":0,\"seek\":0,\"start\":0,\"end\":2,\"text\":\" One "
    "two.\",\"speaker\":\"A\"}],\"words\":"
    "[{\"word\":\"One\",\"text\":\" One\",\"start\":0,\"end\":1,\"segment\":0},"
    "{\"word\":\"two.\",\"text\":\" two.\",\"start\":1,\"end\":2,\"segment\":0}]}";
static const char drawn[] =
    "{\"version\":2,\"channels\":1,\"sample_rate\":16000,\"samples_per_pixel\":160,\"bits\":8,"
    "\"length\":2,\"duration_seconds\":0.02,\"data\":[-1,1,-2,2]}\n";

/* A lab is used for so many days, so that one day does not grow with those before it. */
enum { LAB_DAYS = 20 };
static int labs_used;

static modellab_status open_lab(const modellab_allocator *alloc, const char *root,
                                modellab_lab **lab, modellab_error *err)
{
    modellab_lab_options options = MODELLAB_LAB_OPTIONS_INIT;
    char folder[400];

    options.allocator = alloc;
    (void)snprintf(folder, sizeof folder, "%s-%d", root, labs_used++ / LAB_DAYS);
    return modellab_lab_open(folder, &options, lab, err);
}

static modellab_status repeats(const modellab_allocator *alloc, void *arg)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run_submit_options submit = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    modellab_estimate estimate = MODELLAB_ESTIMATE_INIT;
    modellab_cancel_outcome outcome = 0;
    modellab_run_status ended = 0;
    static const char pipeline[] = "{\"steps\":[\"vad\"],\"config\":{\"vad\":{\"pad_ms\":5}}}";
    modellab_report *report = NULL;
    modellab_buffer *text = NULL;
    modellab_segment_feed *feed = NULL;
    modellab_transcript *segments = NULL;
    modellab_lab *lab = NULL;
    modellab_status status;
    char run_id[MODELLAB_RUN_ID_BYTES], child_id[MODELLAB_RUN_ID_BYTES];

    submit.request = "{\"pipeline\": \"ingest\"}";
    submit.input_data = wav;
    submit.input_bytes = sizeof wav;
    TRY(open_lab(alloc, arg, &lab, &err));
    TRY(modellab_pipeline_check(lab, pipeline, 0, &text, NULL, &err));
    modellab_buffer_destroy(text);
    text = NULL;
    TRY(modellab_pipeline_save(lab, "mine", pipeline, 0, NULL, &err));
    TRY(modellab_pipeline_load(lab, "mine", &text, &err));
    modellab_buffer_destroy(text);
    text = NULL;
    TRY(modellab_pipeline_list(lab, &text, &err));
    TRY(modellab_pipeline_delete(lab, "mine", &err));
    TRY(modellab_run_validate(lab, &submit, &report, &err));
    TRY(modellab_run_estimate(lab, &submit, &estimate, NULL, &err));
    TRY(modellab_run_submit(lab, &submit, run_id, NULL, &err));
    TRY(modellab_run_cancel(lab, run_id, &outcome, &err));
    TRY(modellab_run_wait(lab, run_id, 0, NULL, &ended, &err));
    TRY(modellab_segment_feed_open(lab, run_id, &feed, &err));
    TRY(modellab_segment_feed_next(feed, 0, NULL, &segments, &err));
    TRY(modellab_run_retry(lab, run_id, NULL, child_id, &err));
    TRY(modellab_run_rerun(lab, run_id, NULL, child_id, NULL, &err));
done:
    if (status != MODELLAB_OK && status != MODELLAB_E_NO_MEMORY) /* says which call it was */
        print_message("%s\n", err.message);
    modellab_segment_feed_close(feed);
    modellab_transcript_unref(segments);
    modellab_buffer_destroy(text);
    modellab_report_unref(report);
    modellab_lab_unref(lab);
    return status;
}

/* What readers ask of a run with a transcript and a note. */
static modellab_status read_results(modellab_lab *lab, const char *run_id, modellab_error *err)
{
    modellab_transcript *transcript = NULL;
    modellab_buffer *json = NULL;
    modellab_run *run = NULL;
    modellab_status status;

#define NEXT(call)                                                                                 \
    do {                                                                                           \
        modellab_buffer_destroy(json);                                                             \
        json = NULL;                                                                               \
        TRY(call);                                                                                 \
    } while (0)
    TRY(modellab_note_put(lab, run_id, MODELLAB_NOTE_SPEAKERS, "{\"A\":\"Ann\"}", 0, err));
    TRY(modellab_note_put(lab, run_id, "other", "{}", 0, err));
    TRY(modellab_note_remove(lab, run_id, "other", err));
    NEXT(modellab_note_load(lab, run_id, MODELLAB_NOTE_SPEAKERS, &json, NULL, err));
    NEXT(modellab_note_list(lab, run_id, &json, err));
    TRY(modellab_run_transcript(lab, run_id, MODELLAB_TRANSCRIPT_WITH_NAMES, &transcript, err));
    NEXT(modellab_transcript_search(transcript, "one two", NULL, &json, err));
    NEXT(modellab_run_speakers(lab, run_id, &json, err));
    NEXT(modellab_run_peaks(lab, run_id, 2, &json, err));
    NEXT(modellab_run_results(lab, run_id, &json, err));
    TRY(modellab_run_load(lab, run_id, &run, err));
    NEXT(modellab_run_summary(run, &json, err));
#undef NEXT
done:
    modellab_buffer_destroy(json);
    modellab_transcript_unref(transcript);
    modellab_run_unref(run);
    return status;
}

static modellab_status records(const modellab_allocator *alloc, void *arg)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_step_info step = {.size = sizeof step};
    modellab_artifact_info artifact = {.size = sizeof artifact};
    modellab_event_info event = {.size = sizeof event};
    modellab_record *record = NULL;
    modellab_event_list *events = NULL;
    modellab_report *report = NULL;
    modellab_buffer *bytes = NULL, *json = NULL, *log = NULL;
    modellab_artifact *piece = NULL;
    modellab_record_options options = MODELLAB_RECORD_OPTIONS_INIT;
    modellab_run *run = NULL;
    modellab_lab *lab = NULL, *other = NULL;
    modellab_status status;
    char run_id[MODELLAB_RUN_ID_BYTES], artifact_id[MODELLAB_RUN_ID_BYTES],
        imported[MODELLAB_RUN_ID_BYTES], path[400], other_root[320];

    TRY(open_lab(alloc, arg, &lab, &err));
    options.request_id = "fault-request";
    TRY(modellab_record_begin(lab, &options, &record, &err));
    (void)snprintf(run_id, sizeof run_id, "%s", modellab_record_run_id(record));
    TRY(modellab_record_step_begin(record, "work", &err));
    TRY(modellab_record_add_artifact(record, "a.txt", "text/plain", "a", 1, artifact_id, &err));
    TRY(modellab_record_add_artifact(record, "transcript.json", "application/json", said,
                                     sizeof said - 1, NULL, &err));
    TRY(modellab_record_add_artifact(record, "peaks.json", "application/json", drawn,
                                     sizeof drawn - 1, NULL, &err));
    TRY(modellab_record_check(record, &err));
    TRY(modellab_record_tell(record, "{\"done\":1}", &err));
    TRY(modellab_record_step_end(record, MODELLAB_RUN_COMPLETED, NULL, &err));
    TRY(modellab_record_finish(record, MODELLAB_RUN_COMPLETED, MODELLAB_REASON_NONE, NULL, &err));
    modellab_record_destroy(record);
    record = NULL;
    TRY(modellab_run_load(lab, run_id, &run, &err));
    TRY(modellab_run_step_at(run, 0, &step, &err));
    TRY(modellab_run_artifact_at(run, 0, &artifact, &err));
    TRY(modellab_run_read_artifact(lab, run_id, artifact_id, 10, &bytes, &err));
    TRY(modellab_artifact_open(lab, run_id, artifact_id, &piece, &err));
    TRY(modellab_artifact_get_info(piece, &artifact, &err));
    TRY(modellab_artifact_read(piece, 0, path, 1, NULL, &err));
    TRY(modellab_artifact_verify(piece, NULL, &err));
    TRY(modellab_run_log_read(lab, run_id, NULL, &log, &err));
    modellab_buffer_destroy(log);
    log = NULL;
    TRY(modellab_request_log_read(lab, "fault-request", NULL, &log, &err));
    TRY(read_results(lab, run_id, &err));
    TRY(modellab_event_list_load(lab, run_id, 0, 0, 0, &events, &err));
    TRY(modellab_event_list_at(events, 0, &event, &err));
    TRY(modellab_run_verify(lab, run_id, NULL, &report, &err));
    TRY(modellab_run_compare(lab, run_id, run_id, NULL, &json, &err));
    (void)snprintf(path, sizeof path, "%s-%s.zip", (const char *)arg, run_id);
    TRY(modellab_run_bundle(lab, run_id, path, 0, NULL, &err));
    (void)snprintf(other_root, sizeof other_root, "%s-other", (const char *)arg);
    TRY(open_lab(alloc, other_root, &other, &err));
    TRY(modellab_run_import(other, path, NULL, imported, &err));
done:
    if (status != MODELLAB_OK && status != MODELLAB_E_NO_MEMORY) /* says which call it was */
        print_message("%s\n", err.message);
    modellab_buffer_destroy(log);
    modellab_buffer_destroy(json);
    modellab_buffer_destroy(bytes);
    modellab_artifact_close(piece);
    modellab_report_unref(report);
    modellab_event_list_unref(events);
    modellab_run_unref(run);
    modellab_record_destroy(record);
    modellab_lab_unref(other);
    modellab_lab_unref(lab);
    return status;
}

static modellab_status upkeep(const modellab_allocator *alloc, void *arg)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_cleanup_options cleaning = MODELLAB_CLEANUP_OPTIONS_INIT;
    modellab_cleanup_result cleaned = {.size = sizeof cleaned};
    modellab_disk_usage usage = {.size = sizeof usage};
    modellab_user_cap cap = {.size = sizeof cap};
    modellab_health_check_info check = {.size = sizeof check};
    modellab_user_cap_list *caps = NULL;
    modellab_key_options key = MODELLAB_KEY_OPTIONS_INIT;
    modellab_key_grant grant = {.size = sizeof grant};
    modellab_key_info one = {.size = sizeof one};
    modellab_key_list *keys = NULL;
    modellab_buffer *secret = NULL;
    char key_id[MODELLAB_KEY_ID_BYTES], hook_id[MODELLAB_KEY_ID_BYTES];
    modellab_webhook_options hook = MODELLAB_WEBHOOK_OPTIONS_INIT;
    modellab_webhook_info hook_info = {.size = sizeof hook_info};
    modellab_delivery_info delivery = {.size = sizeof delivery};
    modellab_webhook_list *hooks = NULL;
    modellab_delivery_list *deliveries = NULL;
    modellab_health *health = NULL;
    modellab_lab *lab = NULL;
    modellab_status status;

    cleaning.older_than_ms = 1000;
    cleaning.what = MODELLAB_CLEANUP_RUNS | MODELLAB_CLEANUP_LEFTOVERS;
    cleaning.dry_run = 1;
    TRY(open_lab(alloc, arg, &lab, &err));
    TRY(modellab_user_cap_set(lab, "ann", "cpu_seconds", "day", "2h", &err));
    TRY(modellab_user_cap_list_load(lab, NULL, &caps, &err));
    TRY(modellab_user_cap_list_at(caps, 0, &cap, &err));
    TRY(modellab_user_cap_remove(lab, "ann", "cpu_seconds", "day", &err));
    key.scopes = "admin";
    TRY(modellab_key_create(lab, &key, key_id, &secret, &err));
    TRY(modellab_key_check(lab, modellab_buffer_data(secret), "runs:read", &grant, &err));
    modellab_buffer_destroy(secret);
    secret = NULL;
    TRY(modellab_key_rotate(lab, key_id, 1000, &secret, &err));
    TRY(modellab_key_revoke(lab, key_id, &err));
    TRY(modellab_key_list_load(lab, key_id, &keys, &err));
    TRY(modellab_key_list_at(keys, 0, &one, &err));
    hook.url = "https://example.com/hook";
    modellab_buffer_destroy(secret);
    secret = NULL;
    TRY(modellab_webhook_create(lab, &hook, hook_id, &secret, &err));
    TRY(modellab_webhook_test(lab, hook_id, key_id, &err));
    TRY(modellab_webhook_enable(lab, hook_id, &err));
    TRY(modellab_webhook_list_load(lab, hook_id, &hooks, &err));
    TRY(modellab_webhook_list_at(hooks, 0, &hook_info, &err));
    TRY(modellab_delivery_list_load(lab, hook_id, key_id, NULL, 0, &deliveries, &err));
    TRY(modellab_delivery_list_at(deliveries, 0, &delivery, &err));
    TRY(modellab_webhook_delete(lab, hook_id, &err));
    TRY(modellab_lab_disk_usage(lab, &usage, &err));
    TRY(modellab_lab_cleanup(lab, &cleaning, &cleaned, &err));
    TRY(modellab_health_run(lab, MODELLAB_HEALTH_LIVE, &health, &err));
    TRY(modellab_health_check_at(health, 0, &check, &err));
done:
    if (status != MODELLAB_OK && status != MODELLAB_E_NO_MEMORY) /* says which call it was */
        print_message("%s\n", err.message);
    modellab_health_unref(health);
    modellab_key_list_unref(keys);
    modellab_webhook_list_unref(hooks);
    modellab_delivery_list_unref(deliveries);
    modellab_buffer_destroy(secret);
    modellab_user_cap_list_unref(caps);
    modellab_lab_unref(lab);
    return status;
}

static modellab_status uploads(const modellab_allocator *alloc, void *arg)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_upload_options options = MODELLAB_UPLOAD_OPTIONS_INIT;
    modellab_upload_info info = {.size = sizeof info};
    modellab_upload *upload = NULL, *again = NULL;
    modellab_buffer *json = NULL, *list = NULL;
    modellab_report *report = NULL;
    modellab_idempotency *claim = NULL;
    modellab_idempotency_reply reply = MODELLAB_IDEMPOTENCY_REPLY_INIT;
    modellab_idempotency_outcome outcome = 0;
    modellab_lab *lab = NULL;
    modellab_status status;
    char run_key[MODELLAB_IDEMPOTENCY_RUN_KEY_BYTES];

    TRY(open_lab(alloc, arg, &lab, &err));
    TRY(modellab_idempotency_begin(lab, "ann", "key", &claim, &outcome, &err));
    TRY(modellab_idempotency_add(claim, "x", 1, &err));
    TRY(modellab_idempotency_match(claim, &outcome, &err));
    if (outcome == MODELLAB_IDEMPOTENCY_REPLAY) {
        TRY(modellab_idempotency_get_reply(claim, &reply, &err));
    } else {
        TRY(modellab_idempotency_run_key(claim, run_key, &err));
        reply.http_status = 202;
        TRY(modellab_idempotency_finish(claim, &reply, &err));
    }
    options.user = "ann";
    TRY(modellab_upload_begin(lab, &options, &upload, &err));
    TRY(modellab_upload_write(upload, wav, sizeof wav, &report, &err));
    TRY(modellab_upload_finish(upload, NULL, &err));
    TRY(modellab_upload_get_info(upload, &info, &err));
    TRY(modellab_upload_to_json(upload, &json, &err));
    TRY(modellab_upload_load(lab, info.id, &again, &err));
    TRY(modellab_upload_list(lab, "ann", &list, &err));
    TRY(modellab_upload_delete(lab, info.id, &err));
done:
    if (status != MODELLAB_OK && status != MODELLAB_E_NO_MEMORY) /* says which call it was */
        print_message("%s\n", err.message);
    modellab_buffer_destroy(json);
    modellab_buffer_destroy(list);
    modellab_report_unref(report);
    modellab_idempotency_unref(claim);
    modellab_upload_unref(again);
    modellab_upload_unref(upload);
    modellab_lab_unref(lab);
    return status;
}

static modellab_status supervising(const modellab_allocator *alloc, void *arg)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_supervisor_options options = MODELLAB_SUPERVISOR_OPTIONS_INIT;
    modellab_drain_result drained = {.size = sizeof drained};
    modellab_supervisor *supervisor = NULL;
    modellab_lab *lab = NULL;
    modellab_status status;

    options.worker_program = "/bin/true"; /* no run: nothing starts it */
    TRY(open_lab(alloc, arg, &lab, &err));
    TRY(modellab_supervisor_create(lab, &options, &supervisor, &err));
    TRY(modellab_supervisor_step(supervisor, 0, NULL, &err));
    TRY(modellab_supervisor_drain(supervisor, 0, &drained, &err));
done:
    if (status != MODELLAB_OK && status != MODELLAB_E_NO_MEMORY) /* says which call it was */
        print_message("%s\n", err.message);
    modellab_supervisor_destroy(supervisor);
    modellab_lab_unref(lab);
    return status;
}

static char scratch[256];

static void test_each_call(void **state)
{
    static const struct {
        const char *name;
        faulty_scenario scenario;
        long at_least;
    } cases[] = {{"repeats", repeats, 30},
                 {"records", records, 50},
                 {"upkeep", upkeep, 20},
                 {"uploads", uploads, 20},
                 {"supervising", supervising, 20}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        long count = 0;
        char root[300];
        (void)snprintf(root, sizeof root, "%s-%zu", scratch, i);
        faulty_verdict verdict = faulty_run(cases[i].scenario, root, &count);

        print_message("%s: %ld allocations, each failed once and from then on\n", cases[i].name,
                      count);
        assert_int_equal(verdict, FAULTY_FINE);
        assert_true(count >= cases[i].at_least);
    }
}

static size_t keys_of(modellab_lab *lab)
{
    modellab_key_list *list = NULL;
    assert_int_equal(modellab_key_list_load(lab, NULL, &list, NULL), MODELLAB_OK);
    const size_t count = modellab_key_list_count(list);
    modellab_key_list_unref(list);
    return count;
}

static size_t hooks_of(modellab_lab *lab)
{
    modellab_webhook_list *list = NULL;
    assert_int_equal(modellab_webhook_list_load(lab, NULL, &list, NULL), MODELLAB_OK);
    const size_t count = modellab_webhook_list_count(list);
    modellab_webhook_list_unref(list);
    return count;
}

/* A secret is told once: what was stored without being handed out would be lost, and a rotation
 * would have locked its owner out. */
static void test_secrets(void **state)
{
    faulty_alloc faults = {0};
    modellab_allocator table = faulty_table(&faults);
    modellab_key_options options = MODELLAB_KEY_OPTIONS_INIT;
    modellab_webhook_options hook = MODELLAB_WEBHOOK_OPTIONS_INIT;
    modellab_key_grant grant = {.size = sizeof grant};
    modellab_buffer *first = NULL, *secret = NULL;
    char id[MODELLAB_KEY_ID_BYTES], other[MODELLAB_KEY_ID_BYTES];
    modellab_lab *lab = NULL;
    bool failed = true;

    (void)state;
    options.scopes = "admin";
    hook.url = "https://example.com/hook";
    assert_int_equal(open_lab(&table, scratch, &lab, NULL), MODELLAB_OK);
    assert_int_equal(modellab_key_create(lab, &options, id, &first, NULL), MODELLAB_OK);
    for (long at = 1; failed; at++) {
        const size_t keys = keys_of(lab), hooks = hooks_of(lab);
        modellab_status status[3];
        bool any = false;
        for (int what = 0; what < 3; what++) {
            atomic_store(&faults.calls, 0);
            atomic_store(&faults.failed, false);
            atomic_store(&faults.fail_at, at);
            status[what] = what == 0   ? modellab_key_create(lab, &options, other, &secret, NULL)
                           : what == 1 ? modellab_webhook_create(lab, &hook, other, &secret, NULL)
                                       : modellab_key_rotate(lab, id, 0, &secret, NULL);
            atomic_store(&faults.fail_at, 0);
            any = any || atomic_load(&faults.failed);
            assert_int_equal(status[what] == MODELLAB_OK, secret != NULL);
            if (what == 2 && secret != NULL) {
                modellab_buffer_destroy(first);
                first = secret;
            } else {
                modellab_buffer_destroy(secret);
            }
            secret = NULL;
        }
        assert_int_equal(keys_of(lab) - keys, status[0] == MODELLAB_OK);
        assert_int_equal(hooks_of(lab) - hooks, status[1] == MODELLAB_OK);
        /* the last secret that was told is the one that is good */
        assert_int_equal(
            modellab_key_check(lab, modellab_buffer_data(first), "admin", &grant, NULL),
            MODELLAB_OK);
        failed = any;
    }
    modellab_buffer_destroy(first);
    modellab_lab_unref(lab);
    assert_int_equal(atomic_load(&faults.live), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_secrets),
                                       cmocka_unit_test(test_each_call)};
    char command[300];

    if (argc != 2 || setenv("MODEL_LAB_MIN_FREE_BYTES", "1", 1) != 0) {
        fprintf(stderr, "usage: test_fault_alloc_runs FOLDER\n");
        return 2;
    }
    (void)snprintf(scratch, sizeof scratch, "%s", argv[1]);
    (void)snprintf(command, sizeof command, "rm -rf '%s'-*", argv[1]);
    if (system(command) != 0) {
        return 2;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
