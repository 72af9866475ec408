/* Reader of packed images: everything but the content of sections is checked when opened. */
#include "models/image.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/str.h"
#include "models/cursor.h"
#include "models/image_format.h"

#define VERIFY_PIECE ((size_t)4 << 20) /* about 1 ms of crc32c */

MODELLAB_MUST_CHECK static modellab_status damaged(modellab_error *err, const char *field)
{
    return mli_fail(err, MODELLAB_E_INVALID_MODEL, "image: field %s is not valid", field);
}

/* Text field of fixed size: printable ASCII, NUL-terminated, zeros behind. */
static bool text_valid(const unsigned char *p, size_t capacity)
{
    size_t i = 0;
    while (i < capacity && p[i] > ' ' && p[i] < 127) {
        i++;
    }
    bool valid = i > 0 && i < capacity;
    for (; valid && i < capacity; i++) {
        valid = p[i] == 0;
    }
    return valid;
}

static bool inside(uint64_t offset, uint64_t bytes, uint64_t end)
{
    return offset >= IMAGE_HEADER_BYTES && offset <= end && bytes <= end - offset;
}

MODELLAB_MUST_CHECK static modellab_status
check_frame(const mli_image *image, const unsigned char *footer, modellab_error *err)
{
    if (memcmp(image->bytes, IMAGE_MAGIC, IMAGE_MAGIC_BYTES) != 0) {
        return damaged(err, "magic");
    }
    if (mli_le32(image->bytes + 8) != MLI_IMAGE_VERSION) {
        return mli_fail(err, MODELLAB_E_INVALID_MODEL, "image: version %u, this library has %u",
                        mli_le32(image->bytes + 8), MLI_IMAGE_VERSION);
    }
    if (memcmp(footer, IMAGE_END_MAGIC, IMAGE_MAGIC_BYTES) != 0) {
        return damaged(err, "end magic (the file is cut)");
    }
    if (mli_crc32c(0, footer, FOOTER_CRC) != mli_le32(footer + FOOTER_CRC)) {
        return damaged(err, "footer checksum");
    }
    if (mli_le32(footer + FOOTER_VERSION) != MLI_IMAGE_VERSION) {
        return damaged(err, "footer version");
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status read_key(mli_image *image, const unsigned char *footer,
                                                    modellab_error *err)
{
    if (!text_valid(footer + FOOTER_WEIGHTS, sizeof image->key.weights) ||
        !text_valid(footer + FOOTER_LAYOUT, sizeof image->key.layout)) {
        return damaged(err, "key");
    }
    mli_hex(footer + FOOTER_SHA256, 32, image->key.source_sha256);
    memcpy(image->key.weights, footer + FOOTER_WEIGHTS, sizeof image->key.weights);
    memcpy(image->key.layout, footer + FOOTER_LAYOUT, sizeof image->key.layout);
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status
read_metadata(mli_image *image, const unsigned char *footer, uint64_t end, modellab_error *err)
{
    uint64_t offset = mli_le64(footer + FOOTER_METADATA_OFFSET);
    uint64_t bytes = mli_le64(footer + FOOTER_METADATA_BYTES);
    if (bytes > MLI_IMAGE_MAX_METADATA || !inside(offset, bytes, end)) {
        return damaged(err, "metadata offset");
    }
    image->metadata = (const char *)image->bytes + offset;
    image->metadata_bytes = (size_t)bytes;
    if (mli_crc32c(0, image->metadata, image->metadata_bytes) !=
        mli_le32(footer + FOOTER_METADATA_CRC)) {
        return damaged(err, "metadata checksum");
    }
    return MODELLAB_OK;
}

/* One entry; sections follow each other from `*from` on, below `end`. */
static bool read_entry(const unsigned char *p, mli_image_section *s, uint64_t *from, uint64_t end)
{
    bool valid = text_valid(p + ENTRY_NAME, sizeof s->name);
    memcpy(s->name, p + ENTRY_NAME, sizeof s->name);
    s->name[sizeof s->name - 1] = '\0';
    s->type = mli_le32(p + ENTRY_TYPE);
    s->rank = mli_le32(p + ENTRY_RANK);
    valid = valid && s->rank <= 4;
    for (uint32_t i = 0; valid && i < 4; i++) {
        s->dims[i] = mli_le64(p + ENTRY_DIMS + 8 * i);
        valid = (s->dims[i] > 0) == (i < s->rank) && s->dims[i] <= (uint64_t)1 << 40;
    }
    s->offset = mli_le64(p + ENTRY_OFFSET);
    s->bytes = mli_le64(p + ENTRY_BYTES);
    s->crc32c = mli_le32(p + ENTRY_CRC);
    s->reserved = 0;
    if (!valid || s->offset % MLI_IMAGE_ALIGN != 0 || s->offset < *from ||
        !inside(s->offset, s->bytes, end)) {
        return false;
    }
    *from = s->offset + s->bytes;
    return true;
}

MODELLAB_MUST_CHECK static modellab_status read_table(mli_image *image, const unsigned char *footer,
                                                      uint64_t end, modellab_error *err)
{
    uint32_t count = mli_le32(footer + FOOTER_SECTIONS);
    uint64_t offset = mli_le64(footer + FOOTER_TABLE_OFFSET), from = IMAGE_HEADER_BYTES;
    uint64_t bytes = mli_le64(footer + FOOTER_TABLE_BYTES);
    if (count > MLI_IMAGE_MAX_SECTIONS || bytes != (uint64_t)count * IMAGE_ENTRY_BYTES ||
        !inside(offset, bytes, end)) {
        return damaged(err, "table offset");
    }
    const unsigned char *table = image->bytes + offset;
    if (mli_crc32c(0, table, (size_t)bytes) != mli_le32(footer + FOOTER_TABLE_CRC)) {
        return damaged(err, "table checksum");
    }
    mli_image_section *sections = mli_alloc_array(image->alloc, count, sizeof *sections);
    if (sections == NULL) {
        return mli_no_memory(err);
    }
    image->sections = sections;
    for (uint32_t i = 0; i < count; i++) {
        if (!read_entry(table + (size_t)i * IMAGE_ENTRY_BYTES, &sections[i], &from, offset)) {
            return mli_fail_at(err, MODELLAB_E_INVALID_MODEL, (int64_t)i,
                               "image: section %u is not valid", i);
        }
    }
    image->section_count = count;
    return MODELLAB_OK;
}

modellab_status mli_image_open(mli_image *out, const modellab_allocator *alloc, const void *bytes,
                               size_t size, modellab_error *err)
{
    memset(out, 0, sizeof *out);
    out->alloc = alloc;
    out->bytes = bytes;
    out->size = size;
    if (size < IMAGE_HEADER_BYTES + IMAGE_FOOTER_BYTES) {
        return damaged(err, "size");
    }
    uint64_t end = size - IMAGE_FOOTER_BYTES;
    const unsigned char *footer = out->bytes + end;
    modellab_status status = check_frame(out, footer, err);
    if (status == MODELLAB_OK) {
        status = read_key(out, footer, err);
    }
    if (status == MODELLAB_OK) {
        status = read_metadata(out, footer, end, err);
    }
    if (status == MODELLAB_OK) {
        status = read_table(out, footer, end, err);
    }
    if (status != MODELLAB_OK) {
        mli_image_dispose(out);
    }
    return status;
}

void mli_image_dispose(mli_image *image)
{
    mli_free(image->alloc, (void *)(uintptr_t)image->sections);
    memset(image, 0, sizeof *image);
}

modellab_status mli_image_verify(const mli_image *image, const mli_cancel_word *cancel,
                                 modellab_error *err)
{
    for (uint32_t i = 0; i < image->section_count; i++) {
        const mli_image_section *s = &image->sections[i];
        uint32_t crc = 0;
        for (uint64_t at = 0; at < s->bytes;) {
            size_t piece = s->bytes - at < VERIFY_PIECE ? (size_t)(s->bytes - at) : VERIFY_PIECE;
            if (mli_cancelled(cancel)) {
                return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled while checking an image");
            }
            crc = mli_crc32c(crc, image->bytes + s->offset + at, piece);
            at += piece;
        }
        if (crc != s->crc32c) {
            return mli_fail_at(err, MODELLAB_E_INVALID_MODEL, (int64_t)i,
                               "image: section %s has another checksum", s->name);
        }
    }
    return MODELLAB_OK;
}

const mli_image_section *mli_image_find(const mli_image *image, const char *name)
{
    for (uint32_t i = 0; i < image->section_count; i++) {
        if (strcmp(image->sections[i].name, name) == 0) {
            return &image->sections[i];
        }
    }
    return NULL;
}

const void *mli_image_data(const mli_image *image, const mli_image_section *section)
{
    return image->bytes + section->offset;
}

modellab_status mli_image_need(const mli_image *image, const char *name, uint32_t type,
                               uint64_t bytes, const void **data, modellab_error *err)
{
    const mli_image_section *s = mli_image_find(image, name);
    if (s == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_MODEL, "image: section %s is missing", name);
    }
    if (s->type != type || s->bytes != bytes) {
        return mli_fail(err, MODELLAB_E_INVALID_MODEL,
                        "image: section %s has another type or size than the model needs", name);
    }
    *data = mli_image_data(image, s);
    return MODELLAB_OK;
}
