/* The comparison of measures with the caps of a request. */
#include "lab/caps.h"

/* Seconds to a unit of 1/scale seconds, clamped; a cap is never rounded up. */
static int64_t scaled(const mli_json *value, double scale)
{
    double seconds = mli_json_number(value, 0.0);
    double scaled_up = seconds * scale;
    if (!(scaled_up > 0.0)) {
        return 0;
    }
    return scaled_up >= 9.0e18 ? INT64_MAX : (int64_t)scaled_up;
}

void mli_caps_read(const mli_json *caps, mli_run_caps *out)
{
    out->cpu_ns = scaled(mli_json_get(caps, "cpu_seconds"), 1e9);
    out->wall_ms = scaled(mli_json_get(caps, "wall_seconds"), 1e3);
    out->audio_ms = scaled(mli_json_get(caps, "audio_seconds"), 1e3);
    out->peak_memory_bytes = mli_json_int(mli_json_get(caps, "peak_memory_bytes"), 0);
    out->api_calls = mli_json_int(mli_json_get(caps, "api_calls"), 0);
    if (out->api_calls == 0 &&
        mli_json_typeof(mli_json_get(caps, "api_calls")) == MLI_JSON_INTEGER) {
        out->api_calls = MLI_CAP_NO_CALLS;
    }
    out->cost_micros = mli_json_int(mli_json_get(caps, "cost_micros"), 0);
}

static bool above(int64_t cap, int64_t use)
{
    return cap > 0 && use > cap;
}

modellab_reason mli_caps_passed(const mli_run_caps *caps, const mli_run_use *use)
{
    if (above(caps->cost_micros, use->cost_micros)) {
        return MODELLAB_REASON_COST_CAP;
    }
    if (above(caps->cpu_ns, use->cpu_ns)) {
        return MODELLAB_REASON_CPU_CAP;
    }
    if (above(caps->peak_memory_bytes, use->memory_bytes)) {
        return MODELLAB_REASON_MEMORY_CAP;
    }
    if (above(caps->audio_ms, use->audio_ms)) {
        return MODELLAB_REASON_AUDIO_CAP;
    }
    bool calls = caps->api_calls == MLI_CAP_NO_CALLS ? use->api_calls > 0
                                                     : above(caps->api_calls, use->api_calls);
    return calls ? MODELLAB_REASON_API_CALLS_CAP : MODELLAB_REASON_NONE;
}
