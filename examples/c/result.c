/* What a reader wants of a run: here one that a host recorded.   result FOLDER */
#include "example.h"

static void show(modellab_status status, modellab_buffer **json, const modellab_error *err,
                 const char *what)
{
    must(status, err, what);
    printf("%s: %s\n", what, modellab_buffer_data(*json));
    modellab_buffer_destroy(*json);
}

int main(int argc, char **argv)
{
    static const char said[] =
        "{\"task\": \"transcribe\", \"language\": \"english\", \"duration\": 2, \"text\": \"\","
        " \"segments\": [{\"id\": 0, \"seek\": 0, \"start\": 0, \"end\": 2,"
        " \"text\": \" Nice to meet you.\", \"speaker\": \"A\"}]}";
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_search_options options;
    modellab_record *record = NULL;
    modellab_transcript *transcript = NULL;
    modellab_buffer *json = NULL;
    modellab_run *run = NULL;
    modellab_lab *lab = NULL;
    char run_id[MODELLAB_RUN_ID_BYTES];

    must(modellab_lab_open(argc > 1 ? argv[1] : NULL, NULL, &lab, &err), &err, "lab");
    must(modellab_record_begin(lab, NULL, &record, &err), &err, "record");
    snprintf(run_id, sizeof run_id, "%s", modellab_record_run_id(record));
    must(modellab_record_add_artifact(record, "transcript.json", "application/json", said,
                                      strlen(said), NULL, &err),
         &err, "transcript");
    must(modellab_record_finish(record, MODELLAB_RUN_COMPLETED, 0, NULL, &err), &err, "finish");
    modellab_record_destroy(record);

    must(modellab_note_put(lab, run_id, MODELLAB_NOTE_SPEAKERS, "{\"A\": \"Sheila\"}", 0, &err),
         &err, "names");
    must(modellab_run_transcript(lab, run_id, MODELLAB_TRANSCRIPT_WITH_NAMES, &transcript, &err),
         &err, "transcript");
    modellab_search_options_init(&options, sizeof options);
    show(modellab_transcript_search(transcript, "MEET  you", &options, &json, &err), &json, &err,
         "search");
    modellab_transcript_unref(transcript);
    show(modellab_run_speakers(lab, run_id, &json, &err), &json, &err, "speakers");
    show(modellab_run_results(lab, run_id, &json, &err), &json, &err, "results");
    must(modellab_run_load(lab, run_id, &run, &err), &err, "load");
    show(modellab_run_summary(run, &json, &err), &json, &err, "summary");
    modellab_run_unref(run);
    /* A recorded run has no waveform; one of the pipelines has when config.ingest.peaks asks. */
    int none = modellab_run_peaks(lab, run_id, 100, &json, &err) == MODELLAB_E_NOT_FOUND;
    modellab_lab_unref(lab);
    return none ? 0 : 1;
}
