/* The zip form of torch.save: found through the directory at the end, 64-bit sizes too. Members
 * must be stored as they are; their bytes stay where they lie. */
#include "base/error.h"
#include "models/cursor.h"
#include "models/torch_private.h"
#include <string.h>

enum {
    END_BYTES = 22,
    END_COMMENT = 65535,
    ENTRY_BYTES = 46,
    LOCAL_BYTES = 30,
    END64_BYTES = 56,
    LOCATOR_BYTES = 20,
    MOST_MEMBERS = 1 << 17,
    LOOK_MEMBERS = 256
};

typedef struct directory {
    uint64_t at, bytes, count;
} directory;

typedef struct member {
    mli_span name, data;
} member;

MODELLAB_MUST_CHECK static modellab_status bad(const char *what, modellab_error *err)
{
    return mli_fail(err, MODELLAB_E_INVALID_MODEL, "torch: zip: %s", what);
}

static bool fits(uint64_t at, uint64_t bytes, size_t size)
{
    return at <= size && bytes <= size - at;
}

MODELLAB_MUST_CHECK static modellab_status find_directory(const unsigned char *file, size_t size,
                                                          directory *out, modellab_error *err)
{
    const unsigned char *end = NULL;
    if (size < END_BYTES)
        return bad("no directory at the end", err);
    size_t last = size - END_BYTES, first = last > END_COMMENT ? last - END_COMMENT : 0;
    for (size_t at = last + 1; end == NULL && at-- > first;) {
        if (memcmp(file + at, "PK\5\6", 4) == 0 && mli_le16(file + at + 20) == last - at)
            end = file + at;
    }
    if (end == NULL)
        return bad("no directory at the end", err);
    *out = (directory){mli_le32(end + 16), mli_le32(end + 12), mli_le16(end + 10)};
    size_t before = (size_t)(end - file);
    if (before >= LOCATOR_BYTES && memcmp(end - LOCATOR_BYTES, "PK\6\7", 4) == 0) {
        uint64_t at = mli_le64(end - LOCATOR_BYTES + 8);
        if (!fits(at, END64_BYTES, before) || memcmp(file + at, "PK\6\6", 4) != 0)
            return bad("no 64-bit directory where it should be", err);
        *out = (directory){mli_le64(file + at + 48), mli_le64(file + at + 40),
                           mli_le64(file + at + 32)};
    }
    return fits(out->at, out->bytes, before) && out->count <= MOST_MEMBERS
               ? MODELLAB_OK
               : bad("its directory cannot be", err);
}

/* 64-bit sizes and offset stand in an extra field, in this order, where the short ones are full. */
MODELLAB_MUST_CHECK static modellab_status
read_extra(mli_span extra, uint64_t *packed, uint64_t *plain, uint64_t *offset, modellab_error *err)
{
    uint64_t *const fields[] = {plain, packed, offset};
    while (extra.bytes >= 4) {
        size_t kind = mli_le16(extra.at), bytes = mli_le16(extra.at + 2), at = 4;
        if (bytes > extra.bytes - 4)
            return bad("an extra field is cut", err);
        for (size_t i = 0; kind == 1 && i < 3; i++) {
            if (*fields[i] != UINT32_MAX)
                continue;
            if (at + 8 > bytes + 4)
                return bad("a 64-bit size is missing", err);
            *fields[i] = mli_le64(extra.at + at);
            at += 8;
        }
        extra = (mli_span){extra.at + 4 + bytes, extra.bytes - 4 - bytes};
    }
    return MODELLAB_OK;
}

