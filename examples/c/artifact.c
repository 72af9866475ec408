/* A file of a run in pieces, as a front-end sends it on.   artifact FOLDER */
#include "example.h"

int main(int argc, char **argv)
{
    static unsigned char wav[44 + 32000];
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run_submit_options options = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    modellab_artifact_info info = {.size = sizeof info};
    modellab_artifact *input = NULL;
    modellab_lab *lab = NULL;
    char run_id[MODELLAB_RUN_ID_BYTES], piece[4096];
    size_t got = 1;
    int64_t at = 0;

    must(modellab_lab_open(argc > 1 ? argv[1] : NULL, NULL, &lab, &err), &err, "lab");
    options.request = "{\"pipeline\": \"ingest\"}";
    options.input_data = wav;
    options.input_bytes = make_wav(wav);
    must(modellab_run_submit(lab, &options, run_id, NULL, &err), &err, "submit");

    must(modellab_artifact_open(lab, run_id, MODELLAB_ARTIFACT_INPUT, &input, &err), &err, "open");
    must(modellab_artifact_get_info(input, &info, &err), &err, "facts");
    printf("%s: %lld bytes, %s, sha256 %s\n", info.name, (long long)info.bytes, info.media_type,
           info.sha256);
    must(modellab_artifact_verify(input, NULL, &err), &err, "verify");
    while (got > 0) { /* in order, so that the end fails when a byte is not what was recorded */
        must(modellab_artifact_read(input, at, piece, sizeof piece, &got, &err), &err, "read");
        at += (int64_t)got;
    }
    modellab_artifact_close(input);
    modellab_lab_unref(lab);
    return at == info.bytes ? 0 : 1;
}
