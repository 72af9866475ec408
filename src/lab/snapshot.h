/* A run as it was when it was loaded: the public modellab_run, its JSON form, and manifest.json. */
#ifndef MLI_LAB_SNAPSHOT_H
#define MLI_LAB_SNAPSHOT_H

#include "lab/lab.h"

struct modellab_run {
    _Atomic uint32_t references;
    mli_lab *lab; /* referenced: the record's memory is the lab's */
    mli_run_record *record;
    int64_t loaded_ms;
};

struct modellab_run_list {
    mli_lab *lab; /* referenced */
    size_t count;
    modellab_run **runs;
    char cursor[64]; /* "" = there are no more */
};

/* E_NOT_FOUND. *out new: mli_run_unref(). */
MODELLAB_MUST_CHECK modellab_status mli_run_load(mli_lab *lab, const char *run_id,
                                                 modellab_run **out, modellab_error *err);
/* Takes over the record, also when it fails. *out new: mli_run_unref(). */
MODELLAB_MUST_CHECK modellab_status mli_run_wrap(mli_lab *lab, mli_run_record *record,
                                                 modellab_run **out, modellab_error *err);
modellab_run *mli_run_ref(modellab_run *run);
void mli_run_unref(modellab_run *run);
/* run_list.c. `sort` is a name ("-created"), `cursor` that of the page before; both may be NULL or
 * "". E_INVALID_ARGUMENT: one of them is none. */
MODELLAB_MUST_CHECK modellab_status mli_run_list_order(const char *sort, const char *cursor,
                                                       mli_store_filter *filter,
                                                       char before_id[MLI_ULID_BYTES],
                                                       modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_run_list_load(mli_lab *lab, const mli_store_filter *filter,
                                                      modellab_run_list **out, modellab_error *err);
void mli_run_list_unref(modellab_run_list *list);
void mli_run_fill_info(const modellab_run *run, modellab_run_info *out);

/* docs/manifest.md. No paths, no secrets. */
void mli_run_write_json(const mli_run_record *record, mli_buf *out);
/* manifest_refresh.c: manifest.json from the record in the store. Call it after each transition.
 * Several threads and processes may do it at once: what is there in the end is the newest. */
MODELLAB_MUST_CHECK modellab_status mli_manifest_refresh(mli_lab *lab, const char *run_id,
                                                         modellab_error *err);
#endif
