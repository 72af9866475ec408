/* Time stamps of text formats: seconds to milliseconds once, and back from "HH:MM:SS,mmm". */
#ifndef MLI_TEXT_FORMAT_TIME_H
#define MLI_TEXT_FORMAT_TIME_H

#include "base/buf.h"
#include <stdbool.h>

/* Rounds half to even; below 0 and not a number give 0; at most 10,000 hours. */
int64_t mli_format_ms(double seconds);

/* Keeps cues in order; start with {0}. */
typedef struct mli_format_clock {
    int64_t last_start;
} mli_format_clock;

/* Milliseconds of a cue, moved so that starts do not decrease and end - start >= shortest. */
void mli_format_cue(mli_format_clock *clock, double start, double end, int64_t shortest,
                    int64_t *start_ms, int64_t *end_ms);

/* "01:02:03,004" with the given decimal mark. */
void mli_format_stamp(mli_buf *out, int64_t ms, char mark);
/* "63.004" */
void mli_format_seconds(mli_buf *out, int64_t ms);
/* Reads [HH:]MM:SS{.,}mmm at text[*at]; moves *at behind it. */
bool mli_format_read_stamp(const char *text, size_t bytes, size_t *at, int64_t *ms);

#endif
