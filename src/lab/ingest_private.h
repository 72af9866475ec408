/* What the files of the ingest share: members of a line, and one change to the record. */
#ifndef MLI_LAB_INGEST_PRIVATE_H
#define MLI_LAB_INGEST_PRIVATE_H

#include "base/json.h"
#include "lab/ingest.h"

static inline const char *mli_line_text(const mli_journal_line *line, const char *key)
{
    return mli_json_string(mli_json_get(line->object, key), "");
}

static inline int64_t mli_line_int(const mli_journal_line *line, const char *key)
{
    return mli_json_int(mli_json_get(line->object, key), -1);
}

static inline double mli_line_real(const mli_journal_line *line, const char *key)
{
    return mli_json_number(mli_json_get(line->object, key), -1.0);
}

/* Puts one change into the batch; that the run is no longer ours is noted, not an error. */
MODELLAB_MUST_CHECK modellab_status mli_ingest_apply(mli_ingest *ingest, mli_store_change *change,
                                                     modellab_error *err);

/* The artifact of a line; strings are the line's. False: it makes no sense. */
bool mli_line_artifact(const mli_journal_line *line, mli_artifact_row *row);
/* What the event of an artifact tells, as a JSON object. */
void mli_artifact_event(const mli_artifact_row *row, mli_buf *out);

/* ingest_step.c */
/* How the step of a line of its end ended: an unknown word is a failure. */
mli_step_happening mli_ingest_step_end(const mli_journal_line *line);
MODELLAB_MUST_CHECK modellab_status mli_ingest_apply_step(mli_ingest *ingest,
                                                          const mli_journal_line *line, bool done,
                                                          modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_ingest_apply_resumed(mli_ingest *ingest,
                                                             const mli_journal_line *line,
                                                             modellab_error *err);
/* ingest_progress.c */
void mli_ingest_note_step(mli_ingest *ingest, const mli_journal_line *line);
/* Audio seconds a second since the step began with `from`, and the seconds that the rest takes at
 * this speed; -1 = not known. */
double mli_progress_speed(double done, double from, int64_t elapsed_ms);
double mli_progress_eta(double done, double total, double speed);
MODELLAB_MUST_CHECK modellab_status mli_ingest_apply_progress(mli_ingest *ingest,
                                                              const mli_journal_line *line,
                                                              modellab_error *err);
/* ingest_sandbox.c */
MODELLAB_MUST_CHECK modellab_status mli_ingest_apply_sandbox(mli_ingest *ingest,
                                                             const mli_journal_line *line,
                                                             modellab_error *err);
#endif
