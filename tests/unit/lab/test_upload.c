/* Uploads: what is finished lasts and is linked into runs, what is refused leaves nothing. */
#include "base/hash.h"
#include "lab/leftovers.h"
#include "lab/reconcile.h"
#include "lab/snapshot.h"
#include "lab/submit.h"
#include "lab/user_caps.h"
#include "unit/lab/upload_common.h"
#include <errno.h>
#include <unistd.h>

static int count_uploads(void)
{
    char path[MLI_PATH_BYTES];
    int count = 0, rc;

    ASSERT_OK(mli_upload_path(lab, NULL, NULL, path, err));
    rc = mli_os_system_files.list(NULL, path, count_one, &count);
    assert_true(rc == 0 || rc == -ENOENT);
    return count;
}

static void pieces_become_the_file(void **state)
{
    static const size_t pieces[] = {1, 15, 16, 777, 65536, 1 << 20};
    mli_sha256 hash;
    char sha256[65];

    (void)state;
    mli_sha256_init(&hash);
    mli_sha256_update(&hash, wav, WAV_BYTES);
    mli_sha256_hex(&hash, sha256);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        modellab_upload *u = begin_one("ann", i % 2 == 0 ? WAV_BYTES : -1), *again = NULL;
        modellab_error why = MODELLAB_ERROR_INIT;
        char path[MLI_PATH_BYTES];
        mli_os_stat info;

        ASSERT_OK(feed(u, wav, WAV_BYTES, pieces[i], err));
        assert_int_equal(MODELLAB_E_NOT_FOUND, mli_upload_load(lab, u->facts.id, &again, &why));
        ASSERT_OK(finish(u, err));
        assert_int_equal(MODELLAB_E_STATE, finish(u, &why));
        ASSERT_OK(mli_upload_load(lab, u->facts.id, &again, err));
        mli_upload_unref(u);
        assert_string_equal("talk.wav", again->facts.name);
        assert_string_equal("audio/wav", again->facts.media_type);
        assert_string_equal(sha256, again->facts.sha256);
        assert_string_equal("ann", again->facts.user);
        assert_int_equal(WAV_BYTES, again->facts.bytes);
        assert_true(again->facts.seconds == 1.0 && again->facts.rate_hz == 16000);
        ASSERT_OK(mli_upload_path(lab, again->facts.id, MLI_UPLOAD_DATA, path, err));
        assert_int_equal(0, mli_os_system_files.stat(NULL, path, false, &info));
        assert_int_equal(WAV_BYTES, info.bytes);
        assert_int_equal(0400, info.mode & 07777);
        ASSERT_OK(mli_upload_delete(lab, again->facts.id, err));
        mli_upload_unref(again);
        assert_int_equal(0, count_uploads());
    }
}

/* Nothing of it is on disk, and the upload takes nothing more. */
static void is_refused(modellab_upload *u, modellab_status status, const modellab_error *err,
                       modellab_status expected, const char *says)
{
    if (status != expected || strstr(err->message, says) == NULL) {
        fail_msg("expected %d \"%s\", got %d \"%s\"", (int)expected, says, (int)status,
                 err->message);
    }
    assert_null(strstr(err->message, folder.path));
    assert_int_equal(0, count_uploads());
    if (u != NULL) {
        modellab_error more = MODELLAB_ERROR_INIT;

        assert_int_equal(MODELLAB_E_STATE, feed(u, wav, 10, 10, &more));
        assert_int_equal(MODELLAB_E_STATE, finish(u, &more));
        mli_upload_unref(u);
    }
}

