/* The catalog and the configuration by their public functions: a catalog of one's own, a pull from
 * a folder, verifying, importing, removing; wrong arguments. */
#include <modellab/modellab.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHA_OF_HELLO "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

typedef struct fixture {
    char folder[64], models[80], shelf[80], json[1024];
    modellab_catalog_options options;
    modellab_error err;
    int calls;
} fixture;

static void write_hello(const fixture *f, const char *folder, const char *text)
{
    char path[160];
    (void)f;
    snprintf(path, sizeof path, "%s/greeting.txt", folder);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(0, fclose(file));
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    snprintf(f->folder, sizeof f->folder, "/tmp/modellab-catalog-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->models, sizeof f->models, "%s/models", f->folder);
    snprintf(f->shelf, sizeof f->shelf, "%s/shelf", f->folder);
    assert_int_equal(0, mkdir(f->shelf, 0755));
    write_hello(f, f->shelf, "hello");
    snprintf(
        f->json, sizeof f->json,
        "{\"version\":1,\"models\":[{\"name\":\"greeting\",\"title\":\"A word\",\"task\":\"asr\","
        "\"architecture\":\"whisper\",\"licence\":\"CC0-1.0\",\"languages\":[\"en\",\"de\"],"
        "\"default\":true,\"files\":[{\"name\":\"greeting.txt\",\"sha256\":\"%s\",\"bytes\":5,"
        "\"role\":\"data\"}],\"sources\":[{\"kind\":\"path\",\"directory\":\"%s\"}]}]}",
        SHA_OF_HELLO, f->shelf);
    modellab_catalog_options_init(&f->options, sizeof f->options);
    f->options.models_root = f->models;
    f->options.catalog_json = f->json;
    modellab_error_init(&f->err, sizeof f->err);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    char command[160];
    snprintf(command, sizeof command, "rm -rf '%s'", f->folder);
    assert_int_equal(0, system(command));
    free(f);
    return 0;
}

static modellab_catalog *load(fixture *f)
{
    modellab_catalog *catalog = NULL;
    assert_int_equal(MODELLAB_OK, modellab_catalog_load(&f->options, &catalog, &f->err));
    return catalog;
}

static modellab_model_state state_of(fixture *f)
{
    modellab_catalog *catalog = load(f);
    modellab_catalog_entry e = {.size = sizeof e};
    assert_int_equal(MODELLAB_OK, modellab_catalog_at(catalog, 0, &e, &f->err));
    modellab_model_state state = e.state;
    modellab_catalog_unref(catalog);
    return state;
}

static int64_t installed_of(fixture *f)
{
    modellab_catalog *catalog = load(f);
    modellab_catalog_entry e = {.size = sizeof e};
    assert_int_equal(MODELLAB_OK, modellab_catalog_at(catalog, 0, &e, &f->err));
    modellab_catalog_unref(catalog);
    return e.installed_ms;
}

static int32_t on_progress(void *user, const char *file, const char *source, int64_t done,
                           int64_t total)
{
    fixture *f = user;
    (void)file, (void)done, (void)total;
    assert_string_equal("path", source);
    return ++f->calls < 0;
}

static int32_t stop(void *user, const char *file, const char *source, int64_t done, int64_t total)
{
    (void)user, (void)file, (void)source, (void)done, (void)total;
    return 1;
}

static void test_life_of_a_model(void **state)
{
    fixture *f = *state;
    modellab_catalog *catalog = load(f);
    modellab_catalog_entry e = {.size = sizeof e};
    modellab_pull_options options;
    modellab_report *report = NULL;
    modellab_buffer *path = NULL;
    assert_int_equal(1, modellab_catalog_count(catalog));
    assert_int_equal(MODELLAB_OK, modellab_catalog_at(catalog, 0, &e, &f->err));
    assert_string_equal("greeting", e.name);
    assert_string_equal("en,de", e.languages);
    assert_int_equal(MODELLAB_MODEL_ABSENT, e.state);
    assert_int_equal(1, e.is_default);
    assert_int_equal(5, e.bytes);
    assert_int_equal(-1, e.installed_ms);

    modellab_pull_options_init(&options, sizeof options);
    options.progress = stop;
    assert_int_equal(MODELLAB_E_CANCELLED,
                     modellab_catalog_pull(catalog, "greeting", &options, &f->err));
    assert_int_equal(MODELLAB_MODEL_PARTIAL, state_of(f));
    options.progress = on_progress;
    options.user = f;
    assert_int_equal(MODELLAB_OK, modellab_catalog_pull(catalog, "greeting", &options, &f->err));
    assert_true(f->calls > 0);
    assert_int_equal(MODELLAB_MODEL_ABSENT, e.state); /* a catalog is a snapshot */
    assert_int_equal(MODELLAB_MODEL_INSTALLED, state_of(f));
    assert_true(installed_of(f) > 1600000000000);

    assert_int_equal(MODELLAB_OK,
                     modellab_catalog_verify(catalog, "greeting", NULL, &report, &f->err));
    assert_int_equal(0, modellab_report_count(report));
    modellab_report_unref(report);
    assert_int_equal(MODELLAB_OK,
                     modellab_catalog_file(catalog, "greeting", "greeting.txt", &path, &f->err));
    assert_int_equal(0, access(modellab_buffer_data(path), R_OK));
    modellab_buffer_destroy(path);

    char folder[160];
    snprintf(folder, sizeof folder, "%s/greeting", f->models);
    write_hello(f, folder, "HELLO");
    assert_int_equal(MODELLAB_OK,
                     modellab_catalog_verify(catalog, "greeting", NULL, &report, &f->err));
    assert_int_equal(MODELLAB_SEVERITY_ERROR, modellab_report_worst(report));
    modellab_report_unref(report);

    assert_int_equal(MODELLAB_OK, modellab_catalog_remove(catalog, "greeting", &f->err));
    assert_int_equal(MODELLAB_E_NOT_FOUND, modellab_catalog_remove(catalog, "greeting", &f->err));
    assert_int_equal(MODELLAB_MODEL_ABSENT, state_of(f));
    modellab_catalog_unref(catalog);
}

static void test_refusals(void **state)
{
    static const char *const bad_files[] = {"", ".", "..", "../greeting.txt", "a/b"};
    fixture *f = *state;
    modellab_catalog *catalog = load(f), *other = NULL;
    modellab_catalog_entry e = {.size = sizeof e};
    modellab_report *report = NULL;
    modellab_buffer *path = NULL;
    assert_int_equal(MODELLAB_E_NOT_FOUND, modellab_catalog_at(catalog, 1, &e, &f->err));
    e.size = 8;
    assert_int_equal(MODELLAB_E_ABI_TOO_SMALL, modellab_catalog_at(catalog, 0, &e, &f->err));
    assert_int_equal(MODELLAB_E_NOT_FOUND,
                     modellab_catalog_pull(catalog, "greetin", NULL, &f->err));
    assert_non_null(strstr(f->err.message, "did you mean greeting?"));
    assert_int_equal(MODELLAB_E_NOT_FOUND,
                     modellab_catalog_verify(catalog, "greeting", NULL, &report, &f->err));
    assert_null(report);
    assert_int_equal(MODELLAB_E_NOT_FOUND,
                     modellab_catalog_verify(catalog, "../x", NULL, &report, &f->err));
    for (size_t i = 0; i < sizeof bad_files / sizeof bad_files[0]; i++)
        assert_int_equal(MODELLAB_E_NOT_FOUND,
                         modellab_catalog_file(catalog, "greeting", bad_files[i], &path, &f->err));
    assert_int_equal(MODELLAB_E_INVALID_ARGUMENT, modellab_catalog_pull(NULL, "x", NULL, &f->err));
    assert_int_equal(MODELLAB_E_INVALID_ARGUMENT, modellab_catalog_load(NULL, NULL, &f->err));
    assert_int_equal(MODELLAB_E_INVALID_ARGUMENT,
                     modellab_catalog_import(catalog, NULL, "x", NULL, &f->err));
    assert_int_not_equal(MODELLAB_OK,
                         modellab_catalog_import(catalog, "mine", f->shelf, NULL, &f->err));
    assert_null(strstr(f->err.message, f->folder));
    f->options.catalog_json = "{\"version\":1";
    assert_int_equal(MODELLAB_E_INVALID_JSON, modellab_catalog_load(&f->options, &other, &f->err));
    assert_null(other);
    assert_int_equal(0, modellab_catalog_count(NULL));
    modellab_catalog_unref(NULL);
    modellab_catalog_unref(catalog);
}

static void test_built_in_catalog(void **state)
{
    fixture *f = *state;
    int defaults = 0;
    f->options.catalog_json = NULL;
    unsetenv("MODEL_LAB_CATALOG");
    modellab_catalog *catalog = load(f);
    assert_true(modellab_catalog_count(catalog) >= 7);
    for (size_t i = 0; i < modellab_catalog_count(catalog); i++) {
        modellab_catalog_entry e = {.size = sizeof e};
        assert_int_equal(MODELLAB_OK, modellab_catalog_at(catalog, i, &e, &f->err));
        assert_true(e.name[0] != '\0' && e.licence[0] != '\0' && e.task[0] != '\0' && e.bytes > 0);
        defaults += e.is_default;
    }
    assert_int_equal(1, defaults);
    modellab_catalog_unref(catalog);
}

static void test_configuration(void **state)
{
    fixture *f = *state;
    modellab_buffer *value = NULL;
    const char *source = NULL;
    assert_true(modellab_config_count() > 20);
    for (size_t i = 0; i < modellab_config_count(); i++) {
        modellab_config_variable v = {.size = sizeof v};
        assert_int_equal(MODELLAB_OK, modellab_config_at(i, &v, &f->err));
        assert_true(v.name[0] != '\0' && v.text[0] != '\0');
    }
    modellab_config_variable v = {.size = sizeof v};
    assert_int_equal(MODELLAB_E_NOT_FOUND,
                     modellab_config_at(modellab_config_count(), &v, &f->err));
    setenv("HF_TOKEN", "very-secret", 1);
    assert_int_equal(MODELLAB_OK, modellab_config_get("HF_TOKEN", &value, &source, &f->err));
    assert_string_equal("(set)", modellab_buffer_data(value));
    assert_string_equal("environment", source);
    modellab_buffer_destroy(value);
    unsetenv("HF_TOKEN");
    setenv("MODEL_LAB_ROOT", "relative", 1);
    assert_int_equal(MODELLAB_OK, modellab_config_get("MODEL_LAB_ROOT", &value, NULL, &f->err));
    assert_int_equal('/', modellab_buffer_data(value)[0]);
    modellab_buffer_destroy(value);
    unsetenv("MODEL_LAB_ROOT");
    assert_int_equal(MODELLAB_E_NOT_FOUND, modellab_config_get("NONE", &value, NULL, &f->err));
    assert_null(value);
    assert_int_equal(MODELLAB_E_INVALID_ARGUMENT, modellab_config_get(NULL, &value, NULL, &f->err));
    assert_int_equal(MODELLAB_OK, modellab_config_env_example(&value, &f->err));
    assert_non_null(strstr(modellab_buffer_data(value), "#MODEL_LAB_ROOT="));
    modellab_buffer_destroy(value);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {T(test_life_of_a_model), T(test_refusals),
                                       T(test_built_in_catalog), T(test_configuration)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
