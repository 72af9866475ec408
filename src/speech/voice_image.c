/* Writing and reading images of voices. What is read back is checked like any foreign file: the
 * graph by the reader of graphs, over memory of the size of the whole file. */
#include "speech/voice_image.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "models/file_read.h"
#include "models/onnx.h"
#include "os/locale.h"
#include "os/memory.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    PACKED_VOICE = 259, /* section type of our own (see models/image.h) */
    LEAST_CUT = 256,    /* bytes of a tensor that is left out of the graph */
    APPEND = 4 << 20    /* bytes between looks at the cancel word */
};
#define LAYOUT "voice1-pack1"

/* Bytes [from, from + bytes) of the file. */
typedef struct piece {
    uint64_t from, bytes;
} piece;

static int by_place(const void *a, const void *b)
{
    const piece *x = a, *y = b;
    return (x->from > y->from) - (x->from < y->from);
}

/* Pieces of the file between the big tensors, in order. */
MODELLAB_MUST_CHECK static modellab_status find_pieces(const mli_onnx *onnx, uint64_t file_bytes,
                                                       mli_buf *cuts, mli_buf *out,
                                                       modellab_error *err)
{
    const unsigned char *file = onnx->file;
    uint64_t at = 0;
    for (size_t i = 0; i < onnx->initializers; i++) {
        const mli_onnx_tensor *t = &onnx->tensors[i];
        if (t->type == MLI_ONNX_FLOAT && t->own == NULL && t->bytes >= LEAST_CUT) {
            piece cut = {(uint64_t)(t->data - file), t->bytes};
            mli_buf_append(cuts, &cut, sizeof cut);
        }
    }
    modellab_status status = mli_buf_status(cuts, err);
    if (status != MODELLAB_OK)
        return status;
    piece *list = (piece *)(void *)cuts->data;
    size_t count = cuts->size / sizeof *list;
    if (count > 1)
        qsort(list, count, sizeof *list, by_place);
    for (size_t i = 0; i <= count; i++) {
        piece kept = {at, (i < count ? list[i].from : file_bytes) - at};
        if (kept.bytes > 0)
            mli_buf_append(out, &kept, sizeof kept);
        at = i < count ? list[i].from + list[i].bytes : at;
    }
    return mli_buf_status(out, err);
}

MODELLAB_MUST_CHECK static modellab_status
write_section(mli_image_writer *writer, const char *name, uint32_t type, const void *data,
              size_t bytes, const mli_cancel_word *cancel, modellab_error *err)
{
    const uint64_t dims[4] = {bytes, 0, 0, 0};
    const unsigned char *from = data;
    modellab_status status = mli_image_writer_begin(writer, name, type, 1, dims, err);
    for (size_t at = 0; status == MODELLAB_OK && at < bytes;) {
        size_t some = bytes - at < APPEND ? bytes - at : APPEND;
        if (mli_cancelled(cancel))
            return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
        status = mli_image_writer_append(writer, from + at, some, err);
        at += some;
    }
    return status == MODELLAB_OK ? mli_image_writer_end(writer, err) : status;
}

MODELLAB_MUST_CHECK static modellab_status write_graph(const mli_model_files *files,
                                                       const mli_buf *pieces,
                                                       mli_image_writer *writer,
                                                       modellab_error *err)
{
    const piece *list = (const piece *)(const void *)pieces->data;
    size_t count = pieces->size / sizeof *list;
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += list[i].bytes;
    const uint64_t dims[4] = {total, 0, 0, 0};
    modellab_status status = mli_image_writer_begin(writer, "graph", MLI_WEIGHT_U8, 1, dims, err);
    for (size_t i = 0; status == MODELLAB_OK && i < count; i++)
        status = mli_image_writer_append(writer, (const char *)files->weights + list[i].from,
                                         (size_t)list[i].bytes, err);
    return status == MODELLAB_OK ? mli_image_writer_end(writer, err) : status;
}

MODELLAB_MUST_CHECK static modellab_status
write_metadata(const mli_model_files *files, uint32_t walk, const modellab_allocator *alloc,
               mli_image_writer *writer, modellab_error *err)
{
    mli_buf text;
    mli_jw w;
    mli_buf_init(&text, alloc);
    mli_jw_init(&w, &text);
    mli_jw_object(&w);
    mli_jw_kstring(&w, "kind", "piper");
    mli_jw_kint(&w, "file_bytes", (int64_t)files->weights_bytes);
    mli_jw_kint(&w, "walk", walk);
    mli_jw_end_object(&w);
    modellab_status status = mli_buf_status(&text, err);
    if (status == MODELLAB_OK)
        status = mli_image_writer_finish(writer, text.data, text.size, err);
    mli_buf_dispose(&text);
    return status;
}