static void wrong_first_bytes_are_refused_at_once(void **state)
{
    static unsigned char bytes[100000];
    static const struct {
        const char *magic;
        size_t at, needed;
        modellab_status status;
        const char *says;
    } cases[] = {
        {"\x1a\x45\xdf\xa3", 0, 16, MODELLAB_E_UNSUPPORTED_FORMAT, "FLAC or WAV"},
        {"ftypM4A ", 4, 16, MODELLAB_E_UNSUPPORTED_FORMAT, "MP4 or M4A"},
        {"PK\003\004", 0, MLI_PROBE_BYTES, MODELLAB_E_INVALID_AUDIO, "ZIP"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        modellab_error why = MODELLAB_ERROR_INIT;
        modellab_upload *u = begin_one("", i % 2 == 0 ? -1 : (int64_t)sizeof bytes);

        memset(bytes, 1, sizeof bytes);
        memcpy(bytes + cases[i].at, cases[i].magic, strlen(cases[i].magic));
        ASSERT_OK(feed(u, bytes, cases[i].needed - 1, 5, err));
        assert_int_equal(0, count_uploads()); /* not known to be audio: not written */
        is_refused(u, feed(u, bytes + cases[i].needed - 1, 1, 1, &why), &why, cases[i].status,
                   cases[i].says);
    }
}

static void wrong_files_are_refused(void **state)
{
    unsigned char bad[WAV_BYTES];
    modellab_error why = MODELLAB_ERROR_INIT;
    modellab_upload *u = begin_one("", -1);

    (void)state;
    make_wav(bad, 16000, 1024, 0);
    ASSERT_OK(feed(u, bad, sizeof bad, 1000, err));
    is_refused(u, finish(u, &why), &why, MODELLAB_E_INVALID_AUDIO, "channels");
    u = begin_one("", sizeof bad);
    is_refused(u, feed(u, bad, sizeof bad, 1000, &why), &why, MODELLAB_E_INVALID_AUDIO, "channels");
    u = begin_one("", -1);
    is_refused(u, finish(u, &why), &why, MODELLAB_E_INVALID_AUDIO, "empty");
    u = begin_one("", WAV_BYTES - 1);
    is_refused(u, feed(u, wav, WAV_BYTES, 1000, &why), &why, MODELLAB_E_INVALID_ARGUMENT,
               "announced");
    u = begin_one("", WAV_BYTES + 1);
    ASSERT_OK(feed(u, wav, WAV_BYTES, 1000, err));
    is_refused(u, finish(u, &why), &why, MODELLAB_E_INVALID_ARGUMENT, "announced");
    lab->settings.max_upload_bytes = WAV_BYTES - 1;
    u = begin_one("", -1);
    is_refused(u, feed(u, wav, WAV_BYTES, 1000, &why), &why, MODELLAB_E_LIMIT, "at most");
}

static void what_is_declared_is_looked_at_first(void **state)
{
    static const char *const types[] = {
        "Video/WebM; codecs=opus", "audio/mp4", "audio/x-m4a", "text/plain",
        "application/pdf",         "image/png"};
    static const char *const fine[] = {"audio/wav",  "application/octet-stream",
                                       "audio/mpeg", "",
                                       "video/ogg",  "application/x-www-form-urlencoded"};
    modellab_upload_options o = MODELLAB_UPLOAD_OPTIONS_INIT;
    modellab_error why = MODELLAB_ERROR_INIT;
    modellab_upload *u = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        o.media_type = types[i];
        is_refused(NULL, mli_upload_begin(lab, &o, &u, &why), &why, MODELLAB_E_UNSUPPORTED_FORMAT,
                   "WAV, FLAC, Ogg, Opus, MP3");
        o.media_type = fine[i];
        ASSERT_OK(mli_upload_begin(lab, &o, &u, err));
        mli_upload_unref(u);
    }
    o.bytes = lab->settings.max_upload_bytes + 1;
    is_refused(NULL, mli_upload_begin(lab, &o, &u, &why), &why, MODELLAB_E_LIMIT, "at most");
    o.bytes = 1000;
    o.name = "\xff";
    is_refused(NULL, mli_upload_begin(lab, &o, &u, &why), &why, MODELLAB_E_INVALID_ARGUMENT, "UTF");
    o.name = NULL;
    lab->settings.min_free_bytes = INT64_MAX / 2;
    is_refused(NULL, mli_upload_begin(lab, &o, &u, &why), &why, MODELLAB_E_NO_SPACE, "free");
}

/* Two that come at once see each other, also when nothing is declared. */
static void a_user_has_a_share(void **state)
{
    modellab_error why = MODELLAB_ERROR_INIT;
    modellab_upload *a, *b, *c = NULL;
    modellab_upload_options o = MODELLAB_UPLOAD_OPTIONS_INIT;
    char id[MLI_ULID_BYTES];

    (void)state;
    finished("ann", id);
    lab->settings.upload_user_bytes = 5 * WAV_BYTES / 2;
    a = begin_one("ann", WAV_BYTES);
    b = begin_one("ann", WAV_BYTES);
    ASSERT_OK(feed(a, wav, WAV_BYTES - 1, 1000, err)); /* still in memory: counted nowhere */
    ASSERT_OK(feed(b, wav, WAV_BYTES, 1000, err));
    assert_int_equal(MODELLAB_E_CAP_EXCEEDED, feed(a, wav + WAV_BYTES - 1, 1, 1, &why));
    o.user = "ann";
    o.bytes = WAV_BYTES;
    assert_int_equal(MODELLAB_E_CAP_EXCEEDED, mli_upload_begin(lab, &o, &c, &why));
    o.user = "bob"; /* has a share of his own */
    ASSERT_OK(mli_upload_begin(lab, &o, &c, err));
    mli_upload_unref(a);
    mli_upload_unref(b);
    mli_upload_unref(c);
    ASSERT_OK(mli_upload_delete(lab, id, err));
    assert_int_equal(0, count_uploads());
}

