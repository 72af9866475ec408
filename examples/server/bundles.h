/* bundle.zip of runs: made into files without a name, kept for the next range or client while there
 * is room, a few made at a time, and never into the last of the disk. */
#ifndef SERVER_BUNDLES_H
#define SERVER_BUNDLES_H

#include "call.h"

/* Replies with the bundle of a run that the key may see; `flags` are MODELLAB_BUNDLE_*. */
void bundle_reply(call *c, const modellab_run *run, int32_t flags);

#endif
