/* Every public function with NULL for each pointer: an error or a neutral answer, never a crash,
 * and outputs that are reset. The test abi_arguments sees that no function is left out here. */
#include "unit/unit.h"

#include <modellab/modellab.h>

static modellab_error err;
static int some; /* an address that no call may follow */

/* The call refuses, and says why. */
#define REFUSES(call)                                                                              \
    do {                                                                                           \
        modellab_error_init(&err, sizeof err);                                                     \
        assert_int_equal(call, MODELLAB_E_INVALID_ARGUMENT);                                       \
        assert_int_equal(err.code, MODELLAB_E_INVALID_ARGUMENT);                                   \
        assert_true(err.message[0] != '\0');                                                       \
    } while (0)
/* Refuses, and resets the output. */
#define RESETS(call)                                                                               \
    do {                                                                                           \
        out = (void *)&some;                                                                       \
        REFUSES(call);                                                                             \
        assert_null(out);                                                                          \
    } while (0)

static void engines(void **state)
{
    void *out;
    float sample = 0.0f;
    modellab_audio_probe_info claim = {.size = sizeof claim};
    modellab_transcript_info info = {.size = sizeof info};
    (void)state;
    REFUSES(modellab_audio_decode_file("x", NULL, NULL, &err));
    RESETS(modellab_audio_decode_file(NULL, NULL, (modellab_audio **)&out, &err));
    REFUSES(modellab_audio_decode_memory("x", 1, NULL, NULL, &err));
    RESETS(modellab_audio_decode_memory(NULL, 1, NULL, (modellab_audio **)&out, &err));
    REFUSES(modellab_audio_from_samples(&sample, 1, 1, 16000, NULL, NULL, &err));
    RESETS(modellab_audio_from_samples(NULL, 1, 1, 16000, NULL, (modellab_audio **)&out, &err));
    REFUSES(modellab_audio_get_info(NULL, NULL, &err));
    REFUSES(modellab_audio_read(NULL, 0, 1, &sample, &err));
    REFUSES(modellab_audio_probe("x", 1, 1, NULL, NULL, NULL, &err));
    RESETS(modellab_audio_probe(NULL, 1, 1, NULL, &claim, (modellab_report **)&out, &err));
    assert_null(modellab_audio_ref(NULL));
    modellab_audio_unref(NULL);
    REFUSES(modellab_model_open("x", NULL, NULL, &err));
    REFUSES(modellab_model_get_info(NULL, NULL, &err));
    assert_null(modellab_model_ref(NULL));
    modellab_model_unref(NULL);
    REFUSES(modellab_asr_session_create(NULL, 0, NULL, &err));
    RESETS(modellab_asr_session_create(NULL, 0, (modellab_asr_session **)&out, &err));
    RESETS(modellab_asr_transcribe(NULL, &sample, 1, NULL, (modellab_transcript **)&out, &err));
    RESETS(modellab_asr_transcribe_audio(NULL, NULL, NULL, (modellab_transcript **)&out, &err));
    RESETS(modellab_asr_transcribe_file(NULL, NULL, NULL, (modellab_transcript **)&out, &err));
    modellab_asr_session_destroy(NULL);
    REFUSES(modellab_transcript_get_info(NULL, &info, &err));
    REFUSES(modellab_transcript_segment_at(NULL, 0, NULL, &err));
    REFUSES(modellab_transcript_word_at(NULL, 0, NULL, &err));
    RESETS(modellab_transcript_write(NULL, 1, NULL, (modellab_buffer **)&out, &err));
    RESETS(modellab_transcript_read_json(NULL, 0, NULL, (modellab_transcript **)&out, &err));
    assert_string_equal(modellab_transcript_text(NULL), "");
    assert_null(modellab_transcript_ref(NULL));
    modellab_transcript_unref(NULL);
    assert_int_equal(modellab_transcript_format_from_name("no such"), 0);
    assert_null(modellab_transcript_format_name(0));
}