/* The entry at `at` of the directory; `*next` is where the next one begins. */
MODELLAB_MUST_CHECK static modellab_status read_entry(const unsigned char *file, size_t size,
                                                      const unsigned char *at, size_t left,
                                                      member *out, size_t *next,
                                                      modellab_error *err)
{
    char text[81];
    if (left < ENTRY_BYTES || memcmp(at, "PK\1\2", 4) != 0)
        return bad("an entry of its directory is damaged", err);
    size_t name = mli_le16(at + 28), extra = mli_le16(at + 30), comment = mli_le16(at + 32);
    uint64_t packed = mli_le32(at + 20), plain = mli_le32(at + 24), offset = mli_le32(at + 42);
    *next = ENTRY_BYTES + name + extra + comment;
    if (*next > left)
        return bad("an entry of its directory is cut", err);
    out->name = (mli_span){at + ENTRY_BYTES, name};
    mli_span_text(out->name, text);
    if (mli_le16(at + 10) != 0 || (mli_le16(at + 8) & 1) != 0)
        return mli_fail(err, MODELLAB_E_UNSUPPORTED_MODEL,
                        "torch: zip: member %s is compressed or encrypted", text);
    modellab_status status =
        read_extra((mli_span){at + ENTRY_BYTES + name, extra}, &packed, &plain, &offset, err);
    if (status != MODELLAB_OK)
        return status;
    if (packed != plain || !fits(offset, LOCAL_BYTES, size) ||
        memcmp(file + offset, "PK\3\4", 4) != 0)
        return mli_fail(err, MODELLAB_E_INVALID_MODEL,
                        "torch: zip: member %s is not where it should be", text);
    const unsigned char *local = file + offset;
    uint64_t data = offset + LOCAL_BYTES + mli_le16(local + 26) + mli_le16(local + 28);
    if (mli_le16(local + 26) != name || !fits(offset + LOCAL_BYTES, name, size) ||
        memcmp(local + LOCAL_BYTES, out->name.at, name) != 0 || !fits(data, plain, size))
        return mli_fail(err, MODELLAB_E_INVALID_MODEL,
                        "torch: zip: member %s is not where it should be", text);
    out->data = (mli_span){file + data, (size_t)plain};
    return MODELLAB_OK;
}

/* What follows `folder` in a name; NULL when it lies elsewhere. */
static const unsigned char *behind(mli_span name, mli_span folder, const char *rest, size_t *left)
{
    size_t n = strlen(rest);
    if (name.bytes < folder.bytes + n || memcmp(name.at, folder.at, folder.bytes) != 0 ||
        memcmp(name.at + folder.bytes, rest, n) != 0)
        return NULL;
    *left = name.bytes - folder.bytes - n;
    return name.at + folder.bytes + n;
}

/* "archive/data.pkl" -> "archive/" */
static bool is_pickle(mli_span name, mli_span *folder)
{
    const char tail[] = "data.pkl";
    size_t n = sizeof tail - 1;
    if (name.bytes < n || memcmp(name.at + name.bytes - n, tail, n) != 0 ||
        (name.bytes > n && name.at[name.bytes - n - 1] != '/'))
        return false;
    *folder = (mli_span){name.at, name.bytes - n};
    return true;
}

/* One pass over the directory: looking for the pickle (storages NULL), or taking the storages. */
MODELLAB_MUST_CHECK static modellab_status pass(const unsigned char *file, size_t bytes,
                                                const directory *d, const mli_cancel_word *cancel,
                                                mli_span *folder, mli_span *pickle,
                                                mli_torch_storages *storages, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    size_t at = (size_t)d->at, end = at + (size_t)d->bytes, next = 0;
    for (uint64_t i = 0; status == MODELLAB_OK && i < d->count; i++, at += next) {
        member m = {{NULL, 0}, {NULL, 0}};
        const unsigned char *rest;
        size_t left = 0;
        if (i % LOOK_MEMBERS == 0 && mli_cancelled(cancel))
            return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
        status = read_entry(file, bytes, file + at, end - at, &m, &next, err);
        if (status != MODELLAB_OK)
            break;
        if (storages == NULL) {
            if (is_pickle(m.name, folder) && pickle->at != NULL)
                return bad("two pickles", err);
            if (is_pickle(m.name, folder))
                *pickle = m.data;
        } else if ((rest = behind(m.name, *folder, "data/", &left)) != NULL && left > 0) {
            status = mli_torch_add_storage(storages, (mli_span){rest, left}, m.data, err);
        } else if ((rest = behind(m.name, *folder, "byteorder", &left)) != NULL && left == 0 &&
                   !mli_span_is(m.data, "little")) {
            return mli_fail(err, MODELLAB_E_UNSUPPORTED_MODEL,
                            "torch: zip: numbers are not little-endian");
        }
    }
    return status;
}

modellab_status mli_torch_zip(const void *file, size_t bytes, const mli_cancel_word *cancel,
                              mli_span *pickle, mli_torch_storages *storages, modellab_error *err)
{
    directory d = {0, 0, 0};
    mli_span folder = {NULL, 0};
    modellab_status status = find_directory(file, bytes, &d, err);
    if (status == MODELLAB_OK)
        status = pass(file, bytes, &d, cancel, &folder, pickle, NULL, err);
    if (status == MODELLAB_OK && pickle->at == NULL)
        status = mli_fail(err, MODELLAB_E_UNSUPPORTED_MODEL,
                          "torch: zip: no data.pkl: not a checkpoint of torch.save");
    return status == MODELLAB_OK ? pass(file, bytes, &d, cancel, &folder, NULL, storages, err)
                                 : status;
}
