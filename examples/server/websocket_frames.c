/* A socket's side of libwslay: bytes in and out, and the messages that it makes of them. What one
 * client sends is taken in turns of a bounded size, so that others have theirs. */
#include "call_private.h"
#include "text.h"
#include "websocket_private.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <wslay/wslay.h>

#define ANSWERS_MOST 8      /* pongs that wait until nothing more is read */
#define FRAGMENTS_MOST 4096 /* of a message: each costs libwslay more than its bytes */

static bool is_again(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/* libwslay reads until there is nothing: whatever ends the turn has to look like that. */
static ssize_t nothing(struct wslay_event_context *frames)
{
    wslay_event_set_error(frames, WSLAY_ERR_WOULDBLOCK);
    return -1;
}

static ssize_t receive(struct wslay_event_context *frames, uint8_t *out, size_t room, int flags,
                       void *user)
{
    websocket *w = user;
    (void)flags;
    room = room < w->turn_bytes ? room : w->turn_bytes;
    if (room == 0 || w->turn_frames == 0 || websocket_is_paused(w) || !websocket_may_answer(w))
        return nothing(frames);
    size_t kept = w->more_bytes - w->more_at;
    ssize_t got = (ssize_t)(kept < room ? kept : room);
    if (kept > 0) {
        memcpy(out, w->more + w->more_at, (size_t)got);
        w->more_at += (size_t)got;
    } else {
        got = recv(w->socket, out, room, MSG_DONTWAIT);
    }
    if (got < 0 && is_again())
        return nothing(frames);
    if (got > 0) {
        w->turn_bytes -= (size_t)got;
        w->bytes_in += got;
        return got;
    }
    w->broken = true;
    wslay_event_set_error(frames, WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

static ssize_t transmit(struct wslay_event_context *frames, const uint8_t *data, size_t bytes,
                        int flags, void *user)
{
    websocket *w = user;
    (void)flags;
    ssize_t sent = send(w->socket, data, bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) {
        w->bytes_out += sent;
        w->stuck_ms = 0;
        return sent;
    }
    bool again = is_again();
    w->broken = w->broken || !again;
    wslay_event_set_error(frames, again ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

bool websocket_may_answer(const websocket *w)
{
    /* one message of ours at most is among them */
    return wslay_event_get_queued_msg_count(w->frames) <= ANSWERS_MOST;
}

static void refuse(websocket *w, unsigned code)
{
    if (wslay_event_queue_close(w->frames, (uint16_t)code, NULL, 0) != 0)
        w->broken = true;
    wslay_event_shutdown_read(w->frames);
}

static void begins(struct wslay_event_context *frames,
                   const struct wslay_event_on_frame_recv_start_arg *frame, void *user)
{
    websocket *w = user;
    (void)frames;
    w->heard_ms = text_now_ms();
    w->turn_frames -= w->turn_frames > 0; /* what libwslay has read already comes in any case */
    if (frame->opcode == WSLAY_TEXT_FRAME || frame->opcode == WSLAY_BINARY_FRAME)
        w->fragments = 0;
    /* half a code is none; libwslay would take it for no code at all */
    if (frame->opcode == WSLAY_CONNECTION_CLOSE && frame->payload_length == 1)
        refuse(w, WSLAY_CODE_PROTOCOL_ERROR);
    else if (frame->opcode == WSLAY_CONTINUATION_FRAME && ++w->fragments >= FRAGMENTS_MOST)
        refuse(w, WSLAY_CODE_MESSAGE_TOO_BIG);
}

/* A message of the client that nobody asked to be quiet. */
static void arrives(struct wslay_event_context *frames,
                    const struct wslay_event_on_msg_recv_arg *got, void *user)
{
    websocket *w = user;
    (void)frames;
    w->heard_ms = text_now_ms();
    (void)pthread_mutex_lock(&w->lock);
    bool closes = w->closing_ms != 0 || w->code != 0;
    (void)pthread_mutex_unlock(&w->lock);
    if (closes)
        return;
    w->messages_in += got->opcode == WSLAY_BINARY_FRAME || got->opcode == WSLAY_TEXT_FRAME;
    if (got->opcode == WSLAY_BINARY_FRAME) {
        w->handler->binary(w, w->user, got->msg, got->msg_length);
    } else if (got->opcode == WSLAY_TEXT_FRAME) {
        char *text = malloc(got->msg_length + 1);
        if (text == NULL) {
            websocket_close(w, WEBSOCKET_FAILED, "out of memory");
            return;
        }
        if (got->msg_length > 0) /* else there is none to read from */
            memcpy(text, got->msg, got->msg_length);
        text[got->msg_length] = '\0';
        w->handler->text(w, w->user, text, got->msg_length);
        free(text);
    }
}

websocket *websocket_create(const call *c, const websocket_handler *handler, void *user)
{
    static const struct wslay_event_callbacks callbacks = {.recv_callback = receive,
                                                           .send_callback = transmit,
                                                           .on_frame_recv_start_callback = begins,
                                                           .on_msg_recv_callback = arrives};
    websocket *w = calloc(1, sizeof *w);
    if (w == NULL || pthread_mutex_init(&w->lock, NULL) != 0) {
        free(w);
        return NULL;
    }
    atomic_init(&w->references, 1);
    atomic_init(&w->rung, false);
    atomic_init(&w->stops, false);
    w->handler = handler;
    w->user = user;
    w->log = modellab_logger_ref(call_log(c));
    w->operation = c->op->id;
    w->last = &w->first;
    w->socket = -1;
    if (wslay_event_context_server_init(&w->frames, &callbacks, w) != 0) {
        websocket_unref(w);
        return NULL;
    }
    wslay_event_config_set_max_recv_msg_length(w->frames, handler->most);
    return w;
}

void websocket_drop(websocket *w)
{
    wslay_event_context_free(w->frames);
    w->frames = NULL;
    websocket_unref(w);
}

/* How it ended, in a word: ours, the client's, or nobody's. */
static const char *how(const websocket *w)
{
    if (w->why != NULL)
        return w->why;
    if (w->code != 0)
        return w->reason;
    if (wslay_event_get_close_received(w->frames) != 0)
        return "the client closed it";
    return wslay_event_get_close_sent(w->frames) != 0 ? "against the protocol" : "broken off";
}

void websocket_log_end(const websocket *w)
{
    const struct {
        const char *key;
        int64_t value;
    } numbers[] = {
        {"code", wslay_event_get_status_code_sent(w->frames)},
        {"client_code", wslay_event_get_status_code_received(w->frames)},
        {"messages_in", w->messages_in},
        {"messages_out", w->messages_out},
        {"bytes_in", w->bytes_in},
        {"bytes_out", w->bytes_out},
        {"ms", text_now_ms() - w->opened_ms},
    };
    enum { COUNT = sizeof numbers / sizeof numbers[0] };
    modellab_log_record record = MODELLAB_LOG_RECORD_INIT;
    modellab_log_field fields[COUNT + 2] = {
        {.key = "operation", .text = w->operation, .type = MODELLAB_LOG_STRING},
        {.key = "end", .text = how(w), .type = MODELLAB_LOG_STRING},
    };
    for (size_t i = 0; i < COUNT; i++)
        fields[i + 2] = (modellab_log_field){
            .key = numbers[i].key, .integer = numbers[i].value, .type = MODELLAB_LOG_INT};
    record.level = MODELLAB_LOG_INFO;
    record.event = "socket.end";
    record.message = "socket ends";
    record.fields = fields;
    record.field_count = COUNT + 2;
    modellab_logger_log(w->log, &record);
}