modellab_status mli_voice_image_write(const modellab_allocator *alloc, const mli_model_files *files,
                                      const mli_vits *model, mli_image_writer *writer,
                                      const mli_cancel_word *cancel, modellab_error *err)
{
    mli_onnx onnx;
    mli_buf cuts, pieces;
    mli_vits_block block = mli_vits_block_of(model);
    modellab_status status =
        mli_onnx_read(&onnx, alloc, files->weights, files->weights_bytes, cancel, err);
    if (status != MODELLAB_OK)
        return status;
    mli_buf_init(&cuts, alloc);
    mli_buf_init(&pieces, alloc);
    status = find_pieces(&onnx, files->weights_bytes, &cuts, &pieces, err);
    mli_onnx_dispose(&onnx);
    if (status == MODELLAB_OK)
        status =
            write_section(writer, "weights", PACKED_VOICE, block.floats, block.bytes, cancel, err);
    if (status == MODELLAB_OK)
        status =
            write_section(writer, "pieces", MLI_WEIGHT_U8, pieces.data, pieces.size, cancel, err);
    if (status == MODELLAB_OK)
        status = write_graph(files, &pieces, writer, err);
    if (status == MODELLAB_OK)
        status = write_metadata(files, block.walk, alloc, writer, err);
    mli_buf_dispose(&cuts);
    mli_buf_dispose(&pieces);
    return status;
}

/* ---- reading ---- */

MODELLAB_MUST_CHECK static modellab_status damaged(const char *what, modellab_error *err)
{
    return mli_fail(err, MODELLAB_E_INVALID_MODEL, "image of a voice: %s", what);
}

MODELLAB_MUST_CHECK static modellab_status read_metadata(const mli_image *image, size_t *file_bytes,
                                                         uint32_t *walk, modellab_error *err)
{
    mli_json *root = NULL;
    modellab_status status =
        mli_json_parse(image->metadata, image->metadata_bytes, MLI_IMAGE_MAX_METADATA, &root, err);
    if (status != MODELLAB_OK)
        return status;
    int64_t bytes = mli_json_int(mli_json_get(root, "file_bytes"), -1);
    int64_t layout = mli_json_int(mli_json_get(root, "walk"), -1);
    bool voice = strcmp(mli_json_string(mli_json_get(root, "kind"), ""), "piper") == 0;
    mli_json_free(root);
    if (!voice || bytes < 1 || (uint64_t)bytes > MLI_MODEL_MAX_BYTES || layout < 0 ||
        layout > (int64_t)UINT32_MAX)
        return damaged("its metadata", err);
    *file_bytes = (size_t)bytes;
    *walk = (uint32_t)layout;
    return MODELLAB_OK;
}

static const unsigned char *section_of(const mli_image *image, const char *name, uint32_t type,
                                       size_t *bytes)
{
    const mli_image_section *s = mli_image_find(image, name);
    *bytes = s != NULL && s->type == type ? (size_t)s->bytes : 0;
    return *bytes > 0 ? mli_image_data(image, s) : NULL;
}

/* Puts the pieces to where they stood in the file. */
MODELLAB_MUST_CHECK static modellab_status restore(const mli_image *image, unsigned char *file,
                                                   size_t file_bytes, modellab_error *err)
{
    size_t list_bytes, graph_bytes, used = 0;
    const unsigned char *list = section_of(image, "pieces", MLI_WEIGHT_U8, &list_bytes);
    const unsigned char *graph = section_of(image, "graph", MLI_WEIGHT_U8, &graph_bytes);
    uint64_t least = 0;
    if (list == NULL || graph == NULL || list_bytes % sizeof(piece) != 0)
        return damaged("its graph", err);
    for (size_t i = 0; i < list_bytes / sizeof(piece); i++) {
        piece p;
        memcpy(&p, list + i * sizeof p, sizeof p);
        if (p.from < least || p.from > file_bytes || p.bytes > file_bytes - p.from ||
            p.bytes > graph_bytes - used)
            return damaged("a piece of its graph", err);
        memcpy(file + p.from, graph + used, (size_t)p.bytes);
        used += (size_t)p.bytes;
        least = p.from + p.bytes;
    }
    return used == graph_bytes ? MODELLAB_OK : damaged("a piece of its graph", err);
}

