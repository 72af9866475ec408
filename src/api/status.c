/* Names and sentences of status codes, and filling modellab_error for callers without macros. */
#include "base/status.h"
#include "base/error.h"

#include <string.h>

const char *modellab_status_name(modellab_status status)
{
    return mli_status_name(status);
}

const char *modellab_status_text(modellab_status status)
{
    return mli_status_text(status);
}

void modellab_error_init(modellab_error *err, size_t size)
{
    if (err != NULL && size >= sizeof err->size) {
        memset(err, 0, size);
        err->size = size;
        if (size >= offsetof(modellab_error, detail) + sizeof err->detail) {
            err->detail = -1;
        }
    }
}
