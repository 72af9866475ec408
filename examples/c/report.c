/* Report: what is wrong with a list of steps, with places and suggestions. */
#include "example.h"

int main(void)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_report *report = NULL;
    modellab_buffer *steps = NULL, *json = NULL;
    modellab_finding finding = MODELLAB_FINDING_INIT;

    if (modellab_pipeline_resolve("ingest,asrr", &steps, &report, &err) != MODELLAB_E_SCHEMA) {
        fprintf(stderr, "an unknown step was accepted\n");
        return 1;
    }
    for (size_t i = 0; i < modellab_report_count(report); i++) {
        must(modellab_report_at(report, i, &finding, &err), &err, "finding");
        printf("%s %s at '%s': %s\n", modellab_severity_name(finding.severity), finding.id,
               finding.pointer, finding.text);
    }
    must(modellab_report_to_json(report, &json, &err), &err, "json");
    puts(modellab_buffer_data(json));
    modellab_buffer_destroy(json);
    int found = modellab_report_worst(report) == MODELLAB_SEVERITY_ERROR;
    modellab_report *kept = modellab_report_ref(report); /* immutable: any thread may read it */
    modellab_report_unref(report);
    modellab_report_unref(kept);
    return found ? 0 : 1;
}
