/* Writer of packed images: sections go to a temporary file as they come, table and footer follow,
 * then sync and rename. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/str.h"
#include "models/cursor.h"
#include "models/image.h"
#include "models/image_format.h"
#include "os/clock.h"

#include <errno.h>
#include <stdio.h>

struct mli_image_writer {
    const modellab_allocator *alloc;
    const mli_os_files *files;
    char *path, *temporary;
    int fd;
    bool created; /* the temporary file is ours to remove */
    bool given;   /* the descriptor is the caller's: nothing to rename or close */
    bool open_section, finished;
    modellab_status status; /* of the first failure; nothing is written after it */
    mli_image_key key;
    mli_image_section *sections;
    size_t count, capacity;
    uint64_t offset;
};

static void put32(unsigned char *p, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        p[i] = (unsigned char)(value >> 8 * i);
    }
}

static void put64(unsigned char *p, uint64_t value)
{
    put32(p, (uint32_t)value);
    put32(p + 4, (uint32_t)(value >> 32));
}

MODELLAB_MUST_CHECK static modellab_status put(mli_image_writer *w, const void *data, size_t bytes,
                                               modellab_error *err)
{
    int rc = mli_os_write_all(w->files, w->fd, data, bytes);
    if (rc != 0) {
        w->status = mli_fail_os(err, -rc, "cannot write the packed image");
        return w->status;
    }
    w->offset += bytes;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status pad(mli_image_writer *w, modellab_error *err)
{
    static const unsigned char zeros[MLI_IMAGE_ALIGN];
    size_t over = (size_t)(w->offset % MLI_IMAGE_ALIGN);
    return over == 0 ? MODELLAB_OK : put(w, zeros, MLI_IMAGE_ALIGN - over, err);
}

static bool key_text_valid(const char *text, size_t capacity)
{
    const char *end = memchr(text, '\0', capacity);
    size_t n = end != NULL ? (size_t)(end - text) : 0;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_' || c == '.')) {
            return false;
        }
    }
    return n > 0;
}

bool mli_image_key_valid(const mli_image_key *key)
{
    unsigned char raw[32];
    return memchr(key->source_sha256, '\0', 65) == key->source_sha256 + 64 &&
           mli_unhex(key->source_sha256, 64, raw) &&
           key_text_valid(key->weights, sizeof key->weights) &&
           key_text_valid(key->layout, sizeof key->layout);
}

MODELLAB_MUST_CHECK static modellab_status open_temporary(mli_image_writer *w, modellab_error *err)
{
    size_t bytes = strlen(w->path) + 32;
    w->temporary = mli_alloc(w->alloc, bytes);
    if (w->temporary == NULL) {
        return mli_no_memory(err);
    }
    for (int attempt = 0; attempt < 16; attempt++) {
        uint64_t random = 0;
        int rc = mli_os_system_random.fill(mli_os_system_random.user, &random, sizeof random);
        if (rc != 0) {
            return mli_fail_os(err, rc, "no random numbers");
        }
        (void)snprintf(w->temporary, bytes, "%s.%016llx.tmp", w->path, (unsigned long long)random);
        w->fd = w->files->open(w->files->user, w->temporary,
                               MLI_OS_WRITE | MLI_OS_CREATE | MLI_OS_EXCLUSIVE, 0444);
        if (w->fd != -EEXIST) {
            break;
        }
    }
    w->created = w->fd >= 0;
    return w->created ? MODELLAB_OK : mli_fail_os(err, -w->fd, "cannot create the packed image");
}

