/* Packed image: the library's own immutable cache file of one model in the layout that its kernels
 * want. Made once, mapped read-only by all workers, checked like any foreign file. */
#ifndef MLI_MODELS_IMAGE_H
#define MLI_MODELS_IMAGE_H

#include "base/cancel.h"
#include "models/tensors.h"
#include "os/file.h"

/* File: header (64 bytes: magic, version), sections (each at a multiple of 64), table, metadata
 * (JSON), footer (192 bytes: places and crc32c of table and metadata, the key, its own crc32c).
 * Little endian. The footer comes last, so that a cut file is no image. Appends of up to 4 MB keep
 * cancel prompt. */
#define MLI_IMAGE_VERSION 1u
#define MLI_IMAGE_ALIGN 64u
#define MLI_IMAGE_MAX_SECTIONS 16384u
#define MLI_IMAGE_MAX_NAME 95u
#define MLI_IMAGE_MAX_METADATA (4u * 1024u * 1024u)

typedef struct mli_image_key {
    char source_sha256[65]; /* of the weight file, hex */
    char weights[16];       /* "f32", "f16", ... */
    char layout[32];        /* layout tag of the kernels, for example "packed1-avx512" */
} mli_image_key;

typedef struct mli_image_section {
    char name[MLI_IMAGE_MAX_NAME + 1];
    uint32_t type; /* mli_weight_dtype, or a code of the writer's from 256 on for packed layouts */
    uint32_t rank;
    uint64_t dims[4];
    uint64_t offset, bytes; /* offset from the start of the file, multiple of 64 */
    uint32_t crc32c;
    uint32_t reserved;
} mli_image_section;

/* A checked image over (pointer, length). `sections` stand in the order written. */
typedef struct mli_image {
    const modellab_allocator *alloc;
    const unsigned char *bytes; /* borrowed, 64-byte aligned for typed access (a mapping is) */
    size_t size;
    mli_image_key key;
    const mli_image_section *sections; /* owned copy */
    uint32_t section_count;
    const char *metadata; /* JSON, borrowed from `bytes`, not terminated */
    size_t metadata_bytes;
} mli_image;

/* Checks header, footer, table and metadata (not the sections' content). */
MODELLAB_MUST_CHECK modellab_status mli_image_open(mli_image *out, const modellab_allocator *alloc,
                                                   const void *bytes, size_t size,
                                                   modellab_error *err);
void mli_image_dispose(mli_image *image);
/* crc32c of every section. */
MODELLAB_MUST_CHECK modellab_status mli_image_verify(const mli_image *image,
                                                     const mli_cancel_word *cancel,
                                                     modellab_error *err);
/* NULL when absent. */
const mli_image_section *mli_image_find(const mli_image *image, const char *name);
const void *mli_image_data(const mli_image *image, const mli_image_section *section);
/* As find, but absence, another type or size is an error naming the section. */
MODELLAB_MUST_CHECK modellab_status mli_image_need(const mli_image *image, const char *name,
                                                   uint32_t type, uint64_t bytes, const void **data,
                                                   modellab_error *err);

/* sha256 is 64 hex digits; weights and layout hold [A-Za-z0-9_.-] only and fit. */
bool mli_image_key_valid(const mli_image_key *key);

/* Writer: sections are streamed to a temporary file beside `path`; finish writes table, metadata
 * and footer, syncs and renames. abort (or a failed finish) removes the temporary file. */
typedef struct mli_image_writer mli_image_writer;

MODELLAB_MUST_CHECK modellab_status mli_image_writer_create(
    mli_image_writer **out, const modellab_allocator *alloc, const mli_os_files *files,
    const char *path, const mli_image_key *key, modellab_error *err);
/* The same into an open, empty file of the caller's (an anonymous one); never closed or renamed. */
MODELLAB_MUST_CHECK modellab_status mli_image_writer_create_fd(mli_image_writer **out,
                                                               const modellab_allocator *alloc,
                                                               const mli_os_files *files, int fd,
                                                               const mli_image_key *key,
                                                               modellab_error *err);
/* One whole section. */
MODELLAB_MUST_CHECK modellab_status mli_image_writer_section(mli_image_writer *w, const char *name,
                                                             uint32_t type, uint32_t rank,
                                                             const uint64_t *dims, const void *data,
                                                             size_t bytes, modellab_error *err);
/* A section in pieces: begin, any number of appends, end. */
MODELLAB_MUST_CHECK modellab_status mli_image_writer_begin(mli_image_writer *w, const char *name,
                                                           uint32_t type, uint32_t rank,
                                                           const uint64_t *dims,
                                                           modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_image_writer_append(mli_image_writer *w, const void *data,
                                                            size_t bytes, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_image_writer_end(mli_image_writer *w, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_image_writer_finish(mli_image_writer *w,
                                                            const char *metadata,
                                                            size_t metadata_bytes,
                                                            modellab_error *err);
void mli_image_writer_destroy(mli_image_writer *w); /* NULL accepted; aborts when not finished */

#endif
