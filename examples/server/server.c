/* The daemon and the phases of a request. A connection of which a job thread has the work sleeps;
 * the network threads never wait. */
#include "server.h"

#include "access.h"
#include "body.h"
#include "call_private.h"
#include "counters.h"
#include "crew.h"
#include "direct.h"
#include "hub.h"
#include "jobs.h"
#include "lease.h"
#include "listener.h"
#include "live.h"
#include "problem.h"
#include "route.h"
#include "settings.h"
#include "speech_warm.h"
#include "text.h"
#include "websocket.h"
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NETWORK_THREADS 2u
#define TURNED_AWAY_MAX 256
#define PARAMETERS_MAX 100u
#define CONNECTION_BYTES ((size_t)32 * 1024) /* more than guard.c takes for a head */
#define SLOWEST_BODY_BYTES_A_MS 1

static struct {
    struct MHD_Daemon *daemon;
    modellab_lab *lab;
    modellab_logger *log;
    int socket;
    atomic_bool draining, leaving;
} server = {.socket = -1};

modellab_lab *server_lab(void)
{
    return server.lab;
}

modellab_logger *server_log(void)
{
    return server.log;
}

bool server_is_draining(void)
{
    return atomic_load(&server.draining);
}

bool server_is_leaving(void)
{
    return atomic_load(&server.leaving);
}

void call_resume(call *c)
{
    MHD_resume_connection(c->mhd);
}

/* The end of what a job does for a call: from here on the network thread has it. */
static void job_is_done(call *c)
{
    (void)pthread_mutex_lock(&c->lock);
    c->in_run = false;
    bool wakes = c->replied;
    (void)pthread_mutex_unlock(&c->lock);
    if (wakes)
        call_resume(c);
}

static void run_job(void *user)
{
    call *c = user;
    if (c->phase == CALL_ENTERING) { /* without a body: all at once */
        enter_access(c);
        if (!c->replied)
            call_log_decision(c);
    }
    c->run_ms = text_now_ms();
    c->phase = CALL_RUNNING;
    if (!c->replied && body_complete(c))
        c->op->run(c);
    if (c->refused != NULL)
        call_log_decision(c);
    job_is_done(c);
}

static void enter_job(void *user)
{
    call *c = user;
    enter_access(c);
    call_log_decision(c);
    call_resume(c);
}

static void piece_job(void *user)
{
    call *c = user;
    if (body_piece(c, c->piece, c->piece_bytes) == BODY_REFUSED && !c->replied)
        reply_problem(c, 500, "internal", "the body was refused without a reason");
    call_resume(c);
}

/* Hands the call to a job; its connection sleeps. */
static enum MHD_Result hand_over(call *c, job_function job)
{
    MHD_suspend_connection(c->mhd);
    if (!job_run(job, c)) {
        reply_later(c, 503, "unavailable", "there is no room for more work", 1);
        call_resume(c);
    }
    return MHD_YES;
}

/* Head and body are here. */
static enum MHD_Result run(call *c)
{
    if ((c->op->flags & OP_INLINE) == 0)
        return hand_over(c, run_job);
    c->run_ms = text_now_ms();
    c->phase = CALL_RUNNING;
    c->body.complete = true;
    call_log_decision(c);
    c->op->run(c);
    if (c->replied)
        return reply_send(c);
    MHD_suspend_connection(c->mhd);
    job_is_done(c);
    return MHD_YES;
}

/* How long the next piece may take. What counts against a client is the time that it was waited
 * for: the server's own is not. (No floor beyond the setting: who sends a byte a second would have
 * it each second.) */
static int64_t body_limit(const call *c)
{
    int64_t fair = c->body.received / SLOWEST_BODY_BYTES_A_MS + server_settings.body_ms * 2;
    int64_t left = fair - c->body.waited_ms;
    return left < 1 ? 1 : left < server_settings.body_ms ? left : server_settings.body_ms;
}

