/* The messages about programs: a worker asks for one, its supervisor answers with its two ends or
 * why not, and later with how it ended. */
#include "lab/worker_channel.h"

#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "os/process.h"
#include <string.h>

enum { STARTED = 'R', ENDED = 'X' };
#define MESSAGE_BYTES 512

bool mli_channel_ask_program(const mli_os_channels *channels, int fd, const mli_program_ask *ask)
{
    mli_buf text;
    mli_jw w;
    mli_buf_init(&text, NULL);
    mli_buf_append_char(&text, MLI_CHANNEL_ASK);
    mli_jw_init(&w, &text);
    mli_jw_object(&w);
    mli_jw_kint(&w, "fence", ask->fence);
    mli_jw_kstring(&w, "step", ask->step);
    mli_jw_kstring(&w, "program", ask->program);
    mli_jw_kstring(&w, "word", ask->word);
    mli_jw_end_object(&w);
    bool sent = mli_buf_status(&text, NULL) == MODELLAB_OK &&
                channels->send(channels->user, fd, text.data, text.size, NULL, 0, true) > 0;
    mli_buf_dispose(&text);
    return sent;
}

static bool copy_text(const mli_json *root, const char *key, char *out, size_t capacity)
{
    return mli_str_copy(out, capacity, mli_json_string(mli_json_get(root, key), ""));
}

bool mli_program_ask_read(const char *text, size_t bytes, mli_program_ask *out)
{
    mli_json *root = NULL;
    if (mli_json_parse(text, bytes, MESSAGE_BYTES, &root, NULL) != MODELLAB_OK) {
        return false;
    }
    out->fence = mli_json_int(mli_json_get(root, "fence"), -1);
    bool fits = copy_text(root, "step", out->step, sizeof(out->step)) &&
                copy_text(root, "program", out->program, sizeof(out->program)) &&
                copy_text(root, "word", out->word, sizeof(out->word));
    mli_json_free(root);
    return fits;
}

void mli_channel_send_program(const mli_os_channels *channels, int fd, const char *error,
                              const int fds[2])
{
    char text[MESSAGE_BYTES];
    size_t bytes = strlen(error);
    bytes = bytes < sizeof(text) - 1 ? bytes : sizeof(text) - 1;
    text[0] = STARTED;
    memcpy(text + 1, error, bytes);
    (void)channels->send(channels->user, fd, text, bytes + 1, fds, bytes == 0 ? 2 : 0, false);
}

void mli_channel_send_program_end(const mli_os_channels *channels, int fd,
                                  const mli_program_end *end)
{
    unsigned char text[4] = {ENDED, end->signaled, end->late, (unsigned char)end->code};
    (void)channels->send(channels->user, fd, text, sizeof(text), NULL, 0, false);
}

modellab_status mli_channel_receive_program(const mli_os_channels *channels, int fd,
                                            mli_program_word *out, modellab_error *err)
{
    char text[MESSAGE_BYTES + 1];
    size_t count = 2;
    memset(out, 0, sizeof(*out));
    out->fds[0] = out->fds[1] = -1;
    int64_t n = channels->recv(channels->user, fd, text, MESSAGE_BYTES, out->fds, &count, false);
    if (n == 4 && text[0] == ENDED) {
        out->is_end = true;
        out->end = (mli_program_end){
            .signaled = text[1] != 0, .late = text[2] != 0, .code = (unsigned char)text[3]};
    } else if (n >= 1 && text[0] == STARTED && (n == 1) == (count == 2)) {
        text[n] = '\0';
        (void)mli_str_copy(out->error, sizeof(out->error), text + 1); /* cut is fine */
    } else {
        for (size_t i = 0; n > 0 && i < count; i++) {
            mli_os_fd_close(out->fds[i]);
        }
        return n <= 0 ? mli_fail(err, MODELLAB_E_IO, "the supervisor is gone")
                      : mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "a word that makes no sense");
    }
    if (count < 2) {
        out->fds[0] = out->fds[1] = -1;
    }
    return MODELLAB_OK;
}
