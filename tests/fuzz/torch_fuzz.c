/* Fuzz target: checkpoints of torch.save, and the description of such files. All that was read is
 * touched. */
#include "base/json.h"
#include "models/inspect.h"
#include "models/torch.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static volatile unsigned sink;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    mli_tensors list;
    mli_buf json;
    mli_json *root = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_tensors_init(&list, NULL);
    mli_buf_init(&json, NULL);
    if (mli_torch_read(&list, data, bytes, NULL, &err) == MODELLAB_OK) {
        for (size_t i = 0; i < list.count; i++) {
            sink += (unsigned)strlen(list.items[i].name);
            for (size_t k = 0; k < list.items[i].bytes; k++)
                sink += list.items[i].data[k];
        }
    } else if (err.message[0] == '\0') {
        abort(); /* a refusal without words */
    }
    mli_tensors_dispose(&list);
    if (mli_inspect(NULL, data, bytes, NULL, &json, NULL) == MODELLAB_OK) {
        if (mli_json_parse(json.data, json.size, json.size, &root, NULL) != MODELLAB_OK)
            abort();
        mli_json_free(root);
    }
    mli_buf_dispose(&json);
    return 0;
}
