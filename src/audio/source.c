/* Where decoded samples live: chunks of 1 MiB in memory, and beyond the caller's limit a spool file
 * that is read back by pread. */
#include "audio/source.h"

#include "base/alloc.h"
#include "base/checked.h"
#include "base/error.h"
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

enum { CHUNK = 1 << 18 }; /* samples */

struct mli_audio_store {
    modellab_allocator alloc; /* all NULL = C heap */
    const mli_os_files *files;
    float **chunks;
    size_t chunk_count, chunk_capacity;
    int64_t samples, in_memory; /* in_memory: the first samples; the rest is in the spool file */
    int64_t memory_samples, max_samples;
    int spool_fd;
    const char *spool_folder; /* for a file that is still to be made; NULL = none */
};

struct mli_audio_source {
    _Atomic uint32_t refs;
    mli_audio_store *store;
    mli_audio_info info;
};

static const modellab_allocator *heap(const mli_audio_store *store)
{
    return store->alloc.alloc != NULL ? &store->alloc : NULL;
}

modellab_status mli_audio_store_create(const modellab_allocator *alloc, const mli_os_files *files,
                                       int spool_fd, int64_t memory_samples, int64_t max_samples,
                                       mli_audio_store **out, modellab_error *err)
{
    mli_audio_store *store = mli_alloc_zero(alloc, sizeof *store);
    *out = store;
    if (store == NULL) {
        if (spool_fd >= 0 && files->close(files->user, spool_fd) < 0)
            return mli_fail(err, MODELLAB_E_NO_MEMORY, "out of memory, and a file did not close");
        return mli_no_memory(err);
    }
    if (alloc != NULL)
        store->alloc = *alloc;
    store->files = files;
    store->spool_fd = spool_fd;
    store->memory_samples = memory_samples;
    store->max_samples = max_samples;
    return MODELLAB_OK;
}

void mli_audio_store_spool_in(mli_audio_store *store, const char *folder)
{
    store->spool_folder = store->spool_fd < 0 ? folder : NULL;
}

void mli_audio_store_destroy(mli_audio_store *store)
{
    if (store == NULL)
        return;
    const modellab_allocator alloc = store->alloc;
    for (size_t i = 0; i < store->chunk_count; i++)
        mli_free(heap(store), store->chunks[i]);
    mli_free(heap(store), store->chunks);
    /* Scratch data that nobody will read again: a failing close loses nothing. */
    if (store->spool_fd >= 0)
        (void)store->files->close(store->files->user, store->spool_fd);
    mli_free(alloc.alloc != NULL ? &alloc : NULL, store);
}

