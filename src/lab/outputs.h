/* The files that the steps of a run may write. They are known before it begins, so that its worker
 * gets them as descriptors and opens no path. */
#ifndef MLI_LAB_OUTPUTS_H
#define MLI_LAB_OUTPUTS_H

#include "base/json.h"
#include "lab/ingest_batch.h"
#include "lab/lab.h"

enum { MLI_OUTPUTS_MOST = 72, MLI_OUTPUT_NAME_BYTES = 64 };

typedef struct mli_outputs {
    size_t count;
    char names[MLI_OUTPUTS_MOST][MLI_OUTPUT_NAME_BYTES]; /* of artifacts, each once */
} mli_outputs;

/* Name of a transcript in a format ("srt"; "json" and "verbose_json" as there). */
void mli_output_transcript(const char *format, bool partial, char out[MLI_OUTPUT_NAME_BYTES]);
/* Pure. `request` may be NULL: nothing beyond the defaults is asked for. E_LIMIT: more files than a
 * worker is given. */
MODELLAB_MUST_CHECK modellab_status mli_outputs_of(const char *steps, const mli_json *request,
                                                   mli_outputs *out, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_outputs_of_row(const mli_run_row *row, mli_outputs *out,
                                                       modellab_error *err);

/* output_files.c: makes the attempt's files, empty, under their final names: it is the line in the
 * journal that makes one count. Descriptors (the caller's, -1 = none) in the order of the names: to
 * write (and to read again), and to read what the run that this one repeats offers. */
MODELLAB_MUST_CHECK modellab_status mli_output_files_make(
    const mli_lab *lab, const mli_run_row *row, const mli_outputs *outputs,
    int results[MLI_OUTPUTS_MOST], int offers[MLI_OUTPUTS_MOST], modellab_error *err);
/* The attempt is over and all that it said is in the record, or in `lines`, which are written with
 * its end: its files without a row go when they are empty or were written piece by piece and not
 * ended (the latter unless `whole` is false: lines were left unread), and with the run's end what
 * was offered to it. Never fails the run: what stays is told by verify. */
void mli_output_files_tidy(const mli_lab *lab, const mli_run_record *record,
                           const mli_ingest_batch *lines, bool whole, bool is_final,
                           modellab_logger *log);

#endif