static void enhancing(void **state)
{
    void *out;
    float sample = 0.0f;
    const char *ops[1] = {NULL};
    size_t needed = 1;
    modellab_enhancement_info info = {.size = sizeof info};
    (void)state;
    REFUSES(modellab_enhance_operator_at(0, NULL, &err));
    REFUSES(modellab_enhance_param_at(0, 0, NULL, &err));
    REFUSES(modellab_enhance_check(NULL, NULL, 0, &needed, &err));
    assert_int_equal(needed, 0);
    REFUSES(modellab_enhance_check("speed", NULL, 1, NULL, &err));
    REFUSES(modellab_enhance_file("x", NULL, 0, NULL, NULL, &err));
    RESETS(modellab_enhance_file(NULL, NULL, 0, NULL, (modellab_enhancement **)&out, &err));
    RESETS(modellab_enhance_file("x", NULL, 1, NULL, (modellab_enhancement **)&out, &err));
    RESETS(modellab_enhance_file("x", ops, 1, NULL, (modellab_enhancement **)&out, &err));
    REFUSES(modellab_enhance_samples(&sample, 1, 1, 16000, NULL, 0, NULL, NULL, &err));
    RESETS(modellab_enhance_samples(NULL, 1, 1, 16000, NULL, 0, NULL, (modellab_enhancement **)&out,
                                    &err));
    REFUSES(modellab_enhancement_get_info(NULL, &info, &err));
    REFUSES(modellab_enhancement_step_at(NULL, 0, NULL, &err));
    assert_int_equal(modellab_enhancement_count(NULL), 0);
    assert_true(modellab_enhancement_original_time(NULL, 2.5, 0) == 2.5);
    assert_null(modellab_enhancement_ref(NULL));
    modellab_enhancement_unref(NULL);
    modellab_enhance_options_init(NULL, 0);
    assert_true(modellab_enhance_operator_count() > 0);
}

