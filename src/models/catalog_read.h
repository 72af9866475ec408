/* The catalog while it is read: one tree of JSON that owns all strings, and blocks for the arrays.
 * Internal to this room. */
#ifndef MLI_MODELS_CATALOG_READ_H
#define MLI_MODELS_CATALOG_READ_H

#include "base/json.h"
#include "models/catalog.h"

struct mli_catalog {
    const modellab_allocator *alloc;
    mli_json *root;
    mli_catalog_model *models;
    size_t count;
    void **blocks;
    size_t block_count;
};

/* Zeroed array that lives as long as the catalog. NULL: no memory. */
MODELLAB_MUST_CHECK void *mli_catalog_take(mli_catalog *c, size_t count, size_t size);
/* E_INVALID_MODEL naming model and field. */
modellab_status mli_catalog_bad(const mli_catalog_model *m, const char *field, modellab_error *err);
/* A required string of an object that `valid` accepts. */
MODELLAB_MUST_CHECK modellab_status mli_catalog_text(const mli_catalog_model *m,
                                                     const mli_json *object, const char *field,
                                                     bool (*valid)(const char *text),
                                                     const char **out, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_catalog_read_sources(mli_catalog *c, mli_catalog_model *m,
                                                             const mli_json *list,
                                                             modellab_error *err);
/* What names may hold. */
bool mli_catalog_plain_valid(const char *text);  /* 1..200 bytes without controls */
bool mli_catalog_file_valid(const char *text);   /* a file name: [A-Za-z0-9._-], no leading dot */
bool mli_catalog_member_valid(const char *text); /* relative, no ".." */
bool mli_catalog_requirement_valid(const char *text); /* name==version */

#endif
