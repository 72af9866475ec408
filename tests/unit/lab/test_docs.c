/* The documents name every key of the request's schema, every key of a run's JSON and every metric,
 * and no metric or environment variable that is none. Arguments: the folder docs/. */
#include "base/config.h"
#include "base/json.h"
#include "lab/metrics.h"
#include "lab/record.h"
#include "lab/request.h"
#include "lab/snapshot.h"
#include "lab/state.h"
#include "unit/lab/lab_common.h"

static const char *docs;
static temp_folder folder;
static mli_lab *lab;

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(&folder);
    lab = open_lab(&folder, NULL, NULL, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mli_lab_unref(lab);
    temp_folder_remove(&folder);
    return 0;
}

static char *read_doc(const char *name)
{
    char path[1024];
    char *text = test_malloc(100000);
    FILE *file;
    size_t bytes;

    assert_true(snprintf(path, sizeof path, "%s/%s", docs, name) > 0);
    file = fopen(path, "rb");
    assert_non_null(file);
    bytes = fread(text, 1, 99999, file);
    text[bytes] = '\0';
    assert_int_equal(0, fclose(file));
    return text;
}

static void must_name(const char *document, const char *key)
{
    char quoted[128];

    assert_true(snprintf(quoted, sizeof quoted, "`%s`", key) > 0);
    if (strstr(document, quoted) == NULL) {
        fail_msg("the document does not name %s", quoted);
    }
}

static void name_all(const char *document, const mli_json *schema)
{
    const mli_json *properties = mli_json_get(schema, "properties"), *value;
    const mli_json *parts = mli_json_get(schema, "$defs");
    const char *key;

    for (size_t i = 0; mli_json_member(properties, i, &key, &value); i++) {
        must_name(document, key);
    }
    for (size_t i = 0; mli_json_member(parts, i, &key, &value); i++) {
        name_all(document, value);
    }
}

static void request_keys(void **state)
{
    char *document = read_doc("request.md");
    mli_json *schema = NULL;

    (void)state;
    ASSERT_OK(
        mli_json_parse(mli_request_schema(), strlen(mli_request_schema()), 100000, &schema, err));
    name_all(document, schema);
    mli_json_free(schema);
    test_free(document);
}

static void name_keys(const char *document, const mli_json *object)
{
    const mli_json *value;
    const char *key;

    for (size_t i = 0; mli_json_member(object, i, &key, &value); i++) {
        must_name(document, key);
        if (mli_json_typeof(value) == MLI_JSON_OBJECT && strcmp(key, "request") != 0 &&
            strcmp(key, "labels") != 0) {
            name_keys(document, value);
        } else if (mli_json_typeof(value) == MLI_JSON_ARRAY && mli_json_count(value) > 0) {
            name_keys(document, mli_json_at(value, 0));
        }
    }
}

static void manifest_keys(void **state)
{
    char *document = read_doc("manifest.md");
    modellab_record_options o = MODELLAB_RECORD_OPTIONS_INIT;
    modellab_record *record = NULL;
    mli_json *manifest = NULL;
    mli_buf text;

    (void)state;
    ASSERT_OK(mli_record_begin(lab, &o, &record, err));
    ASSERT_OK(mli_record_step_begin(record, "s", err));
    ASSERT_OK(mli_record_add_artifact(record, "a", "b/c", "d", 1, NULL, err));
    ASSERT_OK(mli_record_finish(record, MODELLAB_RUN_FAILED, MODELLAB_REASON_INTERNAL, NULL, err));
    mli_buf_init(&text, NULL);
    ASSERT_OK(mli_manifest_read(&mli_os_system_files, lab->root, record->ids.run_id, &text, err));
    ASSERT_OK(mli_json_parse(text.data, text.size, 100000, &manifest, err));
    name_keys(document, manifest);
    mli_json_free(manifest);
    mli_buf_dispose(&text);
    mli_record_destroy(record);
    test_free(document);
}

/* The row of a table that begins with this, in whole; what to do must stand behind it. */
static void must_tell(const char *document, const char *row)
{
    const char *at = strstr(document, row);

    if (at == NULL) {
        fail_msg("docs/operations.md has no row: %s", row);
    }
    assert_true(strcspn(at + strlen(row), "\n") > 8); /* "word. |" at least */
}

/* Every status and reason has its row, with the words that people are shown, and nothing else has.
 */