static void small_things(void **state)
{
    void *out;
    const char *source = "kept";
    (void)state;
    assert_string_equal(modellab_buffer_data(NULL), "");
    assert_int_equal(modellab_buffer_size(NULL), 0);
    modellab_buffer_destroy(NULL);
    REFUSES(modellab_cancel_create(NULL, NULL, &err));
    modellab_cancel_set(NULL);
    assert_int_equal(modellab_cancel_is_set(NULL), 0);
    assert_null(modellab_cancel_ref(NULL));
    modellab_cancel_unref(NULL);
    assert_true(modellab_config_count() > 0);
    REFUSES(modellab_config_at(0, NULL, &err));
    REFUSES(modellab_config_env_example(NULL, &err));
    RESETS(modellab_config_get(NULL, (modellab_buffer **)&out, &source, &err));
    assert_null(source);
    REFUSES(modellab_info_get(NULL, &err));
    assert_true(modellab_pipeline_count() > 0);
    REFUSES(modellab_pipeline_at(0, NULL, &err));
    RESETS(modellab_pipeline_resolve(NULL, (modellab_buffer **)&out, NULL, &err));
    RESETS(modellab_pipeline_list(NULL, (modellab_buffer **)&out, &err));
    RESETS(modellab_pipeline_load(NULL, "x", (modellab_buffer **)&out, &err));
    RESETS(modellab_pipeline_check(NULL, "{}", 0, (modellab_buffer **)&out, NULL, &err));
    RESETS(modellab_pipeline_save(NULL, "x", "{}", 0, (modellab_report **)&out, &err));
    REFUSES(modellab_pipeline_delete(NULL, "x", &err));
    char id[MODELLAB_EXPERIMENT_ID_BYTES] = "kept";
    int64_t asked = 7;
    modellab_experiment_options experiment = MODELLAB_EXPERIMENT_OPTIONS_INIT;
    assert_non_null(modellab_experiment_schema());
    modellab_experiment_options_init(NULL, 0);
    REFUSES(modellab_experiment_create(NULL, &experiment, NULL, NULL, &err));
    RESETS(modellab_experiment_create(NULL, &experiment, id, (modellab_report **)&out, &err));
    assert_string_equal(id, "");
    RESETS(modellab_experiment_start(NULL, "abcdef", NULL, (modellab_report **)&out, &err));
    REFUSES(modellab_experiment_status(NULL, "abcdef", NULL, &err));
    RESETS(modellab_experiment_status(NULL, "abcdef", (modellab_buffer **)&out, &err));
    RESETS(modellab_experiment_compare(NULL, "abcdef", NULL, (modellab_buffer **)&out, &err));
    RESETS(modellab_experiment_list(NULL, (modellab_buffer **)&out, &err));
    RESETS(modellab_experiment_load(NULL, "abcdef", (modellab_buffer **)&out, &err));
    REFUSES(modellab_experiment_cancel(NULL, "abcdef", &asked, &err));
    assert_int_equal(asked, 0);
    REFUSES(modellab_experiment_delete(NULL, "abcdef", &err));
    REFUSES(modellab_report_at(NULL, 0, NULL, &err));
    RESETS(modellab_report_to_json(NULL, (modellab_buffer **)&out, &err));
    assert_int_equal(modellab_report_count(NULL), 0);
    assert_int_equal(0, modellab_report_worst(NULL));
    assert_null(modellab_report_ref(NULL));
    modellab_report_unref(NULL);
    assert_non_null(modellab_severity_name(12345));
    assert_non_null(modellab_status_name(12345));
    assert_non_null(modellab_status_text(12345));
    assert_non_null(modellab_version_string());
    assert_true(modellab_version_number() >= 0 && modellab_abi_version() >= 0);
    modellab_error_init(NULL, 0);
    if (modellab_blas_use_single_thread(NULL) != MODELLAB_OK)
        REFUSES(MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(modellab_worker_main(0, NULL) == 0, 0);
}

static void measuring(void **state)
{
    void *out;
    modellab_span span = 7;
    modellab_caps caps = MODELLAB_CAPS_INIT;
    (void)state;
    REFUSES(modellab_logger_create(NULL, NULL, &err));
    RESETS(modellab_logger_child(NULL, NULL, (modellab_logger **)&out, &err));
    REFUSES(modellab_logger_set_sink(NULL, NULL, &err));
    REFUSES(modellab_logger_get_stats(NULL, NULL, &err));
    modellab_logger_log(NULL, NULL);
    modellab_logger_write(NULL, MODELLAB_LOG_ERROR, NULL, NULL);
    modellab_logger_set_level(NULL, MODELLAB_LOG_ERROR);
    assert_int_equal(modellab_logger_is_enabled(NULL, MODELLAB_LOG_ERROR), 0);
    assert_null(modellab_logger_ref(NULL));
    modellab_logger_unref(NULL);
    assert_non_null(modellab_log_level_name(12345));
    REFUSES(modellab_tracker_create(NULL, NULL, &err));
    REFUSES(modellab_span_begin(NULL, 0, "x", NULL, &err));
    REFUSES(modellab_span_begin(NULL, 0, NULL, &span, &err));
    REFUSES(modellab_span_begin(NULL, 0, "x", &span, &err));
    assert_int_equal(span, MODELLAB_SPAN_ROOT);
    REFUSES(modellab_span_end(NULL, 1, NULL, &err));
    REFUSES(modellab_span_add(NULL, 1, 0.0, 0, &err));
    REFUSES(modellab_span_get_measures(NULL, 0, NULL, &err));
    REFUSES(modellab_tracker_span_at(NULL, 0, NULL, &err));
    RESETS(modellab_tracker_to_json(NULL, (modellab_buffer **)&out, &err));
    assert_int_equal(modellab_tracker_span_count(NULL), 0);
    assert_null(modellab_tracker_ref(NULL));
    modellab_tracker_unref(NULL);
    REFUSES(modellab_price_sheet_parse(NULL, 0, NULL, NULL, &err));
    REFUSES(modellab_price_sheet_cost(NULL, NULL, NULL, &err));
    REFUSES(modellab_caps_set(NULL, "cost", "1", &err));
    REFUSES(modellab_caps_set(&caps, NULL, NULL, &err));
    REFUSES(modellab_caps_check(NULL, NULL, 0, &err));
    REFUSES(modellab_estimate_make(1.0, NULL, 1, NULL, 0, NULL, &err));
    assert_string_equal(modellab_price_sheet_id(NULL), "");
    assert_string_equal(modellab_price_sheet_json(NULL), "");
    assert_string_equal(modellab_price_sheet_sha256(NULL), "");
    assert_string_equal(modellab_price_sheet_currency(NULL), "");
    assert_null(modellab_price_sheet_ref(NULL));
    modellab_price_sheet_unref(NULL);
}

static void labs_and_runs(void **state)
{
    void *out;
    modellab_run_status status = 7;
    modellab_run_explanation place = {.size = sizeof place};
    modellab_cancel_outcome outcome = 0;
    char id[MODELLAB_RUN_ID_BYTES] = "x";
    (void)state;
    REFUSES(modellab_lab_open("x", NULL, NULL, &err));
    RESETS(modellab_lab_reconcile(NULL, 1, (modellab_report **)&out, &err));
    REFUSES(modellab_run_bundle(NULL, "x", "y", 0, NULL, &err));
    REFUSES(modellab_run_import(NULL, "x", NULL, id, &err));
    REFUSES(modellab_doctor_run("x", NULL, NULL, &err));
    REFUSES(modellab_lab_cleanup(NULL, NULL, NULL, &err));
    REFUSES(modellab_lab_disk_usage(NULL, NULL, &err));
    assert_string_equal(modellab_lab_root(NULL), "");
    assert_null(modellab_lab_ref(NULL));
    modellab_lab_unref(NULL);
    REFUSES(modellab_run_submit(NULL, NULL, NULL, NULL, &err));
    RESETS(modellab_run_submit(NULL, NULL, id, (modellab_report **)&out, &err));
    assert_string_equal(id, "");
    REFUSES(modellab_run_retry(NULL, "x", NULL, NULL, &err));
    id[0] = 'x';
    REFUSES(modellab_run_retry(NULL, "x", NULL, id, &err));
    REFUSES(modellab_run_rerun(NULL, "x", NULL, NULL, NULL, &err));
    RESETS(modellab_run_rerun(NULL, "x", NULL, id, (modellab_report **)&out, &err));
    id[0] = '\0';
    RESETS(modellab_run_validate(NULL, NULL, (modellab_report **)&out, &err));
    RESETS(modellab_run_estimate(NULL, NULL, NULL, (modellab_report **)&out, &err));
    REFUSES(modellab_user_cap_set(NULL, NULL, NULL, NULL, NULL, &err));
    REFUSES(modellab_user_cap_remove(NULL, NULL, NULL, NULL, &err));
    RESETS(modellab_user_cap_list_load(NULL, NULL, (modellab_user_cap_list **)&out, &err));
    REFUSES(modellab_user_cap_list_at(NULL, 0, NULL, &err));
    assert_int_equal(modellab_user_cap_list_count(NULL), 0);
    modellab_user_cap_list_unref(NULL);
    modellab_upload_options_init(NULL, 0);
    RESETS(modellab_run_load(NULL, "x", (modellab_run **)&out, &err));
    RESETS(modellab_run_verify(NULL, "x", NULL, (modellab_report **)&out, &err));
    RESETS(modellab_run_compare(NULL, "x", "y", NULL, (modellab_buffer **)&out, &err));
    RESETS(modellab_run_list_load(NULL, NULL, (modellab_run_list **)&out, &err));
    RESETS(modellab_run_read_artifact(NULL, "x", "x", 1, (modellab_buffer **)&out, &err));
    RESETS(modellab_run_to_json(NULL, (modellab_buffer **)&out, &err));
    REFUSES(modellab_run_get_info(NULL, NULL, &err));
    REFUSES(modellab_run_step_at(NULL, 0, NULL, &err));
    REFUSES(modellab_run_artifact_at(NULL, 0, NULL, &err));
    REFUSES(modellab_run_cancel(NULL, "x", &outcome, &err));
    RESETS(modellab_run_explain(NULL, "x", &place, (modellab_buffer **)&out, &err));
    REFUSES(modellab_run_hold(NULL, "x", &err));
    REFUSES(modellab_run_release(NULL, "x", &err));
    REFUSES(modellab_run_set_priority(NULL, "x", MODELLAB_PRIORITY_HEAD, &err));
    assert_string_equal(modellab_wait_name(99), "none");
    assert_string_equal(modellab_wait_text(MODELLAB_WAIT_HELD), "It is held until it is released.");
    assert_int_equal(outcome, MODELLAB_CANCEL_ERROR);
    REFUSES(modellab_run_wait(NULL, "x", 0, NULL, &status, &err));
    assert_int_equal(status, 0);
    assert_int_equal(modellab_run_step_count(NULL) + modellab_run_artifact_count(NULL), 0);
    assert_int_equal(modellab_run_list_count(NULL), 0);
    assert_null(modellab_run_list_at(NULL, 0));
    modellab_run_list_unref(NULL);
    assert_null(modellab_run_ref(NULL));
    modellab_run_unref(NULL);
    assert_non_null(modellab_run_request_schema());
    assert_non_null(modellab_run_status_name(12345));
    assert_int_equal(modellab_run_status_is_final(12345), 0);
    assert_non_null(modellab_reason_name(12345));
    assert_non_null(modellab_reason_text(12345));
    assert_int_equal(modellab_reason_is_recoverable(12345), 0);
    RESETS(modellab_event_list_load(NULL, "x", 0, 0, 0, (modellab_event_list **)&out, &err));
    RESETS(
        modellab_event_list_follow(NULL, "x", 0, 0, 0, NULL, (modellab_event_list **)&out, &err));
    REFUSES(modellab_event_list_at(NULL, 0, NULL, &err));
    assert_int_equal(modellab_event_list_count(NULL), 0);
    modellab_event_list_unref(NULL);
    RESETS(modellab_health_run(NULL, 1, (modellab_health **)&out, &err));
    modellab_health_options_init(NULL, 8);
    RESETS(modellab_health_look(NULL, NULL, (modellab_health **)&out, &err));
    REFUSES(modellab_health_check_at(NULL, 0, NULL, &err));
    assert_int_equal(modellab_health_check_count(NULL), 0);
    assert_int_equal(modellab_health_get_state(NULL), MODELLAB_HEALTH_CRITICAL);
    assert_non_null(modellab_health_state_name(12345));
    modellab_health_unref(NULL);
    RESETS(modellab_metrics_write(NULL, 1, (modellab_buffer **)&out, &err));
}

static void records_and_supervisors(void **state)
{
    void *out;
    char id[MODELLAB_RUN_ID_BYTES] = "x";
    (void)state;
    RESETS(modellab_record_begin(NULL, NULL, (modellab_record **)&out, &err));
    REFUSES(modellab_record_step_begin(NULL, NULL, &err));
    REFUSES(modellab_record_step_end(NULL, MODELLAB_RUN_COMPLETED, NULL, &err));
    REFUSES(modellab_record_add_artifact(NULL, NULL, NULL, NULL, 0, id, &err));
    assert_string_equal(id, "");
    REFUSES(modellab_record_check(NULL, &err));
    REFUSES(modellab_record_finish(NULL, MODELLAB_RUN_COMPLETED, 0, NULL, &err));
    modellab_record_progress(NULL, 1.0);
    assert_string_equal(modellab_record_run_id(NULL), "");
    assert_null(modellab_record_logger(NULL));
    assert_null(modellab_record_tracker(NULL));
    modellab_record_destroy(NULL);
    RESETS(modellab_supervisor_create(NULL, NULL, (modellab_supervisor **)&out, &err));
    REFUSES(modellab_supervisor_start(NULL, &err));
    REFUSES(modellab_supervisor_step(NULL, 0, NULL, &err));
    REFUSES(modellab_supervisor_drain(NULL, 0, NULL, &err));
    assert_int_equal(modellab_supervisor_get_pollfd(NULL), -1);
    assert_int_equal(modellab_supervisor_active_count(NULL), 0);
    modellab_supervisor_destroy(NULL);
}

static void catalogs(void **state)
{
    void *out;
    (void)state;
    REFUSES(modellab_catalog_load(NULL, NULL, &err));
    REFUSES(modellab_catalog_at(NULL, 0, NULL, &err));
    REFUSES(modellab_catalog_pull(NULL, "x", NULL, &err));
    REFUSES(modellab_catalog_import(NULL, "x", "x", NULL, &err));
    REFUSES(modellab_catalog_remove(NULL, "x", &err));
    RESETS(modellab_catalog_verify(NULL, "x", NULL, (modellab_report **)&out, &err));
    RESETS(modellab_catalog_file(NULL, "x", "x", (modellab_buffer **)&out, &err));
    assert_int_equal(modellab_catalog_count(NULL), 0);
    modellab_catalog_unref(NULL);
}

static void inspections(void **state)
{
    void *out;
    (void)state;
    RESETS(modellab_model_inspect(NULL, NULL, (modellab_buffer **)&out, &err));
    REFUSES(modellab_model_inspect("x", NULL, NULL, &err));
}

static void speech_synthesis(void **state)
{
    void *out;
    size_t count = 1;
    (void)state;
    RESETS(modellab_tts_session_create(NULL, NULL, (modellab_tts_session **)&out, &err));
    REFUSES(modellab_tts_session_create(NULL, NULL, NULL, &err));
    RESETS(modellab_tts_speak_ids(NULL, NULL, 0, NULL, 0, (modellab_tts_result **)&out, &err));
    RESETS(modellab_tts_speak_ipa(NULL, NULL, (modellab_tts_result **)&out, &err));
    REFUSES(modellab_tts_result_get_info(NULL, NULL, &err));
    REFUSES(modellab_tts_result_phoneme_at(NULL, 0, NULL, &err));
    REFUSES(modellab_tts_result_word_at(NULL, 0, NULL, &err));
    assert_null(modellab_tts_result_samples(NULL, &count));
    assert_int_equal(count, 0);
    assert_null(modellab_tts_result_ref(NULL));
    modellab_tts_result_unref(NULL);
    RESETS(modellab_tts_speak_text(NULL, NULL, 0, NULL, (modellab_tts_result **)&out, &err));
    REFUSES(modellab_tts_result_text_word_at(NULL, 0, NULL, &err));
    REFUSES(modellab_tts_result_symbol_at(NULL, 0, NULL, &err));
    assert_int_equal(modellab_tts_result_symbol_count(NULL), 0);
    assert_string_equal(modellab_tts_result_ipa(NULL), "");
    modellab_tts_session_destroy(NULL);
}

static void voice_activity(void **state)
{
    void *out;
    size_t count = 1;
    (void)state;
    RESETS(modellab_vad_session_create(NULL, NULL, (modellab_vad_session **)&out, &err));
    REFUSES(modellab_vad_session_create(NULL, NULL, NULL, &err));
    REFUSES(modellab_vad_feed(NULL, NULL, 0, &err));
    RESETS(modellab_vad_finish(NULL, (modellab_vad_result **)&out, &err));
    RESETS(modellab_vad_detect_file(NULL, "x", NULL, (modellab_vad_result **)&out, &err));
    REFUSES(modellab_vad_result_at(NULL, 0, NULL, &err));
    assert_true(modellab_vad_latest(NULL) < 0);
    assert_true(modellab_vad_result_duration(NULL) <= 0);
    assert_int_equal(modellab_vad_result_count(NULL), 0);
    assert_null(modellab_vad_result_probabilities(NULL, &count));
    assert_int_equal(count, 0);
    assert_null(modellab_vad_result_ref(NULL));
    modellab_vad_result_unref(NULL);
    modellab_vad_session_destroy(NULL);
    speech_synthesis(state);
}

static void scores(void **state)
{
    void *out;
    double value;
    (void)state;
    RESETS(
        modellab_score_document_read("x", NULL, 1, NULL, (modellab_score_document **)&out, &err));
    REFUSES(modellab_score_document_read("x", "a", 1, NULL, NULL, &err));
    REFUSES(modellab_score_create(NULL, NULL, &err));
    REFUSES(modellab_score_add(NULL, NULL, NULL, NULL, NULL, &err));
    REFUSES(modellab_score_add_text(NULL, NULL, "a", "a", &err));
    REFUSES(modellab_score_value(NULL, "", &value, &err));
    REFUSES(modellab_score_value(NULL, "", NULL, &err));
    RESETS(modellab_score_to_json(NULL, (modellab_buffer **)&out, &err));
    REFUSES(modellab_score_to_json(NULL, NULL, &err));
    REFUSES(modellab_score_compare(NULL, NULL, NULL, &err));
    assert_null(modellab_score_document_format(NULL));
    assert_string_equal(modellab_score_document_text(NULL), "");
    assert_int_equal(modellab_score_metric_from_name(NULL), 0);
    assert_int_equal(modellab_score_normalizer_from_name(NULL), -1);
    modellab_score_document_destroy(NULL);
    modellab_score_destroy(NULL);
}

static void alignment(void **state)
{
    void *out;
    (void)state;
    RESETS(modellab_align_audio(NULL, NULL, "", 0, NULL, (modellab_transcript **)&out, &err));
    REFUSES(modellab_align_audio(NULL, NULL, "", 0, NULL, NULL, &err));
    RESETS(modellab_align_file(NULL, "x", "", 0, NULL, (modellab_transcript **)&out, &err));
    REFUSES(modellab_align_file(NULL, "x", "", 0, NULL, NULL, &err));
}

static void diarizations(void **state)
{
    void *out;
    float voice[2];
    (void)state;
    RESETS(modellab_diarize_audio(NULL, NULL, NULL, NULL, (modellab_diarization **)&out, &err));
    RESETS(modellab_diarize_file(NULL, NULL, "x", NULL, (modellab_diarization **)&out, &err));
    REFUSES(modellab_diarize_file(NULL, NULL, NULL, NULL, NULL, &err));
    REFUSES(modellab_voice_of_file(NULL, NULL, "x", NULL, voice, 2, &err));
    REFUSES(modellab_diarization_turn_at(NULL, 0, NULL, &err));
    REFUSES(modellab_diarization_speaker_at(NULL, 0, NULL, &err));
    RESETS(modellab_diarization_write(NULL, 1, NULL, (modellab_buffer **)&out, &err));
    RESETS(modellab_transcript_with_speakers(NULL, NULL, NULL, (modellab_transcript **)&out, &err));
    assert_true(modellab_diarization_duration(NULL) <= 0);
    assert_int_equal(modellab_diarization_turn_count(NULL), 0);
    assert_int_equal(modellab_diarization_speaker_count(NULL), 0);
    assert_null(modellab_diarization_ref(NULL));
    modellab_diarization_unref(NULL);
}

static void structs(void **state)
{
    (void)state;
    modellab_align_options_init(NULL, 8);
    modellab_asr_options_init(NULL, 8);
    modellab_audio_options_init(NULL, 8);
    modellab_caps_init(NULL, 8);
    modellab_catalog_options_init(NULL, 8);
    modellab_cleanup_options_init(NULL, 8);
    modellab_cost_init(NULL, 8);
    modellab_estimate_init(NULL, 8);
    modellab_lab_options_init(NULL, 8);
    modellab_log_record_init(NULL, 8);
    modellab_logger_options_init(NULL, 8);
    modellab_measures_init(NULL, 8);
    modellab_model_options_init(NULL, 8);
    modellab_pull_options_init(NULL, 8);
    modellab_record_options_init(NULL, 8);
    modellab_run_filter_init(NULL, 8);
    modellab_score_options_init(NULL, 8);
    modellab_run_submit_options_init(NULL, 8);
    modellab_run_again_options_init(NULL, 8);
    modellab_supervisor_options_init(NULL, 8);
    modellab_tracker_options_init(NULL, 8);
    modellab_tts_options_init(NULL, 8);
    modellab_tts_text_options_init(NULL, 8);
    modellab_vad_options_init(NULL, 8);
    modellab_diarization_options_init(NULL, 8);
    /* a size that cannot even hold the size is left alone */
    unsigned char tiny[16] = {0xAA, 0xAA, 0xAA, 0xAA, 0xAA};
    modellab_catalog_options_init((modellab_catalog_options *)(void *)tiny, 4);
    modellab_supervisor_options_init((modellab_supervisor_options *)(void *)tiny, 4);
    assert_true(tiny[0] == 0xAA && tiny[4] == 0xAA);
    modellab_build_info info = {.size = 1};
    assert_int_equal(modellab_info_get(&info, &err), MODELLAB_E_ABI_TOO_SMALL);
    modellab_asr_options small = {.size = sizeof small.size};
    modellab_catalog_options none = {.size = 0};
    modellab_catalog *catalog = NULL;
    assert_int_equal(modellab_catalog_load(&none, &catalog, &err), MODELLAB_E_ABI_TOO_SMALL);
    assert_null(catalog);
    assert_int_equal(small.size, sizeof small.size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(engines),        cmocka_unit_test(enhancing),
        cmocka_unit_test(small_things),   cmocka_unit_test(measuring),
        cmocka_unit_test(labs_and_runs),  cmocka_unit_test(records_and_supervisors),
        cmocka_unit_test(catalogs),       cmocka_unit_test(inspections),
        cmocka_unit_test(voice_activity), cmocka_unit_test(scores),
        cmocka_unit_test(alignment),      cmocka_unit_test(diarizations),
        cmocka_unit_test(structs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