/* The next piece of the body is expected. */
static enum MHD_Result await_body(call *c)
{
    c->phase = CALL_BODY;
    c->body.asked_ms = text_now_ms();
    return connection_enter(c->link, CONNECTION_BODY, body_limit(c)) ? MHD_YES : MHD_NO;
}

static enum MHD_Result begin_call(call *c, const char *method, const char *path,
                                  const char *version)
{
    c->in_run = true;
    enter_head(c, method, path, version);
    call_log_start(c);
    if (c->replied)
        call_log_decision(c);
    c->phase = CALL_ENTERING;
    if (!c->body.present && !c->body.closes)
        return MHD_YES; /* called again at once; what is queued now would end the connection */
    return c->replied ? reply_send(c) : hand_over(c, enter_job);
}

/* For a job: libmicrohttpd moves its buffer when this returns (behind the head of a chunk). The
 * bytes count as taken when the job has ended, so that it asks again then. */
static bool copy_piece(call *c, const char *data, size_t bytes)
{
    if (bytes > c->piece_room) {
        void *grown = realloc(c->piece, bytes);
        if (grown == NULL) {
            reply_problem(c, 500, "internal", "out of memory");
            return false;
        }
        c->piece = grown;
        c->piece_room = bytes;
    }
    memcpy(c->piece, data, bytes);
    c->piece_bytes = bytes;
    return true;
}

static enum MHD_Result go_on(call *c, const char *data, size_t *bytes)
{
    if (c->replied)
        return reply_send(c);
    switch (c->phase) {
    case CALL_ENTERING:
        return c->body.present ? await_body(c) : run(c);
    case CALL_PIECE:
        *bytes -= c->piece_bytes;
        if (*bytes == 0)
            return await_body(c);
        /* More has come meanwhile. It is taken now: were it left without a sleep, nothing would
         * make libmicrohttpd ask again when the client has sent all. */
        return copy_piece(c, data + c->piece_bytes, *bytes) ? hand_over(c, piece_job)
                                                            : reply_send(c);
    case CALL_BODY:
        if (!connection_enter(c->link, CONNECTION_WORK, 0))
            return MHD_NO;
        c->body.waited_ms += text_now_ms() - c->body.asked_ms;
        if (*bytes == 0) {
            c->body.complete = true;
            return run(c);
        }
        if (c->op->body == BODY_STREAM) {
            c->phase = CALL_PIECE;
            return copy_piece(c, data, *bytes) ? hand_over(c, piece_job) : reply_send(c);
        }
        if (body_piece(c, data, *bytes) == BODY_REFUSED)
            return reply_send(c);
        *bytes = 0;
        return await_body(c);
    default:
        return MHD_YES; /* woken without a reason */
    }
}

static enum MHD_Result handle(void *unused, struct MHD_Connection *mhd, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *bytes, void **slot)
{
    call *c = *slot;
    (void)unused;
    if (c != NULL)
        return go_on(c, data, bytes);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    connection *link = info != NULL ? info->socket_context : NULL;
    if (link == NULL || !connection_enter(link, CONNECTION_WORK, 0))
        return MHD_NO;
    c = call_create(mhd, link, method, url);
    if (c == NULL)
        return MHD_NO;
    *slot = c;
    counters_begin();
    connection_serve(link, c, true);
    return begin_call(c, method, url, version);
}

static void destroy_job(void *user)
{
    call_destroy(user);
}

