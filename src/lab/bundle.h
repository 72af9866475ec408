/* Bundles: a run in one file, and its way into another lab. */
#ifndef MLI_LAB_BUNDLE_H
#define MLI_LAB_BUNDLE_H

#include "base/cancel.h"
#include "base/json.h"
#include "lab/lab.h"

#define MLI_BUNDLE_RECORD "record.json"
#define MLI_BUNDLE_FORMAT 1
#define MLI_BUNDLE_RECORD_MAX ((int64_t)32 * 1024 * 1024)

/* The record as it stands in the store, as JSON: every column, steps, artifacts, events;
 * notes (NULL = none) when there are any. */
void mli_bundle_write_record(const mli_run_record *record, const mli_event_row_list *events,
                             const mli_note_list *notes, mli_jw *out);

/* What was read of it; borrows from the parsed document. */
typedef struct mli_bundle_record {
    const modellab_allocator *alloc;
    mli_run_row row;
    mli_run_record record; /* of `row` */
    mli_event_row *events;
    size_t event_count;
    mli_note_list *notes; /* NULL = none */
} mli_bundle_record;

/* E_SCHEMA: not the record of a run that has ended, or a member makes no sense: no time of a clock,
 * no amount, no JSON where there is to be some. The message names the member. */
MODELLAB_MUST_CHECK modellab_status mli_bundle_read_record(const mli_json *root,
                                                           const modellab_allocator *alloc,
                                                           mli_bundle_record *out,
                                                           modellab_error *err);
void mli_bundle_record_dispose(mli_bundle_record *record);

/* As the public functions. */
MODELLAB_MUST_CHECK modellab_status mli_run_bundle(mli_lab *lab, const char *run_id,
                                                   const char *path, int32_t flags,
                                                   const mli_cancel_word *cancel,
                                                   modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_run_import(mli_lab *lab, const char *path,
                                                   const mli_cancel_word *cancel,
                                                   char run_id[MLI_ULID_BYTES],
                                                   modellab_error *err);
#endif
