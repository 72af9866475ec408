/* The beat of a supervisor: a few words in a file beside its lock, mapped and written in each round
 * without a system call, so that others see that it turns. Read as a file, never mapped, by those
 * who look. */
#ifndef MLI_LAB_BEAT_H
#define MLI_LAB_BEAT_H

#include "lab/lab.h"

typedef struct mli_beat_page {
    uint32_t magic, version;
    _Atomic int64_t turned_ns; /* CLOCK_MONOTONIC; the lock says that it is of this boot */
    _Atomic int64_t rounds, active_runs;
    _Atomic int64_t lag_ns; /* oldest journal line of its runs that the store does not have */
    int64_t started_ms;     /* wall clock */
    _Atomic int64_t
        trouble; /* modellab_status of what keeps runs from their start or end; 0 = none */
} mli_beat_page;

#define MLI_BEAT_SUFFIX ".beat"

/* Makes and maps the file of the supervisor `id`. */
MODELLAB_MUST_CHECK modellab_status mli_beat_open(mli_lab *lab, const char *id, mli_beat_page **out,
                                                  modellab_error *err);
/* NULL accepted. */
void mli_beat_turn(mli_beat_page *beat, int64_t now_ns, int64_t active_runs, int64_t lag_ns,
                   modellab_status trouble);
void mli_beat_close(mli_beat_page *beat); /* NULL accepted */

/* Copies the words of a living supervisor. E_NOT_FOUND: it has none (an older version, or it just
 * left). */
MODELLAB_MUST_CHECK modellab_status mli_beat_read(const mli_lab *lab, const char *id,
                                                  mli_beat_page *out, modellab_error *err);
/* The first trouble that a living supervisor tells of; OK: none does, or they cannot be looked at.
 */
MODELLAB_MUST_CHECK modellab_status mli_supervisors_trouble(const mli_lab *lab);

#endif
