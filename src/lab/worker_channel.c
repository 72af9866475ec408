/* Messages between a supervisor and a worker. Neither side trusts the other's: a message that makes
 * no sense is dropped with its descriptors. */
#include "lab/worker_channel.h"

#include "base/error.h"
#include "os/process.h"
#include <errno.h>
#include <string.h>

enum { ORDER = 'O', ORDER_IN_FILE = 'F', LEAVE = 'L', DONE = 'D', NEWS = 'N' };
#define ANSWER_BYTES 512
#define NEWS_MOST 64 /* taken at once: a flood of them holds nobody up */

MODELLAB_MUST_CHECK static modellab_status send_failed(int64_t rc, modellab_error *err)
{
    bool gone = rc == -EPIPE || rc == -ECONNRESET || rc == -ENOTCONN || rc == -ECONNREFUSED;
    return gone ? mli_fail(err, MODELLAB_E_WORKER_START, "the worker is gone")
                : mli_fail_os(err, (int)-rc, "the worker could not be given its order");
}

modellab_status mli_channel_send_order(const mli_os_channels *channels, int fd, const mli_buf *text,
                                       int file, const int fds[MLI_ORDER_FDS], modellab_error *err)
{
    int list[MLI_ORDER_FDS + 1];
    size_t count = 0;
    mli_buf message;
    bool in_file = text->size > MLI_CHANNEL_INLINE_BYTES;
    if (in_file && file < 0) {
        return mli_fail(err, MODELLAB_E_INTERNAL, "a long order without a file");
    }
    if (in_file) {
        list[count++] = file;
    }
    for (int i = 0; i < MLI_ORDER_FDS; i++) {
        if (fds[i] >= 0) {
            list[count++] = fds[i];
        }
    }
    mli_buf_init(&message, text->alloc);
    mli_buf_append_char(&message, in_file ? ORDER_IN_FILE : ORDER);
    if (!in_file) {
        mli_buf_append(&message, text->data, text->size);
    }
    modellab_status status = mli_buf_status(&message, err);
    if (status == MODELLAB_OK) {
        /* Never waits: the worker has nothing else in its queue. */
        int64_t rc =
            channels->send(channels->user, fd, message.data, message.size, list, count, false);
        status = rc >= 0 ? MODELLAB_OK : send_failed(rc, err);
    }
    mli_buf_dispose(&message);
    return status;
}

void mli_channel_send_leave(const mli_os_channels *channels, int fd)
{
    const char word = LEAVE;
    /* A failure means that it is gone, or will see the closed socket. */
    (void)channels->send(channels->user, fd, &word, 1, NULL, 0, false);
}

static bool read_answer(const char *text, size_t bytes, mli_worker_answer *out)
{
    mli_json *root = NULL;
    if (mli_json_parse(text, bytes, ANSWER_BYTES, &root, NULL) != MODELLAB_OK) {
        return false;
    }
    out->fence = mli_json_int(mli_json_get(root, "fence"), -1);
    out->cpu_ns = mli_json_int(mli_json_get(root, "cpu_ns"), -1);
    out->peak_bytes = mli_json_int(mli_json_get(root, "peak_bytes"), -1);
    out->own_bytes = mli_json_int(mli_json_get(root, "own_bytes"), -1);
    out->peak_is_sampled = mli_json_bool(mli_json_get(root, "peak_is_sampled"), false);
    int64_t kept = mli_json_int(mli_json_get(root, "kept_models"), 0);
    out->kept_models = kept < 0 || kept > 1000 ? 0 : (int32_t)kept;
    mli_json_free(root);
    return true;
}

mli_heard mli_channel_take(const mli_os_channels *channels, int fd, mli_worker_answer *out,
                           mli_program_ask *ask, int *os_error)
{
    char text[ANSWER_BYTES];
    *os_error = 0;
    for (int i = 0; i < NEWS_MOST; i++) {
        size_t none = 0;
        int64_t n = channels->recv(channels->user, fd, text, sizeof(text), NULL, &none, false);
        if (n == -EAGAIN || n == -EINTR) {
            return MLI_HEARD_NOTHING;
        }
        if (n == 0 || n == -ECONNRESET || n == -EPIPE) {
            return MLI_HEARD_END;
        }
        if (n < 0 && n != -EMSGSIZE) { /* short of memory, say: the worker is still there */
            *os_error = (int)-n;
            return MLI_HEARD_FAILED;
        }
        if (n >= 2 && text[0] == MLI_CHANNEL_ASK) {
            bool good = mli_program_ask_read(text + 1, (size_t)n - 1, ask);
            return good ? MLI_HEARD_ASK : MLI_HEARD_NONSENSE;
        }
        if (n != 1 || text[0] != NEWS) {
            /* After nonsense the end of the process tells the rest. */
            bool good = n >= 2 && text[0] == DONE && read_answer(text + 1, (size_t)n - 1, out);
            return good ? MLI_HEARD_ANSWER : MLI_HEARD_NONSENSE;
        } /* the news have woken us, which is all that they are for */
    }
    return MLI_HEARD_NOTHING;
}

