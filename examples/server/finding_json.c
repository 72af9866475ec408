/* Findings, in the order in which they were found. */
#include "finding_json.h"

json_t *findings_json(const modellab_report *report)
{
    json_t *all = json_array();
    for (size_t i = 0; all != NULL && i < modellab_report_count(report); i++) {
        modellab_finding f = {.size = sizeof f};
        if (modellab_report_at(report, i, &f, NULL) != MODELLAB_OK ||
            json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:s}", "id", f.id, "severity",
                                                 modellab_severity_name(f.severity), "pointer",
                                                 f.pointer, "text", f.text)) != 0) {
            json_decref(all);
            return NULL;
        }
    }
    return all;
}
