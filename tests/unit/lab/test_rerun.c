/* Repeating runs: which may be repeated, what the child's request is, that the input is shared and
 * finished work is offered, and that damage is told or passed over. */
#include "lab/rerun.h"

#include "lab/checkpoint.h"
#include "lab/reuse.h"
#include "lab/submit.h"
#include "store/journal.h"
#include "unit/lab/lab_common.h"
#include <sys/stat.h>
#include <unistd.h>

static temp_folder folder;
static unsigned char wav[WAV_BYTES];
static const char key[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(&folder);
    assert_int_equal(WAV_BYTES, make_wav(wav, 16000, 1, 0));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temp_folder_remove(&folder);
    return 0;
}

static void expect_request(const char *accepted, const char *patch, const char *expected)
{
    mli_buf out;
    mli_json *changes = NULL;
    mli_buf_init(&out, NULL);
    if (patch != NULL) {
        ASSERT_OK(mli_json_parse(patch, strlen(patch), 4096, &changes, err));
    }
    ASSERT_OK(mli_rerun_request(accepted, changes, &out, err));
    assert_string_equal(mli_buf_text(&out), expected);
    mli_json_free(changes);
    mli_buf_dispose(&out);
}

static void the_request_of_a_child(void **state)
{
    (void)state;
    static const char named[] = "{\"pipeline\":\"transcribe\",\"steps\":[\"ingest\",\"asr\"],"
                                "\"idempotency_key\":\"k\",\"retry\":{\"max_attempts\":3}}";
    static const char custom[] = "{\"pipeline\":\"custom\",\"steps\":[\"ingest\"]}";
    expect_request(named, NULL, "{\"pipeline\":\"transcribe\",\"retry\":{\"max_attempts\":3}}");
    expect_request(custom, NULL, "{\"steps\":[\"ingest\"]}");
    expect_request(custom, "{\"pipeline\":\"ingest\"}", "{\"pipeline\":\"ingest\"}");
    expect_request(named, "{\"steps\":[\"ingest\"],\"retry\":null}", "{\"steps\":[\"ingest\"]}");
    expect_request(named, "{\"max_attempts\":5,\"idempotency_key\":\"new\"}",
                   "{\"idempotency_key\":\"new\",\"max_attempts\":5,\"pipeline\":\"transcribe\","
                   "\"retry\":{}}");
}

