/* Events over WebSockets: those of one run, and any number of subscriptions that the client makes.
 * docs/live.md tells the messages. */
#include "call.h"
#include "hub.h"
#include "inbox.h"
#include "problem.h"
#include "server.h"
#include "sse.h"
#include "text.h"
#include "websocket.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { SUBSCRIPTIONS_MOST = 64, ID_MOST = 64, MESSAGE_MOST = 16384 };
/* One client. Its socket's thread and the hub's meet under the lock. */
typedef struct client {
    _Atomic int references;
    pthread_mutex_t lock;
    websocket *socket; /* referenced; NULL until it is open and after it has closed */
    char *owner;       /* whose runs it may see; NULL = all */
    char run_id[MODELLAB_RUN_ID_BYTES]; /* of the one run; "" = it subscribes */
    bool unknown;                       /* there is no such run */
    hub_wish wish;                      /* of the one run */
    struct {
        int64_t number; /* in the hub; 0 = free */
        char id[ID_MOST + 1];
    } subscriptions[SUBSCRIPTIONS_MOST];
    inbox asked;
} client;

/* One subscription in the hub. */
typedef struct tie {
    client *of;
    int64_t number;
    char id[ID_MOST + 1]; /* "" = of the one run */
} tie;

static void client_unref(client *one)
{
    if (atomic_fetch_sub(&one->references, 1) != 1)
        return;
    inbox_dispose(&one->asked);
    (void)pthread_mutex_destroy(&one->lock);
    free(one->owner);
    free(one);
}

static void hold(void *user)
{
    client *one = user;
    atomic_fetch_add(&one->references, 1);
}

static void let_go(void *user)
{
    client_unref(user);
}

static void answer(void *user, const char *text, size_t bytes);
static const inbox_owner owner = {answer, hold, let_go};

static client *client_create(const call *c)
{
    client *one = calloc(1, sizeof *one);
    if (one == NULL || pthread_mutex_init(&one->lock, NULL) != 0) {
        free(one);
        return NULL;
    }
    if (!inbox_init(&one->asked, &owner, one)) {
        (void)pthread_mutex_destroy(&one->lock);
        free(one);
        return NULL;
    }
    atomic_init(&one->references, 1);
    if (!call_has_scope(c, "admin") && (one->owner = strdup(call_user(c))) == NULL) {
        client_unref(one);
        return NULL;
    }
    return one;
}

/* Its socket with a reference, or NULL. */
static websocket *socket_of(client *one)
{
    (void)pthread_mutex_lock(&one->lock);
    websocket *w = one->socket != NULL ? websocket_ref(one->socket) : NULL;
    (void)pthread_mutex_unlock(&one->lock);
    return w;
}

/* Sends an object, which is given back. */
static bool send_json(client *one, json_t *object)
{
    char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
    websocket *w = text != NULL ? socket_of(one) : NULL;
    bool sent = w != NULL && websocket_send(w, text, strlen(text));
    websocket_unref(w);
    free(text);
    json_decref(object);
    return sent;
}

static void close_socket(client *one, unsigned code, const char *reason)
{
    websocket *w = socket_of(one);
    if (w != NULL)
        websocket_close(w, code, reason);
    websocket_unref(w);
}

/* --- the hub's side --- */

static bool take_event(void *user, const modellab_event_info *e, const char *json, size_t bytes)
{
    tie *l = user;
    char cursor[32] = "";
    (void)bytes;
    json_t *event = json_loads(json, 0, NULL);
    if (e->sequence > 0)
        (void)snprintf(cursor, sizeof cursor, "e%lld", (long long)e->sequence);
    json_t *message = json_pack("{s:s, s:o}", "type", "event", "event", event);
    if (message != NULL && l->id[0] != '\0' &&
        (json_object_set_new(message, "id", json_string(l->id)) != 0 ||
         (cursor[0] != '\0' && json_object_set_new(message, "cursor", json_string(cursor)) != 0))) {
        json_decref(message);
        message = NULL;
    }
    if (send_json(l->of, message))
        return true;
    close_socket(l->of, WEBSOCKET_FAILED, "the client is too slow");
    return false;
}

static bool take_idle(void *user)
{
    (void)user;
    return true; /* the socket has its own signs of life */
}

static size_t count_waiting(void *user)
{
    tie *l = user;
    websocket *w = socket_of(l->of);
    size_t bytes = w != NULL ? websocket_waiting(w) : 0;
    websocket_unref(w);
    return bytes;
}

static void take_end(void *user, hub_end why)
{
    tie *l = user;
    bool gone = why == HUB_GONE;
    if (l->id[0] != '\0')
        (void)send_json(l->of, json_pack("{s:s, s:s, s:s}", "type", "end", "id", l->id, "reason",
                                         gone ? "unknown" : "final"));
    else
        close_socket(l->of, gone ? WEBSOCKET_UNKNOWN : WEBSOCKET_DONE,
                     gone ? "the run was deleted" : "the run has ended");
}