MODELLAB_MUST_CHECK static modellab_status add_chunk(mli_audio_store *store, modellab_error *err)
{
    if (store->chunk_count == store->chunk_capacity) {
        size_t capacity = store->chunk_capacity == 0 ? 16 : store->chunk_capacity * 2;
        float **chunks = mli_realloc_array(heap(store), store->chunks, capacity, sizeof *chunks);
        if (chunks == NULL)
            return mli_no_memory(err);
        store->chunks = chunks;
        store->chunk_capacity = capacity;
    }
    float *chunk = mli_alloc_array(heap(store), CHUNK, sizeof *chunk);
    if (chunk == NULL)
        return mli_no_memory(err);
    store->chunks[store->chunk_count++] = chunk;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status keep(mli_audio_store *store, const float *samples,
                                                size_t count, modellab_error *err)
{
    while (count > 0) {
        size_t at = (size_t)(store->in_memory % CHUNK);
        if (at == 0) {
            modellab_status status = add_chunk(store, err);
            if (status != MODELLAB_OK)
                return status;
        }
        size_t part = CHUNK - at < count ? CHUNK - at : count;
        memcpy(store->chunks[store->chunk_count - 1] + at, samples, part * sizeof *samples);
        store->in_memory += (int64_t)part;
        store->samples += (int64_t)part;
        samples += part;
        count -= part;
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status spool(mli_audio_store *store, const float *samples,
                                                 size_t count, modellab_error *err)
{
    const char *from = (const char *)samples;
    int64_t at = (store->samples - store->in_memory) * (int64_t)sizeof *samples;
    for (size_t bytes = count * sizeof *samples; bytes > 0;) {
        int64_t n = store->files->pwrite(store->files->user, store->spool_fd, from, bytes, at);
        if (n <= 0)
            return mli_fail_os(err, n < 0 ? (int)-n : EIO,
                               "decoded audio could not be written to its spool file");
        from += n;
        at += n;
        bytes -= (size_t)n;
    }
    store->samples += (int64_t)count;
    return MODELLAB_OK;
}

modellab_status mli_audio_store_append(mli_audio_store *store, const float *samples, size_t count,
                                       modellab_error *err)
{
    if (count > (size_t)(store->max_samples - store->samples))
        return mli_fail(err, MODELLAB_E_LIMIT, "the audio is longer than the limit of %lld seconds",
                        (long long)(store->max_samples / MLI_AUDIO_RATE));
    size_t in_memory = count;
    if (store->spool_folder != NULL && store->in_memory + (int64_t)count > store->memory_samples) {
        int fd = mli_os_open_nameless(store->files, store->spool_folder);
        store->spool_fd = fd >= 0 ? fd : -1; /* without one it goes on in memory, as is said */
        store->spool_folder = NULL;
    }
    if (store->spool_fd >= 0) {
        int64_t room = store->memory_samples - store->in_memory;
        if (room < (int64_t)count)
            in_memory = room > 0 ? (size_t)room : 0;
    }
    modellab_status status = keep(store, samples, in_memory, err);
    if (status == MODELLAB_OK && in_memory < count)
        status = spool(store, samples + in_memory, count - in_memory, err);
    return status;
}

int64_t mli_audio_store_samples(const mli_audio_store *store)
{
    return store->samples;
}

modellab_status mli_audio_store_finish(mli_audio_store *store, const mli_audio_info *info,
                                       mli_audio_source **out, modellab_error *err)
{
    *out = NULL;
    mli_audio_source *source = mli_alloc_zero(heap(store), sizeof *source);
    if (source == NULL) {
        mli_audio_store_destroy(store);
        return mli_no_memory(err);
    }
    atomic_init(&source->refs, 1);
    source->store = store;
    source->info = *info;
    *out = source;
    return MODELLAB_OK;
}

mli_audio_source *mli_audio_ref(mli_audio_source *source)
{
    if (source != NULL)
        atomic_fetch_add_explicit(&source->refs, 1, memory_order_relaxed);
    return source;
}

void mli_audio_unref(mli_audio_source *source)
{
    if (source == NULL || atomic_fetch_sub_explicit(&source->refs, 1, memory_order_acq_rel) != 1)
        return;
    const modellab_allocator alloc = source->store->alloc;
    mli_audio_store_destroy(source->store);
    mli_free(alloc.alloc != NULL ? &alloc : NULL, source);
}

int mli_audio_reclaim_spool(mli_audio_source *source)
{
    int fd = -1;
    if (atomic_load_explicit(&source->refs, memory_order_acquire) == 1) {
        fd = source->store->spool_fd;
        source->store->spool_fd = -1;
    }
    mli_audio_unref(source);
    return fd;
}

int64_t mli_audio_samples(const mli_audio_source *source)
{
    return source->store->samples;
}

int64_t mli_audio_duration_ms(const mli_audio_source *source)
{
    const int64_t per_ms = MLI_AUDIO_RATE / 1000;
    int64_t ms = source->store->samples / per_ms, rest = source->store->samples % per_ms;
    if (rest > per_ms / 2 || (rest == per_ms / 2 && ms % 2 == 1))
        ms++;
    return ms;
}

const mli_audio_info *mli_audio_info_of(const mli_audio_source *source)
{
    return &source->info;
}

MODELLAB_MUST_CHECK static modellab_status read_spool(const mli_audio_store *store, int64_t at,
                                                      size_t count, float *dst, modellab_error *err)
{
    char *to = (char *)dst;
    size_t bytes = count * sizeof *dst;
    int64_t offset = (at - store->in_memory) * (int64_t)sizeof *dst;
    while (bytes > 0) {
        int64_t got = store->files->pread(store->files->user, store->spool_fd, to, bytes, offset);
        if (got <= 0)
            return mli_fail_os(err, got < 0 ? (int)-got : EIO,
                               "decoded audio could not be read from its spool file");
        to += got;
        bytes -= (size_t)got;
        offset += got;
    }
    return MODELLAB_OK;
}

modellab_status mli_audio_read(const mli_audio_source *source, int64_t start, size_t count,
                               float *dst, modellab_error *err)
{
    const mli_audio_store *store = source->store;
    memset(dst, 0, count * sizeof *dst);
    int64_t end;
    if (mli_add_overflow(start, (int64_t)count, &end) || end > store->samples)
        end = store->samples;
    int64_t at = start > 0 ? start : 0;
    while (at < end && at < store->in_memory) {
        size_t in_chunk = (size_t)(at % CHUNK), part = CHUNK - in_chunk;
        int64_t stop = end < store->in_memory ? end : store->in_memory;
        if ((int64_t)part > stop - at)
            part = (size_t)(stop - at);
        memcpy(dst + (at - start), store->chunks[at / CHUNK] + in_chunk, part * sizeof *dst);
        at += (int64_t)part;
    }
    if (at < end)
        return read_spool(store, at, (size_t)(end - at), dst + (at - start), err);
    return MODELLAB_OK;
}
