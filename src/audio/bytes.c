/* Bytes of a file or of memory for the decoder. */
#include "audio/bytes.h"

#include "base/error.h"
#include <string.h>

modellab_status mli_audio_bytes_of_fd(mli_audio_bytes *out, const mli_os_files *files, int fd,
                                      modellab_error *err)
{
    *out = (mli_audio_bytes){.files = files, .fd = fd};
    mli_os_stat stat;
    int r = files->fstat(files->user, fd, &stat);
    if (r < 0)
        return mli_fail_os(err, -r, "the audio file could not be examined");
    if (stat.kind == MLI_OS_DIR)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "the input is a directory, not an audio file");
    if (stat.kind != MLI_OS_REGULAR)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "the input is a pipe or a device, not a regular file");
    out->size = stat.bytes;
    return MODELLAB_OK;
}

void mli_audio_bytes_of_memory(mli_audio_bytes *out, const void *data, size_t bytes)
{
    *out = (mli_audio_bytes){.data = data, .fd = -1, .size = (int64_t)bytes};
}

int64_t mli_audio_bytes_read(mli_audio_bytes *bytes, void *out, int64_t count)
{
    if (bytes->os_error != 0 || mli_cancelled(bytes->cancel) || bytes->position >= bytes->size)
        return 0;
    if (count > bytes->size - bytes->position)
        count = bytes->size - bytes->position;
    int64_t done = 0;
    if (bytes->data != NULL) {
        memcpy(out, bytes->data + bytes->position, (size_t)count);
        done = count;
    }
    while (bytes->data == NULL && done < count) {
        int64_t got = bytes->files->pread(bytes->files->user, bytes->fd, (char *)out + done,
                                          (size_t)(count - done), bytes->position + done);
        if (got < 0)
            bytes->os_error = (int)-got;
        if (got <= 0)
            break;
        done += got;
    }
    bytes->position += done;
    return done;
}
