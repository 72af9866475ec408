/* The table of variables: order of sources, types, what a project file may set; and that code,
 * table and documents agree. Arguments: the top of the sources [--write]: makes .env.example and
 * docs/environment.md anew. */
#include "base/alloc.h"
#include "base/config.h"
#include "unit/temp_folder.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *top;

typedef struct fixture {
    temp_folder folder;
    char before[4096];
    modellab_error err;
} fixture;

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(strlen(text), fwrite(text, 1, strlen(text), file));
    assert_int_equal(0, fclose(file));
}

static void unset_all(void)
{
    for (size_t i = 0; i < mli_config_count(); i++)
        unsetenv(mli_config_at(i)->name);
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    char path[400];
    temp_folder_make(&f->folder);
    assert_non_null(getcwd(f->before, sizeof f->before));
    assert_int_equal(0, chdir(f->folder.path));
    unset_all();
    snprintf(path, sizeof path, "%s/config", f->folder.path);
    assert_int_equal(0, mkdir(path, 0700));
    setenv("XDG_CONFIG_HOME", path, 1);
    strcat(path, "/modellab");
    assert_int_equal(0, mkdir(path, 0700));
    f->err = (modellab_error)MODELLAB_ERROR_INIT;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    assert_int_equal(0, chdir(f->before));
    unset_all();
    temp_folder_remove(&f->folder);
    free(f);
    return 0;
}

static void expect(fixture *f, const char *name, const char *value, const char *source)
{
    char *got = NULL;
    const char *from = NULL;
    assert_int_equal(MODELLAB_OK, mli_config_get(NULL, name, &got, &from, &f->err));
    if (value == NULL)
        assert_null(got);
    else
        assert_string_equal(value, got);
    assert_string_equal(source, from);
    mli_free(NULL, got);
}

static void test_order_of_sources(void **state)
{
    fixture *f = *state;
    expect(f, "MODEL_LAB_MAX_WORKERS", "1", "default");
    expect(f, "MODEL_LAB_WHISPER_MODEL", NULL, "default");
    write_text("config/modellab/env", "MODEL_LAB_MAX_WORKERS=31\n");
    expect(f, "MODEL_LAB_MAX_WORKERS", "31", "user file");
    write_text(MLI_CONFIG_PROJECT_FILE, "# mine\nexport MODEL_LAB_MAX_WORKERS='32'\n\nX=1\n");
    expect(f, "MODEL_LAB_MAX_WORKERS", "32", "project file");
    setenv("MODEL_LAB_MAX_WORKERS", "33", 1);
    expect(f, "MODEL_LAB_MAX_WORKERS", "33", "environment");
    setenv("MODEL_LAB_MAX_WORKERS", "", 1); /* empty is unset */
    expect(f, "MODEL_LAB_MAX_WORKERS", "32", "project file");
}

static void test_project_file_cannot_name_programs(void **state)
{
    fixture *f = *state;
    write_text(MLI_CONFIG_PROJECT_FILE, "MODEL_LAB_PIP=evil\nMODEL_LAB_WORKER=evil\n"
                                        "MODEL_LAB_HUB_URL=https://evil.example\n"
                                        "MODEL_LAB_CATALOG=evil.json\nMODEL_LAB_PROXY=http://evil\n"
                                        "MODEL_LAB_TESTING=1\nMODEL_LAB_FAIL_STEP=asr:die\n");
    expect(f, "MODEL_LAB_PIP", NULL, "default");
    expect(f, "MODEL_LAB_WORKER", NULL, "default");
    expect(f, "MODEL_LAB_HUB_URL", "https://huggingface.co", "default");
    expect(f, "MODEL_LAB_CATALOG", NULL, "default");
    expect(f, "MODEL_LAB_PROXY", NULL, "default");
    expect(f, "MODEL_LAB_TESTING", "0", "default");
    expect(f, "MODEL_LAB_FAIL_STEP", NULL, "default");
    write_text("config/modellab/env", "MODEL_LAB_PIP=mine\nMODEL_LAB_TESTING=1\n");
    expect(f, "MODEL_LAB_PIP", "mine", "user file"); /* the user's own file may */
    expect(f, "MODEL_LAB_TESTING", "0", "default");  /* but for what is of the environment alone */
}

