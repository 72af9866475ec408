/* The line of a worker about its sandbox: into the record, and an event. */
#include "lab/ingest_private.h"

#include "os/sandbox.h"
#include <string.h>

/* Only the words that there are get into a record. */
static const char *sandbox_level(const char *text)
{
    static const mli_os_sandbox_level levels[] = {MLI_OS_SANDBOX_NONE, MLI_OS_SANDBOX_SECCOMP,
                                                  MLI_OS_SANDBOX_LANDLOCK, MLI_OS_SANDBOX_FULL};
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        if (strcmp(text, mli_os_sandbox_level_name(levels[i])) == 0) {
            return mli_os_sandbox_level_name(levels[i]);
        }
    }
    return NULL;
}

modellab_status mli_ingest_apply_sandbox(mli_ingest *ingest, const mli_journal_line *line,
                                         modellab_error *err)
{
    mli_run_measures measures = MLI_RUN_MEASURES_INIT;
    mli_buf data;
    mli_jw w;
    measures.sandbox = sandbox_level(mli_line_text(line, "level"));
    if (measures.sandbox == NULL) {
        ingest->bad_lines++;
        return MODELLAB_OK;
    }
    mli_buf_init(&data, ingest->lab->alloc);
    mli_jw_init(&w, &data);
    mli_jw_object(&w);
    mli_jw_kstring(&w, "level", measures.sandbox);
    mli_jw_kstring(&w, "detail", mli_line_text(line, "detail"));
    mli_jw_end_object(&w);
    modellab_status status = mli_buf_status(&data, err);
    if (status == MODELLAB_OK) {
        mli_event_row event = {
            .time_ms = line->time_ms, .type = "worker_confined", .data = mli_buf_text(&data)};
        mli_store_change change = {
            .journal_line = line->n, .measures = &measures, .events = &event, .event_count = 1};
        status = mli_ingest_apply(ingest, &change, err);
    }
    mli_buf_dispose(&data);
    return status;
}
