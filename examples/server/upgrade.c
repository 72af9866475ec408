/* Connections that become something else: libmicrohttpd's upgrade, and the list of those that must
 * be told when the server stops. */
#include "call_private.h"
#include "reply.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct upgrade {
    upgrade *previous, *next;
    struct MHD_UpgradeResponseHandle *handle;
    reply_upgrading how;
};

static struct {
    pthread_mutex_t lock;
    upgrade *first;
    bool stopping;
} upgraded = {.lock = PTHREAD_MUTEX_INITIALIZER};

void reply_upgrade(call *c, const char *protocol,
                   void (*taken)(void *user, upgrade *u, int socket, const void *more,
                                 size_t bytes),
                   void (*stop)(void *user), void *user)
{
    call_reply reply = {.kind = REPLY_UPGRADE, .http = 101, .upgrading = {taken, stop, user, NULL}};
    reply_header(c, "Upgrade", protocol);
    (void)reply_commit(c, &reply); /* a second reply has been logged */
}

static void begin(void *user, struct MHD_Connection *mhd, void *context, const char *more,
                  size_t bytes, MHD_socket socket, struct MHD_UpgradeResponseHandle *handle)
{
    upgrade *u = user;
    call *c = context;
    (void)mhd;
    c->reply.kind = REPLY_NONE; /* it is given over */
    u->handle = handle;
    (void)pthread_mutex_lock(&upgraded.lock);
    u->next = upgraded.first;
    if (u->next != NULL)
        u->next->previous = u;
    upgraded.first = u;
    if (upgraded.stopping) /* its head was on its way when all others were told */
        u->how.stop(u->how.user);
    (void)pthread_mutex_unlock(&upgraded.lock);
    u->how.taken(u->how.user, u, socket, more, bytes);
}

struct MHD_Response *upgrade_response(call *c)
{
    upgrade *u = calloc(1, sizeof *u);
    if (u == NULL)
        return NULL;
    u->how = c->reply.upgrading;
    struct MHD_Response *response = MHD_create_response_for_upgrade(begin, u);
    if (response == NULL)
        free(u);
    else
        c->reply.upgrading.made = u;
    return response;
}

void upgrade_abandon(const reply_upgrading *how)
{
    how->taken(how->user, NULL, -1, NULL, 0);
    free(how->made);
}

void upgrade_close(upgrade *u)
{
    if (u == NULL)
        return;
    (void)pthread_mutex_lock(&upgraded.lock);
    *(u->previous != NULL ? &u->previous->next : &upgraded.first) = u->next;
    if (u->next != NULL)
        u->next->previous = u->previous;
    (void)pthread_mutex_unlock(&upgraded.lock);
    (void)MHD_upgrade_action(u->handle, MHD_UPGRADE_ACTION_CLOSE); /* closes in any case */
    free(u);
}

void upgrades_stop(void)
{
    (void)pthread_mutex_lock(&upgraded.lock);
    upgraded.stopping = true;
    for (upgrade *u = upgraded.first; u != NULL; u = u->next)
        u->how.stop(u->how.user);
    (void)pthread_mutex_unlock(&upgraded.lock);
}