static void completed(void *unused, struct MHD_Connection *mhd, void **slot,
                      enum MHD_RequestTerminationCode code)
{
    call *c = *slot;
    (void)unused;
    (void)mhd;
    if (c == NULL)
        return;
    *slot = NULL;
    bool whole = code == MHD_REQUEST_TERMINATED_COMPLETED_OK ||
                 (c->reply.kind == REPLY_STREAM && stream_is_whole(c->reply.lasting));
    const char *how = whole ? "sent"
                      : c->body.closes || (c->replied && c->body.present && !c->body.complete)
                          ? "sent and closed"
                          : "broken off";
    connection_serve(c->link, NULL, false);
    if (!connection_enter(c->link, CONNECTION_IDLE, server_settings.idle_ms))
        how = "timed out";
    if (c->reply.kind == REPLY_STREAM)
        c->bytes_out = stream_sent(c->reply.lasting);
    int64_t ms = text_now_ms() - c->began_ms;
    call_log_end(c, how, ms);
    counters_end(c->op != NULL ? c->op_index : route_count(), c->sent_http, call_age_us(c),
                 c->body.received, c->bytes_out);
    if (c->body.began && job_run(destroy_job, c))
        return; /* a sink may have files to remove */
    call_destroy(c);
}

/* A head that never became a call: its client went, or libmicrohttpd could make nothing of it and
 * has answered itself (or not at all). */
static void log_unfinished(const connection *one)
{
    modellab_log_record record = MODELLAB_LOG_RECORD_INIT;
    int64_t bytes = one != NULL ? connection_unfinished(one) : 0;
    if (bytes <= 1)
        return; /* an end of the client's side counts as one */
    const modellab_log_field fields[] = {
        {.key = "client", .text = one->address, .type = MODELLAB_LOG_STRING},
        {.key = "head_bytes", .integer = bytes, .type = MODELLAB_LOG_INT},
    };
    record.level = MODELLAB_LOG_INFO;
    record.event = "http.unfinished";
    record.message = "a connection ended within the head of a request";
    record.fields = fields;
    record.field_count = sizeof fields / sizeof fields[0];
    modellab_logger_log(server.log, &record);
}

static void connected(void *unused, struct MHD_Connection *mhd, void **context,
                      enum MHD_ConnectionNotificationCode code)
{
    (void)unused;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        log_unfinished(*context);
        connection_close(*context);
        *context = NULL;
        return;
    }
    char address[48];
    const union MHD_ConnectionInfo *client =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    listener_name(client != NULL ? client->client_addr : NULL, address, sizeof address);
    const union MHD_ConnectionInfo *socket =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (socket != NULL)
        *context = connection_open(socket->connect_fd, address, server_settings.head_ms);
}

/* Codes stay as they came: segments of paths are decoded one by one (route.c). */
static size_t keep_codes(void *unused, struct MHD_Connection *mhd, char *text)
{
    (void)unused;
    (void)mhd;
    return strlen(text);
}

/* As it came; libmicrohttpd cuts it into pieces then. */
static void *see_target(void *unused, const char *target, struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    connection *link = info != NULL ? info->socket_context : NULL;
    (void)unused;
    if (link != NULL && target != NULL) {
        link->target_bytes = strlen(target);
        link->target_is_odd = false;
        size_t parameters = 1;
        for (const char *at = target; *at != '\0'; at++) {
            link->target_is_odd |= (unsigned char)*at <= ' ' || *at == 0x7f;
            parameters += *at == '&';
        }
        if (parameters > PARAMETERS_MAX) /* they would not fit into CONNECTION_BYTES */
            connection_refuse(link, 414, "head-too-large", "a target has at most 100 parameters");
    }
    return NULL; /* the slot of the call is still empty */
}

static void daemon_says(void *unused, const char *format, va_list values)
{
    char text[256];
    (void)unused;
    (void)vsnprintf(text, sizeof text, format, values);
    text[strcspn(text, "\n")] = '\0';
    modellab_logger_write(server.log, MODELLAB_LOG_DEBUG, "http.daemon", text);
}