static void caps_of_the_user_count(void **state)
{
    modellab_error why = MODELLAB_ERROR_INIT;
    modellab_upload *u;
    mli_cap cap;

    (void)state;
    ASSERT_OK(mli_user_cap_parse("audio_seconds", "run", "0.5", &cap, err));
    ASSERT_OK(mli_user_cap_set(lab, "ann", &cap, err));
    u = begin_one("ann", WAV_BYTES);
    is_refused(u, feed(u, wav, WAV_BYTES, 1000, &why), &why, MODELLAB_E_CAP_EXCEEDED, "seconds");
    ASSERT_OK(mli_user_cap_parse("audio_seconds", "day", "0.5", &cap, err));
    ASSERT_OK(mli_user_cap_set(lab, "bob", &cap, err));
    u = begin_one("bob", -1);
    ASSERT_OK(feed(u, wav, WAV_BYTES, 1000, err));
    is_refused(u, finish(u, &why), &why, MODELLAB_E_CAP_EXCEEDED, "audio_seconds");
}

static void runs_get_a_link(void **state)
{
    modellab_run_submit_options o = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    modellab_run_info info = {.size = sizeof info};
    modellab_error why = MODELLAB_ERROR_INIT;
    char id[MLI_ULID_BYTES], run_id[MLI_ULID_BYTES], path[MLI_PATH_BYTES];
    mli_os_stat upload, input;
    modellab_run *run = NULL;

    (void)state;
    finished("ann", id);
    ASSERT_OK(mli_upload_path(lab, id, MLI_UPLOAD_DATA, path, err));
    assert_int_equal(0, mli_os_system_files.stat(NULL, path, false, &upload));
    o.request = "{\"pipeline\":\"ingest\",\"user\":\"ann\"}";
    o.upload_id = id;
    for (int i = 0; i < 2; i++) {
        ASSERT_OK(mli_run_submit(lab, &o, run_id, NULL, err));
        ASSERT_OK(mli_run_path(lab->root, run_id, MLI_RUN_INPUT, path, err));
        assert_int_equal(0, mli_os_system_files.stat(NULL, path, false, &input));
        assert_int_equal(upload.inode, input.inode); /* the same bytes on the disk */
    }
    ASSERT_OK(mli_run_load(lab, run_id, &run, err));
    mli_run_fill_info(run, &info);
    assert_string_equal("talk.wav", info.input_name);
    assert_int_equal(WAV_BYTES, info.input_bytes);
    assert_true(info.audio_seconds == 1.0);
    mli_run_unref(run);
    o.request = "{\"pipeline\":\"ingest\",\"user\":\"bob\"}";
    assert_int_equal(MODELLAB_E_NOT_FOUND, mli_run_submit(lab, &o, run_id, NULL, &why));
    o.upload_id = "../../../etc/passwd";
    assert_int_equal(MODELLAB_E_NOT_FOUND, mli_run_submit(lab, &o, run_id, NULL, &why));
    o.upload_id = id;
    o.input_data = wav;
    o.input_bytes = WAV_BYTES;
    assert_int_equal(MODELLAB_E_INVALID_ARGUMENT, mli_run_submit(lab, &o, run_id, NULL, &why));
    assert_int_equal(2, count_runs(lab));
    ASSERT_OK(mli_upload_delete(lab, id, err));
    assert_int_equal(0, mli_os_system_files.stat(NULL, path, false, &input)); /* the run keeps it */
    o.input_data = NULL;
    assert_int_equal(MODELLAB_E_NOT_FOUND, mli_run_submit(lab, &o, run_id, NULL, &why));
}

/* Who may use only what is his own is told so by a flag. */
static void an_upload_of_nobody(void **state)
{
    modellab_run_submit_options o = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    modellab_error why = MODELLAB_ERROR_INIT;
    char id[MLI_ULID_BYTES], run_id[MLI_ULID_BYTES];

    (void)state;
    finished("", id);
    o.upload_id = id;
    o.request = "{\"pipeline\":\"ingest\",\"user\":\"bob\"}";
    o.flags = MODELLAB_RUN_OWN_UPLOAD;
    assert_int_equal(MODELLAB_E_NOT_FOUND, mli_run_submit(lab, &o, run_id, NULL, &why));
    o.flags = 4;
    assert_int_equal(MODELLAB_E_INVALID_ARGUMENT, mli_run_submit(lab, &o, run_id, NULL, &why));
    o.flags = 0;
    ASSERT_OK(mli_run_submit(lab, &o, run_id, NULL, err));
    ASSERT_OK(mli_upload_delete(lab, id, err));
}

