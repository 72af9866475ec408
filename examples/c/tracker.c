/* Tracker: nested spans of work with their measures. What could not be measured prints as -1. */
#include "example.h"

int main(void)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_tracker *tracker = NULL;
    modellab_span outer = 0, inner = 0;
    modellab_measures measures = MODELLAB_MEASURES_INIT;
    modellab_buffer *json = NULL;
    volatile double sum = 0.0;

    must(modellab_tracker_create(NULL, &tracker, &err), &err, "tracker");
    must(modellab_span_begin(tracker, MODELLAB_SPAN_ROOT, "transcribe", &outer, &err), &err,
         "span");
    must(modellab_span_begin(tracker, outer, "encoder", &inner, &err), &err, "span");
    for (int i = 1; i < 2000000; i++) {
        sum += 1.0 / i;
    }
    must(modellab_span_add(tracker, inner, 30.0, 1, &err), &err, "add");
    must(modellab_span_end(tracker, inner, &measures, &err), &err, "end");
    printf("%.3f s wall, %.3f s CPU, %.0f s audio, GPU %.0f, peak %lld bytes\n",
           measures.wall_seconds, measures.cpu_seconds, measures.audio_seconds,
           measures.gpu_seconds, (long long)measures.peak_memory_bytes);
    must(modellab_span_end(tracker, outer, NULL, &err), &err, "end");
    must(modellab_span_get_measures(tracker, MODELLAB_SPAN_ROOT, &measures, &err), &err, "totals");
    modellab_tracker *shared = modellab_tracker_ref(tracker);
    for (size_t i = 0; i < modellab_tracker_span_count(shared); i++) {
        modellab_span_info span = {.size = sizeof span};

        must(modellab_tracker_span_at(shared, i, &span, &err), &err, "span");
        printf("%*s%s: %.3f s CPU\n", (int)span.depth, "", span.name, span.cpu_seconds);
    }
    modellab_tracker_unref(shared);
    must(modellab_tracker_to_json(tracker, &json, &err), &err, "json");
    puts(modellab_buffer_data(json));
    modellab_buffer_destroy(json);
    modellab_tracker_unref(tracker);
    return measures.cpu_seconds > 0.0 ? 0 : 1;
}
