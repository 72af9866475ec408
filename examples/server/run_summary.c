/* The members of a run's record that its summary has. */
#include "run_summary.h"

#include <string.h>

/* Members that are called the same in the record. */
static const char *const same[] = {
    "run_id",        "status",        "reason",      "pipeline",     "steps_requested",
    "user",          "priority",      "held",        "source",       "parent_run_id",
    "experiment_id", "candidate_id",  "request_id",  "requested_at", "started_at",
    "ended_at",      "queue_wait_ms", "duration_ms", "failure_step", "quality_flags",
    "labels"};

static json_t *record_of(const modellab_run *run)
{
    modellab_buffer *text = NULL;
    if (modellab_run_to_json(run, &text, NULL) != MODELLAB_OK)
        return NULL;
    json_t *record = json_loadb(modellab_buffer_data(text), modellab_buffer_size(text), 0, NULL);
    modellab_buffer_destroy(text);
    return record;
}

static json_t *number_or_null(double value)
{
    return value >= 0 ? json_real(value) : json_null();
}

static json_t *progress_of(const modellab_run_info *info)
{
    double done = info->progress_seconds, all = info->audio_seconds, eta = -1;
    if (info->started_ms < 0)
        return json_null();
    double fraction = done >= 0 && all > 0 ? (done < all ? done / all : 1) : -1;
    if (info->status == MODELLAB_RUN_COMPLETED)
        fraction = 1;
    if (info->status == MODELLAB_RUN_RUNNING && fraction > 0 && info->duration_ms > 0)
        eta = (double)info->duration_ms / 1000 * (1 - fraction) / fraction;
    return json_pack("{s:o, s:o, s:o}", "fraction", number_or_null(fraction), "seconds",
                     number_or_null(done), "eta_seconds",
                     modellab_run_status_is_final(info->status) ? json_null()
                                                                : number_or_null(eta));
}

static json_t *part_of(const json_t *from, const char *const *names, size_t count)
{
    json_t *part = json_is_object(from) ? json_object() : json_null();
    for (size_t i = 0; json_is_object(from) && i < count; i++) {
        json_t *value = json_object_get(from, names[i]);
        if (json_object_set(part, names[i], value != NULL ? value : json_null()) != 0) {
            json_decref(part);
            return NULL;
        }
    }
    return part;
}

json_t *run_summary(const modellab_run *run)
{
    static const char *const input[] = {"name", "sha256", "bytes", "audio_seconds"};
    static const char *const cost[] = {"micros", "currency", "estimated_micros"};
    modellab_run_info info = {.size = sizeof info};
    if (modellab_run_get_info(run, &info, NULL) != MODELLAB_OK)
        return NULL;
    json_t *record = record_of(run), *out = json_object();
    bool good = record != NULL && out != NULL;
    for (size_t i = 0; good && i < sizeof same / sizeof *same; i++) {
        json_t *value = json_object_get(record, same[i]);
        good = json_object_set(out, same[i], value != NULL ? value : json_null()) == 0;
    }
    good = good &&
           json_object_set_new(out, "model",
                               info.model[0] != '\0' ? json_string(info.model) : json_null()) == 0;
    good = good && json_object_set_new(out, "progress", progress_of(&info)) == 0;
    json_t *metadata = json_object_get(record, "input_metadata");
    good = good && json_object_set_new(out, "input",
                                       info.input_sha256[0] != '\0'
                                           ? part_of(metadata, input, sizeof input / sizeof *input)
                                           : json_null()) == 0;
    good = good && json_object_set_new(out, "cost",
                                       part_of(json_object_get(record, "cost"), cost,
                                               sizeof cost / sizeof *cost)) == 0;
    json_decref(record);
    if (!good) {
        json_decref(out);
        return NULL;
    }
    return out;
}
