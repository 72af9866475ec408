/* What a bundle says of parts that cannot be made, and on what the ledger stands, with files that
 * lie in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/json.h"
#include "lab/gather.h"

#define TEXT                                                                                       \
    "{\"task\":\"transcribe\",\"language\":\"english\",\"duration\":10,\"text\":\"a b\","          \
    "\"segments\":[{\"id\":0,\"seek\":0,\"start\":1,\"end\":3,\"text\":\" a b\"}]}"
#define SPEECH "{\"segments\":[{\"start\":0.5,\"end\":4}]}"
#define TURNS "{\"turns\":[{\"start\":0.5,\"end\":4,\"speaker\":\"A\"}]}"

enum { MOST = 12, BYTES = 4096 };

typedef struct shelf {
    struct {
        const char *name;
        char text[BYTES];
        modellab_status broken; /* what reading it says */
    } files[MOST];
    size_t count;
    bool full; /* nothing can be written */
} shelf;

static void lay(shelf *s, const char *name, const char *text, modellab_status broken)
{
    assert_true(s->count < MOST && strlen(text) < BYTES);
    s->files[s->count].name = name;
    s->files[s->count].broken = broken;
    memcpy(s->files[s->count++].text, text, strlen(text) + 1);
}

static size_t at(const shelf *s, const char *name)
{
    size_t i = 0;
    while (i < s->count && strcmp(s->files[i].name, name) != 0) {
        i++;
    }
    return i;
}

static bool find(void *user, const char *name, mli_gather_file *out)
{
    const shelf *s = user;
    size_t i = at(s, name);
    if (i < s->count) {
        *out = (mli_gather_file){s->files[i].name, "0", (int64_t)strlen(s->files[i].text)};
    }
    return i < s->count;
}

MODELLAB_MUST_CHECK static modellab_status read(void *user, const char *name, mli_buf *out,
                                                modellab_error *err)
{
    const shelf *s = user;
    size_t i = at(s, name);
    assert_true(i < s->count);
    if (s->files[i].broken != MODELLAB_OK) {
        return mli_fail(err, s->files[i].broken, "planted");
    }
    mli_buf_append_text(out, s->files[i].text);
    return mli_buf_status(out, err);
}

MODELLAB_MUST_CHECK static modellab_status write(void *user, const char *name,
                                                 const char *media_type, const mli_buf *text,
                                                 modellab_error *err)
{
    (void)media_type;
    if (((const shelf *)user)->full) {
        return mli_fail(err, MODELLAB_E_IO, "planted");
    }
    lay(user, name, mli_buf_text(text), MODELLAB_OK);
    return MODELLAB_OK;
}

static const mli_gather_step done[] = {
    {"ingest", MODELLAB_RUN_COMPLETED, MODELLAB_REASON_NONE},
    {"asr", MODELLAB_RUN_COMPLETED, MODELLAB_REASON_NONE},
};

static mli_gather_view view_of(shelf *s)
{
    return (mli_gather_view){.run_id = "01",
                             .steps = "ingest,asr,bundle",
                             .past = done,
                             .past_count = 2,
                             .audio_seconds = 10,
                             .reached_seconds = 10,
                             .go_on = true,
                             .user = s,
                             .find = find,
                             .read = read,
                             .write = write};
}

static void expect(const shelf *s, const char *name, const char *part)
{
    size_t i = at(s, name);
    assert_true(i < s->count);
    if (strstr(s->files[i].text, part) == NULL) {
        fail_msg("%s has no %s: %s", name, part, s->files[i].text);
    }
}

/* The same silence by three who looked for speech, or did not. */
static void on_what_the_ledger_stands(void **state)
{
    static shelf s;
    (void)state;
    s.count = 0;
    lay(&s, "transcript.json", TEXT, MODELLAB_OK);
    mli_gather_view view = view_of(&s);
    assert_int_equal(mli_gather(&view, NULL), MODELLAB_OK);
    expect(&s, "coverage.json",
           "\"milliseconds\":{\"duration\":10000,\"transcribed\":2000,\"non_speech\":0,\"dropped\":"
           "8000,\"failed\":0}");
    expect(&s, "coverage.json", "\"label\":\"dropped\",\"reason\":\"no_text_no_detector\"}]");
    s.count = 1;
    lay(&s, "speakers.json", TURNS, MODELLAB_OK);
    assert_int_equal(mli_gather(&view, NULL), MODELLAB_OK);
    expect(&s, "coverage.json", "\"non_speech\":6500,\"dropped\":1500,\"failed\":0}");
    expect(&s, "coverage.json", "\"label\":\"non_speech\",\"reason\":\"by_diarization\"}]");
    expect(&s, "coverage.json",
           "{\"start\":3.0,\"end\":4.0,\"label\":\"dropped\",\"reason\":\"no_text\"}");
    s.count = 2;
    lay(&s, "speech.json", SPEECH, MODELLAB_OK);
    assert_int_equal(mli_gather(&view, NULL), MODELLAB_OK);
    expect(&s, "coverage.json", "\"label\":\"non_speech\",\"reason\":\"by_vad\"}]");
    expect(&s, "transcript.srt", "00:00:01,000 --> 00:00:03,000");
}