static bool is_gone(void *user)
{
    tie *l = user;
    websocket *w = socket_of(l->of);
    websocket_unref(w);
    return w == NULL;
}

/* Frees its place for another subscription. */
static void release(void *user)
{
    tie *l = user;
    client *one = l->of;
    (void)pthread_mutex_lock(&one->lock);
    for (size_t i = 0; i < SUBSCRIPTIONS_MOST; i++)
        if (one->subscriptions[i].number == l->number)
            one->subscriptions[i].number = 0;
    (void)pthread_mutex_unlock(&one->lock);
    free(l);
    client_unref(one);
}

static const hub_taker taker = {take_event, take_idle, count_waiting, take_end, is_gone, release};

typedef enum { JOINED, DOUBLE, FULL, FAILED } joined;

static joined join(client *one, const char *id, const hub_wish *wish)
{
    tie *l = calloc(1, sizeof *l);
    joined result = FULL;
    if (l == NULL)
        return FAILED;
    l->number = hub_number();
    (void)strncpy(l->id, id, ID_MOST);
    (void)pthread_mutex_lock(&one->lock);
    size_t place = SUBSCRIPTIONS_MOST;
    for (size_t i = SUBSCRIPTIONS_MOST; i-- > 0;) {
        if (one->subscriptions[i].number == 0)
            place = i;
        else if (strcmp(one->subscriptions[i].id, id) == 0)
            result = DOUBLE;
    }
    if (one->socket == NULL)
        result = FAILED;
    else if (result != DOUBLE && place < SUBSCRIPTIONS_MOST)
        result = JOINED;
    if (result == JOINED) {
        one->subscriptions[place].number = l->number;
        (void)strncpy(one->subscriptions[place].id, id, ID_MOST);
    }
    (void)pthread_mutex_unlock(&one->lock);
    if (result != JOINED) {
        free(l);
        return result;
    }
    l->of = one;
    atomic_fetch_add(&one->references, 1);
    /* said before its first event can come */
    if (id[0] != '\0')
        (void)send_json(one, json_pack("{s:s, s:s}", "type", "subscribed", "id", id));
    if (hub_join(server_lab(), l->number, wish, &taker, l))
        return JOINED;
    release(l);
    return FAILED;
}

/* --- what a client asks for --- */

/* An answer. Its client has room for it: no message is handled without. */
static void say(client *one, json_t *object)
{
    if (!send_json(one, object))
        close_socket(one, WEBSOCKET_FAILED, "the client is too slow");
}

static void refuse(client *one, const char *id, const char *why)
{
    say(one, json_pack("{s:s, s:s?, s:s}", "type", "error", "id", id, "message", why));
}

static const char *text_in(const json_t *message, const char *name)
{
    const char *text = json_string_value(json_object_get(message, name));
    return text != NULL && text[0] != '\0' ? text : NULL;
}

/* The run of a subscription. */
static bool find_run(const client *one, const char *run_id, hub_wish *wish, char *kept)
{
    modellab_run_info info = {.size = sizeof info};
    modellab_run *run = NULL;
    bool found = modellab_run_load(server_lab(), run_id, &run, NULL) == MODELLAB_OK &&
                 modellab_run_get_info(run, &info, NULL) == MODELLAB_OK &&
                 (one->owner == NULL || strcmp(one->owner, info.user) == 0);
    if (found) {
        (void)strncpy(kept, info.id, MODELLAB_RUN_ID_BYTES - 1);
        wish->run_id = kept;
        wish->is_final = modellab_run_status_is_final(info.status) != 0;
    }
    modellab_run_unref(run);
    return found;
}

static bool find_place(const json_t *message, hub_wish *wish)
{
    const char *cursor = text_in(message, "cursor");
    if (cursor != NULL)
        return sse_read_cursor(cursor, &wish->after);
    return modellab_event_feed_end(server_lab(), &wish->after, NULL) == MODELLAB_OK;
}

static void subscribe(client *one, const json_t *message)
{
    static const char *const answers[] = {NULL, "there is a subscription of this id",
                                          "there are too many subscriptions",
                                          "the subscription failed"};
    const char *id = text_in(message, "id"), *run_id = text_in(message, "run");
    const json_t *after = json_object_get(message, "after");
    char kept[MODELLAB_RUN_ID_BYTES] = "";
    hub_wish wish = {
        .owner = one->owner, .user = text_in(message, "user"), .types = text_in(message, "types")};
    if (id == NULL || strlen(id) > ID_MOST) {
        refuse(one, NULL, "a subscription needs an id of 1 to 64 bytes");
    } else if (after != NULL && (!json_is_integer(after) || json_integer_value(after) < 0)) {
        refuse(one, id, "after is the number of an event");
    } else if (run_id != NULL && !find_run(one, run_id, &wish, kept)) {
        say(one, json_pack("{s:s, s:s, s:s}", "type", "end", "id", id, "reason", "unknown"));
    } else if (run_id == NULL && !find_place(message, &wish)) {
        refuse(one, id, "this is no cursor of events");
    } else {
        if (run_id != NULL)
            wish.after = json_integer_value(after);
        joined result = join(one, id, &wish);
        if (answers[result] != NULL)
            refuse(one, id, answers[result]);
    }
}

