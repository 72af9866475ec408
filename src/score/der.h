/* Who spoke when: diarization error rate, Jaccard error rate, purity, coverage, and the error of
 * speech detection. The rules are those of pyannote.metrics; times are whole microseconds, so sums
 * are exact. */
#ifndef MLI_SCORE_DER_H
#define MLI_SCORE_DER_H

#include "base/cancel.h"
#include "score/spans.h"
#include <stdbool.h>

typedef struct mli_turn {
    int64_t start, end; /* microseconds; turns without length are left out */
    uint32_t speaker;   /* 0 ... speakers - 1 */
} mli_turn;

typedef struct mli_turns {
    const mli_turn *items; /* in any order; turns of one speaker may overlap and count twice then */
    size_t count;
    uint32_t speakers;
} mli_turns;

enum { MLI_DER_MAX_SPEAKERS = 1000, MLI_DER_MAX_TURNS = 4000000, MLI_DER_MAX_COPIES = 100 };

typedef struct mli_der_options {
    int64_t collar;      /* microseconds in all around each border of a reference turn: half before
                            it, half after */
    bool skip_overlap;   /* time with two or more reference turns is not scored */
    const mli_span *uem; /* what is scored; NULL = from the first start to the last end */
    size_t uem_count;
    const modellab_allocator *alloc;
    const mli_cancel_word *cancel;
} mli_der_options;

/* Sums may be added over files: a rate of several files is that of the sums. Microseconds. */
typedef struct mli_der {
    int64_t total, correct, confusion, miss, false_alarm; /* speaker time */
    double jaccard_errors;                                /* a sum over reference speakers */
    int64_t jaccard_speakers;
    int64_t purity_total, purity_correct, coverage_total, coverage_correct; /* no collar */
    int64_t speech, speech_miss, speech_false_alarm;                        /* detection */
    int64_t scored;                                                         /* time that counts */
} mli_der;

/* `reference_of`: for each speaker of the hypothesis the speaker of the reference that it is mapped
 * to, or MLI_ASSIGN_NONE; NULL = not asked. E_LIMIT (more speakers, turns, or turns of one speaker
 * at one time than above), E_CANCELLED, E_NO_MEMORY. */
MODELLAB_MUST_CHECK modellab_status mli_der_score(const mli_turns *reference,
                                                  const mli_turns *hypothesis,
                                                  const mli_der_options *options, mli_der *out,
                                                  int32_t *reference_of, modellab_error *err);
void mli_der_add(mli_der *sum, const mli_der *more);

/* Without reference: 0 when there is no error, else 1 (Jaccard: always 1; purity and coverage of
 * nothing: 1). */
typedef struct mli_der_rates {
    double der, jer, purity, coverage, detection;
} mli_der_rates;
mli_der_rates mli_der_rates_of(const mli_der *sums);

#endif
