/* Changes that lines of a journal make, kept until they are applied together: one transaction for
 * many lines. Each still names its own line, so that none is applied twice. */
#ifndef MLI_LAB_INGEST_BATCH_H
#define MLI_LAB_INGEST_BATCH_H

#include "store/store.h"

enum { MLI_INGEST_BATCH = 64 };

typedef struct mli_ingest_batch {
    mli_store_change *changes[MLI_INGEST_BATCH]; /* each with its rows and strings in one block */
    size_t count;
} mli_ingest_batch;

/* Keeps a copy; the batch must have room. E_NO_MEMORY. */
MODELLAB_MUST_CHECK modellab_status mli_ingest_batch_add(mli_ingest_batch *batch,
                                                         const modellab_allocator *alloc,
                                                         const mli_store_change *change,
                                                         modellab_error *err);
/* Whether it starts a step that it does not end. */
bool mli_ingest_batch_leaves_open(const mli_ingest_batch *batch);
/* Whether it ends this step. */
bool mli_ingest_batch_ends(const mli_ingest_batch *batch, const char *step);
void mli_ingest_batch_clear(mli_ingest_batch *batch, const modellab_allocator *alloc);

#endif
