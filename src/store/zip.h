/* Bundles as ZIP files of the plainest kind: members stored as they are, one behind the other from
 * the first byte on, one central directory, no comment, no extra fields, no 64-bit sizes. The
 * writer writes nothing else (equal members give equal bytes), the reader takes nothing else: there
 * is nothing to unpack and nothing between the members. Any unzip program reads them. */
#ifndef MLI_STORE_ZIP_H
#define MLI_STORE_ZIP_H

#include "base/buf.h"
#include "base/cancel.h"
#include "os/file.h"

#define MLI_ZIP_MEMBERS 1024
#define MLI_ZIP_NAME_BYTES 112

/* CRC-32 of ZIP (ISO-HDLC); begins with 0. */
uint32_t mli_crc32(uint32_t crc, const void *data, size_t bytes);

typedef struct mli_zip_writer {
    const mli_os_files *files;
    const modellab_allocator *alloc;
    const mli_cancel_word *cancel;
    int fd; /* borrowed */
    int64_t offset;
    int count;
    mli_buf directory;
} mli_zip_writer;

void mli_zip_writer_init(mli_zip_writer *w, const modellab_allocator *alloc,
                         const mli_os_files *files, int fd, const mli_cancel_word *cancel);
void mli_zip_writer_dispose(mli_zip_writer *w);
MODELLAB_MUST_CHECK modellab_status mli_zip_add(mli_zip_writer *w, const char *name,
                                                const void *data, size_t bytes,
                                                modellab_error *err);
/* A regular file, read twice (its checksum stands before it). E_STATE: it changed meanwhile. */
MODELLAB_MUST_CHECK modellab_status mli_zip_add_file(mli_zip_writer *w, const char *name,
                                                     const char *path, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_zip_finish(mli_zip_writer *w, modellab_error *err);

typedef struct mli_zip_member {
    char name[MLI_ZIP_NAME_BYTES];
    int64_t offset; /* of its bytes */
    int64_t bytes;
    uint32_t crc;
} mli_zip_member;

typedef struct mli_zip {
    const modellab_allocator *alloc;
    mli_zip_member *members; /* in the order of the file */
    size_t count;
} mli_zip;

/* Reads and checks the whole structure, not the members' bytes. E_INVALID_ARGUMENT: not such a
 * bundle. */
MODELLAB_MUST_CHECK modellab_status mli_zip_open(mli_zip *zip, const modellab_allocator *alloc,
                                                 const mli_os_files *files, int fd,
                                                 modellab_error *err);
void mli_zip_close(mli_zip *zip);
const mli_zip_member *mli_zip_find(const mli_zip *zip, const char *name);
/* Appends a member's bytes to `out`, or (out NULL) writes them to `to_fd`; at most `most` bytes.
 * E_LIMIT, E_HASH_MISMATCH. */
MODELLAB_MUST_CHECK modellab_status mli_zip_read(const mli_zip_member *member,
                                                 const mli_os_files *files, int fd, int64_t most,
                                                 const mli_cancel_word *cancel, mli_buf *out,
                                                 int to_fd, modellab_error *err);

#endif