MODELLAB_MUST_CHECK static modellab_status start(mli_image_writer *w, const char *path,
                                                 const mli_image_key *key, modellab_error *err)
{
    unsigned char header[IMAGE_HEADER_BYTES] = {0};
    if (!mli_image_key_valid(key)) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the key of the image is not valid");
    }
    w->key = *key;
    modellab_status status = MODELLAB_OK;
    if (!w->given) {
        w->path = mli_strdup(w->alloc, path);
        status = w->path == NULL ? mli_no_memory(err) : open_temporary(w, err);
    }
    if (status == MODELLAB_OK) {
        memcpy(header, IMAGE_MAGIC, IMAGE_MAGIC_BYTES);
        put32(header + 8, MLI_IMAGE_VERSION);
        status = put(w, header, sizeof header, err);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status
create(mli_image_writer **out, const modellab_allocator *alloc, const mli_os_files *files,
       const char *path, int fd, const mli_image_key *key, modellab_error *err)
{
    *out = NULL;
    mli_image_writer *w = mli_alloc_zero(alloc, sizeof *w);
    if (w == NULL) {
        return mli_no_memory(err);
    }
    w->alloc = alloc;
    w->files = files;
    w->fd = fd;
    w->given = path == NULL;
    modellab_status status = start(w, path, key, err);
    if (status != MODELLAB_OK) {
        mli_image_writer_destroy(w);
        return status;
    }
    *out = w;
    return MODELLAB_OK;
}

modellab_status mli_image_writer_create(mli_image_writer **out, const modellab_allocator *alloc,
                                        const mli_os_files *files, const char *path,
                                        const mli_image_key *key, modellab_error *err)
{
    return create(out, alloc, files, path, -1, key, err);
}

modellab_status mli_image_writer_create_fd(mli_image_writer **out, const modellab_allocator *alloc,
                                           const mli_os_files *files, int fd,
                                           const mli_image_key *key, modellab_error *err)
{
    return create(out, alloc, files, NULL, fd, key, err);
}

MODELLAB_MUST_CHECK static modellab_status misuse(mli_image_writer *w, modellab_error *err,
                                                  const char *what)
{
    w->status = mli_fail(err, MODELLAB_E_STATE, "image writer: %s", what);
    return w->status;
}

MODELLAB_MUST_CHECK static modellab_status check_section(mli_image_writer *w, const char *name,
                                                         uint32_t rank, const uint64_t *dims,
                                                         modellab_error *err)
{
    size_t n = strlen(name);
    bool valid = n > 0 && n <= MLI_IMAGE_MAX_NAME && rank <= 4;
    for (size_t i = 0; valid && i < n; i++) {
        valid = name[i] > ' ' && name[i] < 127;
    }
    for (uint32_t i = 0; valid && i < rank; i++) {
        valid = dims[i] > 0 && dims[i] <= (uint64_t)1 << 40;
    }
    for (size_t i = 0; valid && i < w->count; i++) {
        valid = strcmp(w->sections[i].name, name) != 0;
    }
    if (!valid || w->count >= MLI_IMAGE_MAX_SECTIONS) {
        w->status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                             "image writer: section %.95s cannot be added", name);
    }
    return w->status;
}