static void test_aliases(void **state)
{
    fixture *f = *state;
    setenv("HF_ENDPOINT", "https://mirror.example", 1);
    expect(f, "MODEL_LAB_HUB_URL", "https://mirror.example", "environment");
    setenv("MODEL_LAB_HUB_URL", "https://other.example", 1);
    expect(f, "MODEL_LAB_HUB_URL", "https://other.example", "environment");
    setenv("LOG_LEVEL", "debug", 1);
    expect(f, "MODEL_LAB_LOG_LEVEL", "debug", "environment");
    setenv("LOG_LEVEL", "VERBOSE", 1); /* another program's word is no error of ours */
    expect(f, "MODEL_LAB_LOG_LEVEL", NULL, "default");
    setenv("MODEL_LAB_RUNS_ROOT", "/somewhere", 1);
    expect(f, "MODEL_LAB_ROOT", "/somewhere", "environment");
}

static void test_types(void **state)
{
    static const char *const wrong[][2] = {{"MODEL_LAB_MAX_WORKERS", "many"},
                                           {"MODEL_LAB_MAX_WORKERS", "-1"},
                                           {"MODEL_LAB_MAX_WORKERS", "3.5"},
                                           {"MODEL_LAB_MAX_WORKERS", "0"},
                                           {"MODEL_LAB_MIN_FREE_BYTES", "5 apples"},
                                           {"MODEL_LAB_LOG_LEVEL", "loud"},
                                           {"MODEL_LAB_MAX_RUN_DURATION_SECONDS", "x"},
                                           {"MODEL_LAB_ISA", "avx3"}};
    fixture *f = *state;
    int64_t number = 0;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char *got = NULL;
        setenv(wrong[i][0], wrong[i][1], 1);
        assert_int_equal(MODELLAB_E_INVALID_ARGUMENT,
                         mli_config_get(NULL, wrong[i][0], &got, NULL, &f->err));
        assert_null(got);
        assert_non_null(strstr(f->err.message, wrong[i][0]));
        unsetenv(wrong[i][0]);
    }
    setenv("MODEL_LAB_MIN_FREE_BYTES", "2GiB", 1);
    assert_int_equal(MODELLAB_OK, mli_config_int("MODEL_LAB_MIN_FREE_BYTES", 0, &number, &f->err));
    assert_int_equal(INT64_C(2) << 30, number);
    setenv("MODEL_LAB_MAX_RUN_DURATION_SECONDS", "90", 1);
    assert_int_equal(MODELLAB_OK,
                     mli_config_int("MODEL_LAB_MAX_RUN_DURATION_SECONDS", 0, &number, &f->err));
    assert_int_equal(90000, number);
    unsetenv("MODEL_LAB_MAX_RUN_DURATION_SECONDS");
    assert_int_equal(MODELLAB_OK,
                     mli_config_int("MODEL_LAB_MAX_RUN_DURATION_SECONDS", 7, &number, &f->err));
    assert_int_equal(7, number);
    char *got = NULL;
    assert_int_equal(MODELLAB_E_NOT_FOUND,
                     mli_config_get(NULL, "MODEL_LAB_NONE", &got, NULL, &f->err));
}

