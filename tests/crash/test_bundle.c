/* A real run goes into a bundle and into another lab: the same in both. Damaged, foreign and
 * hostile bundles are refused and leave nothing. test_bundle WORKER HOST */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "crash/kit.h"
#include "lab/bundle.h"
#include "lab/verify.h"
#include "store/zip.h"

typedef struct pair {
    kit from, to;
    char id[MODELLAB_RUN_ID_BYTES], zip[300];
} pair;

static int open_pair(void **state)
{
    static pair p;
    kit_open(&p.from);
    kit_open(&p.to);
    kit_submit(&p.from, "{\"pipeline\":\"ingest\",\"user\":\"ann\",\"labels\":{\"a\":\"b\"}}", 0.05,
               p.id);
    pid_t host = kit_start_host(&p.from, &(kit_host){0});
    assert_int_equal(kit_wait_final(&p.from, p.id), MODELLAB_RUN_COMPLETED);
    kit_stop_host(&p.from, host);
    (void)snprintf(p.zip, sizeof p.zip, "%s/run.zip", p.from.root);
    *state = &p;
    return 0;
}

static int close_pair(void **state)
{
    pair *p = *state;
    kit_close(&p->from);
    kit_close(&p->to);
    return 0;
}

static void bundle(const pair *p, int32_t flags)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    if (modellab_run_bundle(p->from.lab, p->id, p->zip, flags, NULL, &err) != MODELLAB_OK) {
        fail_msg("no bundle: %s", err.message);
    }
}

static modellab_status import(const pair *p, const char *path)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    char id[MODELLAB_RUN_ID_BYTES];
    modellab_status status = modellab_run_import(p->to.lab, path, NULL, id, &err);
    assert_null(strstr(err.message, "/tmp"));
    return status;
}

static modellab_severity verdict(const kit *k, const char *id)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_report *report = NULL;
    assert_int_equal(modellab_run_verify(k->lab, id, NULL, &report, &err), MODELLAB_OK);
    modellab_severity worst = modellab_report_worst(report);
    modellab_report_unref(report);
    return worst;
}

/* The record as JSON without what an import changes. */
static void record_text(const kit *k, const char *id, char *out, size_t room)
{
    modellab_buffer *json = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run *run = kit_load(k, id);
    assert_int_equal(modellab_run_to_json(run, &json, &err), MODELLAB_OK);
    (void)snprintf(out, room, "%s", modellab_buffer_data(json));
    modellab_buffer_destroy(json);
    modellab_run_unref(run);
    char *mark = strstr(out, "\"imported\":");
    assert_non_null(mark);
    char *end = strchr(mark + 11, ',');
    assert_non_null(end);
    memmove(mark, end, strlen(end) + 1);
}

static bool is_empty(const kit *k)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_disk_usage usage = {.size = sizeof usage};
    modellab_run_list *list = NULL;
    assert_int_equal(modellab_lab_disk_usage(k->lab, &usage, &err), MODELLAB_OK);
    assert_int_equal(modellab_run_list_load(k->lab, NULL, &list, &err), MODELLAB_OK);
    size_t count = modellab_run_list_count(list);
    modellab_run_list_unref(list);
    return usage.runs == 0 && count == 0;
}

static void a_run_is_the_same_in_both(void **state)
{
    pair *p = *state;
    static char here[16384], there[16384];
    char again[300];
    size_t bytes[2];
    modellab_buffer *artifact = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    bundle(p, 0);
    (void)snprintf(again, sizeof again, "%s", p->zip);
    char *first = kit_read_bytes(p->zip, &bytes[0]);
    assert_int_equal(modellab_run_bundle(p->from.lab, p->id, p->zip, 0, NULL, &err),
                     MODELLAB_E_ALREADY_EXISTS);
    assert_int_equal(unlink(p->zip), 0);
    bundle(p, 0);
    char *second = kit_read_bytes(p->zip, &bytes[1]);
    assert_int_equal(bytes[0], bytes[1]);
    assert_memory_equal(first, second, bytes[0]); /* a bundle is made of the run alone */
    free(first);
    free(second);
    assert_int_equal(import(p, p->zip), MODELLAB_OK);
    record_text(&p->from, p->id, here, sizeof here);
    record_text(&p->to, p->id, there, sizeof there);
    assert_string_equal(here, there);
    assert_true(verdict(&p->to, p->id) < MODELLAB_SEVERITY_WARNING);
    assert_int_equal(kit_count_events(&p->to, p->id, "run_completed"), 1);
    assert_int_equal(kit_count_events(&p->to, p->id, "artifact_added"), 1);
    modellab_run *run = kit_load(&p->to, p->id);
    modellab_artifact_info info = {.size = sizeof info};
    assert_int_equal(modellab_run_artifact_at(run, 0, &info, &err), MODELLAB_OK);
    assert_int_equal(
        modellab_run_read_artifact(p->to.lab, p->id, info.id, 1 << 20, &artifact, &err),
        MODELLAB_OK);
    modellab_buffer_destroy(artifact);
    modellab_run_unref(run);
    assert_int_equal(import(p, p->zip), MODELLAB_E_ALREADY_EXISTS);
    kit_reopen(&p->to); /* reconciles, and finds nothing to do */
    assert_true(verdict(&p->to, p->id) < MODELLAB_SEVERITY_WARNING);
    /* and it goes on from there */
    (void)snprintf(again, sizeof again, "%s/again.zip", p->to.root);
    assert_int_equal(modellab_run_bundle(p->to.lab, p->id, again, 0, NULL, &err), MODELLAB_OK);
}