modellab_status mli_image_writer_begin(mli_image_writer *w, const char *name, uint32_t type,
                                       uint32_t rank, const uint64_t *dims, modellab_error *err)
{
    if (w->status != MODELLAB_OK) {
        return mli_fail(err, w->status, "the packed image failed before");
    }
    if (w->open_section || w->finished) {
        return misuse(w, err, "a section is open or the image finished");
    }
    modellab_status status = check_section(w, name, rank, dims, err);
    if (status == MODELLAB_OK) {
        status = pad(w, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    if (w->count == w->capacity) {
        size_t capacity = w->capacity == 0 ? 64 : 2 * w->capacity;
        mli_image_section *sections =
            mli_realloc_array(w->alloc, w->sections, capacity, sizeof *sections);
        if (sections == NULL) {
            w->status = mli_no_memory(err);
            return w->status;
        }
        w->sections = sections;
        w->capacity = capacity;
    }
    mli_image_section *s = &w->sections[w->count++];
    memset(s, 0, sizeof *s);
    memcpy(s->name, name, strlen(name));
    s->type = type;
    s->rank = rank;
    for (uint32_t i = 0; i < rank; i++) {
        s->dims[i] = dims[i];
    }
    s->offset = w->offset;
    w->open_section = true;
    return MODELLAB_OK;
}

modellab_status mli_image_writer_append(mli_image_writer *w, const void *data, size_t bytes,
                                        modellab_error *err)
{
    if (w->status != MODELLAB_OK) {
        return mli_fail(err, w->status, "the packed image failed before");
    }
    if (!w->open_section) {
        return misuse(w, err, "no section is open");
    }
    mli_image_section *s = &w->sections[w->count - 1];
    modellab_status status = put(w, data, bytes, err);
    if (status == MODELLAB_OK) {
        s->crc32c = mli_crc32c(s->crc32c, data, bytes);
        s->bytes += bytes;
    }
    return status;
}

modellab_status mli_image_writer_end(mli_image_writer *w, modellab_error *err)
{
    if (w->status != MODELLAB_OK) {
        return mli_fail(err, w->status, "the packed image failed before");
    }
    if (!w->open_section) {
        return misuse(w, err, "no section is open");
    }
    w->open_section = false;
    return MODELLAB_OK;
}

modellab_status mli_image_writer_section(mli_image_writer *w, const char *name, uint32_t type,
                                         uint32_t rank, const uint64_t *dims, const void *data,
                                         size_t bytes, modellab_error *err)
{
    modellab_status status = mli_image_writer_begin(w, name, type, rank, dims, err);
    if (status == MODELLAB_OK) {
        status = mli_image_writer_append(w, data, bytes, err);
    }
    return status == MODELLAB_OK ? mli_image_writer_end(w, err) : status;
}

static void encode_entry(const mli_image_section *s, unsigned char *p)
{
    memset(p, 0, IMAGE_ENTRY_BYTES);
    memcpy(p + ENTRY_NAME, s->name, sizeof s->name);
    put32(p + ENTRY_TYPE, s->type);
    put32(p + ENTRY_RANK, s->rank);
    for (uint32_t i = 0; i < 4; i++) {
        put64(p + ENTRY_DIMS + 8 * i, s->dims[i]);
    }
    put64(p + ENTRY_OFFSET, s->offset);
    put64(p + ENTRY_BYTES, s->bytes);
    put32(p + ENTRY_CRC, s->crc32c);
}

/* Table and metadata; their places and checksums go into the footer. */
MODELLAB_MUST_CHECK static modellab_status put_table(mli_image_writer *w, const char *metadata,
                                                     size_t metadata_bytes, unsigned char *footer,
                                                     modellab_error *err)
{
    unsigned char entry[IMAGE_ENTRY_BYTES];
    uint32_t crc = 0;
    modellab_status status = pad(w, err);
    put64(footer + FOOTER_TABLE_OFFSET, w->offset);
    put64(footer + FOOTER_TABLE_BYTES, (uint64_t)w->count * IMAGE_ENTRY_BYTES);
    put32(footer + FOOTER_SECTIONS, (uint32_t)w->count);
    for (size_t i = 0; status == MODELLAB_OK && i < w->count; i++) {
        encode_entry(&w->sections[i], entry);
        crc = mli_crc32c(crc, entry, sizeof entry);
        status = put(w, entry, sizeof entry, err);
    }
    put32(footer + FOOTER_TABLE_CRC, crc);
    put64(footer + FOOTER_METADATA_OFFSET, w->offset);
    put64(footer + FOOTER_METADATA_BYTES, metadata_bytes);
    put32(footer + FOOTER_METADATA_CRC, mli_crc32c(0, metadata, metadata_bytes));
    return status == MODELLAB_OK ? put(w, metadata, metadata_bytes, err) : status;
}

MODELLAB_MUST_CHECK static modellab_status put_footer(mli_image_writer *w, unsigned char *footer,
                                                      modellab_error *err)
{
    memcpy(footer, IMAGE_END_MAGIC, IMAGE_MAGIC_BYTES);
    put32(footer + FOOTER_VERSION, MLI_IMAGE_VERSION);
    if (!mli_unhex(w->key.source_sha256, 64, footer + FOOTER_SHA256)) {
        return mli_fail(err, MODELLAB_E_INTERNAL, "the key of the image is not valid");
    }
    memcpy(footer + FOOTER_WEIGHTS, w->key.weights, strlen(w->key.weights));
    memcpy(footer + FOOTER_LAYOUT, w->key.layout, strlen(w->key.layout));
    put32(footer + FOOTER_CRC, mli_crc32c(0, footer, FOOTER_CRC));
    return put(w, footer, IMAGE_FOOTER_BYTES, err);
}

/* Makes the file durable and visible under its name. */
MODELLAB_MUST_CHECK static modellab_status publish(mli_image_writer *w, modellab_error *err)
{
    const mli_os_files *f = w->files;
    if (w->given) {
        w->finished = true;
        return MODELLAB_OK;
    }
    int rc = f->sync(f->user, w->fd);
    int closed = f->close(f->user, w->fd);
    w->fd = -1;
    rc = rc != 0 ? rc : closed;
    if (rc == 0) {
        rc = f->rename(f->user, w->temporary, w->path);
    }
    if (rc != 0) {
        return mli_fail_os(err, -rc, "cannot finish the packed image");
    }
    w->finished = true;
    size_t directory = (size_t)(mli_basename(w->path) - w->path);
    char *parent = directory > 1 ? mli_strndup(w->alloc, w->path, directory - 1)
                                 : mli_strdup(w->alloc, directory == 1 ? "/" : ".");
    if (parent == NULL) {
        return mli_no_memory(err);
    }
    rc = mli_os_sync_dir(f, parent);
    mli_free(w->alloc, parent);
    return rc == 0 ? MODELLAB_OK : mli_fail_os(err, -rc, "cannot sync the image directory");
}

modellab_status mli_image_writer_finish(mli_image_writer *w, const char *metadata,
                                        size_t metadata_bytes, modellab_error *err)
{
    unsigned char footer[IMAGE_FOOTER_BYTES] = {0};
    if (w->status != MODELLAB_OK) {
        return mli_fail(err, w->status, "the packed image failed before");
    }
    if (w->open_section || w->finished || metadata_bytes > MLI_IMAGE_MAX_METADATA) {
        return misuse(w, err, "a section is open, or the image finished, or its metadata too long");
    }
    modellab_status status = put_table(w, metadata, metadata_bytes, footer, err);
    if (status == MODELLAB_OK) {
        status = put_footer(w, footer, err);
    }
    if (status == MODELLAB_OK) {
        status = publish(w, err);
    }
    w->status = status;
    return status;
}

void mli_image_writer_destroy(mli_image_writer *w)
{
    if (w == NULL) {
        return;
    }
    const mli_os_files *f = w->files;
    if (w->fd >= 0 && !w->given) {
        (void)f->close(f->user, w->fd); /* the file is thrown away */
    }
    if (!w->finished && w->created) {
        (void)f->unlink(f->user, w->temporary); /* what stays is a *.tmp that cleanup removes */
    }
    mli_free(w->alloc, w->path);
    mli_free(w->alloc, w->temporary);
    mli_free(w->alloc, w->sections);
    mli_free(w->alloc, w);
}
