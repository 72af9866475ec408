/* Catalog: the models that can be had, and which are installed. */
#include "example.h"

/* Checks every byte of an installed model, and tells where one of its files is. */
static void show_installed(const modellab_catalog *catalog, const char *name, const char *file)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_report *report = NULL;
    modellab_buffer *path = NULL;

    if (modellab_catalog_verify(catalog, name, NULL, &report, &err) != MODELLAB_OK) {
        printf("%s: %s\n", name, err.message);
        return;
    }
    printf("%s: %zu findings\n", name, modellab_report_count(report));
    modellab_report_unref(report);
    must(modellab_catalog_file(catalog, name, file, &path, &err), &err, "file");
    printf("%s is at %s\n", file, modellab_buffer_data(path));
    modellab_buffer_destroy(path);
}

int main(void)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_catalog_options options = MODELLAB_CATALOG_OPTIONS_INIT;
    modellab_catalog *catalog = NULL;
    int defaults = 0;

    options.models_root = getenv("MODEL_LAB_TEST_MODELS");
    must(modellab_catalog_load(&options, &catalog, &err), &err, "catalog");
    for (size_t i = 0; i < modellab_catalog_count(catalog); i++) {
        modellab_catalog_entry entry = {.size = sizeof entry};

        must(modellab_catalog_at(catalog, i, &entry, &err), &err, "entry");
        printf("%c %-24s %-8s %-12s %9lld bytes  %s\n", entry.is_default ? '*' : ' ', entry.name,
               entry.task, entry.licence, (long long)entry.bytes,
               entry.state == MODELLAB_MODEL_INSTALLED ? "installed" : "");
        defaults += entry.is_default;
    }
    if (modellab_catalog_pull(catalog, "no-such-model", NULL, &err) != MODELLAB_E_NOT_FOUND) {
        return 1;
    }
    printf("pull of an unknown model: %s\n", err.message);
    show_installed(catalog, "sample-conversation", "sample.wav");
    /* Importing what is no model, and removing what is not there, are refused. */
    if (modellab_catalog_import(catalog, "mine", "no-such-folder", NULL, &err) == MODELLAB_OK ||
        modellab_catalog_remove(catalog, "no-such-model", &err) != MODELLAB_E_NOT_FOUND) {
        return 1;
    }
    modellab_catalog_unref(catalog);
    return defaults == 1 ? 0 : 1;
}
