/* modellab_experiment: inputs against candidates, from the document to the verdict. */
#include "lab/experiment.h"
#include "api/buffer.h"
#include "api/cancel.h"
#include "base/error.h"
#include "base/sized.h"
#include <modellab/experiment.h>
#include <string.h>

const char *modellab_experiment_schema(void)
{
    return mli_experiment_schema();
}

void modellab_experiment_options_init(modellab_experiment_options *options, size_t size)
{
    const modellab_experiment_options init = MODELLAB_EXPERIMENT_OPTIONS_INIT;

    mli_sized_init(options, size, &init, sizeof init);
}

/* The report goes out also on failure; after a success one that cannot be made changes nothing. */
static void end(mli_findings *findings, modellab_report **report)
{
    if (report != NULL && mli_report_count(findings->report) > 0) {
        (void)!mli_findings_finish(findings, report, NULL);
    }
    mli_findings_dispose(findings);
}

MODELLAB_MUST_CHECK static modellab_status take(modellab_lab *lab,
                                                const modellab_experiment_options *given,
                                                modellab_experiment_options *out,
                                                modellab_error *err)
{
    modellab_status status;

    if (lab == NULL || given == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "lab and options must not be NULL");
    }
    status = mli_sized_in(out, sizeof *out, MLI_SIZE_UP_TO(modellab_experiment_options, reserved),
                          given, err);
    if (status == MODELLAB_OK &&
        (out->document == NULL ||
         (out->flags & ~(MODELLAB_EXPERIMENT_ANY_PATH | MODELLAB_EXPERIMENT_OWN_UPLOADS)) != 0 ||
         out->reserved != 0)) {
        status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                          "the document must not be NULL, and flags must be known ones");
    }
    return status;
}

modellab_status modellab_experiment_create(modellab_lab *lab,
                                           const modellab_experiment_options *options,
                                           char id[MODELLAB_EXPERIMENT_ID_BYTES],
                                           modellab_report **report, modellab_error *err)
{
    modellab_experiment_options taken = MODELLAB_EXPERIMENT_OPTIONS_INIT;
    modellab_status status;
    mli_findings findings;

    if (report != NULL) {
        *report = NULL;
    }
    if (id == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "id must not be NULL");
    }
    id[0] = '\0';
    status = take(lab, options, &taken, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    const mli_experiment_source source = {
        .document = taken.document,
        .bytes = taken.document_bytes > 0 ? taken.document_bytes : strlen(taken.document),
        .folder = taken.folder,
        .any_path = (taken.flags & MODELLAB_EXPERIMENT_ANY_PATH) != 0,
        .user = taken.user,
        .own_uploads = (taken.flags & MODELLAB_EXPERIMENT_OWN_UPLOADS) != 0,
        .cancel = mli_cancel_word_of(taken.cancel)};
    mli_findings_begin(&findings, lab->alloc);
    status = mli_experiment_create(lab, &source, id, &findings, err);
    end(&findings, report);
    return status;
}

/* What all that follow ask first. */
MODELLAB_MUST_CHECK static modellab_status check(const modellab_lab *lab, const char *id,
                                                 bool writes, modellab_error *err)
{
    if (lab == NULL || id == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "arguments must not be NULL");
    }
    return mli_lab_check(lab, writes, err);
}

modellab_status modellab_experiment_start(modellab_lab *lab, const char *id,
                                          modellab_cancel *cancel, modellab_report **report,
                                          modellab_error *err)
{
    modellab_status status = check(lab, id, true, err);
    mli_findings findings;

    if (report != NULL) {
        *report = NULL;
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    mli_findings_begin(&findings, lab->alloc);
    status = mli_experiment_start(lab, id, mli_cancel_word_of(cancel), &findings, err);
    end(&findings, report);
    return status;
}

/* Hands a text out, or what failed. */
MODELLAB_MUST_CHECK static modellab_status hand_out(mli_buf *text, modellab_status status,
                                                    modellab_buffer **out, modellab_error *err)
{
    if (status == MODELLAB_OK) {
        return mli_buffer_from_buf(text, out, err);
    }
    mli_buf_dispose(text);
    return status;
}

/* An output and the arguments of one that reads. */
MODELLAB_MUST_CHECK static modellab_status begin(const modellab_lab *lab, const char *id,
                                                 modellab_buffer **out, mli_buf *text,
                                                 modellab_error *err)
{
    if (out == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "out must not be NULL");
    }
    *out = NULL;
    modellab_status status = check(lab, id, false, err);
    mli_buf_init(text, status == MODELLAB_OK ? lab->alloc : NULL);
    return status;
}

modellab_status modellab_experiment_status(modellab_lab *lab, const char *id, modellab_buffer **out,
                                           modellab_error *err)
{
    mli_buf text;
    modellab_status status = begin(lab, id, out, &text, err);

    return status != MODELLAB_OK
               ? status
               : hand_out(&text, mli_experiment_write_status(lab, id, &text, err), out, err);
}

modellab_status modellab_experiment_compare(modellab_lab *lab, const char *id,
                                            modellab_cancel *cancel, modellab_buffer **out,
                                            modellab_error *err)
{
    mli_buf text;
    modellab_status status = begin(lab, id, out, &text, err);

    if (status != MODELLAB_OK) {
        return status;
    }
    status = mli_experiment_compare(lab, id, mli_cancel_word_of(cancel), &text, err);
    return hand_out(&text, status, out, err);
}

modellab_status modellab_experiment_load(modellab_lab *lab, const char *id, modellab_buffer **out,
                                         modellab_error *err)
{
    mli_buf text;
    modellab_status status = begin(lab, id, out, &text, err);

    return status != MODELLAB_OK
               ? status
               : hand_out(&text, mli_experiment_write(lab, id, &text, err), out, err);
}

modellab_status modellab_experiment_list(modellab_lab *lab, modellab_buffer **out,
                                         modellab_error *err)
{
    mli_buf text;
    modellab_status status = begin(lab, "", out, &text, err);

    return status != MODELLAB_OK
               ? status
               : hand_out(&text, mli_experiments_write(lab, &text, err), out, err);
}

modellab_status modellab_experiment_cancel(modellab_lab *lab, const char *id, int64_t *asked,
                                           modellab_error *err)
{
    modellab_status status = check(lab, id, true, err);
    int64_t ignored;

    asked = asked == NULL ? &ignored : asked;
    *asked = 0;
    return status == MODELLAB_OK ? mli_experiment_cancel(lab, id, asked, err) : status;
}

modellab_status modellab_experiment_delete(modellab_lab *lab, const char *id, modellab_error *err)
{
    modellab_status status = check(lab, id, true, err);

    return status == MODELLAB_OK ? mli_experiment_delete(lab, id, err) : status;
}
