/* Fuzz: headers of a trace. What is taken can be written, read again and is the same; what is kept
 * of a state has at most 32 members and no control characters. */
#include "base/trace.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mli_trace_parent first, second;
    char written[MLI_TRACE_PARENT_BYTES];
    char *text = malloc(size + 1);

    if (text == NULL) {
        return 0;
    }
    memcpy(text, data, size);
    text[size] = '\0';
    if (mli_trace_parent_read(text, &first)) {
        mli_trace_parent_write(&first, written);
        if (!mli_trace_parent_read(written, &second) ||
            strcmp(first.trace_id, second.trace_id) != 0 ||
            strcmp(first.span_id, second.span_id) != 0 || first.flags != second.flags ||
            strspn(first.trace_id, "0") == 32 || strspn(first.span_id, "0") == 16) {
            abort();
        }
    }
    if (mli_trace_state_valid(text)) {
        size_t equals = 0;
        for (const char *at = text; *at != '\0'; at++) {
            equals += *at == '=';
            if ((*at < 0x20 && *at != '\t') || *at > 0x7e) {
                abort();
            }
        }
        if (equals == 0 || equals > MLI_TRACE_STATE_MEMBERS || strlen(text) > 1024) {
            abort();
        }
    }
    free(text);
    return 0;
}
