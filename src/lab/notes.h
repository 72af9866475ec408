/* Notes beside runs: what may be one, and the names of speakers among them. */
#ifndef MLI_LAB_NOTES_H
#define MLI_LAB_NOTES_H

#include "base/json.h"
#include "lab/lab.h"
#include <modellab/note.h>

/* As the public functions; append to `out`. */
MODELLAB_MUST_CHECK modellab_status mli_note_put(mli_lab *lab, const char *run_id, const char *name,
                                                 const char *json, size_t bytes,
                                                 modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_note_load(mli_lab *lab, const char *run_id,
                                                  const char *name, mli_buf *out,
                                                  int64_t *updated_ms, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_note_remove(mli_lab *lab, const char *run_id,
                                                    const char *name, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_note_list_json(mli_lab *lab, const char *run_id,
                                                       mli_buf *out, modellab_error *err);

/* Whether this may be a note: E_INVALID_ARGUMENT (its name), E_INVALID_JSON, E_SCHEMA, E_LIMIT.
 * *root new: mli_json_free() in every case. */
MODELLAB_MUST_CHECK modellab_status mli_note_check(const char *name, const char *json, size_t bytes,
                                                   mli_json **root, modellab_error *err);
/* The names of speakers of a run: *root new, an object; NULL when there are none. */
MODELLAB_MUST_CHECK modellab_status mli_note_speakers(mli_lab *lab, const char *run_id,
                                                      mli_json **root, int64_t *updated_ms,
                                                      modellab_error *err);

#endif
