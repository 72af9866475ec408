/* What the record of a run tells of the quality of its results: metrics against references (step
 * score) and findings (step asr). docs/manifest.md. */
#ifndef MLI_LAB_RUN_QUALITY_H
#define MLI_LAB_RUN_QUALITY_H

#include "base/json.h"
#include "store/rows.h"

/* `models` and `result` of a step, in its entry. */
void mli_run_put_told(mli_jw *w, const mli_step_row *step);
/* `metrics`, `quality_flags`, `findings` of the run. */
void mli_run_put_quality(mli_jw *w, const mli_run_record *record);

/* `quality_flags` alone. */
void mli_run_put_flags(mli_jw *w, const mli_run_record *record);

/* The result that the step of this name told, NULL when there is none. Borrowed from *root: new,
 * mli_json_free() in every case. E_NO_MEMORY; what cannot be read counts as none. */
MODELLAB_MUST_CHECK modellab_status mli_run_step_result(const mli_run_record *record,
                                                        const char *step, mli_json **root,
                                                        const mli_json **result,
                                                        modellab_error *err);

#endif