static void parts_that_cannot_be_made(void **state)
{
    static shelf s;
    modellab_error err = MODELLAB_ERROR_INIT;
    (void)state;
    s.count = 0;
    lay(&s, "transcript.json", TEXT, MODELLAB_E_LIMIT);
    lay(&s, "summary.json", "{", MODELLAB_OK);
    mli_gather_view view = view_of(&s);
    assert_int_equal(mli_gather(&view, &err), MODELLAB_OK);
    assert_int_equal(err.code, MODELLAB_OK);
    expect(&s, "bundle_manifest.json", "{\"part\":\"subtitles\",\"reason\":\"too_large\"}");
    expect(&s, "bundle_manifest.json", "{\"part\":\"coverage\",\"reason\":\"too_large\"}");
    expect(&s, "bundle_manifest.json", "{\"part\":\"summary\",\"reason\":\"unreadable\"}");
    expect(&s, "bundle_manifest.json", "{\"part\":\"transcript\",\"filename\"");
    assert_int_equal(at(&s, "coverage.json"), s.count); /* none that says what is not known */
    /* In a step it is the step's failure, and what is about all parts is one here, too. */
    s.count = 2;
    view.go_on = false;
    assert_int_equal(mli_gather(&view, &err), MODELLAB_E_LIMIT);
    s.count = 2;
    s.files[0].broken = MODELLAB_E_NO_MEMORY;
    view.go_on = true;
    assert_int_equal(mli_gather(&view, &err), MODELLAB_E_NO_MEMORY);
}

/* A file that the disk does not give back concerns what is made of it; one that it does not take is
 * the failure of all. */
static void a_disk_that_fails(void **state)
{
    static shelf s;
    modellab_error err = MODELLAB_ERROR_INIT;
    (void)state;
    s.count = 0;
    lay(&s, "transcript.json", TEXT, MODELLAB_OK);
    lay(&s, "summary.json", "{}", MODELLAB_E_IO);
    mli_gather_view view = view_of(&s);
    assert_int_equal(mli_gather(&view, &err), MODELLAB_OK);
    assert_int_equal(err.code, MODELLAB_OK);
    expect(&s, "bundle_manifest.json", "{\"part\":\"summary\",\"reason\":\"unreadable\"}");
    expect(&s, "bundle_manifest.json", "{\"part\":\"coverage\",\"filename\"");
    s.count = 1;
    s.full = true;
    assert_int_equal(mli_gather(&view, &err), MODELLAB_E_IO);
    s.full = false;
    s.count = 2;
    view.go_on = false;
    assert_int_equal(mli_gather(&view, &err), MODELLAB_E_IO);
}

/* What a step that was interrupted has left is neither made again nor changed. */
static void what_is_there_already(void **state)
{
    static const char *const names[] = {"transcript.srt", "summary.md", "action_items.csv",
                                        "coverage.json"};
    static shelf s;
    (void)state;
    s.count = 0;
    lay(&s, "transcript.json", TEXT, MODELLAB_OK);
    lay(&s, "summary.json", "{}", MODELLAB_OK);
    lay(&s, "action_items.json", "{}", MODELLAB_OK);
    for (size_t i = 0; i < 4; i++) {
        lay(&s, names[i], "mine", MODELLAB_OK);
    }
    mli_gather_view view = view_of(&s);
    assert_int_equal(mli_gather(&view, NULL), MODELLAB_OK);
    assert_int_equal(s.count, 8);
    assert_string_equal(s.files[7].name, "bundle_manifest.json");
    expect(&s, "bundle_manifest.json", "\"filename\":\"coverage.json\",\"size_bytes\":4");
}

/* Prepared audio, whose times lead nowhere any more: what there is text for was reached. */
static void how_far_it_came(void **state)
{
    static shelf s;
    static const mli_gather_step broken[] = {
        {"asr", MODELLAB_RUN_FAILED, MODELLAB_REASON_WORKER_DIED}};
    (void)state;
    s.count = 0;
    lay(&s, "transcript.partial.json", TEXT, MODELLAB_OK);
    mli_gather_view view = view_of(&s);
    view.past = broken;
    view.past_count = 1;
    view.reached_seconds = -1;
    view.end = MODELLAB_REASON_WORKER_DIED;
    assert_int_equal(mli_gather(&view, NULL), MODELLAB_OK);
    expect(&s, "coverage.json", "\"dropped\":1000,\"failed\":7000}");
    expect(&s, "coverage.json", "\"label\":\"failed\",\"reason\":\"worker_died\"}]");
    expect(&s, "bundle_manifest.json", "\"partial\":true");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_what_the_ledger_stands), cmocka_unit_test(parts_that_cannot_be_made),
        cmocka_unit_test(a_disk_that_fails), cmocka_unit_test(what_is_there_already),
        cmocka_unit_test(how_far_it_came)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
