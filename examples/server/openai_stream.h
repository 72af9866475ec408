/* A transcription as events while it is made. */
#ifndef SERVER_OPENAI_STREAM_H
#define SERVER_OPENAI_STREAM_H

#include "openai_form.h"

/* Answers the call with a stream that follows the run; cancels the run when the client goes. */
void openai_stream_begin(call *c, const char *run_id, const openai_wish *wish);

#endif
