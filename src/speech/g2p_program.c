/* Running the user's espeak-ng: input as a file of memory, both outputs read while it works, its
 * end awaited with a bound; what goes wrong is told in its own words. */
#include "speech/g2p_program.h"

#include "base/error.h"
#include "base/str.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/memory.h"
#include "os/process.h"
#include "os/program.h"
#include <errno.h>
#include <string.h>

enum { PATH_ROOM = 4096, PIECE = 16 * 1024, COMPLAINT = 512, SIGNAL_KILL = 9 };
#define LOOK_NS ((int64_t)10 * 1000000) /* at the cancel word */
#define NS_PER_MS ((int64_t)1000000)
#define VOICE_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"

size_t mli_g2p_paragraphs(const char *text, size_t bytes, mli_buf *out)
{
    size_t clauses = 0;
    for (size_t i = 0; i < bytes; i++) {
        mli_buf_append_char(out, text[i]);
        if (text[i] == '\n') {
            mli_buf_append_char(out, '\n');
            clauses++;
        }
    }
    return clauses;
}

modellab_status mli_g2p_lines(const char *answer, size_t bytes, size_t clauses, mli_buf *ipa,
                              modellab_error *err)
{
    size_t lines = 0;
    for (size_t at = 0; at < bytes;) {
        const char *end = memchr(answer + at, '\n', bytes - at);
        size_t n = end != NULL ? (size_t)(end - answer) - at : bytes - at;
        bool empty = true;
        for (size_t i = 0; i < n && empty; i++)
            empty = strchr(" \t\r", answer[at + i]) != NULL && answer[at + i] != '\0';
        if (!empty) {
            mli_buf_append(ipa, answer + at, n);
            mli_buf_append_char(ipa, '\n');
            lines++;
        }
        at += n + 1;
    }
    if (lines != clauses)
        return mli_fail(err, MODELLAB_E_IO, "espeak-ng gave %zu lines for %zu clauses", lines,
                        clauses);
    return mli_buf_status(ipa, err);
}

typedef struct work {
    const mli_g2p_program *program;
    const char *name; /* for messages */
    int64_t pid;
    int out, complaints, pidfd; /* -1 = over */
    mli_buf *answer;
    char complaint[COMPLAINT]; /* what it wrote to stderr first */
    size_t complaint_bytes;
    bool ended, known; /* known: how it ended */
    mli_os_exit end;
} work;

static int64_t now_ns(void)
{
    return mli_os_system_clock.monotonic_ns(mli_os_system_clock.user);
}

MODELLAB_MUST_CHECK static modellab_status drink(work *w, int *fd, modellab_error *err)
{
    char piece[PIECE];
    int64_t n = mli_os_system_files.read(NULL, *fd, piece, sizeof piece);
    if (n == -EAGAIN || n == -EINTR)
        return MODELLAB_OK;
    if (n <= 0) {
        mli_os_fd_close(*fd);
        *fd = -1;
        return n == 0 ? MODELLAB_OK : mli_fail_os(err, (int)-n, "the output of %s", w->name);
    }
    if (fd == &w->complaints) {
        size_t some = sizeof w->complaint - w->complaint_bytes;
        some = (size_t)n < some ? (size_t)n : some;
        memcpy(w->complaint + w->complaint_bytes, piece, some);
        w->complaint_bytes += some;
        return MODELLAB_OK;
    }
    if ((size_t)n > (size_t)MLI_G2P_MOST_ANSWER - w->answer->size)
        return mli_fail(err, MODELLAB_E_LIMIT, "%s gave more than %d bytes", w->name,
                        (int)MLI_G2P_MOST_ANSWER);
    mli_buf_append(w->answer, piece, (size_t)n);
    return mli_buf_status(w->answer, err);
}

/* Whether it has ended (its zombie stays, so that its number is nobody else's); a host that reaps
 * all children knows how, we do not. */
