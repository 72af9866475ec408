/* The bytes of a live stream between who pushes them and who recognises them. */
#include "api/live_ring.h"

#include "base/alloc.h"
#include "base/error.h"
#include <string.h>

enum { FIRST_BYTES = 16384 };

void mli_live_ring_init(mli_live_ring *ring, const modellab_allocator *alloc, size_t most)
{
    *ring = (mli_live_ring){.alloc = alloc, .most = most};
}

void mli_live_ring_dispose(mli_live_ring *ring)
{
    mli_free(ring->alloc, ring->bytes);
    ring->bytes = NULL;
    ring->capacity = ring->count = 0;
}

size_t mli_live_ring_room(const mli_live_ring *ring)
{
    return ring->most - ring->count;
}

/* Copies `bytes` from its beginning on, without taking them. */
static void copy_out(const mli_live_ring *r, unsigned char *out, size_t bytes)
{
    size_t whole = r->capacity - r->first < bytes ? r->capacity - r->first : bytes;

    memcpy(out, r->bytes + r->first, whole);
    memcpy(out + whole, r->bytes, bytes - whole);
}

MODELLAB_MUST_CHECK static modellab_status grow(mli_live_ring *r, size_t needed,
                                                modellab_error *err)
{
    size_t capacity = r->capacity == 0 ? FIRST_BYTES : r->capacity;
    unsigned char *bytes;

    while (capacity < needed)
        capacity *= 2;
    capacity = capacity < r->most ? capacity : r->most;
    bytes = mli_alloc(r->alloc, capacity);
    if (bytes == NULL)
        return mli_no_memory(err);
    if (r->count > 0)
        copy_out(r, bytes, r->count);
    mli_free(r->alloc, r->bytes);
    r->bytes = bytes;
    r->capacity = capacity;
    r->first = 0;
    return MODELLAB_OK;
}

modellab_status mli_live_ring_put(mli_live_ring *ring, const void *data, size_t bytes,
                                  modellab_error *err)
{
    const unsigned char *from = data;

    if (bytes == 0)
        return MODELLAB_OK;
    if (ring->count + bytes > ring->capacity) {
        modellab_status status = grow(ring, ring->count + bytes, err);

        if (status != MODELLAB_OK)
            return status;
    }
    size_t at = (ring->first + ring->count) % ring->capacity;
    size_t whole = ring->capacity - at < bytes ? ring->capacity - at : bytes;

    memcpy(ring->bytes + at, from, whole);
    memcpy(ring->bytes, from + whole, bytes - whole);
    ring->count += bytes;
    return MODELLAB_OK;
}

size_t mli_live_ring_take(mli_live_ring *ring, void *out, size_t most, size_t unit)
{
    size_t bytes = ring->count < most ? ring->count : most;

    bytes -= bytes % unit;
    if (bytes > 0) {
        copy_out(ring, out, bytes);
        ring->first = (ring->first + bytes) % ring->capacity;
        ring->count -= bytes;
    }
    return bytes;
}
