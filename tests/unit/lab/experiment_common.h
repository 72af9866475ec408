/* A lab with two audio files and a reference beside it, and experiments of them. */
#ifndef TESTS_UNIT_LAB_EXPERIMENT_COMMON_H
#define TESTS_UNIT_LAB_EXPERIMENT_COMMON_H

#include "lab/experiment.h"
#include "unit/lab/lab_common.h"

static temp_folder folder;
static mli_lab *lab;
static char id[MLI_EXPERIMENT_ID_BYTES];

static inline void put(const char *name, const void *data, size_t bytes)
{
    char path[512];
    assert_true(snprintf(path, sizeof path, "%s/%s", folder.path, name) > 0);
    write_file(path, data, bytes);
}

static inline int set_up(void **state)
{
    static unsigned char wav[WAV_BYTES];
    (void)state;
    temp_folder_make(&folder);
    lab = open_lab(&folder, NULL, NULL, 0);
    put("a.wav", wav, make_wav(wav, 16000, 1, 0));
    wav[100] = 7;
    put("b.wav", wav, sizeof wav);
    put("so.txt", "so it is\n", 9);
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    mli_lab_unref(lab);
    temp_folder_remove(&folder);
    return 0;
}

static inline modellab_status create(const char *document, size_t bytes, mli_findings *report)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    const mli_experiment_source source = {
        .document = document, .bytes = bytes, .folder = folder.path};
    mli_findings_begin(report, NULL);
    modellab_status status = mli_experiment_create(lab, &source, id, report, &err);
    assert_true(status == MODELLAB_OK || (err.message[0] != '\0' && id[0] == '\0'));
    assert_null(strstr(err.message, folder.path));
    return status;
}

static inline const char *created(const char *document)
{
    static char ids[2][MLI_EXPERIMENT_ID_BYTES];
    static int turn;
    mli_findings report;
    if (create(document, strlen(document), &report) != MODELLAB_OK)
        fail_msg("%s: %s", document,
                 mli_report_count(report.report) > 0 ? mli_report_finding(report.report, 0)->text
                                                     : "");
    mli_findings_dispose(&report);
    turn = !turn;
    memcpy(ids[turn], id, sizeof id);
    return ids[turn];
}

static inline int count_experiments(void)
{
    mli_experiment_list *list = NULL;
    ASSERT_OK(mli_store_experiments(lab->store, &list, err));
    const int count = (int)list->count;
    mli_experiment_list_free(list);
    return count;
}

static inline int count_files(void)
{
    char path[512];
    int count = 0;
    assert_true(snprintf(path, sizeof path, "%s/experiments", lab->root) > 0);
    const int rc = lab->os.files->list(lab->os.files->user, path, count_one, &count);
    assert_true(rc == 0 || rc == -2); /* -ENOENT */
    return count;
}

#define INGEST(name) "{\"name\":\"" name "\",\"request\":{\"pipeline\":\"ingest\"}}"
#define BASE                                                                                       \
    "{\"name\":\"x\",\"inputs\":[{\"file\":\"a.wav\",\"reference_text\":\"so\"}],"                 \
    "\"candidates\":[" INGEST("a") "," INGEST("b") "]}"

static inline mli_experiment_row row_of(const char *experiment)
{
    mli_experiment_list *list = NULL;
    ASSERT_OK(mli_store_experiment_load(lab->store, experiment, &list, err));
    mli_experiment_row row = list->rows[0];
    mli_experiment_list_free(list);
    return row; /* its numbers alone */
}

static inline size_t start(const char *experiment)
{
    mli_findings report;
    mli_findings_begin(&report, NULL);
    ASSERT_OK(mli_experiment_start(lab, experiment, NULL, &report, err));
    const size_t count = mli_report_count(report.report);
    for (size_t i = 0; i < count; i++)
        assert_string_equal("experiment.refused", mli_report_finding(report.report, i)->id);
    mli_findings_dispose(&report);
    return count;
}

#endif