MODELLAB_MUST_CHECK static modellab_status look(work *w, modellab_error *err)
{
    const mli_os_processes *p = &mli_os_system_processes;
    int rc = w->ended ? -EAGAIN : p->peek(p->user, w->pid, &w->end);
    if (rc == -EAGAIN || rc == -EINTR)
        return MODELLAB_OK;
    if (rc != 0 && rc != -ECHILD)
        return mli_fail_os(err, -rc, "waiting for %s", w->name);
    w->ended = true;
    w->known = rc == 0;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status attend(work *w, modellab_error *err)
{
    const mli_g2p_program *g = w->program;
    const int64_t limit = g->limit_ms > 0 ? g->limit_ms : MLI_G2P_LIMIT_MS;
    const int64_t deadline = now_ns() + limit * NS_PER_MS;
    modellab_status status = MODELLAB_OK;
    while (status == MODELLAB_OK && (!w->ended || w->out >= 0 || w->complaints >= 0)) {
        mli_os_poll_item items[] = {{.fd = w->out, .want_read = true},
                                    {.fd = w->complaints, .want_read = true},
                                    {.fd = w->ended ? -1 : w->pidfd, .want_read = true}};
        int ready = mli_os_poll(items, 3, LOOK_NS);
        if (mli_cancelled(g->cancel))
            return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
        if (now_ns() > deadline)
            return mli_fail(err, MODELLAB_E_IO, "%s took more than %lld ms and was ended", w->name,
                            (long long)limit);
        if (ready < 0 && ready != -EINTR)
            return mli_fail_os(err, -ready, "waiting for %s", w->name);
        if (w->out >= 0 && (items[0].can_read || items[0].closed))
            status = drink(w, &w->out, err);
        if (status == MODELLAB_OK && w->complaints >= 0 && (items[1].can_read || items[1].closed))
            status = drink(w, &w->complaints, err);
        if (status == MODELLAB_OK)
            status = look(w, err);
    }
    return status;
}

/* The first line of what it complained of, without folders. */
static const char *complaint_of(work *w, char out[COMPLAINT + 2])
{
    size_t n = 0, part = 0;
    memcpy(out, ": ", 2);
    for (size_t i = 0; i < w->complaint_bytes && w->complaint[i] != '\n'; i++) {
        char c = w->complaint[i];
        if (c == '/') { /* only the last part of a path stays */
            n = part;
            continue;
        }
        out[2 + n++] = (unsigned char)c < ' ' || c == 127 ? '?' : c;
        part = strchr(" '\"(=", c) != NULL ? n : part;
    }
    out[2 + n] = '\0';
    size_t whole = mli_utf8_prefix(out, 2 + n, 160);
    out[whole] = '\0';
    return n > 0 ? out : "";
}

MODELLAB_MUST_CHECK static modellab_status judge(work *w, modellab_error *err)
{
    char text[COMPLAINT + 2];
    if (w->known && (w->end.signaled || w->end.code != 0))
        return mli_fail_at(err, MODELLAB_E_IO, w->end.code, "%s ended with %s %d%s", w->name,
                           w->end.signaled ? "signal" : "exit code", w->end.code,
                           complaint_of(w, text));
    return MODELLAB_OK;
}

/* Nobody of its session stays; its zombie goes. */
static void end(work *w)
{
    const mli_os_processes *p = &mli_os_system_processes;
    mli_os_exit unused;
    const bool ours = !w->ended || w->known; /* else its number may be another's by now */
    /* Whoever holds an output is of its group: so the group's number is still taken. */
    if (ours || w->out >= 0 || w->complaints >= 0)
        (void)p->kill_group(p->user, w->pid, SIGNAL_KILL); /* mostly nobody is there any more */
    if (ours)
        (void)p->reap(p->user, w->pid, true, &unused);
    mli_os_fd_close(w->out);
    mli_os_fd_close(w->complaints);
    mli_os_fd_close(w->pidfd);
}

MODELLAB_MUST_CHECK static modellab_status make_input(const char *text, size_t bytes, int *fd,
                                                      modellab_error *err)
{
    int rc = mli_os_memory_file("modellab-g2p", fd);
    if (rc != 0)
        return mli_fail_os(err, rc, "no memory for the input of a program");
    for (size_t at = 0; at < bytes;) {
        int64_t n = mli_os_system_files.pwrite(NULL, *fd, text + at, bytes - at, (int64_t)at);
        if (n <= 0 && n != -EINTR)
            return mli_fail_os(err, n < 0 ? (int)-n : EIO, "no memory for the input of a program");
        at += n > 0 ? (size_t)n : 0;
    }
    return MODELLAB_OK;
}

/* `pipes`: read and write ends of its two outputs. */
MODELLAB_MUST_CHECK static modellab_status start(work *w, const char *path, int input,
                                                 const int pipes[4], modellab_error *err)
{
    static const char *const env[] = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8", NULL};
    const char *argv[] = {w->name, "-q", "--ipa", "-v", w->program->voice, NULL};
    const mli_os_fd_map fds[] = {{input, 0}, {pipes[1], 1}, {pipes[3], 2}};
    const mli_os_spawn what = {path, argv, env, fds, 3};
    const mli_os_processes *p = &mli_os_system_processes;
    int rc = p->spawn(p->user, &what, &w->pid);
    if (rc < 0)
        return mli_fail_os(err, -rc, "%s could not be started", w->name);
    w->pidfd = p->pidfd(p->user, w->pid);
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status run(work *w, const char *path, const mli_buf *input,
                                               modellab_error *err)
{
    int pipes[4] = {-1, -1, -1, -1}, in = -1;
    modellab_status status = make_input(input->data, input->size, &in, err);
    for (int i = 0; status == MODELLAB_OK && i < 4; i += 2) {
        int rc = mli_os_pipe(pipes + i);
        if (rc == 0)
            rc = mli_os_fd_nonblocking(pipes[i]);
        if (rc != 0)
            status = mli_fail_os(err, -rc, "no pipe for the output of a program");
    }
    if (status == MODELLAB_OK)
        status = start(w, path, in, pipes, err);
    mli_os_fd_close(in);
    mli_os_fd_close(pipes[1]);
    mli_os_fd_close(pipes[3]);
    if (status != MODELLAB_OK) {
        mli_os_fd_close(pipes[0]);
        mli_os_fd_close(pipes[2]);
        return status;
    }
    w->out = pipes[0];
    w->complaints = pipes[2];
    status = attend(w, err);
    end(w);
    return status == MODELLAB_OK ? judge(w, err) : status;
}

modellab_status mli_g2p_program_ask(void *user, const char *text, size_t bytes, mli_buf *ipa,
                                    modellab_error *err)
{
    const mli_g2p_program *g = user;
    char path[PATH_ROOM];
    mli_buf input, answer;
    work w = {.program = g, .name = mli_basename(g->name), .answer = &answer};
    if (g->voice[0] == '\0' || g->voice[0] == '-' ||
        strspn(g->voice, VOICE_LETTERS) != strlen(g->voice))
        return mli_fail(err, MODELLAB_E_INVALID_MODEL,
                        "the voice's configuration names no voice of espeak-ng");
    if (mli_os_find_program(g->name, path, sizeof path) != 0)
        return mli_fail(err, MODELLAB_E_NOT_FOUND,
                        "there is no program %.64s: install espeak-ng, or say where it is "
                        "(MODEL_LAB_ESPEAK_NG)",
                        w.name);
    mli_buf_init(&input, g->alloc);
    mli_buf_init(&answer, g->alloc);
    size_t clauses = mli_g2p_paragraphs(text, bytes, &input);
    modellab_status status = mli_buf_status(&input, err);
    if (status == MODELLAB_OK)
        status = run(&w, path, &input, err);
    if (status == MODELLAB_OK)
        status = mli_g2p_lines(answer.data, answer.size, clauses, ipa, err);
    mli_buf_dispose(&input);
    mli_buf_dispose(&answer);
    return status;
}
