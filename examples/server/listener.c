/* Opening the listening socket, for either kind of address. */
#include "listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 1024

typedef union any_address {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
} any_address;

int listener_open(const char *address, int port, int *taken, char *why, size_t why_bytes)
{
    any_address where;
    socklen_t bytes = sizeof where.four;
    const int yes = 1;
    memset(&where, 0, sizeof where);
    if (inet_pton(AF_INET, address, &where.four.sin_addr) == 1) {
        where.four.sin_family = AF_INET;
        where.four.sin_port = htons((unsigned short)port);
    } else if (inet_pton(AF_INET6, address, &where.six.sin6_addr) == 1) {
        where.six.sin6_family = AF_INET6;
        where.six.sin6_port = htons((unsigned short)port);
        bytes = sizeof where.six;
    } else {
        (void)snprintf(why, why_bytes, "%s is no IP address", address);
        return -1;
    }
    int socket_fd = socket(where.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool listens = socket_fd >= 0 &&
                   setsockopt(socket_fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
                   bind(socket_fd, &where.any, bytes) == 0 && listen(socket_fd, BACKLOG) == 0 &&
                   getsockname(socket_fd, &where.any, &bytes) == 0;
    if (!listens) {
        (void)snprintf(why, why_bytes, "cannot listen on %s port %d: %s", address, port,
                       strerror(errno));
        if (socket_fd >= 0)
            (void)close(socket_fd);
        return -1;
    }
    *taken = ntohs(where.any.sa_family == AF_INET ? where.four.sin_port : where.six.sin6_port);
    return socket_fd;
}

void listener_name(const struct sockaddr *client, char *out, size_t room)
{
    const any_address *from = (const void *)client;
    const char *text = NULL;
    if (client != NULL && client->sa_family == AF_INET)
        text = inet_ntop(AF_INET, &from->four.sin_addr, out, (socklen_t)room);
    else if (client != NULL && client->sa_family == AF_INET6)
        text = inet_ntop(AF_INET6, &from->six.sin6_addr, out, (socklen_t)room);
    if (text == NULL)
        (void)snprintf(out, room, "unknown");
}

void listener_shut(int listening)
{
    struct sock_filter nothing = {.code = BPF_RET | BPF_K, .k = 0};
    struct sock_fprog filter = {.len = 1, .filter = &nothing};
    (void)setsockopt(listening, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter); /* else the
                                                               last moment stays what it is */
}
