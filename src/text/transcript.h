/* The result of speech recognition: segments, their tokens and words. Built once by its maker, then
 * immutable and shared by reference count; formats are written from it. */
#ifndef MLI_TEXT_TRANSCRIPT_H
#define MLI_TEXT_TRANSCRIPT_H

#include <modellab/alloc.h>
#include <modellab/status.h>
#include <stdbool.h>

/* Times are seconds on the time line of the input; writers round once, to integer ms, half-even. */
typedef struct mli_transcript_word {
    double start, end;
    double probability;   /* mean of its tokens' probabilities, 0..1 */
    const char *text;     /* as decoded: with its leading space and its punctuation */
    const char *speaker;  /* NULL = unknown */
    bool speaker_nearest; /* nobody spoke then: the nearest one */
} mli_transcript_word;

typedef struct mli_transcript_segment {
    int64_t id;                       /* 0, 1, ... in order of appearance */
    int64_t seek;                     /* start of its window in mel frames of 10 ms */
    double start, end;                /* start <= end */
    const char *text;                 /* as decoded: usually with a leading space */
    const char *speaker;              /* NULL = unknown */
    bool speaker_nearest;             /* nobody spoke then: the nearest one */
    const int32_t *tokens;            /* with timestamp tokens */
    const float *token_probabilities; /* 0..1, one a token; NULL = not known */
    size_t token_count;
    const mli_transcript_word *words; /* in time order; none unless word times were asked for */
    size_t word_count;
    size_t first_word;        /* index of its first word among all; set by mli_transcript_add */
    double temperature;       /* at which its window was decoded */
    double avg_logprob;       /* of its window */
    double compression_ratio; /* of its window's text */
    double no_speech_prob;    /* of its window */
} mli_transcript_segment;

typedef struct mli_transcript {
    const char *task;            /* "transcribe" or "translate" */
    const char *language;        /* code such as "en"; "" = unknown */
    double language_probability; /* 0..1; 1 when the caller or the model fixed the language */
    double duration;             /* of the input, seconds */
    const char *text;            /* segments' texts joined, without outer white space */
    const mli_transcript_segment *segments;
    size_t segment_count;
    size_t word_count;
    bool has_words; /* word times were asked for */
    bool partial;   /* the work was cancelled; what is there is right */
} mli_transcript;

/* A new, empty transcript with one reference. All texts are copied. Until it is shared its maker
 * (one thread) may add and set. */
MODELLAB_MUST_CHECK modellab_status mli_transcript_create(const modellab_allocator *alloc,
                                                          mli_transcript **out,
                                                          modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_transcript_set_info(mli_transcript *t, const char *task,
                                                            const char *language,
                                                            double language_probability,
                                                            double duration, modellab_error *err);
/* Copies `segment` with its tokens and words to the end. */
MODELLAB_MUST_CHECK modellab_status mli_transcript_add(mli_transcript *t,
                                                       const mli_transcript_segment *segment,
                                                       modellab_error *err);
/* Marks the result of work that ended early. */
void mli_transcript_set_partial(mli_transcript *t);
/* The allocator that it was created with; NULL = C heap. Borrowed. */
const modellab_allocator *mli_transcript_allocator(const mli_transcript *t);
size_t mli_transcript_word_count(const mli_transcript *t);
/* Word number `index` of all, and its segment; NULL outside. */
const mli_transcript_word *mli_transcript_word_at(const mli_transcript *t, size_t index,
                                                  const mli_transcript_segment **segment);
/* Joins the text; to be called once, after the last mli_transcript_add. */
MODELLAB_MUST_CHECK modellab_status mli_transcript_finish(mli_transcript *t, modellab_error *err);
mli_transcript *mli_transcript_ref(mli_transcript *t); /* NULL accepted */
void mli_transcript_unref(mli_transcript *t);          /* NULL accepted */

#endif
