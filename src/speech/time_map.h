/* Where the moments of changed audio lay in the original: pieces of straight line. Silence that was
 * cut out and another speed move time; whatever is found in the changed audio is brought back. */
#ifndef MLI_SPEECH_TIME_MAP_H
#define MLI_SPEECH_TIME_MAP_H

#include <modellab/alloc.h>
#include <modellab/status.h>
#include <stdbool.h>

/* From `start` on (seconds of the changed audio) the original is `origin` + (t - start) * slope. */
typedef struct mli_time_piece {
    double start, origin, slope;
} mli_time_piece;

typedef struct mli_time_map {
    const modellab_allocator *alloc; /* borrowed */
    mli_time_piece *pieces;          /* by start; the first starts at 0 */
    size_t count, capacity;
    bool moved; /* false: it is the identity */
} mli_time_map;

/* A part of the audio that was kept, seconds. */
typedef struct mli_time_span {
    double start, end;
} mli_time_span;

/* The identity. */
MODELLAB_MUST_CHECK modellab_status mli_time_map_init(mli_time_map *map,
                                                      const modellab_allocator *alloc,
                                                      modellab_error *err);
void mli_time_map_dispose(mli_time_map *map);
/* The changed audio is played `factor` times as fast. */
void mli_time_map_speed(mli_time_map *map, double factor);
/* Only these spans of the changed audio are left, put together: in order, apart. */
MODELLAB_MUST_CHECK modellab_status mli_time_map_keep(mli_time_map *map, const mli_time_span *spans,
                                                      size_t count, modellab_error *err);
/* The original time of `t`. Where a cut lies, there are two: `end` takes the one before the cut, so
 * that an end of something stays with it. */
double mli_time_map_back(const mli_time_map *map, double t, bool end);
/* Where a moment of the original lies now; what was cut out lies where the cut is. */
double mli_time_map_forward(const mli_time_map *map, double t);

#endif
