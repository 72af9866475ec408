/* Having a program started for the present step: asking the supervisor, feeding it, reading what it
 * answers, learning how it ended. */
#include "lab/worker.h"

#include "base/error.h"
#include "base/str.h"
#include "os/process.h"
#include <errno.h>

#define LOOK_NS ((int64_t)10 * 1000000) /* at the cancel word */
#define REPLY_LOOKS 1000                /* 10 s */
#define PIECE ((size_t)16 * 1024)

/* Waits for what the supervisor says next. */
MODELLAB_MUST_CHECK static modellab_status hear(mli_worker *w, mli_program_word *out,
                                                modellab_error *err)
{
    const mli_worker_context *c = w->context;
    for (int i = 0; i < REPLY_LOOKS; i++) {
        mli_os_poll_item item = {.fd = c->channel, .want_read = true};
        int ready = mli_os_poll(&item, 1, LOOK_NS);
        if (ready > 0) {
            return mli_channel_receive_program(c->channels, c->channel, out, err);
        }
        if (mli_cancelled(&w->page->stop)) {
            return mli_fail(err, MODELLAB_E_CANCELLED, "stopped while a program was asked for");
        }
    }
    return mli_fail(err, MODELLAB_E_IO, "the supervisor did not answer");
}

MODELLAB_MUST_CHECK static modellab_status feed(int fd, const char *input, size_t bytes,
                                                size_t *done, modellab_error *err)
{
    int64_t n = mli_os_system_files.write(NULL, fd, input + *done, bytes - *done);
    if (n == -EAGAIN) {
        return MODELLAB_OK;
    }
    if (n == -EPIPE) { /* it has heard enough; its end says whether that is well */
        *done = bytes;
        return MODELLAB_OK;
    }
    *done += n > 0 ? (size_t)n : 0;
    return n >= 0 ? MODELLAB_OK
                  : mli_fail_os(err, (int)-n, "a program could not be given its input");
}

MODELLAB_MUST_CHECK static modellab_status drink(int fd, mli_buf *out, size_t most, bool *at_end,
                                                 modellab_error *err)
{
    char piece[PIECE];
    int64_t n = mli_os_system_files.read(NULL, fd, piece, sizeof(piece));
    if (n == -EAGAIN) {
        return MODELLAB_OK;
    }
    if (n < 0) {
        return mli_fail_os(err, (int)-n, "a program's output could not be read");
    }
    *at_end = n == 0;
    if ((size_t)n > most - out->size) {
        return mli_fail(err, MODELLAB_E_LIMIT, "a program's output has more than %zu bytes", most);
    }
    mli_buf_append(out, piece, (size_t)n);
    return mli_buf_status(out, err);
}

/* Feeds and drinks at the same time, so that neither side waits for the other. */
MODELLAB_MUST_CHECK static modellab_status talk(mli_worker *w, int fds[2], const char *input,
                                                size_t bytes, mli_buf *out, size_t most,
                                                modellab_error *err)
{
    size_t done = 0;
    bool at_end = false;
    modellab_status status = MODELLAB_OK;
    while (status == MODELLAB_OK && !at_end) {
        if (done == bytes) {
            mli_os_fd_close(fds[0]); /* tells it that there is no more */
            fds[0] = -1;
        }
        mli_os_poll_item items[] = {{.fd = fds[0], .want_write = true},
                                    {.fd = fds[1], .want_read = true}};
        int ready = mli_os_poll(items, 2, LOOK_NS);
        if (mli_cancelled(&w->page->stop)) {
            return mli_fail(err, MODELLAB_E_CANCELLED, "stopped while a program worked");
        }
        if (ready > 0 && fds[0] >= 0 && (items[0].can_write || items[0].closed)) {
            status = feed(fds[0], input, bytes, &done, err);
        }
        if (status == MODELLAB_OK && ready > 0 && (items[1].can_read || items[1].closed)) {
            status = drink(fds[1], out, most, &at_end, err);
            mli_page_touch(w->page);
        }
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status judge(const mli_program_end *end, const char *program,
                                                 modellab_error *err)
{
    if (end->late) {
        return mli_fail(err, MODELLAB_E_IO, "%s took too long and was ended", program);
    }
    if (end->signaled || end->code != 0) {
        return mli_fail_at(err, MODELLAB_E_IO, end->code, "%s ended with %s %d", program,
                           end->signaled ? "signal" : "exit code", (int)end->code);
    }
    return MODELLAB_OK;
}

modellab_status mli_worker_program(mli_worker *w, const char *program, const char *word,
                                   const char *input, size_t bytes, mli_buf *out, size_t most,
                                   modellab_error *err)
{
    const mli_worker_context *c = w->context;
    mli_program_ask ask = {.fence = w->order.fence};
    mli_program_word said;
    if (!mli_str_copy(ask.step, sizeof(ask.step), w->step) ||
        !mli_str_copy(ask.program, sizeof(ask.program), program) ||
        !mli_str_copy(ask.word, sizeof(ask.word), word)) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "a name of a program is too long");
    }
    if (!mli_channel_ask_program(c->channels, c->channel, &ask)) {
        return mli_fail(err, MODELLAB_E_IO, "there is no supervisor that could start %s", program);
    }
    modellab_status status = hear(w, &said, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    if (said.is_end || said.error[0] != '\0') {
        return mli_fail(err, MODELLAB_E_PERMISSION, "%s was not started: %s", program,
                        said.is_end ? "another one has ended" : said.error);
    }
    status = talk(w, said.fds, input, bytes, out, most, err);
    mli_os_fd_close(said.fds[0]);
    mli_os_fd_close(said.fds[1]);
    mli_program_word last = {.is_end = false};
    if (status == MODELLAB_OK) {
        status = hear(w, &last, err);
    }
    if (status == MODELLAB_OK && !last.is_end) {
        status =
            mli_fail(err, MODELLAB_E_IO, "the supervisor said nothing of the end of %s", program);
    }
    return status == MODELLAB_OK ? judge(&last.end, program, err) : status;
}
