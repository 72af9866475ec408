/* Packed images of models as a supervisor hands them to workers: found in the cache once, then a
 * descriptor that all workers map. One thread at a time. */
#ifndef MLI_LAB_MODEL_IMAGES_H
#define MLI_LAB_MODEL_IMAGES_H

#include "lab/image_builder.h"
#include "lab/lab.h"

enum { MLI_MODEL_IMAGES = 4, MLI_MODEL_NAME_BYTES = 128 };

typedef struct mli_model_image {
    char model[MLI_MODEL_NAME_BYTES];
    bool single;      /* weights f32 */
    mli_os_stat seal; /* of the installed model that it was made of */
    mli_os_stat file; /* as it was when its content was checked */
    int fd;           /* -1 = an empty place */
    int64_t used;
} mli_model_image;

typedef struct mli_model_images {
    const mli_lab *lab;
    mli_model_image kept[MLI_MODEL_IMAGES];
    int64_t clock; /* counts uses */
    mli_image_builder builder;
} mli_model_images;

void mli_model_images_init(mli_model_images *images, const mli_lab *lab);
void mli_model_images_close(mli_model_images *images, bool forked);
/* Descriptor (borrowed until the next call) of the image that the request of a run needs; its
 * content was checked. -1 when it needs none, or there is none: then the worker packs the model in
 * its own memory, and a process is started that makes the image for later runs. */
int mli_model_images_find(mli_model_images *images, const mli_run_row *row);
/* The step of a run whose model that image is of: recognition, else the voice; NULL = none. */
const char *mli_model_image_step(const char *steps);

#endif