/* A run with a finished step, one result and one window, that ended as `to`. */
static mli_lab *ended_run(modellab_run_status to, char id[MLI_ULID_BYTES])
{
    char path[MLI_PATH_BYTES], file[96], sha256[65], artifact[MLI_ULID_BYTES];
    mli_run_row *row = NULL;
    mli_journal_writer journal;
    mli_journal_tail tail;
    modellab_run_submit_options o = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    mli_lab *lab = open_lab(&folder, NULL, NULL, 0);
    o.request = "{\"pipeline\":\"ingest\",\"user\":\"ann\",\"idempotency_key\":\"once\"}";
    o.input_data = wav;
    o.input_bytes = sizeof(wav);
    o.input_name = "tone.wav";
    ASSERT_OK(mli_run_submit(lab, &o, id, NULL, err));
    mli_store_claim claim = {.run_id = id, .owner = "{}", .now_ms = mli_lab_now_ms(lab)};
    ASSERT_OK(mli_store_claim_run(lab->store, &claim, &row, err));
    ASSERT_OK(mli_artifact_file(row->fence, "audio.json", file, err));
    ASSERT_OK(
        mli_artifact_write(&mli_os_system_files, lab->root, id, file, "{}\n", 3, sha256, err));
    ASSERT_OK(mli_run_path(lab->root, id, MLI_RUN_JOURNAL, path, err));
    int fd =
        mli_os_system_files.open(NULL, path, MLI_OS_WRITE | MLI_OS_APPEND | MLI_OS_CREATE, 0600);
    assert_true(fd >= 0);
    mli_journal_tail_init(&tail);
    mli_journal_writer_init(&journal, NULL, &mli_os_system_files, &mli_os_system_clock, fd,
                            row->fence, &tail);
    mli_asr_mark mark = {.seek = 100};
    mli_jw *line = mli_journal_begin(&journal, MLI_CHECKPOINT_TYPE);
    mli_checkpoint_write(line, key, 0, 0, &mark, NULL, 0);
    ASSERT_OK(mli_journal_end(&journal, true, err));
    mli_journal_writer_dispose(&journal);
    assert_int_equal(mli_os_system_files.close(NULL, fd), 0);
    assert_int_equal(mli_ulid_new(&mli_os_system_clock, &mli_os_system_random, artifact), 0);
    mli_step_row step = {.name = "ingest",
                         .key = key,
                         .status = MODELLAB_RUN_COMPLETED,
                         .started_ms = 1,
                         .ended_ms = 2,
                         .peak_memory_bytes = -1,
                         .attempt = 1};
    mli_artifact_row made = {.id = artifact,
                             .step = "ingest",
                             .name = "audio.json",
                             .media_type = "application/json",
                             .sha256 = sha256,
                             .file = file,
                             .role = "result",
                             .bytes = 3,
                             .fence = row->fence};
    mli_run_transition end = {.to = to, .event_type = "run_ended"};
    mli_store_change change = {.run_id = id,
                               .fence = row->fence,
                               .expect = MODELLAB_RUN_RUNNING,
                               .now_ms = mli_lab_now_ms(lab),
                               .steps = &step,
                               .step_count = 1,
                               .artifacts = &made,
                               .artifact_count = 1,
                               .transition = &end};
    ASSERT_OK(mli_store_apply(lab->store, &change, NULL, NULL, err));
    mli_run_row_free(lab->alloc, row);
    return lab;
}

static void file_facts(const mli_lab *lab, const char *id, const char *name, struct stat *out)
{
    char path[MLI_PATH_BYTES];
    assert_true(snprintf(path, sizeof(path), "%s/runs/%s/%s", lab->root, id, name) > 0);
    assert_int_equal(stat(path, out), 0);
}

/* Types of the lines in a run's journal, first letters. */
static void line_types(const mli_lab *lab, const char *id, char *out)
{
    char path[MLI_PATH_BYTES];
    mli_journal_reader r;
    mli_journal_line line;
    bool found = true;
    ASSERT_OK(mli_run_path(lab->root, id, MLI_RUN_JOURNAL, path, err));
    int fd = mli_os_system_files.open(NULL, path, MLI_OS_READ, 0);
    assert_true(fd >= 0);
    mli_journal_reader_init(&r, NULL, &mli_os_system_files, fd);
    while (found) {
        ASSERT_OK(mli_journal_next(&r, &line, &found, err));
        if (found) {
            assert_int_equal(line.fence, 0);
            *out++ = line.type[0];
        }
    }
    *out = '\0';
    mli_journal_reader_dispose(&r);
    assert_int_equal(mli_os_system_files.close(NULL, fd), 0);
}

static void a_child_shares_and_is_offered_what_is_finished(void **state)
{
    char id[MLI_ULID_BYTES], child[MLI_ULID_BYTES], types[16];
    struct stat one, two;
    modellab_run_again_options o = MODELLAB_RUN_AGAIN_OPTIONS_INIT;
    mli_run_record *record = NULL;
    (void)state;
    mli_lab *lab = ended_run(MODELLAB_RUN_FAILED, id);
    o.request_id = "again-1";
    ASSERT_OK(mli_run_retry(lab, id, &o, NULL, child, err));
    assert_string_not_equal(id, child); /* also with an idempotency key */
    ASSERT_OK(mli_store_load(lab->store, child, &record, err));
    assert_string_equal(record->run->parent_run_id, id);
    assert_string_equal(record->run->user, "ann");
    assert_string_equal(record->run->request_id, "again-1");
    assert_string_equal(record->run->input_name, "tone.wav");
    assert_string_equal(record->run->idempotency_key, "");
    assert_int_equal(record->run->input_bytes, sizeof(wav));
    assert_int_equal(record->run->status, MODELLAB_RUN_QUEUED);
    mli_run_record_free(record);
    file_facts(lab, id, "input", &one);
    file_facts(lab, child, "input", &two);
    assert_int_equal(one.st_ino, two.st_ino); /* not stored twice */
    file_facts(lab, id, "artifacts/1-audio.json", &one);
    file_facts(lab, child, "artifacts/0-audio.json", &two);
    assert_int_equal(one.st_ino, two.st_ino);
    line_types(lab, child, types);
    assert_string_equal(types, "rc"); /* reusable, checkpoint */
    mli_lab_unref(lab);
}

