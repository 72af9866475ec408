/* A run goes from one lab into another.   bundle FOLDER */
#include "example.h"

int main(int argc, char **argv)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_record_options options = MODELLAB_RECORD_OPTIONS_INIT;
    modellab_record *record = NULL;
    modellab_lab *lab = NULL, *other = NULL;
    char path[512], run_id[MODELLAB_RUN_ID_BYTES], imported[MODELLAB_RUN_ID_BYTES];
    const char *folder = argc > 1 ? argv[1] : "bundle-example";

    must(modellab_lab_open(folder, NULL, &lab, &err), &err, "lab");
    must(modellab_record_begin(lab, &options, &record, &err), &err, "record");
    snprintf(run_id, sizeof run_id, "%s", modellab_record_run_id(record));
    must(modellab_record_finish(record, MODELLAB_RUN_COMPLETED, 0, NULL, &err), &err, "finish");
    modellab_record_destroy(record);

    snprintf(path, sizeof path, "%s/%s.zip", folder, run_id);
    must(modellab_run_bundle(lab, run_id, path, 0, NULL, &err), &err, "bundle");
    snprintf(path, sizeof path, "%s-other", folder);
    must(modellab_lab_open(path, NULL, &other, &err), &err, "other lab");
    snprintf(path, sizeof path, "%s/%s.zip", folder, run_id);
    must(modellab_run_import(other, path, NULL, imported, &err), &err, "import");
    printf("run %s is in both labs\n", imported);
    modellab_lab_unref(other);
    modellab_lab_unref(lab);
    return strcmp(run_id, imported) != 0;
}
