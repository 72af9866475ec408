/* Reading what runs hold: files in pieces, lines of logs, lists in every order with cursors. */
#include <modellab/modellab.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BYTES 100000
#define RUNS 23

static char folder[64];
static modellab_lab *lab;
static modellab_error err = MODELLAB_ERROR_INIT;

static int set_up(void **state)
{
    modellab_lab_options options = MODELLAB_LAB_OPTIONS_INIT;
    (void)state;
    strcpy(folder, "/tmp/modellab-read-XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(0, setenv("MODEL_LAB_MIN_FREE_BYTES", "0", 1));
    options.models_root = options.cache_root = folder;
    assert_int_equal(MODELLAB_OK, modellab_lab_open(folder, &options, &lab, &err));
    return 0;
}

static int tear_down(void **state)
{
    char command[96];
    (void)state;
    modellab_lab_unref(lab);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static modellab_record *begin(const modellab_record_options *options,
                              char id[MODELLAB_RUN_ID_BYTES])
{
    modellab_record *record = NULL;
    assert_int_equal(MODELLAB_OK, modellab_record_begin(lab, options, &record, &err));
    strcpy(id, modellab_record_run_id(record));
    return record;
}

static void finish(modellab_record *record)
{
    assert_int_equal(MODELLAB_OK,
                     modellab_record_finish(record, MODELLAB_RUN_COMPLETED, 0, NULL, &err));
    modellab_record_destroy(record);
}

/* The only file in the run's folder of artifacts, opened to be spoiled. */
static int open_file(const char *run_id)
{
    char command[160], path[200] = "";
    snprintf(command, sizeof command, "ls -d %s/runs/%s/artifacts/*", folder, run_id);
    FILE *list = popen(command, "r");
    assert_non_null(list);
    assert_non_null(fgets(path, sizeof path, list));
    assert_int_equal(0, pclose(list));
    path[strcspn(path, "\n")] = '\0';
    assert_int_equal(0, chmod(path, 0600));
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    return fd;
}

static modellab_status read_all(modellab_artifact *a, size_t step, const char *expected)
{
    static char block[BYTES];
    size_t got = 1;
    modellab_status status = MODELLAB_OK;
    for (int64_t at = 0; got > 0 && status == MODELLAB_OK; at += (int64_t)got) {
        status = modellab_artifact_read(a, at, block, step, &got, &err);
        if (status == MODELLAB_OK)
            assert_memory_equal(block, expected + at, got);
    }
    return status;
}

static void files_in_pieces(void **state)
{
    static char data[BYTES], block[BYTES];
    modellab_artifact *a = NULL;
    modellab_artifact_info info = {.size = sizeof info};
    char run_id[MODELLAB_RUN_ID_BYTES], id[MODELLAB_RUN_ID_BYTES];
    size_t got = 0;
    (void)state;
    for (size_t i = 0; i < BYTES; i++)
        data[i] = (char)(i * 7 + i / 256);
    modellab_record *record = begin(NULL, run_id);
    assert_int_equal(MODELLAB_OK, modellab_record_add_artifact(record, "a.bin", "application/x",
                                                               data, BYTES, id, &err));
    finish(record);
    assert_int_equal(MODELLAB_E_NOT_FOUND, modellab_artifact_open(lab, run_id, "nope", &a, &err));
    assert_int_equal(MODELLAB_E_NOT_FOUND, modellab_artifact_open(lab, "../x", id, &a, &err));
    assert_int_equal(MODELLAB_E_NOT_FOUND,
                     modellab_artifact_open(lab, run_id, MODELLAB_ARTIFACT_INPUT, &a, &err));
    assert_int_equal(MODELLAB_OK, modellab_artifact_open(lab, run_id, id, &a, &err));
    assert_int_equal(MODELLAB_OK, modellab_artifact_get_info(a, &info, &err));
    assert_int_equal(BYTES, info.bytes);
    assert_string_equal("a.bin", info.name);
    assert_string_equal("application/x", info.media_type);
    assert_int_equal(64, strlen(info.sha256));
    /* any place, and the last byte, and behind it */
    assert_int_equal(MODELLAB_OK, modellab_artifact_read(a, 4711, block, 1000, &got, &err));
    assert_int_equal(1000, got);
    assert_memory_equal(data + 4711, block, 1000);
    assert_int_equal(MODELLAB_OK, modellab_artifact_read(a, BYTES - 1, block, 10, &got, &err));
    assert_int_equal(1, got);
    assert_int_equal(MODELLAB_OK, modellab_artifact_read(a, BYTES, block, 10, &got, &err));
    assert_int_equal(0, got);
    assert_int_equal(MODELLAB_OK, modellab_artifact_read(a, INT64_MAX, block, 10, &got, &err));
    assert_int_equal(0, got);
    assert_int_equal(MODELLAB_E_INVALID_ARGUMENT,
                     modellab_artifact_read(a, -1, block, 1, &got, &err));
    assert_int_equal(MODELLAB_OK, read_all(a, 999, data));
    assert_int_equal(MODELLAB_OK, modellab_artifact_verify(a, NULL, &err));
    assert_int_equal(MODELLAB_OK, read_all(a, BYTES, data));

    /* a byte is turned: pieces are read, all of it in order is not */
    int fd = open_file(run_id);
    assert_int_equal(1, pwrite(fd, "\x55", 1, 99));
    assert_int_equal(MODELLAB_OK, modellab_artifact_read(a, BYTES - 9, block, 10, &got, &err));
    assert_int_equal(MODELLAB_E_HASH_MISMATCH, modellab_artifact_verify(a, NULL, &err));
    int64_t at = 0;
    modellab_status status;
    while ((status = modellab_artifact_read(a, at, block, 4096, &got, &err)) == MODELLAB_OK &&
           got > 0)
        at += (int64_t)got;
    assert_int_equal(MODELLAB_E_HASH_MISMATCH, status);
    assert_int_equal(BYTES / 4096 * 4096, at); /* the last piece was not given */
    /* it is cut: what is missing is no short piece, and it does not open again */
    assert_int_equal(0, ftruncate(fd, 1000));
    assert_int_equal(MODELLAB_E_HASH_MISMATCH,
                     modellab_artifact_read(a, 500, block, 1000, &got, &err));
    assert_int_equal(0, got);
    modellab_artifact_close(a);
    assert_int_equal(MODELLAB_E_HASH_MISMATCH, modellab_artifact_open(lab, run_id, id, &a, &err));
    assert_null(a);
    close(fd);
}

static void input_in_pieces(void **state)
{
    static unsigned char wav[44 + 3200] = {
        'R', 'I', 'F', 'F', 0xA4, 12, 0,   0,   'W', 'A',  'V',  'E', 'f', 'm', 't',
        ' ', 16,  0,   0,   0,    1,  0,   1,   0,   0x80, 0x3E, 0,   0,   0,   0x7D,
        0,   0,   2,   0,   16,   0,  'd', 'a', 't', 'a',  0x80, 12,  0,   0};
    static unsigned char block[sizeof wav];
    modellab_run_submit_options o = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    modellab_artifact_info info = {.size = sizeof info};
    modellab_artifact *a = NULL;
    char run_id[MODELLAB_RUN_ID_BYTES];
    size_t got;
    (void)state;
    o.request = "{\"pipeline\":\"ingest\"}";
    o.input_data = wav;
    o.input_bytes = sizeof wav;
    o.input_name = "talk.mp3"; /* a name is not believed */
    assert_int_equal(MODELLAB_OK, modellab_run_submit(lab, &o, run_id, NULL, &err));
    assert_int_equal(MODELLAB_OK,
                     modellab_artifact_open(lab, run_id, MODELLAB_ARTIFACT_INPUT, &a, &err));
    assert_int_equal(MODELLAB_OK, modellab_artifact_get_info(a, &info, &err));
    assert_string_equal("audio/wav", info.media_type);
    assert_string_equal("talk.mp3", info.name);
    assert_int_equal(sizeof wav, info.bytes);
    assert_int_equal(MODELLAB_OK, modellab_artifact_read(a, 0, block, sizeof block, &got, &err));
    assert_int_equal(sizeof wav, got);
    assert_memory_equal(wav, block, sizeof wav);
    modellab_artifact_close(a);
}

static void say(modellab_record *record, modellab_log_level level, const char *event)
{
    modellab_logger_write(modellab_record_logger(record), level, event, "a line");
}

/* Value of a text member of the page, NUL-terminated in a static place. */
static const char *cursor_of(const modellab_buffer *page)
{
    static char cursor[96];
    const char *at = strstr(modellab_buffer_data(page), "\"next_cursor\":\"");
    assert_non_null(at);
    at += strlen("\"next_cursor\":\"");
    size_t bytes = strcspn(at, "\"");
    assert_true(bytes < sizeof cursor);
    memcpy(cursor, at, bytes);
    cursor[bytes] = '\0';
    return cursor;
}

static int count_of(const modellab_buffer *page, const char *what)
{
    int count = 0;
    for (const char *at = modellab_buffer_data(page); (at = strstr(at, what)) != NULL; at++)
        count++;
    return count;
}

static void lines_of_logs(void **state)
{
    modellab_record_options options = MODELLAB_RECORD_OPTIONS_INIT;
    modellab_log_query query = MODELLAB_LOG_QUERY_INIT;
    modellab_buffer *page = NULL;
    char first[MODELLAB_RUN_ID_BYTES], second[MODELLAB_RUN_ID_BYTES], path[160], kept[96];
    (void)state;
    options.request_id = "request-of-two";
    options.user = "ann";
    modellab_record *record = begin(&options, first);
    for (int i = 0; i < 30; i++)
        say(record, i % 3 == 0 ? MODELLAB_LOG_WARN : MODELLAB_LOG_INFO, "test.line");
    /* by threes, with what is no line between them: nothing is lost or doubled */
    snprintf(path, sizeof path, "%s/runs/%s/log.jsonl", folder, first);
    FILE *log = fopen(path, "a");
    assert_non_null(log);
    assert_true(fputs("no json\n[1]\n{\"torn\":", log) >= 0);
    assert_int_equal(0, fclose(log));
    int lines = 0, damaged = 0, pages = 0;
    query.limit = 3;
    kept[0] = '\0';
    for (int more = 1; more != 0; pages++) {
        query.cursor = kept;
        assert_int_equal(MODELLAB_OK, modellab_run_log_read(lab, first, &query, &page, &err));
        lines += count_of(page, "test.line");
        damaged += count_of(page, "\"damaged\":2") * 2 + count_of(page, "\"damaged\":1");
        more = count_of(page, "\"more\":true");
        strcpy(kept, cursor_of(page));
        modellab_buffer_destroy(page);
        assert_true(pages < 40);
    }
    assert_int_equal(30, lines);
    assert_int_equal(2, damaged);
    /* the torn line is there once it is whole */
    log = fopen(path, "a");
    assert_non_null(log);
    assert_true(fputs("1}\n", log) >= 0);
    assert_int_equal(0, fclose(log));
    query.cursor = kept;
    assert_int_equal(MODELLAB_OK, modellab_run_log_read(lab, first, &query, &page, &err));
    assert_int_equal(1, count_of(page, "{\"torn\":1}"));
    modellab_buffer_destroy(page);
    /* a cursor in the middle of a line, and others that are none */
    static const char *const wrong[] = {"3", "-1", "x", "999999999", "1.5"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        query.cursor = wrong[i];
        assert_int_equal(MODELLAB_E_INVALID_ARGUMENT,
                         modellab_run_log_read(lab, first, &query, &page, &err));
    }
    modellab_log_query_init(&query, sizeof query);
    query.level = MODELLAB_LOG_WARN;
    query.request_id = "request-of-two";
    assert_int_equal(MODELLAB_OK, modellab_run_log_read(lab, first, &query, &page, &err));
    assert_int_equal(10, count_of(page, "test.line"));
    modellab_buffer_destroy(page);
    query.request_id = "another";
    assert_int_equal(MODELLAB_OK, modellab_run_log_read(lab, first, &query, &page, &err));
    assert_int_equal(0, count_of(page, "test.line"));
    modellab_buffer_destroy(page);

    /* both runs of the request, in pages, and what comes later */
    options.user = "bob";
    modellab_record *other = begin(&options, second);
    for (int i = 0; i < 7; i++)
        say(other, MODELLAB_LOG_INFO, "other.line");
    modellab_log_query_init(&query, sizeof query);
    query.limit = 4;
    kept[0] = '\0';
    lines = 0;
    for (int more = 1; more != 0;) {
        query.cursor = kept;
        assert_int_equal(MODELLAB_OK,
                         modellab_request_log_read(lab, "request-of-two", &query, &page, &err));
        lines += count_of(page, "test.line") + count_of(page, "other.line") * 100;
        more = count_of(page, "\"more\":true");
        strcpy(kept, cursor_of(page));
        modellab_buffer_destroy(page);
    }
    assert_int_equal(730, lines);
    say(other, MODELLAB_LOG_INFO, "late.line");
    query.cursor = kept;
    assert_int_equal(MODELLAB_OK,
                     modellab_request_log_read(lab, "request-of-two", &query, &page, &err));
    assert_int_equal(1, count_of(page, "late.line"));
    assert_int_equal(0, count_of(page, "other.line"));
    modellab_buffer_destroy(page);
    modellab_log_query_init(&query, sizeof query);
    query.user = "ann"; /* bob's are not hers to see */
    assert_int_equal(MODELLAB_OK,
                     modellab_request_log_read(lab, "request-of-two", &query, &page, &err));
    assert_true(count_of(page, "test.line") == 30 && count_of(page, "other.line") == 0);
    modellab_buffer_destroy(page);
    assert_int_equal(MODELLAB_E_INVALID_ARGUMENT,
                     modellab_request_log_read(lab, "no request id", NULL, &page, &err));
    finish(record);
    finish(other);
}

static size_t listed_parts;

/* A listed run has all that it has when it is loaded alone: steps and artifacts, too. */
static void same_as_loaded(const modellab_run *listed, const char *id)
{
    modellab_run *alone = NULL;
    modellab_buffer *one = NULL, *other = NULL;
    assert_int_equal(MODELLAB_OK, modellab_run_load(lab, id, &alone, &err));
    assert_int_equal(MODELLAB_OK, modellab_run_to_json(alone, &one, &err));
    assert_int_equal(MODELLAB_OK, modellab_run_to_json(listed, &other, &err));
    assert_string_equal(modellab_buffer_data(one), modellab_buffer_data(other));
    listed_parts += modellab_run_artifact_count(listed) + modellab_run_step_count(listed);
    modellab_buffer_destroy(one);
    modellab_buffer_destroy(other);
    modellab_run_unref(alone);
}

/* Runs of a list, page by page, into `ids`. */
static int walk(modellab_run_filter *filter, int32_t limit, char ids[][MODELLAB_RUN_ID_BYTES])
{
    char cursor[96] = "";
    int count = 0;
    filter->limit = limit;
    do {
        modellab_run_list *list = NULL;
        filter->cursor = cursor;
        assert_int_equal(MODELLAB_OK, modellab_run_list_load(lab, filter, &list, &err));
        assert_true(modellab_run_list_count(list) <= (size_t)limit);
        for (size_t i = 0; i < modellab_run_list_count(list); i++) {
            modellab_run_info info = {.size = sizeof info};
            assert_int_equal(MODELLAB_OK,
                             modellab_run_get_info(modellab_run_list_at(list, i), &info, &err));
            assert_true(count < RUNS + 10);
            same_as_loaded(modellab_run_list_at(list, i), info.id);
            strcpy(ids[count++], info.id);
        }
        strcpy(cursor, modellab_run_list_cursor(list));
        modellab_run_list_unref(list);
    } while (cursor[0] != '\0');
    return count;
}

/* All runs of this filter: the same whatever the size of a page is, each once; and upside down. */
static void same_in_all_pages(modellab_run_filter *filter, const char *sort, int expected)
{
    static char whole[RUNS + 10][MODELLAB_RUN_ID_BYTES], paged[RUNS + 10][MODELLAB_RUN_ID_BYTES];
    filter->sort = sort;
    assert_int_equal(expected, walk(filter, 100, whole));
    for (int32_t limit = 1; limit <= 7; limit += 2) {
        assert_int_equal(expected, walk(filter, limit, paged));
        assert_memory_equal(whole, paged, (size_t)expected * MODELLAB_RUN_ID_BYTES);
    }
    for (int i = 0; i < expected; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(whole[i], whole[j]);
    filter->sort = sort[0] == '-' ? sort + 1 : sort;
    if (sort[0] == '-') {
        assert_int_equal(expected, walk(filter, 3, paged));
        for (int i = 0; i < expected; i++)
            assert_string_equal(whole[i], paged[expected - 1 - i]);
    }
}

static void lists_in_every_order(void **state)
{
    static const char *const sorts[] = {"-created", "-started",  "-ended",        "-duration",
                                        "-cost",    "-priority", "-audio_seconds"};
    modellab_run_filter filter = MODELLAB_RUN_FILTER_INIT;
    modellab_record_options options = MODELLAB_RECORD_OPTIONS_INIT;
    static char ids[RUNS][MODELLAB_RUN_ID_BYTES], seen[RUNS + 10][MODELLAB_RUN_ID_BYTES];
    modellab_run_list *list = NULL;
    (void)state;
    options.user = "lister";
    for (int i = 0; i < RUNS; i++) { /* many share a length of audio */
        options.audio_seconds = 1 + i % 4;
        options.input_name = i % 5 == 0 ? "Weekly MEETING.wav" : "call.flac";
        finish(begin(&options, ids[i]));
    }
    filter.user = "lister";
    for (size_t i = 0; i < sizeof sorts / sizeof *sorts; i++)
        same_in_all_pages(&filter, sorts[i], RUNS);
    filter.text = "meeting";
    same_in_all_pages(&filter, "-audio_seconds", 5);
    filter.text = ids[7];
    filter.sort = NULL;
    assert_int_equal(1, walk(&filter, 10, seen));
    assert_string_equal(ids[7], seen[0]);
    filter.text = "%";
    assert_int_equal(0, walk(&filter, 10, seen));
    filter.text = NULL;
    filter.model = "none such";
    assert_int_equal(0, walk(&filter, 10, seen));
    filter.model = NULL;
    filter.experiment_id = "none such";
    assert_int_equal(0, walk(&filter, 10, seen));
    filter.experiment_id = NULL;

    /* since is in, until is out */
    modellab_run *run = NULL;
    modellab_run_info info = {.size = sizeof info};
    assert_int_equal(MODELLAB_OK, modellab_run_load(lab, ids[RUNS - 1], &run, &err));
    assert_int_equal(MODELLAB_OK, modellab_run_get_info(run, &info, &err));
    filter.since_ms = info.created_ms;
    assert_true(walk(&filter, 10, seen) >= 1);
    assert_string_equal(ids[RUNS - 1], seen[0]);
    filter.until_ms = info.created_ms;
    assert_int_equal(0, walk(&filter, 10, seen));
    filter.since_ms = filter.until_ms = 0;
    filter.request_id = info.request_id;
    assert_int_equal(1, walk(&filter, 10, seen));
    filter.request_id = NULL;
    modellab_run_unref(run);

    /* a cursor belongs to its order; what is none is refused */
    filter.limit = 2;
    filter.cursor = NULL;
    filter.sort = "-audio_seconds";
    assert_int_equal(MODELLAB_OK, modellab_run_list_load(lab, &filter, &list, &err));
    char cursor[96];
    strcpy(cursor, modellab_run_list_cursor(list));
    modellab_run_list_unref(list);
    filter.cursor = cursor;
    filter.sort = "audio_seconds";
    assert_int_equal(MODELLAB_E_INVALID_ARGUMENT,
                     modellab_run_list_load(lab, &filter, &list, &err));
    filter.sort = "-cost";
    assert_int_equal(MODELLAB_E_INVALID_ARGUMENT,
                     modellab_run_list_load(lab, &filter, &list, &err));
    static const char *const wrong[] = {"H",
                                        "H1",
                                        "H1.",
                                        "H.01ARZ3NDEKTSV4RRFFQ69G5FAV",
                                        "H1.01ARZ3NDEKTSV4RRFFQ69G5FAV'",
                                        "H99999999999999999999.x"};
    filter.sort = "-audio_seconds";
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        filter.cursor = wrong[i];
        assert_int_equal(MODELLAB_E_INVALID_ARGUMENT,
                         modellab_run_list_load(lab, &filter, &list, &err));
    }
    modellab_run_filter every = MODELLAB_RUN_FILTER_INIT;
    assert_true(walk(&every, 7, seen) > RUNS);
    assert_true(listed_parts > 0);
    filter.cursor = NULL;
    filter.sort = "size";
    assert_int_equal(MODELLAB_E_INVALID_ARGUMENT,
                     modellab_run_list_load(lab, &filter, &list, &err));
    filter.sort = "-cost";
    filter.before_id = ids[0];
    assert_int_equal(MODELLAB_E_INVALID_ARGUMENT,
                     modellab_run_list_load(lab, &filter, &list, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_in_pieces), cmocka_unit_test(input_in_pieces),
        cmocka_unit_test(lines_of_logs), cmocka_unit_test(lists_in_every_order)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