static void without_its_input(void **state)
{
    pair *p = *state;
    char path[512];
    bundle(p, MODELLAB_BUNDLE_WITHOUT_INPUT);
    assert_int_equal(import(p, p->zip), MODELLAB_OK);
    kit_run_path(&p->to, p->id, "input", path);
    assert_int_equal(access(path, F_OK), -1);
    assert_true(verdict(&p->to, p->id) < MODELLAB_SEVERITY_WARNING);
}

static void damaged_bundles_are_refused(void **state)
{
    pair *p = *state;
    char other[300];
    size_t bytes = 0, tried = 0;
    bundle(p, 0);
    (void)snprintf(other, sizeof other, "%s/other.zip", p->from.root);
    char *data = kit_read_bytes(p->zip, &bytes);
    for (size_t at = 0; at < bytes; at += 1 + bytes / 120) {
        data[at] = (char)(data[at] ^ (1 << (at % 8)));
        kit_write_bytes(other, data, bytes);
        data[at] = (char)(data[at] ^ (1 << (at % 8)));
        assert_int_not_equal(import(p, other), MODELLAB_OK);
        tried++;
    }
    for (size_t length = 0; length < bytes; length += 1 + bytes / 40) {
        kit_write_bytes(other, data, length);
        assert_int_not_equal(import(p, other), MODELLAB_OK);
        tried++;
    }
    free(data);
    assert_true(tried > 100 && is_empty(&p->to));
    assert_int_equal(import(p, "/nowhere/x.zip"), MODELLAB_E_NOT_FOUND);
    assert_int_equal(import(p, p->to.root), MODELLAB_E_INVALID_ARGUMENT); /* a folder */
    assert_int_equal(import(p, p->zip), MODELLAB_OK); /* the bundle itself was good */
}

/* Bundles whose structure and checksums are right, but not what is in them. */
static void repack(const pair *p, const char *to, const char *member, const char *from,
                   const char *with, const char *extra)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    const mli_os_files *f = &mli_os_system_files;
    mli_zip zip;
    mli_zip_writer w;
    int in = f->open(NULL, p->zip, MLI_OS_READ, 0);
    int out = f->open(NULL, to, MLI_OS_WRITE | MLI_OS_CREATE | MLI_OS_TRUNCATE, 0600);
    assert_true(in >= 0 && out >= 0);
    assert_int_equal(mli_zip_open(&zip, NULL, f, in, &err), MODELLAB_OK);
    mli_zip_writer_init(&w, NULL, f, out, NULL);
    for (size_t i = 0; i < zip.count; i++) {
        mli_buf text;
        mli_buf_init(&text, NULL);
        assert_int_equal(mli_zip_read(&zip.members[i], f, in, 1 << 24, NULL, &text, -1, &err),
                         MODELLAB_OK);
        char *place = strcmp(zip.members[i].name, member) == 0 ? strstr(text.data, from) : NULL;
        if (place != NULL) {
            assert_int_equal(strlen(from), strlen(with));
            memcpy(place, with, strlen(with));
        }
        assert_int_equal(
            mli_zip_add(&w, zip.members[i].name, text.size > 0 ? text.data : "", text.size, &err),
            MODELLAB_OK);
        mli_buf_dispose(&text);
    }
    if (extra != NULL) {
        assert_int_equal(mli_zip_add(&w, extra, "x", 1, &err), MODELLAB_OK);
    }
    assert_int_equal(mli_zip_finish(&w, &err), MODELLAB_OK);
    mli_zip_writer_dispose(&w);
    mli_zip_close(&zip);
    assert_int_equal(f->close(NULL, in), 0);
    assert_int_equal(f->close(NULL, out), 0);
}

