/* Fuzz: strict JSON reading; what is read must dump, read again and be equal.
 * Limits hold whatever the bytes say. */
#include "base/json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_json *value = NULL, *again = NULL;
    mli_buf text;

    if (mli_json_parse((const char *)data, size, 65536, &value, &err) != MODELLAB_OK) {
        return 0;
    }
    mli_buf_init(&text, NULL);
    if (mli_json_dump(value, &text, &err) != MODELLAB_OK ||
        mli_json_parse(text.data, text.size, 1 << 20, &again, &err) != MODELLAB_OK ||
        !mli_json_equal(value, again)) {
        abort(); /* what was read does not survive its own dump */
    }
    mli_json_free(value);
    mli_json_free(again);
    mli_buf_dispose(&text);
    return 0;
}
