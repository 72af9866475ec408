/* Models that this process has open for its own work (speech, texts of tokens): a few, shared,
 * opened when they are first wanted. */
#ifndef SERVER_MODEL_POOL_H
#define SERVER_MODEL_POOL_H

#include <modellab/modellab.h>

/* A reference (modellab_model_unref()). Opening waits for others that open. */
MODELLAB_MUST_CHECK modellab_status model_pool_open(const char *name, modellab_logger *log,
                                                    modellab_model **out, modellab_error *err);
/* It was removed or replaced: opened anew the next time. NULL = all. */
void model_pool_forget(const char *name);

#endif
