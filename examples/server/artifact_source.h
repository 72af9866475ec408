/* Artifacts as bodies in pieces (ranges.h). */
#ifndef SERVER_ARTIFACT_SOURCE_H
#define SERVER_ARTIFACT_SOURCE_H

#include "call.h"

/* Replies with an artifact, or the input, of a run that may be seen: Range, ETag (its sha256). As
 * an attachment with its name, or in place. */
void reply_artifact(call *c, const char *run_id, const char *artifact_id, bool attached);
/* Replies with an open one, which is given over. `type` NULL = its own. */
void reply_open_artifact(call *c, modellab_artifact *owned, const char *type, bool attached);

#endif
