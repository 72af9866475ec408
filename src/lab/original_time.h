/* Times that a step found in prepared audio, led back to those of the input; and the other way, for
 * what an earlier step has recorded. Without step enhance both change nothing. */
#ifndef MLI_LAB_ORIGINAL_TIME_H
#define MLI_LAB_ORIGINAL_TIME_H

#include "lab/worker.h"
#include "text/transcript.h"

/* Seconds of the input. At a cut `end` keeps to what lies before it. */
double mli_original_time(const mli_worker *w, double seconds, bool end);
/* Seconds of the prepared audio; what was cut out lies where it was cut. */
double mli_prepared_time(const mli_worker *w, double seconds);
/* The transcript with the times and the duration of the input: a new reference (the same one, when
 * there is nothing to change). */
MODELLAB_MUST_CHECK modellab_status mli_original_transcript(const mli_worker *w,
                                                            mli_transcript *transcript,
                                                            mli_transcript **out,
                                                            modellab_error *err);
/* Segments with the times of the input, kept by a new transcript; NULL when they are the same. */
MODELLAB_MUST_CHECK modellab_status mli_original_segments(const mli_worker *w,
                                                          const mli_transcript_segment *segments,
                                                          size_t count, mli_transcript **out,
                                                          modellab_error *err);

#endif
