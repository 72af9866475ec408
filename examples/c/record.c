/* A recorded run: the host does its own work; the lab records it with ids, spans, an artifact and a
 * status. record FOLDER */
#include "example.h"

int main(int argc, char **argv)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_record_options options = MODELLAB_RECORD_OPTIONS_INIT;
    modellab_record *record = NULL;
    modellab_lab *lab = NULL;
    modellab_span span = 0;
    modellab_run *run = NULL;
    modellab_buffer *json = NULL, *artifact = NULL;
    char run_id[MODELLAB_RUN_ID_BYTES], artifact_id[MODELLAB_RUN_ID_BYTES];
    volatile double sum = 0.0;

    must(modellab_lab_open(argc > 1 ? argv[1] : NULL, NULL, &lab, &err), &err, "lab");
    options.pipeline = "my_denoiser";
    options.request_id = "example-2";
    options.audio_seconds = 30.0;
    must(modellab_record_begin(lab, &options, &record, &err), &err, "begin");
    (void)snprintf(run_id, sizeof run_id, "%s", modellab_record_run_id(record));
    modellab_logger_write(modellab_record_logger(record), MODELLAB_LOG_INFO, "denoise.start",
                          "begins");

    must(modellab_record_step_begin(record, "denoise", &err), &err, "step");
    must(modellab_span_begin(modellab_record_tracker(record), MODELLAB_SPAN_ROOT, "filter", &span,
                             &err),
         &err, "span");
    for (int i = 1; i < 2000000; i++) {
        sum += 1.0 / i;
    }
    must(modellab_span_end(modellab_record_tracker(record), span, NULL, &err), &err, "span end");
    must(modellab_record_check(record, &err), &err, "check");
    modellab_record_progress(record, 30.0);
    must(modellab_record_tell(record, "{\"pages_done\": 3}", &err), &err, "tell");
    must(modellab_record_add_artifact(record, "notes.txt", "text/plain", "clean\n", 6, artifact_id,
                                      &err),
         &err, "artifact");
    must(modellab_record_step_end(record, MODELLAB_RUN_COMPLETED, NULL, &err), &err, "step end");
    must(modellab_record_finish(record, MODELLAB_RUN_COMPLETED, MODELLAB_REASON_NONE, NULL, &err),
         &err, "finish");
    modellab_record_destroy(record);

    must(modellab_run_load(lab, run_id, &run, &err), &err, "load");
    must(modellab_run_to_json(run, &json, &err), &err, "json");
    puts(modellab_buffer_data(json));
    must(modellab_run_read_artifact(lab, run_id, artifact_id, 1000, &artifact, &err), &err,
         "artifact");
    int same = strcmp(modellab_buffer_data(artifact), "clean\n") == 0;
    modellab_buffer_destroy(artifact);
    modellab_buffer_destroy(json);
    modellab_run_unref(run);
    modellab_lab_unref(lab);
    return same ? 0 : 1;
}
