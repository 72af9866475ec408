/* The catalog that is in force: the file that MODEL_LAB_CATALOG names, else the one of the library.
 */
#include "base/alloc.h"
#include "base/config.h"
#include "models/catalog.h"
#include "models/file_read.h"

#define CATALOG_MAX_BYTES ((size_t)4 * 1024 * 1024)

modellab_status mli_catalog_configured(const modellab_allocator *alloc, mli_catalog **out,
                                       modellab_error *err)
{
    char *path = NULL, *text = NULL;
    size_t bytes = 0;

    *out = NULL;
    modellab_status status = mli_config_get(alloc, "MODEL_LAB_CATALOG", &path, NULL, err);
    if (status == MODELLAB_OK && path == NULL) {
        return mli_catalog_builtin(alloc, out, err);
    }
    if (status == MODELLAB_OK) {
        status =
            mli_file_text(alloc, &mli_os_system_files, path, CATALOG_MAX_BYTES, &text, &bytes, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_catalog_parse(alloc, text, bytes, out, err);
    }
    mli_free(alloc, text);
    mli_free(alloc, path);
    return status;
}