static void hostile_bundles_are_refused(void **state)
{
    static const struct {
        const char *member, *from, *with, *extra;
        modellab_status expected;
    } cases[] = {
        {"input", "RIFF", "RIFX", NULL, MODELLAB_E_HASH_MISMATCH},
        {"journal.jsonl", "\"n\":2", "\"n\":3", NULL, MODELLAB_E_HASH_MISMATCH},
        {"manifest.json", "COMPLETED", "CANCELLED", NULL, MODELLAB_E_HASH_MISMATCH},
        {"record.json", "\"status\":3", "\"status\":4", NULL, MODELLAB_E_HASH_MISMATCH},
        {"record.json", "\"status\":3", "\"status\":2", NULL, MODELLAB_E_SCHEMA},
        {"record.json", "\"format\":1", "\"format\":2", NULL, MODELLAB_E_SCHEMA},
        {"record.json", "1-audio.json", "../../../../", NULL, MODELLAB_E_SCHEMA},
        {"record.json", "\"run_queued\"", "\"run_queue\",", NULL, MODELLAB_E_INVALID_JSON},
        {"record.json", "\"ended_ms\":1", "\"ended_ms\":9", NULL, MODELLAB_E_SCHEMA},
        {"record.json", "\"time_ms\":1", "\"time_ms\":9", NULL, MODELLAB_E_SCHEMA},
        {"record.json", "\"time_ms\":1", "\"time_ms\":-", NULL, MODELLAB_E_SCHEMA},
        {"record.json", "\"data\":\"{", "\"data\":\"[", NULL, MODELLAB_E_SCHEMA},
        {"record.json", "\"reason\":0", "\"reason\":9", NULL, MODELLAB_E_HASH_MISMATCH},
        {"record.json", "\"position\":0", "\"position\":{", NULL, MODELLAB_E_INVALID_JSON},
        {"", "", "", "extra", MODELLAB_E_SCHEMA},
        {"", "", "", "page", MODELLAB_E_SCHEMA},
        {"", "", "", "artifacts/2-x.txt", MODELLAB_E_SCHEMA},
        {"", "", "", "../../x", MODELLAB_E_INVALID_ARGUMENT},
        {"", "", "", "/etc/x", MODELLAB_E_INVALID_ARGUMENT},
        {"", "", "", "artifacts/../x", MODELLAB_E_INVALID_ARGUMENT},
        {"", "", "", "a/b/c", MODELLAB_E_INVALID_ARGUMENT},
        {"", "", "", "input", MODELLAB_E_INVALID_ARGUMENT}, /* twice */
    };
    pair *p = *state;
    char other[300];
    bundle(p, 0);
    (void)snprintf(other, sizeof other, "%s/other.zip", p->from.root);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        repack(p, other, cases[i].member, cases[i].from, cases[i].with, cases[i].extra);
        modellab_status status = import(p, other);
        if (status != cases[i].expected) {
            fail_msg("case %zu: %d, not %d", i, (int)status, (int)cases[i].expected);
        }
    }
    assert_true(is_empty(&p->to));
    repack(p, other, "", "", "", NULL); /* the control: packed again as it was */
    assert_int_equal(import(p, other), MODELLAB_OK);
}

static void what_is_not_bundled(void **state)
{
    pair *p = *state;
    char id[MODELLAB_RUN_ID_BYTES], path[512];
    modellab_error err = MODELLAB_ERROR_INIT;
    kit_submit(&p->from, "{\"pipeline\":\"ingest\"}", 0.05, id);
    assert_int_equal(modellab_run_bundle(p->from.lab, id, p->zip, 0, NULL, &err), MODELLAB_E_STATE);
    kit_run_path(&p->from, p->id, "request.json", path);
    FILE *file = fopen(path, "ab");
    assert_non_null(file);
    assert_true(fputs("x", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(modellab_run_bundle(p->from.lab, p->id, p->zip, 0, NULL, &err),
                     MODELLAB_E_HASH_MISMATCH);
    assert_int_equal(access(p->zip, F_OK), -1);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_run_is_the_same_in_both, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(without_its_input, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(damaged_bundles_are_refused, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(hostile_bundles_are_refused, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(what_is_not_bundled, open_pair, close_pair),
    };
    if (!kit_arguments(argc, argv, 0)) {
        return 2;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