static void test_folders(void **state)
{
    fixture *f = *state;
    char *folder = NULL, wanted[400];
    setenv("XDG_STATE_HOME", "relative", 1); /* ignored, as its specification says */
    setenv("HOME", "/nowhere/at/all", 1);
    assert_int_equal(MODELLAB_OK, mli_config_folder(NULL, "MODEL_LAB_ROOT", &folder, &f->err));
    assert_string_equal("/nowhere/at/all/.local/state/modellab", folder);
    mli_free(NULL, folder);
    setenv("XDG_DATA_HOME", "/data", 1);
    assert_int_equal(MODELLAB_OK,
                     mli_config_folder(NULL, "MODEL_LAB_MODELS_ROOT", &folder, &f->err));
    assert_string_equal("/data/modellab/models", folder);
    mli_free(NULL, folder);
    setenv("MODEL_LAB_CACHE_ROOT", "a/../b", 1);
    assert_int_equal(MODELLAB_OK,
                     mli_config_folder(NULL, "MODEL_LAB_CACHE_ROOT", &folder, &f->err));
    snprintf(wanted, sizeof wanted, "%s/b", f->folder.path);
    assert_string_equal(wanted, folder);
    mli_free(NULL, folder);
    assert_int_equal(MODELLAB_E_INVALID_ARGUMENT,
                     mli_config_folder(NULL, "MODEL_LAB_MAX_WORKERS", &folder, &f->err));
}

static void test_files(void **state)
{
    static const struct {
        const char *text, *value; /* NULL: absent; "!": refused */
        int64_t line;
    } cases[] = {{"A=1", "1", 0},
                 {"A=1\nA=2\n", "2", 0},
                 {"  A=x y  \r\n", "x y", 0},
                 {"A=\"quo ted\"", "quo ted", 0},
                 {"A='it'", "it", 0},
                 {"A=\"", "\"", 0},
                 {"#A=1\n", NULL, 0},
                 {"A=\n", NULL, 0},
                 {"", NULL, 0},
                 {"AB=1", NULL, 0},
                 {"export A=1", "1", 0},
                 {"B=1\nrubbish\nA=1", "!", 2},
                 {"=1", "!", 1},
                 {"A B=1", "!", 1},
                 {"A=\xff", "!", -1}};
    fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *got = NULL;
        f->err = (modellab_error)MODELLAB_ERROR_INIT;
        modellab_status status =
            mli_config_parse_file(NULL, cases[i].text, strlen(cases[i].text), "A", &got, &f->err);
        if (cases[i].value != NULL && strcmp(cases[i].value, "!") == 0) {
            assert_int_equal(MODELLAB_E_INVALID_ARGUMENT, status);
            assert_int_equal(cases[i].line, f->err.detail);
            continue;
        }
        assert_int_equal(MODELLAB_OK, status);
        if (cases[i].value == NULL)
            assert_null(got);
        else
            assert_string_equal(cases[i].value, got);
        mli_free(NULL, got);
    }
}

static void test_file_that_is_none(void **state)
{
    fixture *f = *state;
    char *got = NULL;
    assert_int_equal(0, mkdir(MLI_CONFIG_PROJECT_FILE, 0700));
    assert_int_equal(MODELLAB_E_INVALID_ARGUMENT,
                     mli_config_get(NULL, "MODEL_LAB_MAX_WORKERS", &got, NULL, &f->err));
    assert_int_equal(0, rmdir(MLI_CONFIG_PROJECT_FILE));
    static char large[MLI_CONFIG_FILE_MAX + 2];
    memset(large, '#', sizeof large - 1);
    write_text(MLI_CONFIG_PROJECT_FILE, large);
    assert_int_equal(MODELLAB_E_INVALID_ARGUMENT,
                     mli_config_get(NULL, "MODEL_LAB_MAX_WORKERS", &got, NULL, &f->err));
}

/* --- code, table and documents --- */

static void test_table_is_sorted(void **state)
{
    (void)state;
    for (size_t i = 1; i < mli_config_count(); i++)
        assert_true(strcmp(mli_config_at(i - 1)->name, mli_config_at(i)->name) < 0);
    for (size_t i = 0; i < mli_config_count(); i++) {
        const mli_config_variable *v = mli_config_at(i);
        assert_true(v->alias == NULL || mli_config_find(v->alias) != NULL);
        assert_true(v->text[0] != '\0');
        assert_true((v->type == MLI_CONFIG_ENUM) == (v->choices != NULL));
    }
    assert_null(mli_config_at(mli_config_count()));
}

#define NAMES_MAX 128

typedef struct names {
    char name[NAMES_MAX][64];
    size_t count;
} names;

