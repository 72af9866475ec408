/* What the steps of a run hand on to each other in a worker: the samples, and the bytes of the
 * artifacts that the steps before wrote or took over from another run. An artifact is immutable;
 * what reads it here gets the bytes that have its recorded sha256. */
#ifndef MLI_LAB_HANDOFF_H
#define MLI_LAB_HANDOFF_H

#include "audio/source.h"
#include "lab/worker.h"
#include "speech/vad_segments.h"
#include "text/transcript.h"

/* Whether the step has completed in this run, by its own work or another run's. */
bool mli_handoff_done(const mli_worker *w, const char *step);
/* The samples that this step is to hear: those of the input, as the steps before made them. Sets
 * w->audio, and the total of the present step's progress. */
MODELLAB_MUST_CHECK modellab_status mli_handoff_samples(mli_worker *w, modellab_error *err);
/* Later steps hear these instead (one reference is taken over). */
void mli_handoff_put_samples(mli_worker *w, mli_audio_source *audio);

/* Whether an artifact of this name was written in this attempt; a step that failed may have written
 * one too. */
bool mli_handoff_has(const mli_worker *w, const char *name);
const mli_worker_output *mli_handoff_output(const mli_worker *w, const char *name); /* or NULL */
/* Appends its bytes. E_NOT_FOUND: there is none; E_HASH_MISMATCH. */
MODELLAB_MUST_CHECK modellab_status mli_handoff_read(mli_worker *w, const char *name, mli_buf *out,
                                                     modellab_error *err);
/* Its bytes as JSON: new, mli_json_free(). */
MODELLAB_MUST_CHECK modellab_status mli_handoff_json(mli_worker *w, const char *name,
                                                     mli_json **out, modellab_error *err);

/* The artifact that is the transcript: transcript.json, or what there is of it. */
const char *mli_handoff_transcript_name(const mli_worker *w, bool *partial);
/* The transcript (transcript.json; when speech recognition ended early, what there is of it): a new
 * reference. */
MODELLAB_MUST_CHECK modellab_status mli_handoff_transcript(mli_worker *w, mli_transcript **out,
                                                           modellab_error *err);
/* The speech of speech.json, in samples of the audio that steps hear: new, mli_free(). E_NOT_FOUND.
 */
MODELLAB_MUST_CHECK modellab_status mli_handoff_speech(mli_worker *w, mli_vad_segment **out,
                                                       size_t *count, modellab_error *err);

/* Who speaks when, as speakers.json has it: {"turns":[{"start":s,"end":s,"speaker":"A"},...]}. */
typedef struct mli_handoff_turn {
    double start, end; /* seconds */
    const char *speaker;
} mli_handoff_turn;

typedef struct mli_handoff_turns {
    mli_json *root; /* owns the names */
    mli_handoff_turn *list;
    size_t count;
} mli_handoff_turns;

/* E_NOT_FOUND. Dispose of it in every case. */
MODELLAB_MUST_CHECK modellab_status mli_handoff_turns_read(mli_worker *w, mli_handoff_turns *out,
                                                           modellab_error *err);
void mli_handoff_turns_dispose(mli_worker *w, mli_handoff_turns *turns);

#endif
