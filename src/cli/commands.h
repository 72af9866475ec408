/* The functions behind the commands; each returns the exit code. */
#ifndef MLI_CLI_COMMANDS_H
#define MLI_CLI_COMMANDS_H

#include "cli/call.h"

int cli_transcribe(cli_call *call);
int cli_align(cli_call *call);
int cli_diarize(cli_call *call);
int cli_enhance(cli_call *call);
int cli_speak(cli_call *call);
int cli_run_submit(cli_call *call);
int cli_run_list(cli_call *call);
int cli_run_status(cli_call *call);
int cli_run_wait(cli_call *call);
int cli_run_results(cli_call *call);
int cli_run_events(cli_call *call);
int cli_run_cancel(cli_call *call);
int cli_run_bundle(cli_call *call);
int cli_run_import(cli_call *call);
int cli_run_verify(cli_call *call);
int cli_run_compare(cli_call *call);
int cli_run_explain(cli_call *call);
int cli_run_bump(cli_call *call);
int cli_run_hold(cli_call *call);
int cli_run_release(cli_call *call);
int cli_run_retry(cli_call *call);
int cli_run_rerun(cli_call *call);
int cli_experiment_create(cli_call *call);
int cli_experiment_start(cli_call *call);
int cli_experiment_status(cli_call *call);
int cli_experiment_wait(cli_call *call);
int cli_experiment_compare(cli_call *call);
int cli_experiment_cancel(cli_call *call);
int cli_experiment_list(cli_call *call);
int cli_experiment_show(cli_call *call);
int cli_experiment_delete(cli_call *call);
int cli_pipeline_list(cli_call *call);
int cli_pipeline_show(cli_call *call);
int cli_pipeline_validate(cli_call *call);
int cli_pipeline_resolve(cli_call *call);
int cli_pipeline_save(cli_call *call);
int cli_pipeline_delete(cli_call *call);
int cli_key_create(cli_call *call);
int cli_key_list(cli_call *call);
int cli_key_rotate(cli_call *call);
int cli_key_revoke(cli_call *call);
int cli_webhook_create(cli_call *call);
int cli_webhook_list(cli_call *call);
int cli_webhook_deliveries(cli_call *call);
int cli_webhook_test(cli_call *call);
int cli_webhook_enable(cli_call *call);
int cli_webhook_delete(cli_call *call);
int cli_supervise(cli_call *call);
int cli_models_list(cli_call *call);
int cli_models_pull(cli_call *call);
int cli_models_verify(cli_call *call);
int cli_models_import(cli_call *call);
int cli_models_remove(cli_call *call);
int cli_models_path(cli_call *call);
int cli_models_inspect(cli_call *call);
int cli_info(cli_call *call);
int cli_env(cli_call *call);
int cli_admin_health(cli_call *call);
int cli_admin_reconcile(cli_call *call);
int cli_admin_metrics(cli_call *call);
int cli_admin_doctor(cli_call *call);
int cli_admin_caps(cli_call *call);
int cli_estimate(cli_call *call);
int cli_admin_cleanup(cli_call *call);
int cli_admin_disk(cli_call *call);
int cli_score(cli_call *call);
int cli_completion(cli_call *call);
int cli_help(cli_call *call);
int cli_version(cli_call *call);

#endif
