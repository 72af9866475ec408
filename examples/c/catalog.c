/* Catalog: the models that can be had, and which are installed. */
#include "example.h"

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
    modellab_catalog_unref(catalog);
    return defaults == 1 ? 0 : 1;
}