static void statuses_and_reasons(void **state)
{
    char *document = read_doc("operations.md"), row[256];
    const char *reasons = strstr(document, "## Reasons"), *end;
    int rows = 0, known = 0;

    (void)state;
    assert_non_null(reasons);
    for (modellab_run_status s = MODELLAB_RUN_QUEUED; s <= MODELLAB_RUN_STALE; s++) {
        assert_true(snprintf(row, sizeof row, "| `%s` | ", mli_status_name_of_run(s)) > 0);
        must_tell(document, row);
    }
#define CHECK_(name, number, word, recoverable, sentence)                                          \
    if (number != 0) {                                                                             \
        assert_true(snprintf(row, sizeof row, "| `%s` | %s | %s | ", word, sentence,               \
                             recoverable ? "yes" : "no") > 0);                                     \
        must_tell(reasons, row);                                                                   \
        known++;                                                                                   \
    }
    MODELLAB_REASON_LIST(CHECK_)
#undef CHECK_
    end = strstr(reasons + 3, "\n## ");
    assert_non_null(end);
    for (const char *at = strstr(reasons, "\n| `"); at != NULL && at < end;
         at = strstr(at + 1, "\n| `")) {
        rows++;
    }
    assert_int_equal(known, rows);
    test_free(document);
}

/* Each `modellab_...` of the document is a family, and each family is in the document. */
static void metric_families(void **state)
{
    static const char mark[] = "# TYPE ";
    char *document = read_doc("metrics.md"), name[128];
    mli_buf text;
    int families = 0;

    (void)state;
    mli_buf_init(&text, NULL);
    ASSERT_OK(mli_metrics_write(lab, MODELLAB_METRICS_PROMETHEUS, &text, err));
    for (const char *at = strstr(text.data, mark); at != NULL; at = strstr(at + 1, mark)) {
        size_t bytes = strcspn(at + sizeof mark - 1, " ");

        assert_true(bytes < sizeof name);
        memcpy(name, at + sizeof mark - 1, bytes);
        name[bytes] = '\0';
        must_name(document, name);
        families++;
    }
    assert_int_equal(37, families);
    for (const char *at = strstr(document, "| `modellab_"); at != NULL;
         at = strstr(at + 1, "| `modellab_")) {
        size_t bytes = strcspn(at + 3, "`");

        assert_true(snprintf(name, sizeof name, "# TYPE %.*s ", (int)bytes, at + 3) > 0);
        if (strstr(text.data, name) == NULL) {
            fail_msg("the document names a metric that is none: %s", name);
        }
    }
    mli_buf_dispose(&text);
    test_free(document);
}

/* Calls `each` for every text in quotes of a source file (pairs of quotes within a line). */
static void each_quoted(const char *source, const char *document,
                        void (*each)(const char *document, const char *text))
{
    char path[1024], *text = test_malloc(100000), word[256];
    const char *open = NULL;
    FILE *file;

    assert_true(snprintf(path, sizeof path, "%s/../src/lab/%s", docs, source) > 0);
    file = fopen(path, "rb");
    assert_non_null(file);
    text[fread(text, 1, 99999, file)] = '\0';
    assert_int_equal(0, fclose(file));
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '\n') {
            open = NULL;
        } else if (*at == '"' && open == NULL) {
            open = at + 1;
        } else if (*at == '"') {
            (void)snprintf(word, sizeof word, "%.*s", (int)(at - open), open);
            each(document, word);
            open = NULL;
        }
    }
    test_free(text);
}

static int told; /* how many were */

/* Of a table whose rows may name several, the later ones by their ends: `a.b`, `.c`. */
static void finding_is_told(const char *document, const char *id)
{
    static const char *const nouns[] = {"run",     "boot",     "pid",      "lock",
                                        "journal", "manifest", "artifact", "folder"};
    char whole[128], end[128];
    const char *dot = strchr(id, '.');
    bool is_id = false;

    for (size_t i = 0; dot != NULL && i < sizeof nouns / sizeof *nouns; i++) {
        is_id = is_id || (strlen(nouns[i]) == (size_t)(dot - id) &&
                          strncmp(nouns[i], id, strlen(nouns[i])) == 0 &&
                          dot[1 + strspn(dot + 1, "abcdefghijklmnopqrstuvwxyz_")] == '\0');
    }
    if (!is_id) {
        return;
    }
    told++;
    assert_true(snprintf(whole, sizeof whole, "| `%.*s.", (int)(dot - id), id) > 0);
    assert_true(snprintf(end, sizeof end, "`%s`", dot) > 0);
    for (const char *row = strstr(document, whole); row != NULL; row = strstr(row + 1, whole)) {
        const char *line_end = strchr(row, '\n'), *named;
        char full[128];

        assert_true(snprintf(full, sizeof full, "`%s`", id) > 0);
        named = strstr(row, full);
        if (named != NULL && named < line_end) {
            return;
        }
        named = strstr(row, end);
        if (named != NULL && named < line_end) {
            return;
        }
    }
    /* or second in the row of another */
    assert_true(snprintf(whole, sizeof whole, ", `%s`", id) > 0);
    if (strstr(document, whole) == NULL) {
        fail_msg("docs/operations.md has no finding %s", id);
    }
}

