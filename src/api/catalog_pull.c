/* Pulling, importing and verifying: the public arguments and the configuration become what
 * src/remote and src/models want. */
#include "api/cancel.h"
#include "api/catalog.h"
#include "base/alloc.h"
#include "base/config.h"
#include "base/error.h"
#include "base/sized.h"
#include "log/task.h"
#include "remote/pull.h"
#include <string.h>

#define LOG_EVERY_NS ((int64_t)10 * 1000000000)

typedef struct job {
    const modellab_catalog *catalog;
    modellab_pull_options options;
    char *sources, *hub, *token, *proxy, *pip; /* owned */
    mli_task task;
    int64_t logged_ns;
} job;

void modellab_pull_options_init(modellab_pull_options *options, size_t size)
{
    const modellab_pull_options init = MODELLAB_PULL_OPTIONS_INIT;

    mli_sized_init(options, size, &init, sizeof init);
}

/* A line now and then, so that a log shows that a long pull goes on. */
static void log_progress(job *j, const char *file, const char *source, int64_t done, int64_t total)
{
    int64_t now = mli_os_system_clock.monotonic_ns(mli_os_system_clock.user);
    if (now - j->logged_ns < LOG_EVERY_NS)
        return;
    j->logged_ns = now;
    mli_task_progress(&j->task, "",
                      MLI_LOG_FIELDS(mli_log_string("file", file), mli_log_string("source", source),
                                     mli_log_int("bytes", done), mli_log_int("of", total)));
}

static int32_t on_progress(void *user, const char *file, const char *source, int64_t done,
                           int64_t total)
{
    job *j = user;
    log_progress(j, file, source, done, total);
    return j->options.progress != NULL
               ? j->options.progress(j->options.user, file, source, done, total)
               : 0;
}

/* Start and end are the task's; what is decided in between is its progress. */
static void on_note(void *user, const char *event, const char *text)
{
    const job *j = user;
    if (strcmp(event, "pull.source_failed") == 0)
        mli_log(j->task.log, MODELLAB_LOG_WARN, event, text,
                MLI_LOG_FIELDS(mli_log_string("task_id", j->task.id)));
    else if (strcmp(event, "pull.source") == 0 || strcmp(event, "pull.restart") == 0)
        mli_task_progress(&j->task, text, MLI_LOG_FIELDS(mli_log_string("decision", event + 5)));
}

MODELLAB_MUST_CHECK static modellab_status configure(job *j, modellab_error *err)
{
    const struct {
        const char *name;
        char **value;
    } wanted[] = {{"MODEL_LAB_MODEL_SOURCES", &j->sources},
                  {"MODEL_LAB_HUB_URL", &j->hub},
                  {"HF_TOKEN", &j->token},
                  {"MODEL_LAB_PROXY", &j->proxy},
                  {"MODEL_LAB_PIP", &j->pip}};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        modellab_status status =
            mli_config_get(&j->catalog->alloc, wanted[i].name, wanted[i].value, NULL, err);
        if (status != MODELLAB_OK)
            return status;
    }
    size_t n = strlen(j->hub);
    while (n > 0 && j->hub[n - 1] == '/')
        j->hub[--n] = '\0';
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status run(job *j, const mli_catalog_model *model,
                                               modellab_error *err)
{
    mli_pull pull = {.alloc = &j->catalog->alloc,
                     .files = &mli_os_system_files,
                     .processes = &mli_os_system_processes,
                     .store = &j->catalog->store,
                     .sources = j->options.source != NULL ? j->options.source : j->sources,
                     .hub_url = j->hub,
                     .hub_token = j->token,
                     .proxy = j->proxy,
                     .pip = j->pip,
                     .cancel = mli_cancel_word_of(j->options.cancel),
                     .progress = on_progress,
                     .note = on_note,
                     .user = j};
    return mli_pull_model(&pull, model, err);
}

modellab_status modellab_catalog_pull(const modellab_catalog *catalog, const char *name,
                                      const modellab_pull_options *options, modellab_error *err)
{
    job j = {.catalog = catalog, .options = MODELLAB_PULL_OPTIONS_INIT};
    if (catalog == NULL || name == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "catalog and name must not be NULL");
    modellab_status status = mli_sized_in(
        &j.options, sizeof j.options, MLI_SIZE_UP_TO(modellab_pull_options, source), options, err);
    if (status != MODELLAB_OK)
        return status;
    const mli_catalog_model *model = mli_catalog_find(catalog->parsed, name);
    if (model == NULL) {
        const char *near = mli_catalog_suggest(catalog->parsed, name);
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "the catalog has no model %.96s%s%s%s", name,
                        near != NULL ? "; did you mean " : "", near != NULL ? near : "",
                        near != NULL ? "?" : "");
    }
    mli_task_begin(&j.task, MLI_TASK_PULL, catalog->logger, MODELLAB_LOG_INFO, NULL, NULL,
                   MLI_LOG_FIELDS(mli_log_string("model", model->name)));
    j.logged_ns = j.task.started_ns;
    status = configure(&j, err);
    if (status == MODELLAB_OK)
        status = run(&j, model, err);
    mli_task_end(&j.task, status, err, MLI_LOG_FIELDS(mli_log_string("model", model->name)));
    mli_free(&catalog->alloc, j.sources);
    mli_free(&catalog->alloc, j.hub);
    mli_free(&catalog->alloc, j.token);
    mli_free(&catalog->alloc, j.proxy);
    mli_free(&catalog->alloc, j.pip);
    return status;
}

modellab_status modellab_catalog_import(const modellab_catalog *catalog, const char *name,
                                        const char *path, modellab_cancel *cancel,
                                        modellab_error *err)
{
    if (catalog == NULL || name == NULL || path == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "no argument may be NULL");
    mli_task task;
    mli_task_begin(&task, MLI_TASK_MODEL_IMPORT, catalog->logger, MODELLAB_LOG_INFO, NULL, NULL,
                   MLI_LOG_FIELDS(mli_log_string("model", name), mli_log_path("from", path)));
    modellab_status status =
        mli_import_model(&catalog->store, name, path, mli_cancel_word_of(cancel), err);
    mli_task_end(&task, status, err, MLI_LOG_FIELDS(mli_log_string("model", name)));
    return status;
}
