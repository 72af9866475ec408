/* Files of NAME=VALUE lines: any bytes give a value or an error. */
#include "base/alloc.h"
#include "base/config.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"MODEL_LAB_ROOT", "A", ""};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *value = NULL;
        modellab_error err = MODELLAB_ERROR_INIT;
        modellab_status status =
            mli_config_parse_file(NULL, (const char *)data, size, names[i], &value, &err);

        /* a value is text of the file: never longer, never without UTF-8 */
        if (status != MODELLAB_OK && (value != NULL || err.message[0] == '\0'))
            abort();
        if (value != NULL && (strlen(value) > size || !mli_utf8_valid(value, strlen(value))))
            abort();
        mli_free(NULL, value);
    }
    return 0;
}
