/* A progress line on stderr; silent unless stderr is a terminal. */
#ifndef MLI_CLI_PROGRESS_H
#define MLI_CLI_PROGRESS_H

#include "cli/call.h"

typedef struct cli_progress {
    bool on, drawn;
    const char *title;
    double started; /* seconds, monotonic; when the first amount was seen */
    double last_draw;
} cli_progress;

double cli_seconds(void); /* monotonic */
void cli_progress_begin(cli_progress *progress, const cli_call *call, const char *title);
/* Audio seconds done and in all (total <= 0: not known yet). */
void cli_progress_audio(cli_progress *progress, double done, double total);
/* Bytes done and in all (-1: not known). */
void cli_progress_bytes(cli_progress *progress, const char *what, int64_t done, int64_t total);
void cli_progress_text(cli_progress *progress, const char *text);
void cli_progress_end(cli_progress *progress); /* clears the line */

#endif
