/* What a lab takes on disk, and what a cleanup would take away.   retention FOLDER */
#include "example.h"

int main(int argc, char **argv)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_cleanup_options options = MODELLAB_CLEANUP_OPTIONS_INIT;
    modellab_cleanup_result result = {.size = sizeof result};
    modellab_disk_usage usage = {.size = sizeof usage};
    modellab_lab *lab = NULL;

    must(modellab_lab_open(argc > 1 ? argv[1] : NULL, NULL, &lab, &err), &err, "lab");
    must(modellab_lab_disk_usage(lab, &usage, &err), &err, "disk usage");
    printf("%lld runs, %lld bytes of inputs, %lld bytes of results\n", (long long)usage.runs,
           (long long)usage.input_bytes, (long long)usage.artifact_bytes);
    options.older_than_ms = (int64_t)30 * 24 * 3600 * 1000;
    options.what = MODELLAB_CLEANUP_RUNS | MODELLAB_CLEANUP_LEFTOVERS;
    options.dry_run = 1;
    must(modellab_lab_cleanup(lab, &options, &result, &err), &err, "cleanup");
    printf("a cleanup would take away %lld runs and %lld leftovers\n", (long long)result.runs,
           (long long)result.leftovers);
    modellab_lab_unref(lab);
    return 0;
}
