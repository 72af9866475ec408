/* modellab_catalog: the parsed catalog, the models folder, and what was found there. */
#ifndef MLI_API_CATALOG_H
#define MLI_API_CATALOG_H

#include "models/catalog.h"
#include "models/installed.h"
#include <modellab/catalog.h>
#include <stdatomic.h>

typedef struct mli_catalog_row {
    modellab_catalog_entry entry; /* strings below or of the parsed catalog */
    char *name, *languages, *architecture, *licence, *task; /* owned; NULL when borrowed */
} mli_catalog_row;

struct modellab_catalog {
    modellab_allocator alloc;
    _Atomic uint32_t references;
    modellab_logger *logger;
    mli_catalog *parsed;
    char *root;
    mli_model_store store;
    mli_catalog_row *rows;
    size_t count, capacity;
};

/* Fills the rows: models of the catalog in its order, then installed ones that it does not name. */
MODELLAB_MUST_CHECK modellab_status mli_catalog_scan(modellab_catalog *catalog,
                                                     modellab_error *err);

#endif
