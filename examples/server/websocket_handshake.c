/* What a client must ask for, and the answer to its key. */
#include "call_private.h"
#include "problem.h"
#include "reply.h"
#include "server.h"
#include "sha1.h"
#include "text.h"
#include "websocket_private.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void base64(const unsigned char *data, size_t bytes, char *out)
{
    for (size_t i = 0; i < bytes; i += 3) {
        unsigned v = (unsigned)data[i] << 16 | (i + 1 < bytes ? (unsigned)data[i + 1] << 8 : 0) |
                     (i + 2 < bytes ? data[i + 2] : 0);
        *out++ = letters[v >> 18];
        *out++ = letters[v >> 12 & 63];
        *out++ = i + 1 < bytes ? letters[v >> 6 & 63] : '=';
        *out++ = i + 2 < bytes ? letters[v & 63] : '=';
    }
    *out = '\0';
}

/* 16 bytes in base64: 22 letters, the last with four bits of nothing, and "==". */
static bool is_key(const char *key)
{
    if (key == NULL || strlen(key) != 24 || strcmp(key + 22, "==") != 0)
        return false;
    for (int i = 0; i < 22; i++)
        if (strchr(letters, key[i]) == NULL)
            return false;
    return strchr("AQgw", key[21]) != NULL;
}

static void answer_key(const char *key, char out[32])
{
    static const char salt[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char text[24 + sizeof salt];
    unsigned char digest[20];
    memcpy(text, key, 24);
    memcpy(text + 24, salt, sizeof salt);
    sha1(text, 24 + sizeof salt - 1, digest);
    base64(digest, sizeof digest, out);
}

/* Is this no time for another one? Then it has replied. */
static bool refuses(call *c)
{
    if (server_is_draining()) {
        reply_later(c, 503, "draining", "the server stops: open it again when another runs", 5);
        return true;
    }
    return !lease_is_free(c);
}

bool websocket_is_asked(call *c)
{
    const char *asked = call_header(c, "Upgrade"),
               *version = call_header(c, "Sec-WebSocket-Version"),
               *link = call_header(c, "Connection");
    if (strcmp(call_method(c), "GET") != 0 || asked == NULL || !text_list_has(asked, "websocket") ||
        link == NULL || !text_list_has(link, "upgrade")) {
        reply_header(c, "Upgrade", "websocket");
        reply_problem(c, 426, "upgrade-required", "this path is a WebSocket");
        return false;
    }
    if (version == NULL || strcmp(version, "13") != 0) {
        reply_header(c, "Upgrade", "websocket");
        reply_header(c, "Sec-WebSocket-Version", "13");
        reply_problem(c, 426, "upgrade-required", "the version of WebSockets is 13");
        return false;
    }
    if (!is_key(call_header(c, "Sec-WebSocket-Key"))) {
        reply_problem(c, 400, "bad-request", "Sec-WebSocket-Key is no key");
        return false;
    }
    return !refuses(c);
}

/* On the thread of leases, which calls nothing once the place was given back. */
static void key_ends(void *user, const char *why)
{
    char text[64];
    (void)snprintf(text, sizeof text, "the key is not good any more: %s", why);
    websocket_close(user, WEBSOCKET_KEY, text);
}

bool websocket_accept(call *c, const websocket_handler *handler, void *user)
{
    const char *protocols = call_header(c, "Sec-WebSocket-Protocol");
    char accept[32];
    websocket *w = websocket_create(c, handler, user);
    if (w == NULL) {
        reply_problem(c, 503, "unavailable", "out of memory");
        return false;
    }
    w->place = lease_take(c);
    if (w->place == NULL) {
        websocket_drop(w);
        return false;
    }
    lease_watch(w->place, key_ends, w);
    answer_key(call_header(c, "Sec-WebSocket-Key"), accept);
    reply_header(c, "Sec-WebSocket-Accept", accept);
    if (protocols != NULL && text_list_has(protocols, WEBSOCKET_PROTOCOL))
        reply_header(c, "Sec-WebSocket-Protocol", WEBSOCKET_PROTOCOL);
    reply_upgrade(c, "websocket", websocket_taken, websocket_stop, w);
    return true;
}
