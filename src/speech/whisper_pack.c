/* From tensors to sections: matrices go through in blocks of rows, so that packing needs little
 * memory beside its input and output. */
#include "speech/whisper_pack.h"

#include "base/alloc.h"
#include "base/error.h"
#include "speech/whisper_net.h"
#include <string.h>

const char *const mli_whisper_layout = "whisper2-pack1";
_Static_assert(MLI_PACK_VERSION == 1, "the layout's name counts the kernels' packing as well");

enum { BLOCK_ROWS = 512 };

typedef struct packer {
    const modellab_allocator *alloc;
    const mli_whisper_reader *reader;
    const mli_whisper_sink *sink;
    const mli_cancel_word *cancel;
    void *rows, *packed; /* scratch, grown as needed */
    size_t rows_bytes, packed_bytes;
} packer;

MODELLAB_MUST_CHECK static modellab_status reserve(packer *p, void **block, size_t *have,
                                                   size_t need, modellab_error *err)
{
    if (need <= *have)
        return MODELLAB_OK;
    mli_free_aligned(p->alloc, *block);
    *have = 0;
    *block = mli_alloc_aligned(p->alloc, need, 64);
    if (*block == NULL)
        return mli_no_memory(err);
    *have = need;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status pack_block(packer *p, const mli_whisper_section *s,
                                                      const char *part, size_t first, size_t rows,
                                                      modellab_error *err)
{
    bool half = s->type == MLI_DTYPE_F16;
    size_t bytes = 0, row_bytes = s->cols * mli_dtype_size(s->type);
    modellab_status status = mli_pack_bytes(s->type, rows, s->cols, &bytes, err);
    if (status == MODELLAB_OK)
        status = reserve(p, &p->rows, &p->rows_bytes, rows * row_bytes, err);
    if (status == MODELLAB_OK)
        status = reserve(p, &p->packed, &p->packed_bytes, bytes, err);
    if (status == MODELLAB_OK)
        status = p->reader->read(p->reader->user, part, first, rows, half, p->rows, err);
    if (status != MODELLAB_OK)
        return status;
    mli_pack(s->type, rows, s->cols, p->rows, s->type, s->cols, p->packed);
    return p->sink->append(p->sink->user, p->packed, bytes, err);
}

MODELLAB_MUST_CHECK static modellab_status pack_matrix(packer *p, const mli_whisper_section *s,
                                                       modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    for (size_t i = 0; i < s->parts; i++)
        for (size_t at = 0; status == MODELLAB_OK && at < s->rows; at += BLOCK_ROWS) {
            size_t rows = s->rows - at < BLOCK_ROWS ? s->rows - at : BLOCK_ROWS;
            status = mli_cancelled(p->cancel)
                         ? mli_fail(err, MODELLAB_E_CANCELLED, "cancelled while packing the model")
                         : pack_block(p, s, s->part[i], at, rows, err);
        }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status pack_conv(packer *p, const mli_whisper_section *s,
                                                     modellab_error *err)
{
    bool half = s->type == MLI_DTYPE_F16;
    size_t in = s->rows * s->cols * s->taps * mli_dtype_size(s->type);
    modellab_status status = reserve(p, &p->rows, &p->rows_bytes, in, err);
    if (status == MODELLAB_OK)
        status = reserve(p, &p->packed, &p->packed_bytes, s->bytes, err);
    if (status == MODELLAB_OK)
        status = p->reader->read(p->reader->user, s->part[0], 0, s->rows, half, p->rows, err);
    if (status != MODELLAB_OK)
        return status;
    mli_pack_conv(s->type, s->rows, s->cols, s->taps, p->rows, s->type, p->packed);
    return p->sink->append(p->sink->user, p->packed, s->bytes, err);
}

MODELLAB_MUST_CHECK static modellab_status pack_vector(packer *p, const mli_whisper_section *s,
                                                       modellab_error *err)
{
    modellab_status status = reserve(p, &p->packed, &p->packed_bytes, s->bytes, err);
    if (status != MODELLAB_OK)
        return status;
    memset(p->packed, 0, s->bytes);
    for (size_t i = 0; status == MODELLAB_OK && i < s->parts; i++) {
        float *to = (float *)p->packed + i * s->rows * s->cols;
        if (s->part[i][0] != '\0')
            status = p->reader->read(p->reader->user, s->part[i], 0, s->rows, false, to, err);
    }
    return status == MODELLAB_OK ? p->sink->append(p->sink->user, p->packed, s->bytes, err)
                                 : status;
}

MODELLAB_MUST_CHECK static modellab_status pack_section(void *user, const mli_whisper_section *s,
                                                        modellab_error *err)
{
    packer *p = user;
    bool packed = s->kind != MLI_WHISPER_VECTOR;
    modellab_status status =
        p->sink->begin(p->sink->user, s->name, packed, packed && s->type == MLI_DTYPE_F16,
                       s->parts * s->rows, s->cols * s->taps, err);
    if (status == MODELLAB_OK)
        status = s->kind == MLI_WHISPER_MATRIX ? pack_matrix(p, s, err)
                 : s->kind == MLI_WHISPER_CONV ? pack_conv(p, s, err)
                                               : pack_vector(p, s, err);
    return status == MODELLAB_OK ? p->sink->end(p->sink->user, err) : status;
}

MODELLAB_MUST_CHECK static modellab_status visit_new(const modellab_allocator *alloc,
                                                     const mli_whisper_dims *dims, bool half,
                                                     mli_whisper_visit_fn visit, void *user,
                                                     mli_whisper_net **out, modellab_error *err)
{
    mli_whisper_net *net = mli_alloc_zero(alloc, sizeof *net);
    if (net == NULL)
        return mli_no_memory(err);
    modellab_status status =
        mli_whisper_net_visit(net, dims, half ? MLI_DTYPE_F16 : MLI_DTYPE_F32, visit, user, err);
    if (status == MODELLAB_OK && out != NULL)
        *out = net;
    else
        mli_free(alloc, net);
    return status;
}

modellab_status mli_whisper_pack(const modellab_allocator *alloc, const mli_whisper_dims *dims,
                                 bool half, const mli_whisper_reader *reader,
                                 const mli_whisper_sink *sink, const mli_cancel_word *cancel,
                                 modellab_error *err)
{
    packer p = {.alloc = alloc, .reader = reader, .sink = sink, .cancel = cancel};
    modellab_status status = visit_new(alloc, dims, half, pack_section, &p, NULL, err);
    mli_free_aligned(alloc, p.rows);
    mli_free_aligned(alloc, p.packed);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status add_bytes(void *user, const mli_whisper_section *s,
                                                     modellab_error *err)
{
    (void)err;
    *(size_t *)user += s->bytes;
    return MODELLAB_OK;
}

modellab_status mli_whisper_pack_bytes(const modellab_allocator *alloc,
                                       const mli_whisper_dims *dims, bool half, size_t *bytes,
                                       modellab_error *err)
{
    *bytes = 0;
    return visit_new(alloc, dims, half, add_bytes, bytes, NULL, err);
}

MODELLAB_MUST_CHECK static modellab_status bind_section(void *user, const mli_whisper_section *s,
                                                        modellab_error *err)
{
    const mli_whisper_store *store = user;
    const void *data = NULL;
    bool packed = s->kind != MLI_WHISPER_VECTOR;
    modellab_status status = store->find(store->user, s->name, packed,
                                         packed && s->type == MLI_DTYPE_F16, s->bytes, &data, err);
    if (status != MODELLAB_OK)
        return status;
    if (packed)
        s->packed->data = data;
    else
        *s->values = data;
    return MODELLAB_OK;
}

modellab_status mli_whisper_bind(const modellab_allocator *alloc, const mli_whisper_dims *dims,
                                 bool half, const mli_whisper_store *store, mli_whisper_net **out,
                                 modellab_error *err)
{
    *out = NULL;
    mli_whisper_store copy = *store;
    return visit_new(alloc, dims, half, bind_section, &copy, out, err);
}
