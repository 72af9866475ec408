/* A file in pieces, and two runs of it.   upload FOLDER */
#include "example.h"
#include <string.h>

/* A second of silence, 16 kHz mono, as it would come from the network. */
static unsigned char wav[44 + 32000] = {'R', 'I', 'F',  'F',  0x24, 0x7d, 0,   0,    'W',  'A', 'V',
                                        'E', 'f', 'm',  't',  ' ',  16,   0,   0,    0,    1,   0,
                                        1,   0,   0x80, 0x3e, 0,    0,    0,   0x7d, 0,    0,   2,
                                        0,   16,  0,    'd',  'a',  't',  'a', 0,    0x7d, 0,   0};

int main(int argc, char **argv)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_upload_options options;
    modellab_upload_info info = {.size = sizeof info};
    modellab_upload *upload = NULL, *again = NULL;
    modellab_buffer *json = NULL;
    modellab_lab *lab = NULL;

    must(modellab_lab_open(argc > 1 ? argv[1] : NULL, NULL, &lab, &err), &err, "lab");
    modellab_upload_options_init(&options, sizeof options);
    options.name = "silence.wav";
    options.media_type = "audio/wav";
    options.bytes = sizeof wav;
    must(modellab_upload_begin(lab, &options, &upload, &err), &err, "begin");
    for (size_t at = 0; at < sizeof wav; at += 1000) {
        size_t rest = sizeof wav - at;
        must(modellab_upload_write(upload, wav + at, rest < 1000 ? rest : 1000, NULL, &err), &err,
             "write");
    }
    must(modellab_upload_finish(upload, NULL, &err), &err, "finish");
    must(modellab_upload_get_info(upload, &info, &err), &err, "info");
    printf("%s: %g s, %lld bytes\n", info.name, info.duration_seconds, (long long)info.bytes);
    for (int i = 0; i < 2; i++) {
        modellab_run_submit_options run = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
        char id[MODELLAB_RUN_ID_BYTES];
        run.request = "{\"pipeline\":\"ingest\"}";
        run.upload_id = info.id;
        must(modellab_run_submit(lab, &run, id, NULL, &err), &err, "submit");
        printf("run %s\n", id);
    }
    must(modellab_upload_list(lab, NULL, &json, &err), &err, "list");
    printf("%s\n", modellab_buffer_data(json));
    modellab_buffer_destroy(json);
    must(modellab_upload_load(lab, info.id, &again, &err), &err, "load"); /* by anybody */
    must(modellab_upload_to_json(again, &json, &err), &err, "facts");
    printf("%s\n", modellab_buffer_data(json));
    must(modellab_upload_delete(lab, info.id, &err), &err, "delete");
    modellab_buffer_destroy(json);
    modellab_upload_unref(again);
    modellab_upload_unref(upload);
    modellab_lab_unref(lab);
    return 0;
}