static void which_runs_can_be_repeated(void **state)
{
    char id[MLI_ULID_BYTES], child[MLI_ULID_BYTES];
    modellab_report *report = NULL;
    modellab_run_again_options o = MODELLAB_RUN_AGAIN_OPTIONS_INIT;
    (void)state;
    mli_lab *lab = ended_run(MODELLAB_RUN_COMPLETED, id);
    ASSERT_FAILS(MODELLAB_E_STATE, mli_run_retry(lab, id, &o, NULL, child, err));
    ASSERT_FAILS(MODELLAB_E_NOT_FOUND,
                 mli_run_retry(lab, "01ARZ3NDEKTSV4RRFFQ69G5FAV", &o, NULL, child, err));
    ASSERT_FAILS(MODELLAB_E_NOT_FOUND, mli_run_rerun(lab, "x", &o, NULL, child, NULL, err));
    o.overrides = "[]";
    ASSERT_FAILS(MODELLAB_E_INVALID_JSON, mli_run_rerun(lab, id, &o, NULL, child, NULL, err));
    ASSERT_FAILS(MODELLAB_E_INVALID_ARGUMENT, mli_run_retry(lab, id, &o, NULL, child, err));
    o.overrides = "{\"nonsense\":1}";
    ASSERT_FAILS(MODELLAB_E_SCHEMA, mli_run_rerun(lab, id, &o, NULL, child, &report, err));
    assert_non_null(report);
    mli_report_unref(report);
    assert_int_equal(count_runs(lab), 1);
    assert_int_equal(count_folders(lab), 1); /* nothing of a refused one stays */
    o.overrides = "{\"priority\":\"high\"}";
    ASSERT_OK(mli_run_rerun(lab, id, &o, NULL, child, NULL, err));
    o.overrides = NULL;
    ASSERT_FAILS(MODELLAB_E_STATE, mli_run_retry(lab, child, &o, NULL, id, err)); /* queued */
    mli_lab_unref(lab);
}

static void damage_is_told_or_passed_over(void **state)
{
    char id[MLI_ULID_BYTES], child[MLI_ULID_BYTES], path[MLI_PATH_BYTES], types[16];
    modellab_run_again_options o = MODELLAB_RUN_AGAIN_OPTIONS_INIT;
    (void)state;
    mli_lab *lab = ended_run(MODELLAB_RUN_STALE, id);
    assert_true(snprintf(path, sizeof(path), "%s/runs/%s/artifacts/1-audio.json", lab->root, id) >
                0);
    assert_int_equal(unlink(path), 0);
    ASSERT_OK(mli_run_retry(lab, id, &o, NULL, child, err)); /* the step is done again */
    line_types(lab, child, types);
    assert_string_equal(types, "c");
    ASSERT_OK(mli_run_path(lab->root, id, MLI_RUN_INPUT, path, err));
    wav[100] ^= 1;
    write_file(path, wav, sizeof(wav));
    wav[100] ^= 1;
    ASSERT_FAILS(MODELLAB_E_HASH_MISMATCH, mli_run_retry(lab, id, &o, NULL, child, err));
    assert_int_equal(count_folders(lab), 2);
    mli_lab_unref(lab);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_request_of_a_child), TEST(a_child_shares_and_is_offered_what_is_finished),
        TEST(which_runs_can_be_repeated), TEST(damage_is_told_or_passed_over)};
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
