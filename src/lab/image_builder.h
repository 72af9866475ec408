/* Makes packed images that the cache lacks: one process at a time, confined, which gets one empty
 * file; what it wrote is checked before it gets a name. One thread at a time. */
#ifndef MLI_LAB_IMAGE_BUILDER_H
#define MLI_LAB_IMAGE_BUILDER_H

#include "lab/worker_process.h"
#include "models/cache.h"
#include "models/model_files.h"
#include "speech/asr_model.h"

typedef struct mli_image_builder {
    const mli_lab *lab;
    const char *program; /* borrowed; NULL: nothing is made */
    mli_os_poller *poller;
    mli_worker_process process; /* pid 0 = none at work */
    mli_image_draft draft;
    char model[128];
    int64_t started_ns, again_ns; /* after a failure: nothing before this time */
    bool killed;
} mli_image_builder;

void mli_image_builder_init(mli_image_builder *b, const mli_lab *lab);
/* Begins to make the image of this model unless one is being made. What fails is logged. */
void mli_image_builder_start(mli_image_builder *b, const char *model, mli_model_files *files,
                             const mli_asr_open_options *options, int64_t now_ns);
/* Publishes what is ready; ends a process that takes too long. */
void mli_image_builder_look(mli_image_builder *b, int64_t now_ns, int64_t *next_ns);
/* Ends it; `forked`: only lets go of it. */
void mli_image_builder_close(mli_image_builder *b, bool forked);

#endif
