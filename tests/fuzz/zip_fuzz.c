/* Fuzz: a bundle from anywhere. Reading ends, every member lies inside the file and before the
 * next, names are plain, and what is accepted is what the writer would have written. */
#include "store/zip.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct memory_file {
    const uint8_t *data;
    int64_t size;
} memory_file;

static int64_t read_at(void *user, int fd, void *out, size_t bytes, int64_t offset)
{
    const memory_file *file = user;
    int64_t left = offset < file->size ? file->size - offset : 0;

    (void)fd;
    if ((int64_t)bytes > left) {
        bytes = (size_t)left;
    }
    memcpy(out, file->data + (left > 0 ? offset : 0), bytes);
    return (int64_t)bytes;
}

static int look(void *user, int fd, mli_os_stat *out)
{
    (void)fd;
    memset(out, 0, sizeof *out);
    out->kind = MLI_OS_REGULAR;
    out->bytes = ((const memory_file *)user)->size;
    return 0;
}

/* Compares with the input instead of writing. */
typedef struct echo {
    memory_file *file;
    int64_t at;
} echo;

static int64_t compare(void *user, int fd, const void *data, size_t bytes)
{
    echo *e = user;

    (void)fd;
    if (e->at + (int64_t)bytes > e->file->size || memcmp(e->file->data + e->at, data, bytes) != 0) {
        abort(); /* accepted, but the writer writes it otherwise */
    }
    e->at += (int64_t)bytes;
    return (int64_t)bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    memory_file file = {data, (int64_t)size};
    echo e = {&file, 0};
    mli_os_files files = mli_os_system_files, writing = mli_os_system_files;
    mli_zip zip;
    mli_zip_writer w;
    bool whole = true;

    files.user = &file;
    files.pread = read_at;
    files.fstat = look;
    writing.user = &e;
    writing.write = compare;
    if (mli_zip_open(&zip, NULL, &files, 1, NULL) != MODELLAB_OK) {
        return 0;
    }
    mli_zip_writer_init(&w, NULL, &writing, 1, NULL);
    for (size_t i = 0; whole && i < zip.count; i++) {
        const mli_zip_member *m = &zip.members[i];
        mli_buf out;

        if (m->offset < 0 || m->bytes < 0 || m->offset + m->bytes > file.size ||
            strstr(m->name, "..") != NULL || m->name[0] == '/') {
            abort();
        }
        mli_buf_init(&out, NULL);
        whole = mli_zip_read(m, &files, 1, 1 << 20, NULL, &out, -1, NULL) == MODELLAB_OK;
        if (whole &&
            mli_zip_add(&w, m->name, out.size > 0 ? out.data : "", out.size, NULL) != MODELLAB_OK) {
            abort();
        }
        mli_buf_dispose(&out);
    }
    if (whole && (mli_zip_finish(&w, NULL) != MODELLAB_OK || e.at != file.size)) {
        abort();
    }
    mli_zip_writer_dispose(&w);
    mli_zip_close(&zip);
    return 0;
}
