/* Pages of a log with a line that is longer than what a page may read. Argument: a folder. */
#include <modellab/modellab.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *folder;
static modellab_lab *lab;
static modellab_error err = MODELLAB_ERROR_INIT;

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

/* A line that is longer than what a page may read hides nothing of what is behind it. */
static void a_line_without_end_is_passed_over(void **state)
{
    modellab_record_options options = MODELLAB_RECORD_OPTIONS_INIT;
    modellab_log_query query = MODELLAB_LOG_QUERY_INIT;
    modellab_buffer *page = NULL;
    char id[MODELLAB_RUN_ID_BYTES], path[700], kept[96] = "", request[40];
    int found, damaged, pages;
    (void)state;
    (void)snprintf(request, sizeof request, "request-%ld", (long)getpid()); /* the lab stays */
    options.request_id = request;
    modellab_record *record = NULL;
    assert_int_equal(MODELLAB_OK, modellab_record_begin(lab, &options, &record, &err));
    strcpy(id, modellab_record_run_id(record));
    modellab_logger_write(modellab_record_logger(record), MODELLAB_LOG_INFO, "before.it", "a line");
    snprintf(path, sizeof path, "%s/runs/%s/log.jsonl", folder, id);
    FILE *log = fopen(path, "a");
    assert_non_null(log);
    assert_int_equal(0, fseek(log, 0, SEEK_END));
    assert_int_equal(0, truncate(path, ftell(log) + 70 * 1024 * 1024)); /* zeros */
    assert_true(fputs("\n{\"event\":\"behind.it\"}\n", log) >= 0);
    assert_int_equal(0, fclose(log));
    for (int by_request = 0; by_request < 2; by_request++) {
        kept[0] = '\0';
        found = damaged = pages = 0;
        for (int more = 1; more != 0; pages++) {
            query.cursor = kept;
            assert_int_equal(
                MODELLAB_OK,
                by_request ? modellab_request_log_read(lab, options.request_id, &query, &page, &err)
                           : modellab_run_log_read(lab, id, &query, &page, &err));
            found += count_of(page, "before.it") + count_of(page, "behind.it");
            damaged += count_of(page, "\"damaged\":1");
            more = count_of(page, "\"more\":true");
            strcpy(kept, cursor_of(page));
            modellab_buffer_destroy(page);
            assert_true(pages < 5);
        }
        assert_true(found == 2 && damaged == 1 && pages == 3);
    }
    query.cursor = "i999999999999";
    assert_int_equal(MODELLAB_E_INVALID_ARGUMENT,
                     modellab_run_log_read(lab, id, &query, &page, &err));
    modellab_record_destroy(record);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_line_without_end_is_passed_over)};

    if (argc != 2)
        return 2;
    folder = argv[1];
    if (modellab_lab_open(folder, NULL, &lab, &err) != MODELLAB_OK)
        return 3;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    modellab_lab_unref(lab);
    return failed;
}
