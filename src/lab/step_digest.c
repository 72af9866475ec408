/* Steps chapters, summary and action_items: what a transcript is about. The transcript is worth
 * more than any of them: they may fail without the run. */
#include "base/error.h"
#include "lab/digest_provider.h"
#include "lab/handoff.h"
#include "lab/step_kinds.h"
#include "lab/step_schemas.h"
#include "os/locale.h"
#include <string.h>

enum { VERSION = 1 };

static const mli_digest_provider *const providers[] = {&mli_digest_embedded, &mli_digest_remote};

const mli_digest_provider *mli_digest_provider_find(const char *name)
{
    for (size_t i = 0; i < sizeof(providers) / sizeof(providers[0]); i++) {
        if (strcmp(providers[i]->name, name) == 0) {
            return providers[i];
        }
    }
    return NULL;
}

MODELLAB_MUST_CHECK static modellab_status run(mli_worker *w, modellab_error *err)
{
    const char *name =
        mli_json_string(mli_json_get(mli_worker_config(w), "provider"), mli_digest_embedded.name);
    const mli_digest_provider *provider = mli_digest_provider_find(name);
    mli_transcript *transcript = NULL;
    char file[64];
    mli_buf text;
    if (provider == NULL) {
        return mli_fail(err, MODELLAB_E_UNSUPPORTED, "there is no provider \"%.64s\"", name);
    }
    modellab_status status = mli_handoff_transcript(w, &transcript, err);
    mli_buf_init(&text, w->alloc);
    if (status == MODELLAB_OK) {
        mli_worker_progress(w, 0, transcript->duration);
        status = provider->make(w, transcript, &text, err);
    }
    if (status == MODELLAB_OK) {
        mli_worker_progress(w, transcript->duration, transcript->duration);
        mli_buf_append_char(&text, '\n');
        status = mli_buf_status(&text, err);
    }
    if (status == MODELLAB_OK) {
        (void)mli_os_format(file, sizeof(file), "%s.json", w->step);
        status =
            mli_worker_artifact(w, file, "application/json", "result", text.data, text.size, err);
    }
    mli_buf_dispose(&text);
    mli_transcript_unref(transcript);
    return status;
}

/* What a service makes is not the same twice. */
MODELLAB_MUST_CHECK static modellab_status key(mli_worker *w, char out[65], modellab_error *err)
{
    const char *name =
        mli_json_string(mli_json_get(mli_worker_config(w), "provider"), mli_digest_embedded.name);
    out[0] = '\0';
    return strcmp(name, mli_digest_embedded.name) == 0
               ? mli_worker_step_key(w, VERSION, NULL, out, err)
               : MODELLAB_OK;
}

const mli_step_kind mli_step_kind_chapters = {.name = "chapters",
                                              .text = "Finds where the subject changes.",
                                              .needs = "asr",
                                              .outputs = "chapters.json",
                                              .schema = MLI_SCHEMA_chapters,
                                              .run = run,
                                              .key = key,
                                              .needs_input = true,
                                              .may_fail = true};
const mli_step_kind mli_step_kind_summary = {.name = "summary",
                                             .text = "Says in few sentences what was said.",
                                             .needs = "asr",
                                             .outputs = "summary.json",
                                             .schema = MLI_SCHEMA_summary,
                                             .run = run,
                                             .key = key,
                                             .needs_input = true,
                                             .may_fail = true};
const mli_step_kind mli_step_kind_action_items = {.name = "action_items",
                                                  .text = "Finds who is to do what.",
                                                  .needs = "asr",
                                                  .outputs = "action_items.json",
                                                  .schema = MLI_SCHEMA_action_items,
                                                  .run = run,
                                                  .key = key,
                                                  .needs_input = true,
                                                  .may_fail = true};
