/* Inside of a pull: fetching one file of the model from one source. */
#ifndef MLI_REMOTE_FETCH_H
#define MLI_REMOTE_FETCH_H

#include "remote/pull.h"
#include "remote/staging.h"

typedef struct mli_fetch {
    const mli_pull *pull;
    mli_staging *staging;
    const mli_catalog_model *model;
    const mli_catalog_source *source;
    const char *kind;    /* "hub", "package", "path" */
    const char *current; /* name for the progress: file or package */
    int64_t told_bytes;  /* of the last progress call */
} mli_fetch;

/* Fetches the parts of a file into `part` (which may hold the beginning already). */
MODELLAB_MUST_CHECK modellab_status mli_fetch_hub(mli_fetch *fetch, mli_part *part,
                                                  const mli_catalog_source_file *what,
                                                  modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_fetch_package(mli_fetch *fetch, mli_part *part,
                                                      const mli_catalog_source_file *what,
                                                      modellab_error *err);
/* Drops the packages of a file whose bytes turned out to be wrong: the next try fetches them anew.
 */
MODELLAB_MUST_CHECK modellab_status mli_fetch_forget_packages(mli_fetch *fetch,
                                                              const mli_catalog_source_file *what,
                                                              modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_fetch_path(mli_fetch *fetch, mli_part *part,
                                                   const mli_catalog_source_file *what,
                                                   modellab_error *err);
/* Appends to the part, tells progress, sees the cancel word. */
MODELLAB_MUST_CHECK modellab_status mli_fetch_append(mli_fetch *fetch, mli_part *part,
                                                     const void *data, size_t bytes,
                                                     modellab_error *err);
/* Copies a local file into the part. */
MODELLAB_MUST_CHECK modellab_status mli_fetch_copy(mli_fetch *fetch, mli_part *part,
                                                   const char *path, modellab_error *err);

#endif
