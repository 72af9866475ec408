/* Verification of a run: its files against what the record, or alone the manifest, says of them. */
#ifndef MLI_LAB_VERIFY_H
#define MLI_LAB_VERIFY_H

#include "base/cancel.h"
#include "base/json.h"
#include "check/findings.h"
#include "lab/lab.h"

/* A folder runs/<id> below `root`, wherever it lies. */
typedef struct mli_verify_folder {
    const mli_os_files *files;
    const modellab_allocator *alloc;
    const char *root, *run_id;
    const mli_cancel_word *cancel; /* NULL accepted */
} mli_verify_folder;

/* Files against `facts` (of the shape of docs/manifest.md); what differs becomes a finding. Only
 * what keeps from looking is an error: E_IO, E_NO_MEMORY, E_CANCELLED. */
MODELLAB_MUST_CHECK modellab_status mli_verify_files(const mli_verify_folder *folder,
                                                     const mli_json *facts, mli_findings *report,
                                                     modellab_error *err);
/* Reads manifest.json, down to its last byte. *out NULL when it is missing or damaged, which is a
 * finding; else new, mli_json_free(). */
MODELLAB_MUST_CHECK modellab_status mli_verify_manifest(const mli_verify_folder *folder,
                                                        mli_findings *report, mli_json **out,
                                                        modellab_error *err);
/* True when every member of `part` is in `whole` with the same value, at any depth: an older
 * manifest has fewer members. */
bool mli_json_is_part(const mli_json *part, const mli_json *whole);

/* Name of the file of an artifact, from the facts. E_INVALID_ARGUMENT: they do not tell. */
MODELLAB_MUST_CHECK modellab_status mli_verify_artifact_file(const mli_json *facts,
                                                             const mli_json *artifact, char out[96],
                                                             modellab_error *err);

/* As modellab_run_verify(). */
MODELLAB_MUST_CHECK modellab_status mli_run_verify(mli_lab *lab, const char *run_id,
                                                   const mli_cancel_word *cancel,
                                                   modellab_report **report, modellab_error *err);

#endif
