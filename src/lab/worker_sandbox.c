/* The worker gives up what it does not need, before it touches anything foreign: it keeps the
 * descriptors of its runs, its socket and the models to read. It can open no file of any run, and
 * none at all for writing, in the first run as in the next. */
#include "lab/worker.h"

#include "base/error.h"
#include "lab/sandbox_profile.h"
#include "log/logger.h"
#include "os/locale.h"
#include "os/process.h"
#include <string.h>

static int open_folder(const mli_worker *w, const char *path)
{
    return path[0] == '\0'
               ? -1
               : w->files->open(w->files->user, path, MLI_OS_READ | MLI_OS_DIRECTORY, 0);
}

/* What the look-up of names and the check of certificates read. Those that are not there are passed
 * over. Of OpenSSL's folders only what is public: private keys stand there too, and what the places
 * in /usr/lib/ssl are links to is opened, not the folder. */
static const struct place {
    const char *path;
    bool folder;
} name_service[] = {{"/etc/resolv.conf", false},
                    {"/etc/hosts", false},
                    {"/etc/nsswitch.conf", false},
                    {"/etc/host.conf", false},
                    {"/etc/gai.conf", false},
                    {"/etc/services", false},
                    {"/etc/ssl/certs", true},
                    {"/etc/ssl/openssl.cnf", false},
                    {"/usr/lib/ssl/certs", true},
                    {"/usr/lib/ssl/cert.pem", false},
                    {"/usr/lib/ssl/openssl.cnf", false},
                    {"/usr/share/ca-certificates", true},
                    {"/usr/local/share/ca-certificates", true}};

static mli_os_sandbox_folder open_place(const mli_worker *w, const struct place *place)
{
    int flags = MLI_OS_READ | MLI_OS_NONBLOCK | (place->folder ? MLI_OS_DIRECTORY : 0);
    return (mli_os_sandbox_folder){w->files->open(w->files->user, place->path, flags, 0),
                                   MLI_OS_SANDBOX_READ |
                                       (place->folder ? MLI_OS_SANDBOX_LIST : MLI_OS_SANDBOX_FILE)};
}

void mli_worker_confine(mli_worker *w)
{
    mli_worker_context *c = w->context;
    mli_sandbox_profile profile = mli_sandbox_profile_of(w->order.steps);
    int64_t start = w->clock->monotonic_ns(w->clock->user);
    if (c->confined || w->order.sandbox_off) {
        return;
    }
    mli_os_sandbox_folder models = {open_folder(w, w->order.models_root),
                                    MLI_OS_SANDBOX_READ | MLI_OS_SANDBOX_LIST};
    mli_os_sandbox_folder folders[1 + sizeof(name_service) / sizeof(name_service[0])] = {models};
    mli_os_sandbox what = {.folders = folders,
                           .folder_count = 1,
                           .network = profile.network || w->order.remote,
                           .messages = true};
    for (size_t i = 0; what.network && i < sizeof(name_service) / sizeof(name_service[0]); i++) {
        folders[what.folder_count++] = open_place(w, &name_service[i]);
    }
    mli_os_sandbox_enter(&what, &c->sandbox);
    c->confined = true;
    for (size_t i = 0; i < what.folder_count; i++) {
        mli_os_fd_close(folders[i].fd); /* was only a name for the kernel */
    }
    c->confine_ns = w->clock->monotonic_ns(w->clock->user) - start;
}

/* What holds, in words: "landlock 7 (models, no run), seccomp, not dumpable". */
static void describe(const mli_worker *w, char *out, size_t capacity)
{
    const mli_worker_context *c = w->context;
    const mli_os_sandbox_result *s = &c->sandbox;
    char paths[64] = "no landlock";
    if (!c->confined) {
        (void)mli_os_format(out, capacity, "switched off");
        return;
    }
    if (s->landlock_error == 0) {
        (void)mli_os_format(paths, sizeof(paths), "landlock %d (models, no run)", s->landlock_abi);
    }
    (void)mli_os_format(out, capacity, "%s, %s, %s", paths,
                        s->seccomp_error != 0 ? "no seccomp"
                        : s->widened          ? "seccomp widened for a sanitizer"
                                              : "seccomp",
                        s->dumpable ? "dumpable" : "not dumpable");
}

/* Whose work the lines that follow are, for who has the journal alone. */
MODELLAB_MUST_CHECK static modellab_status say_ids(mli_worker *w, modellab_error *err)
{
    mli_jw *line = mli_journal_begin(&w->journal, "attempt");
    mli_jw_kstring(line, "run_id", w->order.run_id);
    mli_jw_kstring(line, "request_id", w->order.request_id);
    mli_jw_kstring(line, "trace_id", w->order.trace_id);
    mli_jw_kstring(line, "span_id", w->order.span_id);
    mli_jw_kint(line, "attempt", w->order.attempt);
    modellab_status status = mli_journal_end(&w->journal, false, err);
    if (status == MODELLAB_OK) {
        atomic_fetch_add(&w->page->journal_lines, 1);
    }
    return status;
}

modellab_status mli_worker_say_sandbox(mli_worker *w, modellab_error *err)
{
    char detail[128];
    const mli_os_sandbox_result *s = &w->context->sandbox;
    const char *level = mli_os_sandbox_level_name(s->level);
    modellab_status status = say_ids(w, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    describe(w, detail, sizeof(detail));
    mli_log(w->log, s->level == MLI_OS_SANDBOX_FULL ? MODELLAB_LOG_INFO : MODELLAB_LOG_WARN,
            "worker.confined", detail,
            MLI_LOG_FIELDS(mli_log_string("sandbox", level),
                           mli_log_int("microseconds", w->context->confine_ns / 1000),
                           mli_log_int("landlock_error", s->landlock_error),
                           mli_log_int("seccomp_error", s->seccomp_error)));
    mli_jw *line = mli_journal_begin(&w->journal, "sandbox");
    mli_jw_kstring(line, "level", level);
    mli_jw_kstring(line, "detail", detail);
    status = mli_journal_end(&w->journal, false, err);
    if (status == MODELLAB_OK) {
        mli_worker_tell(w);
    }
    return status;
}

bool mli_worker_sandbox_suffices(const mli_worker *w, char *why, size_t capacity)
{
    char detail[128];
    mli_os_sandbox_level level = w->context->sandbox.level;
    bool asked = w->order.require_sandbox ||
                 mli_json_bool(mli_json_get(w->order.request, "require_sandbox"), false);
    if (!asked || level == MLI_OS_SANDBOX_FULL) {
        return true;
    }
    describe(w, detail, sizeof(detail));
    (void)mli_os_format(why, capacity,
                        "A full sandbox is required; this worker reached \"%s\" (%s).",
                        mli_os_sandbox_level_name(level), detail);
    return false;
}
