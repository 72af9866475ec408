/* A managed run: submit, supervise in a thread of the library, wait, read the record and the
 * results; then the same once more, which takes over what is finished. run FOLDER */
#include "example.h"

/* Of an input that is copied into the lab; a token ends it from another thread, as here at the
 * second block. */
static int32_t stop_soon(void *user, int64_t done, int64_t total)
{
    printf("%lld of %lld bytes\n", (long long)done, (long long)total);
    modellab_cancel_set(user);
    return 0;
}

/* Nothing of a submission that was ended is stored. */
static int cancelled_submission(modellab_lab *lab, modellab_run_submit_options options)
{
    char run_id[MODELLAB_RUN_ID_BYTES];
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_cancel *cancel = NULL;

    must(modellab_cancel_create(NULL, &cancel, &err), &err, "token");
    options.cancel = cancel;
    options.progress = stop_soon;
    options.user = cancel;
    modellab_status status = modellab_run_submit(lab, &options, run_id, NULL, &err);
    modellab_cancel_unref(cancel);
    return status == MODELLAB_E_CANCELLED && run_id[0] == '\0';
}

int main(int argc, char **argv)
{
    static unsigned char wav[44 + 32000];
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run_submit_options options = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    modellab_estimate estimate = MODELLAB_ESTIMATE_INIT;
    modellab_supervisor *supervisor = NULL;
    modellab_lab *lab = NULL;
    modellab_run *run = NULL;
    modellab_report *report = NULL;
    modellab_buffer *json = NULL;
    modellab_run_info info = {.size = sizeof info};
    modellab_run_status status = 0;
    modellab_run_again_options again;
    char run_id[MODELLAB_RUN_ID_BYTES], child_id[MODELLAB_RUN_ID_BYTES],
        none[MODELLAB_RUN_ID_BYTES];

    must(modellab_lab_open(argc > 1 ? argv[1] : NULL, NULL, &lab, &err), &err, "lab");
    options.request = "{\"pipeline\": \"ingest\", \"max_duration_seconds\": 60}";
    options.input_data = wav;
    options.input_bytes = make_wav(wav);
    options.input_name = "tone.wav";
    options.request_id = "example-1";
    must(modellab_run_validate(lab, &options, &report, &err), &err, "validate");
    modellab_report_unref(report);
    must(modellab_run_estimate(lab, &options, &estimate, NULL, &err), &err, "estimate");
    printf("expected: %.3f s CPU, %.3f to %.3f\n", estimate.cpu_seconds, estimate.cpu_seconds_low,
           estimate.cpu_seconds_high);
    if (!cancelled_submission(lab, options)) {
        return 1;
    }
    must(modellab_run_submit(lab, &options, run_id, NULL, &err), &err, "submit");

    must(modellab_supervisor_create(lab, NULL, &supervisor, &err), &err, "supervisor");
    must(modellab_supervisor_start(supervisor, &err), &err, "start");
    must(modellab_run_wait(lab, run_id, 60000, NULL, &status, &err), &err, "wait");

    modellab_run_again_options_init(&again, sizeof again);
    again.overrides = "{\"priority\": \"high\", \"labels\": {\"again\": \"yes\"}}";
    must(modellab_run_rerun(lab, run_id, &again, child_id, NULL, &err), &err, "rerun");
    must(modellab_run_wait(lab, child_id, 60000, NULL, &status, &err), &err, "wait");
    if (modellab_run_retry(lab, child_id, NULL, none, &err) != MODELLAB_E_STATE) {
        return 1; /* a retry is for runs that ended badly */
    }
    modellab_supervisor_destroy(supervisor);

    must(modellab_run_load(lab, child_id, &run, &err), &err, "load");
    must(modellab_run_get_info(run, &info, &err), &err, "info");
    printf("run %s (%s): %s in %lld ms, %.3f s CPU, %.1f s audio %s\n", info.id, info.request_id,
           modellab_run_status_name(info.status), (long long)info.duration_ms, info.cpu_seconds,
           info.audio_seconds, info.message);
    for (size_t i = 0; i < modellab_run_step_count(run); i++) {
        modellab_step_info step = {.size = sizeof step};

        must(modellab_run_step_at(run, i, &step, &err), &err, "step");
        printf("  step %s: %s%s%s\n", step.name, modellab_run_status_name(step.status),
               step.reused_from[0] != '\0' ? ", taken over from run " : "", step.reused_from);
    }
    modellab_run_unref(run);

    must(modellab_run_verify(lab, run_id, NULL, &report, &err), &err, "verify");
    printf("%s\n", modellab_report_worst(report) < MODELLAB_SEVERITY_ERROR ? "intact" : "damaged");
    modellab_report_unref(report);
    must(modellab_run_compare(lab, run_id, run_id, NULL, &json, &err), &err, "compare");
    printf("%zu bytes of JSON say that a run is like itself\n", modellab_buffer_size(json));
    modellab_buffer_destroy(json);
    modellab_lab_unref(lab);
    return status == MODELLAB_RUN_COMPLETED ? 0 : 1;
}
