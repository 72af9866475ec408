/* Random-access bytes that a decoder reads: a regular file by pread, or the caller's memory. The
 * first read error is kept, and a set cancel word reads as the end. */
#ifndef MLI_AUDIO_BYTES_H
#define MLI_AUDIO_BYTES_H

#include "base/cancel.h"
#include "os/file.h"
#include <modellab/status.h>

typedef struct mli_audio_bytes {
    const unsigned char *data; /* NULL = file */
    const mli_os_files *files;
    int fd;
    int64_t size, position;
    const mli_cancel_word *cancel;
    int os_error; /* errno of the first failed read, 0 = none */
} mli_audio_bytes;

/* Refuses what is not a regular file. Messages hold no path. */
MODELLAB_MUST_CHECK modellab_status mli_audio_bytes_of_fd(mli_audio_bytes *out,
                                                          const mli_os_files *files, int fd,
                                                          modellab_error *err);
void mli_audio_bytes_of_memory(mli_audio_bytes *out, const void *data, size_t bytes);
/* Bytes read, 0 at the end, when cancelled or after a failure. */
int64_t mli_audio_bytes_read(mli_audio_bytes *bytes, void *out, int64_t count);

#endif
