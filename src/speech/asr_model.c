/* Opening Whisper models: from the cache of packed images, into it, or packed in memory. */
#include "speech/asr_model.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "os/locale.h"
#include "os/memory.h"
#include "speech/asr_image.h"
#include "speech/whisper_pack.h"
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

struct mli_asr_model {
    _Atomic uint32_t refs;
    modellab_allocator alloc_copy;
    const modellab_allocator *alloc;
    mli_asr_weights weights;
    mli_asr_origin origin;
    char sha256[65], reason[256];
    char package[32];        /* layout of its image's key: what stands beside the weights, and their
                                packing */
    mli_cached_image cached; /* when mapped */
    bool mapped;
    void *pages; /* when packed in memory */
    size_t page_bytes;
    mli_asr_extras extras; /* what it borrows is gone after opening; sizes and heads stay */
    struct mli_whisper_net *net;
    mli_whisper_tokenizer *tokenizer;
    mli_mel_bank *mel;
};

/* Sections one after another in own pages: sink and store of the packing in memory. */
typedef struct arena {
    unsigned char *bytes;
    size_t size, used;
} arena;

MODELLAB_MUST_CHECK static modellab_status arena_begin(void *user, const char *name, bool packed,
                                                       bool half, size_t rows, size_t cols,
                                                       modellab_error *err)
{
    (void)user, (void)name, (void)packed, (void)half, (void)rows, (void)cols, (void)err;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status arena_append(void *user, const void *data, size_t bytes,
                                                        modellab_error *err)
{
    arena *a = user;
    if (bytes > a->size - a->used)
        return mli_fail(err, MODELLAB_E_INTERNAL, "the packed model is larger than computed");
    memcpy(a->bytes + a->used, data, bytes);
    a->used += bytes;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status arena_end(void *user, modellab_error *err)
{
    arena *a = user;
    (void)err;
    a->used = (a->used + 63) / 64 * 64;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status arena_find(void *user, const char *name, bool packed,
                                                      bool half, size_t bytes, const void **data,
                                                      modellab_error *err)
{
    arena *a = user;
    (void)packed, (void)half;
    if (bytes > a->size - a->used)
        return mli_fail(err, MODELLAB_E_INTERNAL, "section %s of the packed model is missing",
                        name);
    *data = a->bytes + a->used;
    a->used += bytes;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status make_tokenizer(mli_asr_model *m, const mli_asr_extras *e,
                                                          modellab_error *err)
{
    modellab_status status =
        mli_whisper_tokenizer_create(&m->tokenizer, m->alloc, &e->vocabulary, err);
    if (status == MODELLAB_OK)
        status = mli_mel_bank_create(m->alloc, (int)e->dims.mels, e->mel_filters, &m->mel, err);
    return status;
}

/* An image holds the vocabulary as well: the same weights beside another tokenizer are another
 * image. */
static void fill_key(mli_image_key *key, const mli_model_files *files, mli_asr_weights weights)
{
    memset(key, 0, sizeof *key);
    (void)mli_str_copy(key->source_sha256, sizeof key->source_sha256, files->sha256);
    (void)mli_str_copy(key->weights, sizeof key->weights,
                       weights == MLI_ASR_WEIGHTS_F16 ? "f16" : "f32");
    (void)mli_os_format(key->layout, sizeof key->layout, "%s-%08" PRIx32, mli_whisper_layout,
                        mli_model_files_beside(files));
}

MODELLAB_MUST_CHECK static modellab_status pack_in_memory(mli_asr_model *m, mli_model_files *files,
                                                          const mli_asr_open_options *o,
                                                          modellab_error *err)
{
    mli_whisper_weights weights;
    mli_image_key key;
    bool half = m->weights == MLI_ASR_WEIGHTS_F16;
    fill_key(&key, files, m->weights);
    (void)mli_str_copy(m->package, sizeof m->package, key.layout);
    modellab_status status = mli_model_files_load(files, o->cancel, err);
    if (status == MODELLAB_OK)
        status = mli_whisper_weights_read(&weights, m->alloc, files->weights, files->weights_bytes,
                                          files->config, files->config_bytes, err);
    if (status != MODELLAB_OK)
        return status;
    status = mli_asr_extras_from_weights(&m->extras, m->alloc, &weights, files, err);
    if (status == MODELLAB_OK)
        status = mli_whisper_pack_bytes(m->alloc, &m->extras.dims, half, &m->page_bytes, err);
    if (status == MODELLAB_OK) {
        int os_error = mli_os_pages_map(m->page_bytes, &m->pages);
        if (os_error != 0)
            status = mli_fail_os(err, os_error, "no memory for the packed model");
    }
    arena a = {m->pages, m->page_bytes, 0};
    mli_whisper_reader reader = mli_asr_reader(&weights);
    mli_whisper_sink sink = {&a, arena_begin, arena_append, arena_end};
    mli_whisper_store store = {&a, arena_find};
    if (status == MODELLAB_OK)
        status = mli_whisper_pack(m->alloc, &m->extras.dims, half, &reader, &sink, o->cancel, err);
    a.used = 0;
    if (status == MODELLAB_OK)
        status = mli_whisper_bind(m->alloc, &m->extras.dims, half, &store, &m->net, err);
    if (status == MODELLAB_OK)
        status = make_tokenizer(m, &m->extras, err);
    mli_whisper_weights_dispose(&weights);
    return status;
}

typedef struct build {
    const modellab_allocator *alloc;
    mli_asr_weights weights;
    mli_model_files *files;
    const mli_cancel_word *cancel;
} build;

MODELLAB_MUST_CHECK static modellab_status build_image(void *user, mli_image_writer *writer,
                                                       modellab_error *err)
{
    build *b = user;
    mli_whisper_weights weights;
    mli_asr_extras extras;
    const modellab_allocator *alloc = b->alloc;
    modellab_status status = mli_model_files_load(b->files, b->cancel, err);
    if (status == MODELLAB_OK)
        status =
            mli_whisper_weights_read(&weights, alloc, b->files->weights, b->files->weights_bytes,
                                     b->files->config, b->files->config_bytes, err);
    if (status != MODELLAB_OK)
        return status;
    status = mli_asr_extras_from_weights(&extras, alloc, &weights, b->files, err);
    if (status == MODELLAB_OK) {
        status = mli_asr_image_write(alloc, &weights, &extras, b->weights == MLI_ASR_WEIGHTS_F16,
                                     writer, b->cancel, err);
        mli_asr_extras_dispose(&extras, alloc);
    }
    mli_whisper_weights_dispose(&weights);
    mli_model_files_unload(b->files);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status use_image(mli_asr_model *m, modellab_error *err)
{
    bool half = strcmp(m->cached.image.key.weights, "f16") == 0;
    modellab_status status = mli_asr_extras_from_image(&m->extras, m->alloc, &m->cached.image, err);
    if (status != MODELLAB_OK)
        return status;
    m->weights = half ? MLI_ASR_WEIGHTS_F16 : MLI_ASR_WEIGHTS_F32;
    (void)mli_str_copy(m->sha256, sizeof m->sha256, m->cached.image.key.source_sha256);
    (void)mli_str_copy(m->package, sizeof m->package, m->cached.image.key.layout);
    mli_whisper_store store = mli_asr_store(&m->cached.image);
    status = mli_whisper_bind(m->alloc, &m->extras.dims, half, &store, &m->net, err);
    return status == MODELLAB_OK ? make_tokenizer(m, &m->extras, err) : status;
}

modellab_status mli_asr_model_find_image(mli_model_files *files, const mli_asr_open_options *o,
                                         int *fd, modellab_error *err)
{
    mli_image_cache cache = {o->alloc, files->files, o->cache_directory};
    mli_image_key key;
    mli_cached_image found;
    *fd = -1;
    if (o->cache_directory == NULL || files->sha256[0] == '\0')
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "no image is kept for such a model");
    fill_key(&key, files, o->weights);
    modellab_status status =
        mli_image_cache_get(&cache, &key, NULL, NULL, o->cancel, &found, NULL, NULL, err);
    if (status != MODELLAB_OK)
        return status;
    *fd = found.fd; /* taken out of what is closed */
    found.fd = -1;
    mli_cached_image_close(&found);
    return MODELLAB_OK;
}

modellab_status mli_asr_model_begin_image(mli_model_files *files, const mli_asr_open_options *o,
                                          mli_image_draft *out, modellab_error *err)
{
    mli_image_cache cache = {o->alloc, files->files, o->cache_directory};
    mli_image_key key;
    if (o->cache_directory == NULL || files->sha256[0] == '\0')
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "no image is kept for such a model");
    fill_key(&key, files, o->weights);
    return mli_image_draft_begin(out, &cache, &key, err);
}

/* The seal only says what the weights were when they were installed. */
MODELLAB_MUST_CHECK static modellab_status
check_weights(mli_model_files *files, const mli_cancel_word *cancel, modellab_error *err)
{
    char installed[65];
    (void)mli_str_copy(installed, sizeof installed, files->sha256);
    files->sha256[0] = '\0';
    modellab_status status = mli_model_files_sha256(files, cancel, err);
    if (status == MODELLAB_OK && installed[0] != '\0' && strcmp(installed, files->sha256) != 0)
        status = mli_fail(err, MODELLAB_E_HASH_MISMATCH, "the model is not what was installed");
    return status;
}

modellab_status mli_asr_model_pack(mli_model_files *files, int fd, const mli_asr_open_options *o,
                                   modellab_error *err)
{
    mli_image_key key;
    mli_image_writer *writer = NULL;
    build b = {o->alloc, o->weights, files, o->cancel};
    modellab_status status = check_weights(files, o->cancel, err);
    if (status != MODELLAB_OK)
        return status;
    fill_key(&key, files, o->weights);
    status = mli_image_writer_create_fd(&writer, o->alloc, files->files, fd, &key, err);
    if (status == MODELLAB_OK)
        status = build_image(&b, writer, err);
    mli_image_writer_destroy(writer);
    int rc = status == MODELLAB_OK ? files->files->sync(files->files->user, fd) : 0;
    return rc == 0 ? status : mli_fail_os(err, -rc, "the packed image is not safe");
}

MODELLAB_MUST_CHECK static modellab_status open_cached(mli_asr_model *m, mli_model_files *files,
                                                       const mli_asr_open_options *o,
                                                       modellab_error *err)
{
    mli_image_cache cache = {m->alloc, files->files, o->cache_directory};
    mli_image_key key;
    build b = {m->alloc, m->weights, files, o->cancel};
    mli_cache_event event = MLI_CACHE_HIT;
    modellab_status status = mli_model_files_sha256(files, o->cancel, err);
    if (status != MODELLAB_OK)
        return status;
    fill_key(&key, files, m->weights);
    status = mli_image_cache_get(&cache, &key, build_image, &b, o->cancel, &m->cached, &event,
                                 m->reason, err);
    if (status != MODELLAB_OK)
        return status;
    m->mapped = true;
    m->origin = event == MLI_CACHE_HIT     ? MLI_ASR_ORIGIN_CACHE
                : event == MLI_CACHE_BUILT ? MLI_ASR_ORIGIN_BUILT
                                           : MLI_ASR_ORIGIN_REBUILT;
    return use_image(m, err);
}

MODELLAB_MUST_CHECK static modellab_status
create(mli_asr_model **out, const mli_asr_open_options *o, modellab_error *err)
{
    mli_asr_model *m = mli_alloc_zero(o->alloc, sizeof *m);
    *out = m;
    if (m == NULL)
        return mli_no_memory(err);
    atomic_init(&m->refs, 1);
    if (o->alloc != NULL) {
        m->alloc_copy = *o->alloc;
        m->alloc = &m->alloc_copy;
    }
    m->weights = o->weights;
    return MODELLAB_OK;
}

/* Borrowed inputs of opening must not be reachable afterwards. */
MODELLAB_MUST_CHECK static modellab_status settle(mli_asr_model **out, modellab_status status)
{
    mli_asr_model *m = *out;
    if (m == NULL)
        return status;
    if (status != MODELLAB_OK) {
        mli_asr_model_unref(m);
        *out = NULL;
        return status;
    }
    mli_free(m->alloc, m->extras.own_filters);
    m->extras.own_filters = NULL;
    m->extras.mel_filters = NULL;
    memset(&m->extras.vocabulary, 0, sizeof m->extras.vocabulary);
    return MODELLAB_OK;
}

/* A cache that cannot be written is no reason not to work: only slower to open. */
static bool cache_unusable(modellab_status status)
{
    return status == MODELLAB_E_PERMISSION || status == MODELLAB_E_IO ||
           status == MODELLAB_E_NO_SPACE || status == MODELLAB_E_STORE_READ_ONLY ||
           status == MODELLAB_E_NOT_FOUND;
}

MODELLAB_MUST_CHECK static modellab_status open_any(mli_asr_model *m, mli_model_files *files,
                                                    const mli_asr_open_options *o,
                                                    modellab_error *err)
{
    if (o->cache_directory == NULL)
        return pack_in_memory(m, files, o, err);
    modellab_error why = MODELLAB_ERROR_INIT;
    modellab_status status = open_cached(m, files, o, &why);
    if (cache_unusable(status) && !m->mapped) {
        (void)mli_str_copy(m->reason, sizeof m->reason, why.message);
        return pack_in_memory(m, files, o, err);
    }
    return status == MODELLAB_OK ? status : mli_fail_at(err, status, why.detail, "%s", why.message);
}

modellab_status mli_asr_model_open(mli_asr_model **out, mli_model_files *files,
                                   const mli_asr_open_options *options, modellab_error *err)
{
    modellab_status status = create(out, options, err);
    if (status == MODELLAB_OK)
        status = open_any(*out, files, options, err);
    mli_model_files_unload(files);
    return settle(out, status);
}

modellab_status mli_asr_model_from_fd(mli_asr_model **out, int fd, const mli_os_files *os,
                                      const mli_asr_open_options *options, modellab_error *err)
{
    modellab_status status = create(out, options, err);
    if (status == MODELLAB_OK)
        status =
            mli_cached_image_from_fd(&(*out)->cached, (*out)->alloc, os, fd, options->verify, err);
    if (status == MODELLAB_OK) {
        (*out)->mapped = true;
        (*out)->origin = MLI_ASR_ORIGIN_CACHE;
        status = use_image(*out, err);
    }
    return settle(out, status);
}

mli_asr_model *mli_asr_model_ref(mli_asr_model *m)
{
    if (m != NULL)
        atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
    return m;
}

void mli_asr_model_unref(mli_asr_model *m)
{
    if (m == NULL || atomic_fetch_sub_explicit(&m->refs, 1, memory_order_acq_rel) != 1)
        return;
    modellab_allocator copy = m->alloc_copy;
    const modellab_allocator *alloc = m->alloc != NULL ? &copy : NULL;
    mli_mel_bank_destroy(m->mel);
    mli_whisper_tokenizer_destroy(m->tokenizer);
    mli_free(alloc, m->net);
    mli_asr_extras_dispose(&m->extras, alloc);
    if (m->mapped)
        mli_cached_image_close(&m->cached);
    if (m->pages != NULL)
        mli_os_pages_unmap(m->pages, m->page_bytes);
    mli_free(alloc, m);
}

mli_asr_model_info mli_asr_model_info_of(const mli_asr_model *m)
{
    return (mli_asr_model_info){.dims = m->extras.dims,
                                .multilingual = m->extras.multilingual,
                                .weights = m->weights,
                                .origin = m->origin,
                                .sha256 = m->sha256,
                                .package = m->package,
                                .reason = m->reason};
}

int mli_asr_model_fd(const mli_asr_model *m)
{
    return m->mapped ? m->cached.fd : -1;
}

const struct mli_whisper_net *mli_asr_model_net(const mli_asr_model *m)
{
    return m->net;
}

const mli_whisper_tokenizer *mli_asr_model_tokenizer(const mli_asr_model *m)
{
    return m->tokenizer;
}

const mli_mel_bank *mli_asr_model_mel(const mli_asr_model *m)
{
    return m->mel;
}

const mli_whisper_head *mli_asr_model_heads(const mli_asr_model *m, size_t *count)
{
    *count = m->extras.head_count;
    return m->extras.heads;
}
