/* A service on the loopback interface, in a thread of the test, that answers request after request
 * as a script says; the last reply is repeated. One connection at a time. */
#ifndef TESTS_UNIT_REMOTE_CHAT_SCRIPT_H
#define TESTS_UNIT_REMOTE_CHAT_SCRIPT_H

#include "unit/unit.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct reply {
    int status;
    const char *headers; /* lines with their ends; "" = none */
    const char *body;
    int delay_ms;
    size_t pad; /* spaces behind the body */
    bool cut;   /* half of it, then closed */
} reply;

typedef struct script {
    int fd, port;
    pthread_t thread;
    _Atomic int stop, requests;
    reply replies[8];
    int count;
    char head[4096], body[65536]; /* of the last request */
} script;

static void script_send_all(int fd, const char *data, size_t bytes)
{
    while (bytes > 0) {
        ssize_t n = send(fd, data, bytes, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        data += n;
        bytes -= (size_t)n;
    }
}

static void script_read_request(script *s, int fd)
{
    static char text[70000];
    size_t n = 0, want = sizeof text - 1;
    while (n < want) {
        ssize_t got = recv(fd, text + n, want - n, 0);
        if (got <= 0)
            break;
        n += (size_t)got;
        text[n] = '\0';
        char *end = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "Content-Length:");
        if (end != NULL && length != NULL)
            want = (size_t)(end - text) + 4 + (size_t)strtol(length + 15, NULL, 10);
    }
    text[n] = '\0';
    char *end = strstr(text, "\r\n\r\n");
    snprintf(s->head, sizeof s->head, "%.*s", (int)(end != NULL ? end - text : 0), text);
    snprintf(s->body, sizeof s->body, "%s", end != NULL ? end + 4 : "");
}

static void script_answer(script *s, int fd, const reply *r)
{
    char head[512];
    size_t bytes = strlen(r->body);
    struct pollfd p = {.fd = fd, .events = POLLRDHUP};
    for (int waited = 0; waited < r->delay_ms && s->stop == 0; waited += 10)
        if (poll(&p, 1, 10) > 0)
            return; /* the client has gone */
    int n = snprintf(head, sizeof head,
                     "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n%sConnection: close\r\n\r\n",
                     r->status, bytes + r->pad, r->headers != NULL ? r->headers : "");
    script_send_all(fd, head, (size_t)n);
    script_send_all(fd, r->body, r->cut ? bytes / 2 : bytes);
    char spaces[4096];
    memset(spaces, ' ', sizeof spaces);
    for (size_t i = 0; i < r->pad; i += sizeof spaces)
        script_send_all(fd, spaces, r->pad - i < sizeof spaces ? r->pad - i : sizeof spaces);
}

static void *script_serve(void *arg)
{
    script *s = arg;
    while (s->stop == 0) {
        struct pollfd p = {.fd = s->fd, .events = POLLIN};
        if (poll(&p, 1, 20) <= 0)
            continue;
        int fd = accept(s->fd, NULL, NULL);
        if (fd < 0)
            continue;
        script_read_request(s, fd);
        int i = s->requests++;
        script_answer(s, fd, &s->replies[i < s->count ? i : s->count - 1]);
        shutdown(fd, SHUT_WR);
        close(fd);
    }
    return NULL;
}

static void script_start(script *s, const reply *replies, int count)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    memset(s, 0, sizeof *s);
    memcpy(s->replies, replies, (size_t)count * sizeof *replies);
    s->count = count;
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(0, bind(s->fd, (struct sockaddr *)&address, sizeof address));
    assert_int_equal(0, listen(s->fd, 8));
    assert_int_equal(0, getsockname(s->fd, (struct sockaddr *)&address, &size));
    s->port = ntohs(address.sin_port);
    assert_int_equal(0, pthread_create(&s->thread, NULL, script_serve, s));
}

static void script_stop(script *s)
{
    s->stop = 1;
    assert_int_equal(0, pthread_join(s->thread, NULL));
    close(s->fd);
}

#endif