static void collect(names *n, const char *text, const char *prefix)
{
    for (const char *at = strstr(text, prefix); at != NULL; at = strstr(at + 1, prefix)) {
        char name[64];
        size_t k = strspn(at + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789"), i = 0;
        if (at[1 + k] != '"' || k >= sizeof name)
            continue; /* a part of a sentence, not a name that is read */
        memcpy(name, at + 1, k);
        name[k] = '\0';
        while (i < n->count && strcmp(n->name[i], name) != 0)
            i++;
        if (i == n->count) {
            assert_true(n->count < NAMES_MAX);
            memcpy(n->name[n->count++], name, sizeof name);
        }
    }
}

typedef struct walk {
    const char *folder;
    names *found;
} walk;

static char *read_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = calloc(1, 1 << 20);
    assert_non_null(file);
    assert_non_null(text);
    size_t n = fread(text, 1, (1 << 20) - 1, file);
    text[n] = '\0';
    fclose(file);
    return text;
}

static int each_source(void *arg, const char *name)
{
    walk *w = arg;
    mli_os_stat st;
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", w->folder, name);
    assert_int_equal(0, mli_os_system_files.stat(NULL, path, false, &st));
    if (st.kind == MLI_OS_DIR) {
        walk inner = {path, w->found};
        return mli_os_system_files.list(NULL, path, each_source, &inner);
    }
    size_t n = strlen(name);
    if (n > 2 && strcmp(name, "config_table.c") != 0 &&
        (strcmp(name + n - 2, ".c") == 0 || strcmp(name + n - 2, ".h") == 0 ||
         strcmp(name + n - 2, "py") == 0)) {
        char *text = read_text(path);
        collect(w->found, text, "\"MODEL_LAB_");
        collect(w->found, text, "\"HF_");
        collect(w->found, text, "\"XDG_");
        collect(w->found, text, "\"NOTIFY_SOCKET");
        collect(w->found, text, "\"WATCHDOG_USEC");
        free(text);
    }
    return 0;
}

static names names_in(const char *part)
{
    names found = {.count = 0};
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", top, part);
    walk w = {path, &found};
    assert_int_equal(0, mli_os_system_files.list(NULL, path, each_source, &w));
    return found;
}

/* The first name of `found` that the table lacks, or NULL. */
static const char *missing_in_table(const names *found)
{
    for (size_t i = 0; i < found->count; i++)
        if (mli_config_find(found->name[i]) == NULL)
            return found->name[i];
    return NULL;
}

static void test_every_variable_read_is_in_the_table(void **state)
{
    names found = names_in("src"), server = names_in("examples/server");
    (void)state;
    assert_true(found.count > 10);
    const char *missing = missing_in_table(&found);
    if (missing == NULL)
        missing = missing_in_table(&server);
    if (missing != NULL)
        fail_msg("%s is read and missing in src/base/config_table.c", missing);
    /* planted: a name that nobody has written down is found */
    collect(&found, "x = mli_os_env(\"MODEL_LAB_PLANTED\");", "\"MODEL_LAB_");
    assert_string_equal("MODEL_LAB_PLANTED", missing_in_table(&found));
}

/* What C does not read: scripts, and the build of tests. */
static bool stands_in(const char *file, const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", top, file);
    char *text = read_text(path);
    bool found = strstr(text, name) != NULL;
    free(text);
    return found;
}

