/* Names for the speakers of a run, kept beside it.   note FOLDER */
#include "example.h"

int main(int argc, char **argv)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_record *record = NULL;
    modellab_buffer *note = NULL;
    modellab_lab *lab = NULL;
    char run_id[MODELLAB_RUN_ID_BYTES];

    must(modellab_lab_open(argc > 1 ? argv[1] : NULL, NULL, &lab, &err), &err, "lab");
    must(modellab_record_begin(lab, NULL, &record, &err), &err, "record");
    snprintf(run_id, sizeof run_id, "%s", modellab_record_run_id(record));
    must(modellab_record_finish(record, MODELLAB_RUN_COMPLETED, 0, NULL, &err), &err, "finish");
    modellab_record_destroy(record);

    must(modellab_note_put(lab, run_id, MODELLAB_NOTE_SPEAKERS, "{\"A\": \"Diane\"}", 0, &err),
         &err, "names");
    must(modellab_note_load(lab, run_id, MODELLAB_NOTE_SPEAKERS, &note, NULL, &err), &err, "load");
    puts(modellab_buffer_data(note));
    modellab_buffer_destroy(note);
    must(modellab_note_list(lab, run_id, &note, &err), &err, "list");
    puts(modellab_buffer_data(note));
    modellab_buffer_destroy(note);
    must(modellab_note_remove(lab, run_id, MODELLAB_NOTE_SPEAKERS, &err), &err, "remove");
    modellab_lab_unref(lab);
    return 0;
}