static void unsubscribe(client *one, const json_t *message)
{
    const char *id = text_in(message, "id");
    int64_t number = 0;
    (void)pthread_mutex_lock(&one->lock);
    for (size_t i = 0; id != NULL && i < SUBSCRIPTIONS_MOST; i++)
        if (one->subscriptions[i].number != 0 && strcmp(one->subscriptions[i].id, id) == 0)
            number = one->subscriptions[i].number;
    (void)pthread_mutex_unlock(&one->lock);
    if (number == 0) {
        refuse(one, id, "there is no subscription of this id");
        return;
    }
    hub_leave(number);
    say(one, json_pack("{s:s, s:s}", "type", "unsubscribed", "id", id));
}

static void answer(void *user, const char *text, size_t bytes)
{
    client *one = user;
    json_t *message = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, NULL);
    const char *action = text_in(message, "action");
    if (!json_is_object(message))
        refuse(one, NULL, "a message is a JSON object");
    else if (action != NULL && strcmp(action, "subscribe") == 0)
        subscribe(one, message);
    else if (action != NULL && strcmp(action, "unsubscribe") == 0)
        unsubscribe(one, message);
    else if (action != NULL && strcmp(action, "ping") == 0)
        say(one, json_pack("{s:s}", "type", "pong"));
    else
        refuse(one, NULL, "action is subscribe, unsubscribe or ping");
    json_decref(message);
}

/* --- the socket's side --- */

static void take_text(websocket *w, void *user, const char *text, size_t bytes)
{
    client *one = user; /* of the events of one run nothing is asked */
    if (one->run_id[0] == '\0' && !inbox_put(&one->asked, text, bytes))
        websocket_close(w, WEBSOCKET_FAILED, "out of memory");
}

static void tick(websocket *w, void *user)
{
    client *one = user;
    (void)w;
    inbox_tick(&one->asked);
}

static void take_binary(websocket *w, void *user, const void *data, size_t bytes)
{
    (void)user;
    (void)data;
    (void)bytes;
    websocket_close(w, 1003, "messages are text");
}

static void opened(websocket *w, void *user)
{
    client *one = user;
    (void)pthread_mutex_lock(&one->lock);
    one->socket = websocket_ref(w);
    (void)pthread_mutex_unlock(&one->lock);
    inbox_open(&one->asked, w);
    if (one->unknown)
        websocket_close(w, WEBSOCKET_UNKNOWN, "there is no such run");
    else if (one->run_id[0] != '\0' && join(one, "", &one->wish) != JOINED)
        websocket_close(w, WEBSOCKET_FAILED, "the subscription failed");
}

static void closed(websocket *w, void *user)
{
    client *one = user;
    int64_t numbers[SUBSCRIPTIONS_MOST];
    (void)pthread_mutex_lock(&one->lock);
    for (size_t i = 0; i < SUBSCRIPTIONS_MOST; i++)
        numbers[i] = one->subscriptions[i].number;
    websocket *held = one->socket;
    one->socket = NULL;
    (void)pthread_mutex_unlock(&one->lock);
    (void)w;
    for (size_t i = 0; i < SUBSCRIPTIONS_MOST; i++)
        if (numbers[i] != 0)
            hub_leave(numbers[i]);
    inbox_close(&one->asked);
    websocket_unref(held);
    client_unref(one);
}

static const websocket_handler handler = {.open = opened,
                                          .text = take_text,
                                          .binary = take_binary,
                                          .tick = tick,
                                          .closed = closed,
                                          .most = MESSAGE_MOST};

static void connect_all(call *c)
{
    if (!websocket_is_asked(c))
        return;
    client *one = client_create(c);
    if (one == NULL)
        reply_problem(c, 500, "internal", "out of memory");
    else if (!websocket_accept(c, &handler, one))
        client_unref(one);
}

static void connect_run(call *c)
{
    int64_t after;
    if (!websocket_is_asked(c) || !call_query_int(c, "after", 0, INT64_MAX, 0, &after))
        return;
    client *one = client_create(c);
    if (one == NULL) {
        reply_problem(c, 500, "internal", "out of memory");
        return;
    }
    one->wish.after = after;
    one->unknown = !find_run(one, call_param(c, "id"), &one->wish, one->run_id);
    if (one->unknown)
        one->run_id[0] = '?';
    if (!websocket_accept(c, &handler, one))
        client_unref(one);
}

static const operation table[] = {
    {.id = "connectRunEvents",
     .method = "GET",
     .path = "/api/v1/runs/{id}/ws",
     .scope = "runs:read",
     .run = connect_run},
    {.id = "connectEvents",
     .method = "GET",
     .path = "/api/v1/ws",
     .scope = "runs:read",
     .run = connect_all},
};
OPERATION_TABLE(ops_sockets);
