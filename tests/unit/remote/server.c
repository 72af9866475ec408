/* One request a connection, one connection at a time. */
#include "unit/remote/server.h"
#include "unit/unit.h"
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

static void send_all(int fd, const char *data, size_t bytes)
{
    while (bytes > 0) {
        ssize_t n = send(fd, data, bytes, MSG_NOSIGNAL);
        if (n <= 0)
            return; /* the client has gone, as some tests want */
        data += n;
        bytes -= (size_t)n;
    }
}

static void read_request(test_server *s, int fd)
{
    char text[4096];
    size_t n = 0;
    while (n < sizeof text - 1) {
        ssize_t got = recv(fd, text + n, sizeof text - 1 - n, 0);
        if (got <= 0)
            break;
        n += (size_t)got;
        text[n] = '\0';
        if (strstr(text, "\r\n\r\n") != NULL)
            break;
    }
    text[n] = '\0';
    s->last_range = -1;
    s->last_auth[0] = '\0';
    sscanf(text, "GET %255s", s->last_path);
    for (char *line = strstr(text, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, "Range: bytes=", 13) == 0)
            s->last_range = strtol(line + 13, NULL, 10);
        if (strncasecmp(line, "Authorization: ", 15) == 0)
            sscanf(line + 15, "%127[^\r\n]", s->last_auth);
    }
}

static void wait_for_client(test_server *s, int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN | POLLRDHUP};
    while (s->stop == 0 && poll(&p, 1, 20) == 0)
        ;
}

static void answer_file(test_server *s, int fd, int mode)
{
    char head[256];
    size_t from = mode != SERVER_NO_RANGE && s->last_range > 0 ? (size_t)s->last_range : 0;
    if (from > s->bytes)
        from = s->bytes;
    size_t rest = s->bytes - from;
    int n;
    if (mode == SERVER_NO_LENGTH) {
        n = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    } else if (s->last_range > 0 && mode != SERVER_NO_RANGE) {
        n = snprintf(head, sizeof head,
                     "HTTP/1.1 206 Partial Content\r\nContent-Length: %zu\r\n"
                     "Content-Range: bytes %zu-%zu/%zu\r\nConnection: close\r\n\r\n",
                     rest, mode == SERVER_WRONG_PART ? from + 1 : from, s->bytes - 1, s->bytes);
    } else {
        n = snprintf(head, sizeof head,
                     "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", rest);
    }
    send_all(fd, head, (size_t)n);
    send_all(fd, s->body + from, mode == SERVER_CUT || mode == SERVER_STALL ? rest / 2 : rest);
    if (mode == SERVER_NO_LENGTH)
        send_all(fd, s->body, s->bytes);
    if (mode == SERVER_STALL)
        wait_for_client(s, fd);
}

static void answer(test_server *s, int fd)
{
    char head[512];
    int mode = s->mode, n = 0;
    if (mode == SERVER_STATUS)
        n = snprintf(head, sizeof head,
                     "HTTP/1.1 %d Because\r\nContent-Length: 5\r\nConnection: close\r\n\r\nsorry",
                     (int)s->status);
    else if (mode == SERVER_REDIRECT && s->redirects > 0)
        n = snprintf(head, sizeof head,
                     "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n"
                     "Connection: close\r\n\r\n",
                     s->location != NULL ? s->location : s->last_path);
    if (n > 0) {
        if (mode == SERVER_REDIRECT)
            s->redirects--;
        send_all(fd, head, (size_t)n);
        return;
    }
    answer_file(s, fd, mode);
}

static void *serve(void *arg)
{
    test_server *s = arg;
    while (s->stop == 0) {
        struct pollfd p = {.fd = s->fd, .events = POLLIN};
        if (poll(&p, 1, 20) <= 0)
            continue;
        int fd = accept(s->fd, NULL, NULL);
        if (fd < 0)
            continue;
        read_request(s, fd);
        s->requests++;
        answer(s, fd);
        shutdown(fd, SHUT_WR);
        close(fd);
    }
    return NULL;
}

void test_server_start(test_server *s, const char *body, size_t bytes)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    memset(s, 0, sizeof *s);
    s->body = body;
    s->bytes = bytes;
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(s->fd >= 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(0, bind(s->fd, (struct sockaddr *)&address, sizeof address));
    assert_int_equal(0, listen(s->fd, 8));
    assert_int_equal(0, getsockname(s->fd, (struct sockaddr *)&address, &size));
    s->port = ntohs(address.sin_port);
    assert_int_equal(0, pthread_create(&s->thread, NULL, serve, s));
}

void test_server_stop(test_server *s)
{
    s->stop = 1;
    assert_int_equal(0, pthread_join(s->thread, NULL));
    close(s->fd);
}

void test_server_url(const test_server *s, char out[64])
{
    snprintf(out, 64, "http://127.0.0.1:%d", s->port);
}