bool server_start(modellab_lab *lab, modellab_logger *log, int *port, char *why, size_t why_bytes)
{
    server.lab = lab;
    server.log = log;
    server.socket =
        listener_open(server_settings.address, (int)server_settings.port, port, why, why_bytes);
    if (server.socket < 0)
        return false;
    hub_set_idle(server_settings.ping_ms);
    websockets_set_times(&(websocket_times){server_settings.ping_ms, server_settings.socket_ms,
                                            server_settings.send_ms, server_settings.drain_ms});
    bool started = connections_start(server_settings.max_connections) && linger_start() &&
                   counters_start(route_count()) && jobs_start((int)server_settings.threads) &&
                   access_start();
    if (started)
        server.daemon = MHD_start_daemon(
            MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE |
                MHD_USE_ERROR_LOG,
            0, NULL, NULL, handle, NULL, MHD_OPTION_EXTERNAL_LOGGER, daemon_says, NULL,
            MHD_OPTION_LISTEN_SOCKET, server.socket, MHD_OPTION_THREAD_POOL_SIZE, NETWORK_THREADS,
            MHD_OPTION_CONNECTION_LIMIT, (unsigned)server_settings.max_connections,
            MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_BYTES, MHD_OPTION_STRICT_FOR_CLIENT, 0,
            MHD_OPTION_UNESCAPE_CALLBACK, keep_codes, NULL, MHD_OPTION_URI_LOG_CALLBACK, see_target,
            NULL, MHD_OPTION_NOTIFY_COMPLETED, completed, NULL, MHD_OPTION_NOTIFY_CONNECTION,
            connected, NULL, MHD_OPTION_END);
    if (server.daemon != NULL)
        return true;
    (void)snprintf(why, why_bytes, "the server could not be started");
    return false;
}

void server_ask_to_stop(void)
{
    if (kill(getpid(), SIGTERM) != 0)
        modellab_logger_write(server.log, MODELLAB_LOG_ERROR, "http.drain",
                              "the process cannot be told to stop");
}

void server_drain(void)
{
    atomic_store(&server.draining, true);
    streams_farewell();
    upgrades_stop();
}

/* Who was taken by the kernel and by nobody else: told that the server stops. */
static void turn_away(void)
{
    struct sockaddr_storage from;
    for (int count = 0; count < TURNED_AWAY_MAX; count++) { /* the others at the next call */
        socklen_t bytes = sizeof from;
        int came =
            accept4(server.socket, (struct sockaddr *)&from, &bytes, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (came < 0)
            return; /* nobody, or nobody any more */
        char address[48];
        listener_name((const struct sockaddr *)&from, address, sizeof address);
        const direct_problem problem = {.http = 503,
                                        .slug = "draining",
                                        .detail = "the server is about to stop",
                                        .address = address,
                                        .retry_s = DRAIN_RETRY_SECONDS};
        direct_refuse(came, &problem);
        (void)close(came);
    }
}

/* Waits until no request is left, or the deadline. */
static void await_requests(int64_t deadline)
{
    const struct timespec nap = {.tv_nsec = 20000000};
    turn_away();
    while (counters_active() > 0 && text_now_ms() < deadline) {
        (void)nanosleep(&nap, NULL); /* looks again in any case */
        turn_away();
    }
}

#define LAST_WORDS_MS 5000

void server_stop(int64_t deadline_ms)
{
    if (server.daemon == NULL)
        return;
    int64_t deadline = text_now_ms() + deadline_ms;
    atomic_store(&server.leaving, true);
    streams_farewell();
    upgrades_stop();
    websockets_stop(); /* may last; who comes meanwhile is answered as while the server drains */
    (void)MHD_quiesce_daemon(server.daemon); /* the listening socket is ours: closed below */
    upgrades_stop();                         /* those that have come meanwhile */
    connections_end(END_WAITING);
    await_requests(deadline);
    streams_stop();
    hub_stop();
    connections_end(END_WORK); /* sets the cancel words of what still runs */
    await_requests(text_now_ms() + LAST_WORDS_MS);
    connections_end(END_ALL);
    speech_warm_stop();
    crews_stop();
    jobs_stop();
    live_stop();
    await_requests(text_now_ms() + LAST_WORDS_MS);
    MHD_stop_daemon(server.daemon);
    server.daemon = NULL;
    connections_stop();
    listener_shut(server.socket);
    turn_away();
    (void)close(server.socket);
    linger_stop();
    leases_stop();
    access_stop();
    counters_stop();
}
