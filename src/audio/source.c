/* Where decoded samples live: chunks of 1 MiB in memory, and beyond the caller's limit a spool file
 * that is read back by pread; what a file of our own has no room for stays in memory again. */
#include "audio/source.h"

#include "base/alloc.h"
#include "base/checked.h"
#include "base/error.h"
#include "os/process.h"
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

enum { CHUNK = 1 << 18 }; /* samples */

struct mli_audio_store {
    modellab_allocator alloc; /* all NULL = C heap */
    const mli_os_files *files;
    float **chunks;
    size_t chunk_count, chunk_capacity;
    int64_t samples, in_memory;
    int64_t before_spool, spooled; /* samples before the spool file, and in it; others follow */
    int64_t memory_samples, max_samples;
    int spool_fd;
    bool own, full;           /* the file was made here; it takes no more */
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

/* Writes behind what is in the file: 0 or a negative errno. */
MODELLAB_MUST_CHECK static int write_spool(const mli_audio_store *store, const float *samples,
                                           size_t count)
{
    const char *from = (const char *)samples;
    size_t bytes = count * sizeof *samples;
    int64_t at = store->spooled * (int64_t)sizeof *samples;
    /* The first byte beyond the limit would end the host by a signal. */
    if (store->own && (uint64_t)at + bytes > mli_os_limit_file_bytes())
        return -EFBIG;
    while (bytes > 0) {
        int64_t n = store->files->pwrite(store->files->user, store->spool_fd, from, bytes, at);
        if (n <= 0)
            return n < 0 ? (int)n : -EIO;
        from += n;
        at += n;
        bytes -= (size_t)n;
    }
    return 0;
}

MODELLAB_MUST_CHECK static modellab_status spool(mli_audio_store *store, const float *samples,
                                                 size_t count, modellab_error *err)
{
    int rc = write_spool(store, samples, count);
    if (rc == 0) {
        if (store->spooled == 0)
            store->before_spool = store->in_memory;
        store->spooled += (int64_t)count;
        store->samples += (int64_t)count;
        return MODELLAB_OK;
    }
    if (!store->own)
        return mli_fail_os(err, -rc, "decoded audio could not be written to its spool file");
    store->full = true; /* what it holds is read from there, this and the rest stay in memory */
    if (store->spooled == 0) {
        (void)store->files->close(store->files->user, store->spool_fd); /* nothing is in it */
        store->spool_fd = -1;
    }
    return keep(store, samples, count, err);
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
        store->own = fd >= 0;
        store->spool_folder = NULL;
    }
    if (store->spool_fd >= 0 && !store->full) {
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
    int64_t offset = (at - store->before_spool) * (int64_t)sizeof *dst;
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

/* Samples of one place, memory or file: how many from `at` on, at most `count`; `index`: where in
 * memory, -1 in the file. */
static size_t stretch(const mli_audio_store *store, int64_t at, int64_t count, int64_t *index)
{
    const int64_t file_end = store->before_spool + store->spooled;
    const bool in_file = at >= store->before_spool && at < file_end;
    int64_t most = in_file ? file_end - at : count;
    *index = in_file ? -1 : at < store->before_spool ? at : at - store->spooled;
    if (!in_file) {
        most = CHUNK - *index % CHUNK;
        if (at < store->before_spool && most > store->before_spool - at)
            most = store->before_spool - at;
    }
    return (size_t)(most < count ? most : count);
}

modellab_status mli_audio_read(const mli_audio_source *source, int64_t start, size_t count,
                               float *dst, modellab_error *err)
{
    const mli_audio_store *store = source->store;
    memset(dst, 0, count * sizeof *dst);
    int64_t end, index;
    if (mli_add_overflow(start, (int64_t)count, &end) || end > store->samples)
        end = store->samples;
    for (int64_t at = start > 0 ? start : 0; at < end;) {
        const size_t part = stretch(store, at, end - at, &index);
        float *to = dst + (at - start);
        if (index >= 0) {
            memcpy(to, store->chunks[index / CHUNK] + index % CHUNK, part * sizeof *dst);
        } else {
            modellab_status status = read_spool(store, at, part, to, err);
            if (status != MODELLAB_OK)
                return status;
        }
        at += (int64_t)part;
    }
    return MODELLAB_OK;
}
