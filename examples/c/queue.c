/* The queue: submit a held run, ask why it waits, move it to the head and release it.
 * queue FOLDER */
#include "example.h"

int main(int argc, char **argv)
{
    static unsigned char wav[44 + 32000];
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run_submit_options options = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    modellab_run_explanation place = {.size = sizeof place};
    modellab_cancel_outcome outcome = 0;
    modellab_buffer *json = NULL;
    modellab_lab *lab = NULL;
    char run_id[MODELLAB_RUN_ID_BYTES];

    must(modellab_lab_open(argc > 1 ? argv[1] : NULL, NULL, &lab, &err), &err, "lab");
    options.request = "{\"pipeline\": \"ingest\", \"hold\": true}";
    options.input_data = wav;
    options.input_bytes = make_wav(wav);
    must(modellab_run_submit(lab, &options, run_id, NULL, &err), &err, "submit");
    must(modellab_run_explain(lab, run_id, &place, &json, &err), &err, "explain");
    printf("%s: %s\n%s\n", modellab_wait_name(place.why), modellab_wait_text(place.why),
           modellab_buffer_data(json));
    modellab_buffer_destroy(json);

    must(modellab_run_hold(lab, run_id, &err), &err, "hold, once more");
    must(modellab_run_release(lab, run_id, &err), &err, "release");
    must(modellab_run_set_priority(lab, run_id, MODELLAB_PRIORITY_HEAD, &err), &err, "priority");
    must(modellab_run_explain(lab, run_id, &place, NULL, &err), &err, "explain");
    printf("%s, position %lld\n", modellab_wait_name(place.why), (long long)place.position);
    must(modellab_run_cancel(lab, run_id, &outcome, &err), &err, "cancel");
    modellab_lab_unref(lab);
    return place.why == MODELLAB_WAIT_NO_SUPERVISOR && place.position == 1 ? 0 : 1;
}