static void test_every_variable_of_the_table_is_read(void **state)
{
    names found = names_in("src"), tests = names_in("tests"), server = names_in("examples/server");
    (void)state;
    for (size_t i = 0; i < mli_config_count(); i++) {
        const mli_config_variable *v = mli_config_at(i);
        bool read = strcmp(v->name, "NO_COLOR") == 0; /* nothing is coloured: always obeyed */
        for (size_t k = 0; k < found.count; k++)
            read = read || strcmp(found.name[k], v->name) == 0;
        for (size_t k = 0; k < server.count; k++)
            read = read || strcmp(server.name[k], v->name) == 0;
        for (size_t k = 0; k < tests.count; k++)
            read = read ||
                   ((v->flags & MLI_CONFIG_ENV_ONLY) != 0 && strcmp(tests.name[k], v->name) == 0);
        if ((v->flags & MLI_CONFIG_ENV_ONLY) != 0)
            read = read || stands_in("scripts/bench", v->name) ||
                   stands_in("tests/api/cli/CMakeLists.txt", v->name);
        for (size_t k = 0; k < mli_config_count(); k++)
            read = read || (mli_config_at(k)->alias != NULL &&
                            strcmp(mli_config_at(k)->alias, v->name) == 0);
        if (!read)
            fail_msg("%s stands in the table and nothing reads it", v->name);
    }
}

static const struct document {
    const char *path;
    void (*write)(mli_buf *out);
} documents[] = {{".env.example", mli_config_write_example},
                 {"docs/environment.md", mli_config_write_markdown}};

static void test_no_password_is_shown(void **state)
{
    static const struct {
        const char *name, *value, *shown;
    } rows[] = {
        {"MODEL_LAB_PROXY", "http://ann:hunter2@proxy:3128", "http://(hidden)@proxy:3128"},
        {"MODEL_LAB_PROXY", "ann:hunter2@proxy:3128", "(hidden)@proxy:3128"},
        {"MODEL_LAB_PROXY", "http://ann:hunt@er2@proxy:3128/", "http://(hidden)@proxy:3128/"},
        {"MODEL_LAB_PROXY", "http://proxy:3128", "http://proxy:3128"},
        {"MODEL_LAB_HUB_URL", "https://token@hub/a@b?key=hunter2",
         "https://(hidden)@hub/a@b?(hidden)"},
        {"HF_ENDPOINT", "https://:hunter2@hub", "https://(hidden)@hub"},
        {"MODEL_LAB_PIP", "pip --index-url https://a:hunter2@x/simple --extra http://b:hunter2@y",
         "pip --index-url https://(hidden)@x/simple --extra http://(hidden)@y"},
        {"HF_TOKEN", "hunter2", "(set)"},
        {"MODEL_LAB_ROOT", "folder/a@b://c", "folder/a@b://c"}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mli_buf out;
        mli_buf_init(&out, NULL);
        mli_config_shown(mli_config_find(rows[i].name), rows[i].value, &out);
        assert_string_equal(rows[i].shown, mli_buf_text(&out));
        mli_buf_dispose(&out);
    }
}

static void test_documents_are_as_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        char path[1024];
        mli_buf text;
        mli_buf_init(&text, NULL);
        documents[i].write(&text);
        snprintf(path, sizeof path, "%s/%s", top, documents[i].path);
        char *there = read_text(path);
        assert_string_equal(mli_buf_text(&text), there);
        free(there);
        mli_buf_dispose(&text);
    }
}

static int write_documents(void)
{
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        char path[1024];
        mli_buf text;
        mli_buf_init(&text, NULL);
        documents[i].write(&text);
        snprintf(path, sizeof path, "%s/%s", top, documents[i].path);
        FILE *file = fopen(path, "wb");
        if (file == NULL || fputs(mli_buf_text(&text), file) < 0 || fclose(file) != 0)
            return 1;
        mli_buf_dispose(&text);
    }
    return 0;
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {T(test_order_of_sources),
                                       T(test_project_file_cannot_name_programs),
                                       T(test_aliases),
                                       T(test_types),
                                       T(test_folders),
                                       T(test_files),
                                       T(test_file_that_is_none),
                                       cmocka_unit_test(test_table_is_sorted),
                                       cmocka_unit_test(test_no_password_is_shown),
                                       cmocka_unit_test(test_every_variable_read_is_in_the_table),
                                       cmocka_unit_test(test_every_variable_of_the_table_is_read),
                                       cmocka_unit_test(test_documents_are_as_the_table)};
    if (argc < 2)
        return 2;
    top = argv[1];
    if (argc > 2 && strcmp(argv[2], "--write") == 0)
        return write_documents();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
