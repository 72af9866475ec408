/* Caps: set by name from text, compared with measures and cost. */
#include "base/error.h"
#include "base/sized.h"
#include "base/str.h"
#include "track/price.h"
#include "track/tracker.h"
#include <math.h>
#include <string.h>

static const struct cap_name {
    const char *name;
    int32_t bit;
} names[] = {{"cpu_seconds", MODELLAB_CAP_CPU_SECONDS},
             {"wall_seconds", MODELLAB_CAP_WALL_SECONDS},
             {"peak_memory_bytes", MODELLAB_CAP_PEAK_MEMORY_BYTES},
             {"audio_seconds", MODELLAB_CAP_AUDIO_SECONDS},
             {"api_calls", MODELLAB_CAP_API_CALLS},
             {"cost", MODELLAB_CAP_COST}};
#define NAMES (sizeof names / sizeof names[0])
#define CAPS_FIRST MLI_SIZE_UP_TO(modellab_caps, cost_micros)

const char *mli_cap_name(int32_t cap)
{
    for (size_t i = 0; i < NAMES; i++)
        if (names[i].bit == cap)
            return names[i].name;
    return "unknown";
}

MODELLAB_MUST_CHECK static modellab_status unknown_name(const char *name, modellab_error *err)
{
    const char *best = NULL;
    size_t least = 4;
    for (size_t i = 0; i < NAMES; i++) {
        size_t d = mli_edit_distance(name, names[i].name, 3);
        if (d < least) {
            least = d;
            best = names[i].name;
        }
    }
    if (best != NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "there is no cap named %.40s (did you mean %s?)", name, best);
    return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                    "there is no cap named %.40s (there are cpu_seconds, wall_seconds, "
                    "peak_memory_bytes, audio_seconds, api_calls, cost)",
                    name);
}

/* A number of seconds ("1.5"), or a duration with units ("10m"). */
static bool read_seconds(const char *text, double *out)
{
    int64_t ms;
    if (mli_parse_f64(text, out))
        return *out >= 0;
    if (!mli_parse_duration_ms(text, &ms))
        return false;
    *out = (double)ms / 1000.0;
    return true;
}

modellab_status mli_caps_set(modellab_caps *caps, const char *name, const char *value,
                             modellab_error *err)
{
    modellab_caps c = MODELLAB_CAPS_INIT;
    int32_t bit = 0;
    bool ok = false;
    modellab_status status = mli_sized_in(&c, sizeof c, CAPS_FIRST, caps, err);
    if (status != MODELLAB_OK)
        return status;
    for (size_t i = 0; i < NAMES; i++)
        if (strcmp(names[i].name, name) == 0)
            bit = names[i].bit;
    if (bit == 0)
        return unknown_name(name, err);
    switch (bit) {
    case MODELLAB_CAP_CPU_SECONDS:
        ok = read_seconds(value, &c.cpu_seconds);
        break;
    case MODELLAB_CAP_WALL_SECONDS:
        ok = read_seconds(value, &c.wall_seconds);
        break;
    case MODELLAB_CAP_AUDIO_SECONDS:
        ok = read_seconds(value, &c.audio_seconds);
        break;
    case MODELLAB_CAP_PEAK_MEMORY_BYTES:
        ok = mli_parse_bytes(value, &c.peak_memory_bytes);
        break;
    case MODELLAB_CAP_API_CALLS:
        ok = mli_parse_i64(value, 0, INT64_MAX, &c.api_calls);
        break;
    default:
        ok = mli_decimal_parse(value, 6, &c.cost_micros);
    }
    if (!ok)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the value of cap %s is not valid", name);
    c.set |= bit;
    return mli_sized_out(caps, &c, sizeof c, CAPS_FIRST, err);
}

MODELLAB_MUST_CHECK static modellab_status exceeded(int32_t bit, double used, double allowed,
                                                    modellab_error *err)
{
    char use[40], limit[40];
    (void)mli_format_f64(use, sizeof use, floor(used * 1e6 + 0.5) / 1e6); /* fits: see base/str.h */
    (void)mli_format_f64(limit, sizeof limit, allowed);
    return mli_fail_at(err, MODELLAB_E_CAP_EXCEEDED, bit, "the cap %s is exceeded: %s of %s",
                       mli_cap_name(bit), use, limit);
}

modellab_status mli_caps_check(const modellab_caps *caps, const modellab_measures *measures,
                               int64_t cost_micros, modellab_error *err)
{
    modellab_caps c = MODELLAB_CAPS_INIT;
    modellab_measures m = MODELLAB_MEASURES_INIT;
    modellab_status status = mli_sized_in(&c, sizeof c, CAPS_FIRST, caps, err);
    if (status == MODELLAB_OK)
        status = mli_sized_in(&m, sizeof m, MLI_MEASURES_FIRST, measures, err);
    if (status != MODELLAB_OK)
        return status;
    if ((c.set & MODELLAB_CAP_CPU_SECONDS) && m.cpu_seconds > c.cpu_seconds)
        return exceeded(MODELLAB_CAP_CPU_SECONDS, m.cpu_seconds, c.cpu_seconds, err);
    if ((c.set & MODELLAB_CAP_WALL_SECONDS) && m.wall_seconds > c.wall_seconds)
        return exceeded(MODELLAB_CAP_WALL_SECONDS, m.wall_seconds, c.wall_seconds, err);
    if ((c.set & MODELLAB_CAP_AUDIO_SECONDS) && m.audio_seconds > c.audio_seconds)
        return exceeded(MODELLAB_CAP_AUDIO_SECONDS, m.audio_seconds, c.audio_seconds, err);
    if ((c.set & MODELLAB_CAP_PEAK_MEMORY_BYTES) && m.peak_memory_bytes > c.peak_memory_bytes)
        return exceeded(MODELLAB_CAP_PEAK_MEMORY_BYTES, (double)m.peak_memory_bytes,
                        (double)c.peak_memory_bytes, err);
    if ((c.set & MODELLAB_CAP_API_CALLS) && m.api_calls > c.api_calls)
        return exceeded(MODELLAB_CAP_API_CALLS, (double)m.api_calls, (double)c.api_calls, err);
    if ((c.set & MODELLAB_CAP_COST) && cost_micros > c.cost_micros)
        return exceeded(MODELLAB_CAP_COST, (double)cost_micros / 1e6, (double)c.cost_micros / 1e6,
                        err);
    return MODELLAB_OK;
}
