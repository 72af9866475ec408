/* An experiment: one input, two candidates, their runs, and what is to be said of them.
 * experiment FOLDER */
#include "example.h"

static const char document[] =
    "{\"name\": \"levels\", \"inputs\": [{\"file\": \"tone.wav\"}],"
    " \"candidates\": ["
    "  {\"name\": \"as_it_is\", \"request\": {\"pipeline\": \"ingest\"}},"
    "  {\"name\": \"evened\", \"request\": {\"pipeline\": \"ingest\","
    "   \"preprocessing\": [\"normalize_volume()\"]}}]}";

static void write_tone(const char *folder)
{
    static unsigned char wav[44 + 32000];
    char path[1024];
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/tone.wav", folder);
    file = fopen(path, "wb");
    if (file == NULL || fwrite(wav, 1, make_wav(wav), file) != sizeof wav || fclose(file) != 0) {
        exit(EXIT_FAILURE);
    }
}

static void print(modellab_buffer *json)
{
    printf("%s\n", modellab_buffer_data(json));
    modellab_buffer_destroy(json);
}

int main(int argc, char **argv)
{
    const char *folder = argc > 1 ? argv[1] : ".";
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_experiment_options options;
    modellab_supervisor *supervisor = NULL;
    modellab_lab *lab = NULL;
    modellab_report *report = NULL;
    modellab_buffer *json = NULL;
    char id[MODELLAB_EXPERIMENT_ID_BYTES], again[MODELLAB_EXPERIMENT_ID_BYTES];
    int64_t asked = 0;

    printf("%zu bytes of schema\n", strlen(modellab_experiment_schema()));
    must(modellab_lab_open(folder, NULL, &lab, &err), &err, "lab");
    write_tone(folder);
    modellab_experiment_options_init(&options, sizeof options);
    options.document = document;
    options.folder = folder;
    must(modellab_experiment_create(lab, &options, id, &report, &err), &err, "create");
    modellab_report_unref(report);
    must(modellab_experiment_create(lab, &options, again, NULL, &err), &err, "create again");
    if (strcmp(id, again) != 0) {
        return 1; /* the same document is the same experiment */
    }
    must(modellab_experiment_start(lab, id, NULL, NULL, &err), &err, "start");
    must(modellab_supervisor_create(lab, NULL, &supervisor, &err), &err, "supervisor");
    must(modellab_supervisor_start(supervisor, &err), &err, "supervise");
    for (modellab_run_status status = 0; status == 0;) { /* until none is left in the queue */
        modellab_run_filter filter = MODELLAB_RUN_FILTER_INIT;
        modellab_run_list *list = NULL;

        must(modellab_run_list_load(lab, &filter, &list, &err), &err, "runs");
        for (size_t i = 0; i < modellab_run_list_count(list); i++) {
            modellab_run_info info = {.size = sizeof info};

            must(modellab_run_get_info(modellab_run_list_at(list, i), &info, &err), &err, "run");
            must(modellab_run_wait(lab, info.id, 60000, NULL, &status, &err), &err, "wait");
            printf("%s: %s\n", info.candidate, modellab_run_status_name(status));
        }
        modellab_run_list_unref(list);
    }
    must(modellab_experiment_status(lab, id, &json, &err), &err, "status");
    print(json);
    must(modellab_experiment_compare(lab, id, NULL, &json, &err), &err, "compare");
    print(json);
    must(modellab_experiment_list(lab, &json, &err), &err, "list");
    print(json);
    must(modellab_experiment_load(lab, id, &json, &err), &err, "load");
    print(json);
    must(modellab_experiment_cancel(lab, id, &asked, &err), &err, "cancel");
    printf("%lld runs had not ended\n", (long long)asked);
    must(modellab_experiment_delete(lab, id, &err), &err, "delete");
    modellab_supervisor_destroy(supervisor);
    modellab_lab_unref(lab);
    return 0;
}