void mli_channel_send_news(const mli_os_channels *channels, int fd)
{
    const char word = NEWS;
    /* A failure means that they are seen at the supervisor's own next look. */
    (void)channels->send(channels->user, fd, &word, 1, NULL, 0, false);
}

bool mli_channel_send_answer(const mli_os_channels *channels, int fd,
                             const mli_worker_answer *answer)
{
    mli_buf text;
    mli_jw w;
    mli_buf_init(&text, NULL);
    mli_buf_append_char(&text, DONE);
    mli_jw_init(&w, &text);
    mli_jw_object(&w);
    mli_jw_kint(&w, "fence", answer->fence);
    mli_jw_kint(&w, "cpu_ns", answer->cpu_ns);
    mli_jw_kint(&w, "peak_bytes", answer->peak_bytes);
    mli_jw_kint(&w, "own_bytes", answer->own_bytes);
    mli_jw_kint(&w, "kept_models", answer->kept_models);
    mli_jw_kbool(&w, "peak_is_sampled", answer->peak_is_sampled);
    mli_jw_end_object(&w);
    bool sent = mli_buf_status(&text, NULL) == MODELLAB_OK &&
                channels->send(channels->user, fd, text.data, text.size, NULL, 0, true) > 0;
    mli_buf_dispose(&text);
    return sent;
}

static void close_all(const mli_os_files *files, const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        (void)files->close(files->user, fds[i]); /* nothing was written through them */
    }
}

MODELLAB_MUST_CHECK static modellab_status read_file(const mli_os_files *files, int fd,
                                                     mli_buf *text, modellab_error *err)
{
    mli_os_stat facts;
    int rc = files->fstat(files->user, fd, &facts);
    if (rc != 0 || facts.bytes <= 0 || facts.bytes > (int64_t)MLI_ORDER_MAX_BYTES) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the order has no size that is allowed");
    }
    char *to = mli_buf_extend(text, (size_t)facts.bytes);
    if (to == NULL) {
        return mli_no_memory(err);
    }
    for (int64_t done = 0; done < facts.bytes;) {
        int64_t n = files->pread(files->user, fd, to + done, (size_t)(facts.bytes - done), done);
        if (n <= 0) {
            return mli_fail_os(err, n < 0 ? (int)-n : EIO, "the order could not be read");
        }
        done += n;
    }
    return MODELLAB_OK;
}

/* One message into `text` (without its letter) and `list`; *letter 0 when the other end is closed.
 */
MODELLAB_MUST_CHECK static modellab_status take_message(const mli_os_channels *channels, int fd,
                                                        mli_buf *text, int list[MLI_ORDER_FDS + 1],
                                                        size_t *count, char *letter,
                                                        modellab_error *err)
{
    size_t got = MLI_ORDER_FDS + 1;
    char *room = mli_buf_extend(text, MLI_CHANNEL_INLINE_BYTES + 1);
    if (room == NULL) {
        return mli_no_memory(err);
    }
    int64_t n =
        channels->recv(channels->user, fd, room, MLI_CHANNEL_INLINE_BYTES + 1, list, &got, true);
    if (n < 0) {
        return n == -ECONNRESET ? mli_fail(err, MODELLAB_E_CANCELLED, "the supervisor is gone")
                                : mli_fail_os(err, (int)-n, "no order could be received");
    }
    *count = got;
    *letter = n > 0 ? room[0] : '\0';
    size_t rest = n > 0 ? (size_t)n - 1 : 0;
    memmove(text->data, text->data + 1, rest);
    text->size = rest;
    text->data[rest] = '\0';
    return MODELLAB_OK;
}

modellab_status mli_channel_receive(const mli_os_channels *channels, const mli_os_files *files,
                                    int fd, const modellab_allocator *alloc, mli_buf *text,
                                    int fds[MLI_ORDER_FDS], size_t *count, modellab_error *err)
{
    int list[MLI_ORDER_FDS + 1];
    size_t got = 0;
    size_t first = 0;
    char letter = '\0';
    *count = 0;
    mli_buf_init(text, alloc);
    modellab_status status = take_message(channels, fd, text, list, &got, &letter, err);
    if (status == MODELLAB_OK && (letter == '\0' || letter == LEAVE)) {
        status = mli_fail(err, MODELLAB_E_CANCELLED, "the supervisor needs this worker no more");
    } else if (status == MODELLAB_OK && letter == ORDER_IN_FILE && got > 0) {
        mli_buf_clear(text);
        status = read_file(files, list[0], text, err);
        (void)files->close(files->user, list[0]); /* was only read */
        first = 1;
    } else if (status == MODELLAB_OK && letter != ORDER) {
        status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "a message that is no order");
    }
    if (status == MODELLAB_OK && got - first > MLI_ORDER_FDS) {
        status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "an order with too many descriptors");
    }
    if (status != MODELLAB_OK) {
        close_all(files, list + first, got - first);
        mli_buf_dispose(text);
        return status;
    }
    *count = got - first;
    memcpy(fds, list + first, *count * sizeof(int));
    return MODELLAB_OK;
}