modellab_status mli_voice_image_bind(mli_vits **out, const modellab_allocator *alloc,
                                     const mli_image *image, const mli_cancel_word *cancel,
                                     modellab_error *err)
{
    size_t file_bytes = 0;
    void *file = NULL;
    mli_vits_block block = {.walk = 0};
    *out = NULL;
    modellab_status status = read_metadata(image, &file_bytes, &block.walk, err);
    if (status != MODELLAB_OK)
        return status;
    block.floats =
        (const float *)(const void *)section_of(image, "weights", PACKED_VOICE, &block.bytes);
    if (block.floats == NULL)
        return damaged("its weights", err);
    mli_piper *graph = mli_alloc_zero(alloc, sizeof *graph);
    if (graph == NULL)
        return mli_no_memory(err);
    int rc = mli_os_pages_map_sparse(file_bytes, &file);
    status = rc == 0 ? restore(image, file, file_bytes, err) : mli_no_memory(err);
    if (status == MODELLAB_OK)
        status = mli_piper_read(graph, alloc, file, file_bytes, cancel, err);
    if (status == MODELLAB_OK)
        status = mli_vits_bind(out, alloc, graph, &block, err);
    mli_os_pages_unmap(file, file_bytes);
    mli_free(alloc, graph);
    return status;
}

/* ---- finding and making ---- */

static void with_pool(void *user, size_t tasks, void (*fn)(void *ctx, size_t task, int thread),
                      void *ctx)
{
    mli_pool_run(user, tasks, fn, ctx);
}

modellab_status mli_voice_pack(mli_vits **out, const modellab_allocator *alloc,
                               mli_model_files *files, const mli_cancel_word *cancel,
                               modellab_error *err)
{
    mli_piper *graph = mli_alloc_zero(alloc, sizeof *graph);
    mli_pool *pool = NULL;
    *out = NULL;
    modellab_status status =
        graph != NULL ? mli_pool_create(0, alloc, &pool, err) : mli_no_memory(err);
    if (status == MODELLAB_OK)
        status = mli_model_files_load_with(files, with_pool, pool, cancel, err);
    if (status == MODELLAB_OK) /* while the bytes are there */
        status = mli_model_files_sha256(files, cancel, err);
    if (status == MODELLAB_OK)
        status = mli_piper_read(graph, alloc, files->weights, files->weights_bytes, cancel, err);
    if (status == MODELLAB_OK)
        status = mli_vits_create(out, alloc, graph, true, pool, cancel, err);
    mli_pool_destroy(pool);
    mli_free(alloc, graph);
    return status;
}

typedef struct build {
    const modellab_allocator *alloc;
    mli_model_files *files;
    const mli_cancel_word *cancel;
} build;

MODELLAB_MUST_CHECK static modellab_status build_image(void *user, mli_image_writer *writer,
                                                       modellab_error *err)
{
    const build *b = user;
    mli_vits *model = NULL;
    modellab_status status = mli_voice_pack(&model, b->alloc, b->files, b->cancel, err);
    if (status == MODELLAB_OK)
        status = mli_voice_image_write(b->alloc, b->files, model, writer, b->cancel, err);
    mli_vits_destroy(model);
    mli_model_files_unload(b->files);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status key_of(mli_image_key *key, const mli_model_files *files,
                                                  modellab_error *err)
{
    *key = (mli_image_key){.weights = "f32", .layout = LAYOUT};
    if (!files->sealed || files->sha256[0] == '\0')
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "no image is kept for such a model");
    (void)mli_str_copy(key->source_sha256, sizeof key->source_sha256, files->sha256);
    return MODELLAB_OK;
}

/* Takes an image with good checksums, but of no use, out of the cache. */
MODELLAB_MUST_CHECK static modellab_status discard(const mli_image_cache *where,
                                                   const mli_image_key *key, modellab_error *err)
{
    char name[160], place[168];
    if (!mli_image_key_name(key, name))
        return mli_fail(err, MODELLAB_E_INTERNAL, "an image's key makes no name");
    (void)mli_os_format(place, sizeof place, "images/%s", name);
    char *path = mli_path_join(where->alloc, where->directory, place);
    if (path == NULL)
        return mli_no_memory(err);
    int rc = where->files->unlink(where->files->user, path);
    mli_free(where->alloc, path);
    return rc == 0 || rc == -ENOENT
               ? MODELLAB_OK
               : mli_fail_os(err, rc, "an image of no use could not be removed");
}

