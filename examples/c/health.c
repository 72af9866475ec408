/* Health and metrics of a lab.   health FOLDER */
#include "example.h"

int main(int argc, char **argv)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_health *health = NULL;
    modellab_health_options options = MODELLAB_HEALTH_OPTIONS_INIT;
    modellab_buffer *metrics = NULL;
    modellab_report *report = NULL;
    modellab_lab *lab = NULL;

    must(modellab_doctor_run(argc > 1 ? argv[1] : NULL, NULL, &report, &err), &err, "doctor");
    for (size_t i = 0; i < modellab_report_count(report); i++) {
        modellab_finding finding = MODELLAB_FINDING_INIT;

        must(modellab_report_at(report, i, &finding, &err), &err, "finding");
        if (finding.severity > MODELLAB_SEVERITY_INFO)
            printf("%s: %s\n", finding.id, finding.text);
    }
    modellab_report_unref(report);
    must(modellab_lab_open(argc > 1 ? argv[1] : NULL, NULL, &lab, &err), &err, "lab");
    must(modellab_health_run(lab, MODELLAB_HEALTH_LIVE, &health, &err), &err, "live");
    printf("live: %s\n", modellab_health_state_name(modellab_health_get_state(health)));
    modellab_health_unref(health);
    modellab_health_options_init(&options, sizeof options);
    options.wait_ms = 5000;
    options.max_age_ms = 1000; /* who asks often is told the same for a second */
    must(modellab_health_look(lab, &options, &health, &err), &err, "health");
    for (size_t i = 0; i < modellab_health_check_count(health); i++) {
        modellab_health_check_info check = {sizeof check, NULL, NULL, 0, 0, 0.0, 0};

        must(modellab_health_check_at(health, i, &check, &err), &err, "check");
        printf("%-16s %-12s %6.2f ms  %s%s\n", check.name, modellab_health_state_name(check.state),
               check.milliseconds, check.is_late ? "(late) " : "", check.message);
    }
    int critical = modellab_health_get_state(health) == MODELLAB_HEALTH_CRITICAL;
    must(modellab_metrics_write(lab, MODELLAB_METRICS_PROMETHEUS, &metrics, &err), &err, "metrics");
    fputs(modellab_buffer_data(metrics), stdout);
    modellab_buffer_destroy(metrics);
    modellab_health_unref(health);
    modellab_lab_unref(lab);
    return critical;
}
