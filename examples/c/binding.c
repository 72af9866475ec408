/* Bindings: a language that sees no macros fills structs by their functions; `size` is the size
 * that the binding was written for. */
#include "example.h"

typedef union any_struct {
    modellab_asr_options asr;
    modellab_audio_options audio;
    modellab_caps caps;
    modellab_cleanup_options cleanup;
    modellab_catalog_options catalog;
    modellab_cost cost;
    modellab_error error;
    modellab_estimate estimate;
    modellab_key_options key;
    modellab_lab_options lab;
    modellab_log_record log_record;
    modellab_logger_options logger;
    modellab_measures measures;
    modellab_model_options model;
    modellab_pull_options pull;
    modellab_rate_options rate;
    modellab_record_options record;
    modellab_run_filter filter;
    modellab_run_submit_options submit;
    modellab_supervisor_options supervisor;
    modellab_tracker_options tracker;
    modellab_webhook_options webhook;
} any_struct;

static int wrong;

#define FILL(function, member)                                                                     \
    do {                                                                                           \
        function(&s.member, sizeof s.member);                                                      \
        printf("%-34s %3zu bytes\n", #function, s.member.size);                                    \
        wrong += s.member.size != sizeof s.member;                                                 \
    } while (0)

int main(void)
{
    any_struct s;

    FILL(modellab_asr_options_init, asr);
    FILL(modellab_audio_options_init, audio);
    FILL(modellab_caps_init, caps);
    FILL(modellab_catalog_options_init, catalog);
    FILL(modellab_cleanup_options_init, cleanup);
    FILL(modellab_cost_init, cost);
    FILL(modellab_error_init, error);
    FILL(modellab_estimate_init, estimate);
    FILL(modellab_key_options_init, key);
    FILL(modellab_lab_options_init, lab);
    FILL(modellab_log_record_init, log_record);
    FILL(modellab_logger_options_init, logger);
    FILL(modellab_measures_init, measures);
    FILL(modellab_model_options_init, model);
    FILL(modellab_pull_options_init, pull);
    FILL(modellab_rate_options_init, rate);
    FILL(modellab_record_options_init, record);
    FILL(modellab_run_filter_init, filter);
    FILL(modellab_run_submit_options_init, submit);
    FILL(modellab_supervisor_options_init, supervisor);
    FILL(modellab_tracker_options_init, tracker);
    FILL(modellab_webhook_options_init, webhook);
    return wrong == 0 ? 0 : 1;
}