static void an_input_may_follow(void **state)
{
    modellab_run_submit_options o = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    modellab_error why = MODELLAB_ERROR_INIT;
    modellab_report *report = NULL;
    modellab_estimate estimate = MODELLAB_ESTIMATE_INIT;
    char id[MLI_ULID_BYTES];

    (void)state;
    o.request = "{\"pipeline\":\"ingest\"}";
    assert_int_equal(MODELLAB_E_INVALID_ARGUMENT, mli_run_validate(lab, &o, &report, &why));
    mli_report_unref(report);
    o.flags = MODELLAB_RUN_INPUT_FOLLOWS;
    ASSERT_OK(mli_run_validate(lab, &o, &report, err));
    mli_report_unref(report);
    o.input_bytes = 160000;
    ASSERT_OK(mli_run_estimate(lab, &o, &estimate, NULL, err));
    assert_int_equal(MODELLAB_E_INVALID_ARGUMENT, mli_run_submit(lab, &o, id, NULL, &why));
    o.input_bytes = (size_t)lab->settings.max_upload_bytes + 1;
    assert_int_equal(MODELLAB_E_LIMIT, mli_run_validate(lab, &o, &report, &why));
    mli_report_unref(report);
    o.request = "{\"pipeline\":\"ingest\",\"prioritty\":1}";
    assert_int_equal(MODELLAB_E_SCHEMA, mli_run_validate(lab, &o, &report, &why));
    mli_report_unref(report);
}

static int64_t found_by_reconcile(int flags, const char *id)
{
    modellab_report *report = NULL;
    int64_t count = 0;

    ASSERT_OK(mli_reconcile(lab, flags, &report, err));
    for (size_t i = 0; i < mli_report_count(report); i++) {
        count += strcmp(mli_report_finding(report, i)->id, id) == 0;
    }
    mli_report_unref(report);
    return count;
}

static void time_and_damage_take_them_away(void **state)
{
    modellab_error why = MODELLAB_ERROR_INIT;
    modellab_cleanup_result result = {.size = sizeof result};
    modellab_upload *u = begin_one("", -1), *again = NULL;
    char id[MLI_ULID_BYTES], path[MLI_PATH_BYTES];
    mli_upload_facts facts;
    mli_buf json;

    (void)state;
    ASSERT_OK(feed(u, wav, WAV_BYTES, 1000, err));
    ASSERT_OK(feed(u, wav, WAV_BYTES, 1000, err));
    ASSERT_OK(feed(u, wav, WAV_BYTES, 1000, err)); /* on disk, and being received: nobody's prey */
    finished("ann", id);
    assert_int_equal(0, found_by_reconcile(0, "upload.unfinished"));
    assert_int_equal(2, count_uploads());
    ASSERT_OK(mli_upload_get_facts(lab, id, &facts, err));
    facts.expires_ms = mli_lab_now_ms(lab) - 1;
    ASSERT_OK(mli_upload_put_facts(lab, &facts, true, err));
    assert_int_equal(MODELLAB_E_NOT_FOUND, mli_upload_load(lab, id, &again, &why));
    assert_int_equal(
        1, found_by_reconcile(MLI_RECONCILE_DRY_RUN | MLI_RECONCILE_FILES, "upload.expired"));
    assert_int_equal(2, count_uploads());
    assert_int_equal(1, found_by_reconcile(0, "upload.expired"));
    assert_int_equal(1, count_uploads());
    finished("ann", id);
    ASSERT_OK(mli_upload_path(lab, id, MLI_UPLOAD_DATA, path, err));
    write_file(path, "x", 1);
    assert_int_equal(1, found_by_reconcile(0, "upload.damaged"));
    finished("ann", id);
    ASSERT_OK(mli_upload_path(lab, id, MLI_UPLOAD_FACTS, path, err));
    write_file(path, "{", 1);
    mli_buf_init(&json, NULL);
    ASSERT_OK(mli_uploads_write(lab, NULL, &json, err));
    assert_string_equal("[]", mli_buf_text(&json));
    mli_buf_dispose(&json);
    ASSERT_OK(mli_leftovers_remove(lab, 0, true, &result, err));
    assert_int_equal(1, result.leftovers);
    assert_int_equal(2, count_uploads());
    ASSERT_OK(mli_leftovers_remove(lab, 0, false, &result, err));
    assert_int_equal(1, count_uploads());
    ASSERT_OK(finish(u, err)); /* it never noticed */
    mli_upload_unref(u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pieces_become_the_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_first_bytes_are_refused_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_files_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_declared_is_looked_at_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_user_has_a_share, set_up, tear_down),
        cmocka_unit_test_setup_teardown(caps_of_the_user_count, set_up, tear_down),
        cmocka_unit_test_setup_teardown(runs_get_a_link, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_upload_of_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_input_may_follow, set_up, tear_down),
        cmocka_unit_test_setup_teardown(time_and_damage_take_them_away, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
