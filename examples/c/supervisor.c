/* Supervisor in the host's own loop: the host polls one descriptor and steps; then it reads what
 * the run left behind.   supervisor FOLDER */
#include "example.h"
#include <poll.h>

static void show_results(modellab_lab *lab, const char *run_id)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run_info info = {.size = sizeof info};
    modellab_run *run = NULL, *again;

    must(modellab_run_load(lab, run_id, &run, &err), &err, "load");
    again = modellab_run_ref(run);
    must(modellab_run_get_info(again, &info, &err), &err, "info");
    printf("%s, reason %s (%s)%s\n", modellab_run_status_name(info.status),
           modellab_reason_name(info.reason), modellab_reason_text(info.reason),
           modellab_reason_is_recoverable(info.reason) ? ": may be tried again" : "");
    for (size_t i = 0; i < modellab_run_artifact_count(run); i++) {
        modellab_artifact_info artifact = {.size = sizeof artifact};

        must(modellab_run_artifact_at(run, i, &artifact, &err), &err, "artifact");
        printf("  %s (%s, %lld bytes)%s\n", artifact.name, artifact.media_type,
               (long long)artifact.bytes, artifact.is_late ? ", late" : "");
    }
    modellab_run_unref(again);
    modellab_run_unref(run);
}

int main(int argc, char **argv)
{
    static unsigned char wav[44 + 32000];
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_supervisor_options options = MODELLAB_SUPERVISOR_OPTIONS_INIT;
    modellab_run_submit_options request = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    modellab_drain_result drained = {.size = sizeof drained};
    modellab_supervisor *supervisor = NULL;
    modellab_lab *lab = NULL;
    modellab_run_status status = 0;
    char run_id[MODELLAB_RUN_ID_BYTES];

    must(modellab_lab_open(argc > 1 ? argv[1] : NULL, NULL, &lab, &err), &err, "lab");
    printf("requests follow a schema of %zu bytes\n", strlen(modellab_run_request_schema()));
    request.request = "{\"pipeline\": \"ingest\"}";
    request.input_data = wav;
    request.input_bytes = make_wav(wav);
    must(modellab_run_submit(lab, &request, run_id, NULL, &err), &err, "submit");

    options.only_run_id = run_id;
    must(modellab_supervisor_create(lab, &options, &supervisor, &err), &err, "supervisor");
    for (int turn = 0; turn < 6000 && !modellab_run_status_is_final(status); turn++) {
        struct pollfd ready = {modellab_supervisor_get_pollfd(supervisor), POLLIN, 0};
        int64_t next_ms = 0;

        must(modellab_supervisor_step(supervisor, 0, &next_ms, &err), &err, "step");
        (void)poll(&ready, 1, next_ms < 10 ? (int)next_ms : 10); /* the host's own loop */
        modellab_status asked = modellab_run_wait(lab, run_id, 0, NULL, &status, &err);
        if (asked != MODELLAB_E_TIMEOUT) {
            must(asked, &err, "wait");
        }
    }
    printf("%d runs at work before draining\n", modellab_supervisor_active_count(supervisor));
    must(modellab_supervisor_drain(supervisor, 5000, &drained, &err), &err, "drain");
    modellab_supervisor_destroy(supervisor);
    show_results(lab, run_id);
    modellab_lab_unref(lab);
    return status == MODELLAB_RUN_COMPLETED ? 0 : 1;
}
