/* Composing and reading of time maps. */
#include "speech/time_map.h"

#include "base/alloc.h"
#include "base/error.h"

MODELLAB_MUST_CHECK static modellab_status add(mli_time_map *map, mli_time_piece piece,
                                               modellab_error *err)
{
    if (map->count == map->capacity) {
        size_t capacity = map->capacity == 0 ? 16 : 2 * map->capacity;
        mli_time_piece *more = mli_realloc_array(map->alloc, map->pieces, capacity, sizeof *more);
        if (more == NULL)
            return mli_no_memory(err);
        map->pieces = more;
        map->capacity = capacity;
    }
    map->pieces[map->count++] = piece;
    return MODELLAB_OK;
}

modellab_status mli_time_map_init(mli_time_map *map, const modellab_allocator *alloc,
                                  modellab_error *err)
{
    *map = (mli_time_map){.alloc = alloc};
    return add(map, (mli_time_piece){0.0, 0.0, 1.0}, err);
}

void mli_time_map_dispose(mli_time_map *map)
{
    mli_free(map->alloc, map->pieces);
    map->pieces = NULL;
    map->count = map->capacity = 0;
}

void mli_time_map_speed(mli_time_map *map, double factor)
{
    for (size_t i = 0; i < map->count; i++) {
        map->pieces[i].start /= factor;
        map->pieces[i].slope *= factor;
    }
    map->moved = true;
}

static double along(const mli_time_piece *piece, double t)
{
    return piece->origin + (t - piece->start) * piece->slope;
}

modellab_status mli_time_map_keep(mli_time_map *map, const mli_time_span *spans, size_t count,
                                  modellab_error *err)
{
    mli_time_map made = {.alloc = map->alloc, .moved = true};
    modellab_status status = MODELLAB_OK;
    double at = 0.0; /* in the audio that is left */
    size_t piece = 0;

    for (size_t i = 0; status == MODELLAB_OK && i < count; i++) {
        double t = spans[i].start;
        while (status == MODELLAB_OK && t < spans[i].end) {
            while (piece + 1 < map->count && map->pieces[piece + 1].start <= t)
                piece++;
            const mli_time_piece *p = &map->pieces[piece];
            double end = spans[i].end;
            if (piece + 1 < map->count && map->pieces[piece + 1].start < end)
                end = map->pieces[piece + 1].start;
            status = add(&made, (mli_time_piece){at, along(p, t), p->slope}, err);
            at += end - t;
            t = end;
        }
    }
    if (status == MODELLAB_OK && made.count == 0)
        status = add(&made, (mli_time_piece){0.0, 0.0, 1.0}, err);
    if (status != MODELLAB_OK) {
        mli_time_map_dispose(&made);
        return status;
    }
    mli_time_map_dispose(map);
    *map = made;
    return MODELLAB_OK;
}

double mli_time_map_back(const mli_time_map *map, double t, bool end)
{
    size_t low = 0, high = map->count;

    /* times that were rounded to milliseconds still belong to their side of the cut */
    double looked = end ? t - 0.0005 : t + 0.0005;
    while (low + 1 < high) {
        size_t middle = low + (high - low) / 2;
        if (map->pieces[middle].start <= looked)
            low = middle;
        else
            high = middle;
    }
    if (map->count == 0)
        return t;
    double back = along(&map->pieces[low], t);
    /* before a cut nothing lies beyond it */
    if (end && low + 1 < map->count && t > map->pieces[low + 1].start)
        back = along(&map->pieces[low], map->pieces[low + 1].start);
    return back > 0.0 ? back : 0.0;
}

double mli_time_map_forward(const mli_time_map *map, double t)
{
    size_t low = 0, high = map->count;

    while (low + 1 < high) {
        size_t middle = low + (high - low) / 2;
        if (map->pieces[middle].origin <= t)
            low = middle;
        else
            high = middle;
    }
    if (map->count == 0)
        return t;
    const mli_time_piece *piece = &map->pieces[low];
    double now = piece->start + (t - piece->origin) / piece->slope;
    if (low + 1 < map->count && now > map->pieces[low + 1].start)
        now = map->pieces[low + 1].start;
    return now > 0.0 ? now : 0.0;
}
