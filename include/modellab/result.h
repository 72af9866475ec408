/* Results of runs: what a reader wants of a run that has ended, or is at work, without knowing its
 * files: transcript with the names of speakers, who speaks, the waveform, and one document of
 * metrics, resources, cost, quality and provenance. @since 0.1
 *
 * Example: examples/c/result.c */
#ifndef MODELLAB_RESULT_H
#define MODELLAB_RESULT_H

#include <modellab/note.h>
#include <modellab/transcript.h>

/** Flags of modellab_run_transcript(). */
enum {
    /** Speakers have the names that people gave them (MODELLAB_NOTE_SPEAKERS). */
    MODELLAB_TRANSCRIPT_WITH_NAMES = 1
};

MODELLAB_BEGIN_DECLS

/** The transcript of a run; what there is of it when recognition ended early (`is_partial`).
 * @param flags     MODELLAB_TRANSCRIPT_*
 * @param[out] out  new; modellab_transcript_unref()
 * @errors E_NOT_FOUND (run; it made no transcript, or it was taken away), E_STATE (it is not there
 * yet), E_HASH_MISMATCH, E_SCHEMA, E_LIMIT, E_STORE_FAILED, E_IO, E_NO_MEMORY
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_run_transcript(modellab_lab *lab,
                                                                         const char *run_id,
                                                                         int32_t flags,
                                                                         modellab_transcript **out,
                                                                         modellab_error *err);

/** Who speaks in a run, as JSON: `speakers` (each `speaker`, as the run tells them apart, `name`
 * that people gave it or null, `seconds` that it speaks), `names` (as in the note) and `updated_at`
 * of them.
 * @param[out] out  new; modellab_buffer_destroy()
 * @errors as modellab_run_transcript(); a run without any speaker is a list without items
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_run_speakers(modellab_lab *lab,
                                                                       const char *run_id,
                                                                       modellab_buffer **out,
                                                                       modellab_error *err);

/** The waveform of a run's input for drawing, as JSON: `points`, `duration_seconds`, `min` and
 * `max` (each `points` numbers from -1 to 1). Made from the artifact peaks.json, which a run has
 * that asks for it (`config.ingest.peaks`).
 * @param points    1..100000; fewer come when the run has fewer
 * @param[out] out  new; modellab_buffer_destroy()
 * @errors E_NOT_FOUND (run; it was not asked for peaks, or they were taken away), E_STATE (not
 * there yet), E_INVALID_ARGUMENT, E_HASH_MISMATCH, E_SCHEMA, E_STORE_FAILED, E_IO, E_NO_MEMORY
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_run_peaks(modellab_lab *lab,
                                                                    const char *run_id,
                                                                    int32_t points,
                                                                    modellab_buffer **out,
                                                                    modellab_error *err);

/** What came out of a run and what it took, as JSON: `run_id`, `status`, `metrics`,
 * `quality_flags`, `findings`, `measures`, `cost`, `estimate`, `estimate_error`, `steps` (name,
 * status, duration, CPU time, memory, result), `coverage` (coverage.json of step bundle, null
 * without it) and `provenance` (`engine`, `sandbox`, `input_sha256`, `request_sha256`, `models` of
 * each step). Keys are those of the record (docs/manifest.md).
 * @param[out] out  new; modellab_buffer_destroy()
 * @errors E_NOT_FOUND, E_STORE_FAILED, E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_run_results(modellab_lab *lab,
                                                                      const char *run_id,
                                                                      modellab_buffer **out,
                                                                      modellab_error *err);

/** A run as lists show it, as JSON: ids, status, reason, times, `progress` (`fraction`, `seconds`,
 * `eta_seconds`; null before it starts), `input`, `cost`, `quality_flags`, `labels` ...; keys are
 * those of the record. @param[out] out new; modellab_buffer_destroy()
 * @errors E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_run_summary(const modellab_run *run,
                                                                      modellab_buffer **out,
                                                                      modellab_error *err);

MODELLAB_END_DECLS
#endif
