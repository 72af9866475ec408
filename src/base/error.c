/* Filling modellab_error, also the shorter one of an older caller. */
#include "base/error.h"
#include "base/status.h"
#include "base/str.h"
#include "os/locale.h"
#include <errno.h>
#include <stdarg.h>
#include <string.h>

/* Room for the message in the caller's struct; 0 when the struct is too small to be filled. */
static size_t message_room(const modellab_error *err)
{
    size_t start = offsetof(modellab_error, message);
    if (err == NULL || err->size <= start)
        return 0;
    size_t room = err->size - start;
    return room < sizeof err->message ? room : sizeof err->message;
}

static void fill(modellab_error *err, modellab_status code, int os_error, int64_t detail,
                 const char *text)
{
    size_t room = message_room(err);
    if (room == 0)
        return;
    err->code = code;
    err->os_error = os_error;
    err->detail = detail;
    (void)mli_str_copy(err->message, room, text); /* its result only tells the full length */
}

static void fill_format(modellab_error *err, modellab_status code, int os_error, int64_t detail,
                        const char *format, va_list args)
{
    char text[512];
    if (message_room(err) == 0)
        return;
    if (mli_os_vformat(text, sizeof text, format, args) < 0)
        (void)mli_str_copy(text, sizeof text, mli_status_text(code));
    fill(err, code, os_error, detail, text);
}

modellab_status mli_fail(modellab_error *err, modellab_status code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill_format(err, code, 0, -1, format, args);
    va_end(args);
    return code;
}

modellab_status mli_fail_at(modellab_error *err, modellab_status code, int64_t detail,
                            const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill_format(err, code, 0, detail, format, args);
    va_end(args);
    return code;
}

/* One table for code and sentence: strerror() depends on the locale. */
static const struct os_reason {
    int number;
    modellab_status code;
    const char *text;
} os_reasons[] = {
    {ENOENT, MODELLAB_E_NOT_FOUND, "no such file or directory"},
    {ENOTDIR, MODELLAB_E_NOT_FOUND, "a part of the path is not a directory"},
    {ENOSPC, MODELLAB_E_NO_SPACE, "no space left on the device"},
    {EDQUOT, MODELLAB_E_NO_SPACE, "the disk quota is used up"},
    {EACCES, MODELLAB_E_PERMISSION, "permission denied"},
    {EPERM, MODELLAB_E_PERMISSION, "operation not permitted"},
    {ENOMEM, MODELLAB_E_NO_MEMORY, "out of memory"},
    {EROFS, MODELLAB_E_STORE_READ_ONLY, "the file system is read-only"},
    {EEXIST, MODELLAB_E_ALREADY_EXISTS, "already exists"},
    {ENOTEMPTY, MODELLAB_E_ALREADY_EXISTS, "the directory is not empty"},
    {EAGAIN, MODELLAB_E_BUSY, "in use by somebody else"},
    {EBUSY, MODELLAB_E_BUSY, "the device or resource is busy"},
    {ETXTBSY, MODELLAB_E_BUSY, "the program file is being written"},
    {ETIMEDOUT, MODELLAB_E_TIMEOUT, "timed out"},
    {EINVAL, MODELLAB_E_INVALID_ARGUMENT, "invalid argument"},
    {ENAMETOOLONG, MODELLAB_E_INVALID_ARGUMENT, "the name is too long"},
    {EISDIR, MODELLAB_E_INVALID_ARGUMENT, "is a directory"},
    {ELOOP, MODELLAB_E_INVALID_ARGUMENT, "a symbolic link where none is allowed"},
    {EMFILE, MODELLAB_E_LIMIT, "too many open files in this process"},
    {ENFILE, MODELLAB_E_LIMIT, "too many open files in the system"},
    {EFBIG, MODELLAB_E_LIMIT, "the file would be too large"},
    {ENOSYS, MODELLAB_E_UNSUPPORTED, "not supported by this kernel"},
    {EOPNOTSUPP, MODELLAB_E_UNSUPPORTED, "operation not supported"},
    {ENODATA, MODELLAB_E_IO, "the file is shorter than expected"},
    {EIO, MODELLAB_E_IO, "input/output error"},
    {EPIPE, MODELLAB_E_IO, "the other end was closed"},
};

modellab_status mli_fail_os(modellab_error *err, int os_error, const char *format, ...)
{
    char text[512];
    modellab_status code = MODELLAB_E_IO;
    const char *reason = NULL;
    va_list args;
    if (os_error < 0)
        os_error = -os_error; /* the tables of src/os give negative numbers */
    for (size_t i = 0; i < sizeof os_reasons / sizeof os_reasons[0]; i++) {
        if (os_reasons[i].number == os_error) {
            code = os_reasons[i].code;
            reason = os_reasons[i].text;
        }
    }
    va_start(args, format);
    int n = mli_os_vformat(text, sizeof text - 64, format, args);
    va_end(args);
    if (n < 0)
        n = 0;
    size_t used = (size_t)n < sizeof text - 64 ? (size_t)n : sizeof text - 65;
    if (reason != NULL)
        (void)mli_os_format(text + used, sizeof text - used, ": %s", reason);
    else
        (void)mli_os_format(text + used, sizeof text - used, ": error %d", os_error);
    fill(err, code, os_error, -1, text);
    return code;
}

modellab_status mli_no_memory(modellab_error *err)
{
    fill(err, MODELLAB_E_NO_MEMORY, ENOMEM, -1, "out of memory");
    return MODELLAB_E_NO_MEMORY;
}

void mli_error_clear(modellab_error *err)
{
    fill(err, MODELLAB_OK, 0, -1, "");
}
