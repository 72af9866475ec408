/* Lab: opens (and makes) a lab with a logger, reconciles it, lists its newest runs.   lab FOLDER */
#include "example.h"

int main(int argc, char **argv)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_lab_options options = MODELLAB_LAB_OPTIONS_INIT;
    modellab_run_filter filter = MODELLAB_RUN_FILTER_INIT;
    modellab_run_list *runs = NULL;
    modellab_run_info info = {.size = sizeof info};
    modellab_report *report = NULL;
    modellab_lab *lab = NULL;

    must(modellab_lab_open(argc > 1 ? argv[1] : NULL, &options, &lab, &err), &err, "lab");
    printf("records are kept below %s path\n",
           modellab_lab_root(lab)[0] == '/' ? "an absolute" : "no");
    modellab_lab *held = modellab_lab_ref(lab); /* any thread may use it */
    must(modellab_lab_reconcile(lab, MODELLAB_RECONCILE_DRY_RUN, &report, &err), &err, "reconcile");
    printf("%zu findings\n", modellab_report_count(report));
    filter.limit = 10;
    must(modellab_run_list_load(lab, &filter, &runs, &err), &err, "list");
    for (size_t i = 0; i < modellab_run_list_count(runs); i++) {
        must(modellab_run_get_info(modellab_run_list_at(runs, i), &info, &err), &err, "info");
        printf("%s %s\n", info.id, modellab_run_status_name(info.status));
    }
    modellab_run_list_unref(runs);
    modellab_report_unref(report);
    modellab_lab_unref(held);
    modellab_lab_unref(lab);
    return 0;
}
