/* The check of keys and rates before an operation runs: what the library decided, as a reply. */
#include "access.h"

#include "client_address.h"
#include "problem.h"
#include "reply.h"
#include "server.h"
#include "settings.h"
#include "text.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static modellab_rate *rate; /* NULL: no limit */

static void make_limiter(void)
{
    modellab_rate_options options = MODELLAB_RATE_OPTIONS_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    options.limit = server_settings.rate;
    if (options.limit > 0 && modellab_rate_create(&options, &rate, &err) != MODELLAB_OK)
        rate = NULL; /* access_start() says so */
}

bool access_start(void)
{
    (void)pthread_once(&once, make_limiter);
    return rate != NULL || server_settings.rate == 0;
}

void access_stop(void)
{
    modellab_rate_unref(rate);
    rate = NULL;
}

/* "Bearer mlk_...": what stands behind the scheme. A page in a browser cannot set that header for a
 * WebSocket: there the key may be a subprotocol, "modellab.key.mlk_...". NULL = none. */
const char *access_secret(const call *c, char room[ACCESS_SECRET_BYTES])
{
    static const char prefix[] = "modellab.key.";
    const char *value = call_header(c, "Authorization");
    if (value != NULL) {
        if (!text_begins(value, "Bearer "))
            return NULL;
        value += strlen("Bearer ");
        return value + strspn(value, " ");
    }
    if (call_header(c, "Upgrade") == NULL)
        return NULL;
    for (value = call_header(c, "Sec-WebSocket-Protocol"); value != NULL && *value != '\0';) {
        value += strspn(value, ", \t");
        size_t bytes = strcspn(value, ", \t");
        if (bytes > strlen(prefix) && bytes - strlen(prefix) < 128 && text_begins(value, prefix)) {
            bytes -= strlen(prefix);
            memcpy(room, value + strlen(prefix), bytes);
            room[bytes] = '\0';
            return room;
        }
        value += bytes;
    }
    return NULL;
}

/* Whose turn it is: the key's, or that of the address of one who has none. A probe has its own, so
 * that other traffic from its address does not make a healthy server look ill. */
static void bucket(const call *c, const modellab_key_grant *grant, char *out, size_t room)
{
    char address[CLIENT_ADDRESS_BYTES];
    if (grant->refusal != MODELLAB_KEY_UNKNOWN && grant->id[0] != '\0') {
        (void)snprintf(out, room, "key %s", grant->id);
        return;
    }
    client_address(c, address);
    (void)snprintf(out, room, "%s %s", (c->op->flags & OP_QUIET) != 0 ? "probe" : "address",
                   address);
}

/* One from what the key, or the address, may ask for. */
static bool take_turn(call *c, const modellab_key_grant *grant)
{
    modellab_rate_result r = {.size = sizeof r};
    char name[96], text[96];
    if (rate == NULL)
        return true;
    bucket(c, grant, name, sizeof name);
    if (modellab_rate_take(rate, name, 1, -1, &r, NULL) != MODELLAB_OK)
        return true; /* cannot be: the arguments are ours */
    (void)snprintf(text, sizeof text, "\"default\";q=%lld;w=%lld", (long long)r.quota,
                   (long long)r.window_s);
    reply_header(c, "RateLimit-Policy", text);
    (void)snprintf(text, sizeof text, "\"default\";r=%lld;t=%lld", (long long)r.remaining,
                   (long long)r.reset_s);
    reply_header(c, "RateLimit", text);
    if (r.allowed)
        return true;
    c->refused = "rate";
    reply_later(c, 429, "too-many-requests", "too many requests: wait, then go on",
                r.retry_after_s);
    return false;
}

static void refuse(call *c, const modellab_key_grant *grant, bool given)
{
    char challenge[128];
    c->refused = modellab_key_refusal_name(grant->refusal);
    if (grant->refusal == MODELLAB_KEY_SCOPE) {
        (void)snprintf(challenge, sizeof challenge,
                       "Bearer realm=\"modellab\", error=\"insufficient_scope\", scope=\"%s\"",
                       c->op->scope);
        reply_header(c, "WWW-Authenticate", challenge);
        reply_problem(c, 403, "forbidden", "the key has not the scope that this needs");
        return;
    }
    reply_header(c, "WWW-Authenticate",
                 given ? "Bearer realm=\"modellab\", error=\"invalid_token\""
                       : "Bearer realm=\"modellab\"");
    reply_problem(c, 401, "unauthorized",
                  !given ? "a key is needed: Authorization: Bearer mlk_..."
                  : grant->refusal == MODELLAB_KEY_EXPIRED ? "the key has expired"
                  : grant->refusal == MODELLAB_KEY_REVOKED ? "the key is revoked"
                                                           : "the key is not known");
}

/* Whose call it is: for what it may see, and for the log. A key that has no user stands for itself:
 * it never shares anything with another key. */
static bool remember(call *c, const modellab_key_grant *grant)
{
    char own[8 + MODELLAB_KEY_ID_BYTES];
    (void)snprintf(own, sizeof own, "key:%s", grant->id);
    c->user = strdup(grant->user[0] != '\0' || grant->admin != 0 ? grant->user : own);
    c->key_id = strdup(grant->id);
    c->scopes = strdup(grant->scopes);
    if (c->user == NULL || c->key_id == NULL || c->scopes == NULL) {
        reply_problem(c, 500, "internal", "out of memory");
        return false;
    }
    for (char *at = c->scopes; *at != '\0'; at++)
        *at = *at == ' ' ? ',' : *at;
    return true;
}

/* What is open to everybody: a good key is known, and has its own rate; one that is not good opens
 * nothing, and is as none. */
static bool check_open(call *c, const char *secret)
{
    modellab_key_grant grant = {.size = sizeof grant, .refusal = MODELLAB_KEY_UNKNOWN};
    modellab_error err = MODELLAB_ERROR_INIT;
    if ((c->op->flags & OP_INLINE) != 0)
        return true; /* costs less than a refusal, and may not wait */
    if (secret != NULL && modellab_key_check(call_lab(c), secret, "", &grant, &err) != MODELLAB_OK)
        grant.refusal = MODELLAB_KEY_UNKNOWN;
    if (grant.refusal == MODELLAB_KEY_GRANTED && !remember(c, &grant))
        return false;
    return take_turn(c, &grant);
}

bool access_check(call *c)
{
    modellab_key_grant grant = {.size = sizeof grant};
    modellab_error err = MODELLAB_ERROR_INIT;
    char room[ACCESS_SECRET_BYTES];
    if (!server_settings.keys)
        return true;
    const char *secret = access_secret(c, room);
    if (c->op->scope[0] == '\0')
        return check_open(c, secret);
    modellab_status status = modellab_key_check(call_lab(c), secret, c->op->scope, &grant, &err);
    if (status != MODELLAB_OK && status != MODELLAB_E_PERMISSION) {
        reply_error(c, status, &err, NULL);
        return false;
    }
    if ((grant.refusal != MODELLAB_KEY_UNKNOWN && !remember(c, &grant)) || !take_turn(c, &grant))
        return false;
    if (status == MODELLAB_OK)
        return true;
    refuse(c, &grant, secret != NULL);
    return false;
}
