/* Results of runs for readers: transcript, speakers, waveform, one document of the rest. */
#ifndef MLI_LAB_RUN_RESULT_H
#define MLI_LAB_RUN_RESULT_H

#include "base/json.h"
#include "lab/lab.h"
#include "text/transcript.h"

/* run_result.c. As the public functions; texts are appended to `out`. */
MODELLAB_MUST_CHECK modellab_status mli_run_transcript(mli_lab *lab, const char *run_id,
                                                       bool with_names, mli_transcript **out,
                                                       modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_run_speakers(mli_lab *lab, const char *run_id, mli_buf *out,
                                                     modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_run_peaks(mli_lab *lab, const char *run_id, int32_t points,
                                                  mli_buf *out, modellab_error *err);
/* run_results.c */
MODELLAB_MUST_CHECK modellab_status mli_run_results(mli_lab *lab, const char *run_id, mli_buf *out,
                                                    modellab_error *err);
/* run_summary.c. `now_ms`: for the estimate of the end. */
void mli_run_write_summary(const mli_run_record *record, int64_t now_ms, mli_buf *out);

/* The last result of this name of the record (late ones do not count) appended to `out`.
 * E_NOT_FOUND: there is none, or it was taken away; E_STATE: none yet, and the run has not ended.
 */
MODELLAB_MUST_CHECK modellab_status mli_run_read_result(mli_lab *lab, const mli_run_record *record,
                                                        const char *name, size_t most, mli_buf *out,
                                                        modellab_error *err);

#endif
