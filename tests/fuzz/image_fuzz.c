/* Fuzz target: packed images and the catalog. An image's sections lie inside the file. */
#include "models/catalog.h"
#include "models/image.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    mli_image image;
    mli_catalog *catalog = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    if (bytes > 0 && data[0] == '{') {
        if (mli_catalog_parse(NULL, (const char *)data, bytes, &catalog, &err) == MODELLAB_OK) {
            (void)mli_catalog_suggest(catalog, "whisper-tiny");
            mli_catalog_destroy(catalog);
        } else if (err.message[0] == '\0') {
            abort();
        }
        return 0;
    }
    if (mli_image_open(&image, NULL, data, bytes, &err) != MODELLAB_OK) {
        if (err.message[0] == '\0') {
            abort();
        }
        return 0;
    }
    for (uint32_t i = 0; i < image.section_count; i++) {
        const mli_image_section *s = &image.sections[i];
        if (s->offset > bytes || s->bytes > bytes - s->offset) {
            abort();
        }
    }
    modellab_status status = mli_image_verify(&image, NULL, &err);
    mli_image_dispose(&image);
    return status == MODELLAB_OK || err.message[0] != '\0' ? 0 : (abort(), 1);
}