modellab_status mli_voice_image_open(mli_cached_image *image, mli_vits **out,
                                     const modellab_allocator *alloc, mli_model_files *files,
                                     const char *cache, const mli_cancel_word *cancel, char *reason,
                                     modellab_error *err)
{
    mli_image_cache where = {alloc, files->files, cache};
    mli_image_key key;
    build b = {alloc, files, cancel};
    *out = NULL;
    if (cache == NULL)
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no cache of images");
    modellab_status status = key_of(&key, files, err);
    if (status == MODELLAB_OK)
        status =
            mli_image_cache_get(&where, &key, build_image, &b, cancel, image, NULL, reason, err);
    if (status != MODELLAB_OK)
        return status;
    modellab_error why = MODELLAB_ERROR_INIT;
    status = mli_voice_image_bind(out, alloc, &image->image, cancel, &why);
    if (status == MODELLAB_OK)
        return status;
    mli_cached_image_close(image);
    if (status != MODELLAB_E_INVALID_MODEL && status != MODELLAB_E_UNSUPPORTED_MODEL)
        return mli_fail_at(err, status, why.detail, "%s", why.message);
    status = discard(&where, &key, err);
    if (status == MODELLAB_OK)
        status = mli_image_cache_get(&where, &key, build_image, &b, cancel, image, NULL, NULL, err);
    if (status != MODELLAB_OK)
        return status;
    (void)mli_str_copy(reason, 256, why.message);
    status = mli_voice_image_bind(out, alloc, &image->image, cancel, err);
    if (status != MODELLAB_OK)
        mli_cached_image_close(image);
    return status;
}

modellab_status mli_voice_image_from_fd(mli_cached_image *image, mli_vits **out,
                                        const modellab_allocator *alloc,
                                        const mli_model_files *files, int fd,
                                        const mli_cancel_word *cancel, modellab_error *err)
{
    mli_image_key key;
    *out = NULL;
    modellab_status status = key_of(&key, files, err);
    if (status == MODELLAB_OK)
        status = mli_cached_image_from_fd(image, alloc, files->files, fd, false, err);
    if (status != MODELLAB_OK)
        return status;
    const mli_image_key *found = &image->image.key;
    if (strcmp(found->source_sha256, key.source_sha256) != 0 ||
        strcmp(found->weights, key.weights) != 0 || strcmp(found->layout, key.layout) != 0)
        status = damaged("it is of another model", err);
    if (status == MODELLAB_OK)
        status = mli_voice_image_bind(out, alloc, &image->image, cancel, err);
    if (status != MODELLAB_OK)
        mli_cached_image_close(image);
    return status;
}

modellab_status mli_voice_image_find(const mli_model_files *files, const modellab_allocator *alloc,
                                     const char *cache, int *fd, modellab_error *err)
{
    mli_image_cache where = {alloc, files->files, cache};
    mli_image_key key;
    mli_cached_image found;
    *fd = -1;
    modellab_status status = key_of(&key, files, err);
    if (status == MODELLAB_OK)
        status = mli_image_cache_get(&where, &key, NULL, NULL, NULL, &found, NULL, NULL, err);
    if (status != MODELLAB_OK)
        return status;
    *fd = found.fd; /* taken out of what is closed */
    found.fd = -1;
    mli_cached_image_close(&found);
    return MODELLAB_OK;
}

modellab_status mli_voice_image_begin(const mli_model_files *files, const modellab_allocator *alloc,
                                      const char *cache, mli_image_draft *out, modellab_error *err)
{
    mli_image_cache where = {alloc, files->files, cache};
    mli_image_key key;
    modellab_status status =
        cache != NULL ? key_of(&key, files, err)
                      : mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no cache of images");
    return status == MODELLAB_OK ? mli_image_draft_begin(out, &where, &key, err) : status;
}

modellab_status mli_voice_image_make(mli_model_files *files, const modellab_allocator *alloc,
                                     int fd, const mli_cancel_word *cancel, modellab_error *err)
{
    mli_image_key key;
    mli_image_writer *writer = NULL;
    build b = {alloc, files, cancel};
    modellab_status status = key_of(&key, files, err);
    if (status == MODELLAB_OK)
        status = mli_image_writer_create_fd(&writer, alloc, files->files, fd, &key, err);
    if (status == MODELLAB_OK)
        status = build_image(&b, writer, err);
    mli_image_writer_destroy(writer);
    int rc = status == MODELLAB_OK ? files->files->sync(files->files->user, fd) : 0;
    return rc == 0 ? status : mli_fail_os(err, -rc, "the packed image is not safe");
}