static const char *wanted; /* id that is looked for */

static void note_wanted(const char *document, const char *text)
{
    (void)document;
    told += strcmp(text, wanted) == 0;
}

static const char *const sources[] = {"reconcile.c", "reconcile_look.c", "reconcile_files.c",
                                      "upload_sweep.c"};

/* Every id of a row of the table, `.end` after `noun.end` too, is one that the sources have. */
static void ids_are_found(const char *row)
{
    char noun[32] = "", id[96];
    const char *end = strchr(row + 2, '|');

    for (const char *at = strchr(row, '`'); at != NULL && at < end; at = strchr(at + 1, '`')) {
        size_t bytes = strcspn(at + 1, "`"), dot = strcspn(at + 1, ".`");

        assert_true(snprintf(id, sizeof id, "%s%.*s", dot == 0 ? noun : "", (int)bytes, at + 1) >
                    0);
        if (dot > 0) {
            assert_true(snprintf(noun, sizeof noun, "%.*s", (int)dot, at + 1) > 0);
        }
        told = 0;
        wanted = id;
        for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
            each_quoted(sources[i], "", note_wanted);
        }
        if (told == 0) {
            fail_msg("docs/operations.md names a finding that is none: %s", id);
        }
        at += bytes + 1;
    }
}

/* What reconciling can find has its row, and no row tells of what it cannot find. */
static void findings_of_reconcile(void **state)
{
    char *document = read_doc("operations.md");
    const char *table = strstr(document, "| finding |"), *end;
    int rows = 0;

    (void)state;
    assert_non_null(table);
    end = strstr(table, "\n\n");
    for (const char *row = strstr(table, "\n| `"); row != NULL && row < end;
         row = strstr(row + 1, "\n| `")) {
        ids_are_found(row + 1);
        rows++;
    }
    assert_true(rows >= 15);
    told = 0;
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        each_quoted(sources[i], document, finding_is_told);
    }
    assert_true(told >= 20);
    test_free(document);
}

static void method_is_told(const char *document, const char *method)
{
    if (method[strspn(method, "abcdefghijklmnopqrstuvwxyz_")] == '\0') {
        must_name(document, method);
        told++;
    }
}

/* How a measure can have been made. */
static void methods_of_measures(void **state)
{
    char *document = read_doc("operations.md");

    (void)state;
    told = 0;
    each_quoted("methods.h", document, method_is_told);
    assert_true(told >= 12);
    test_free(document);
}

static void variables_exist(void **state)
{
    static const char *const documents[] = {"request.md", "manifest.md", "metrics.md",
                                            "operations.md", "queue.md"};
    char name[128];

    (void)state;
    for (size_t d = 0; d < sizeof documents / sizeof *documents; d++) {
        char *document = read_doc(documents[d]);

        for (const char *at = strstr(document, "MODEL_LAB_"); at != NULL;
             at = strstr(at + 1, "MODEL_LAB_")) {
            size_t bytes = strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");

            assert_true(snprintf(name, sizeof name, "%.*s", (int)bytes, at) > 0);
            if (mli_config_find(name) == NULL) {
                fail_msg("%s: there is no variable %s", documents[d], name);
            }
        }
        test_free(document);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(request_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(manifest_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(statuses_and_reasons, set_up, tear_down),
        cmocka_unit_test_setup_teardown(metric_families, set_up, tear_down),
        cmocka_unit_test(findings_of_reconcile),
        cmocka_unit_test(methods_of_measures),
        cmocka_unit_test(variables_exist),
    };

    if (argc != 2) {
        return 2;
    }
    docs = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
