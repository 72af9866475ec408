/* A queue of bytes with a bound: it grows to that and no further. Not locked. */
#ifndef MLI_API_LIVE_RING_H
#define MLI_API_LIVE_RING_H

#include <modellab/alloc.h>
#include <modellab/status.h>

typedef struct mli_live_ring {
    const modellab_allocator *alloc;
    unsigned char *bytes;
    size_t most, capacity, first, count; /* most: the bound; capacity: what it has memory for */
} mli_live_ring;

void mli_live_ring_init(mli_live_ring *ring, const modellab_allocator *alloc, size_t most);
void mli_live_ring_dispose(mli_live_ring *ring);
size_t mli_live_ring_room(const mli_live_ring *ring);
/* At most mli_live_ring_room() of them. E_NO_MEMORY: nothing was put. */
MODELLAB_MUST_CHECK modellab_status mli_live_ring_put(mli_live_ring *ring, const void *data,
                                                      size_t bytes, modellab_error *err);
/* Takes whole units of `unit` bytes, at most `most` bytes of them; how many bytes. */
size_t mli_live_ring_take(mli_live_ring *ring, void *out, size_t most, size_t unit);

#endif
