/* A small HTTP server on the loopback interface, in a thread of the test, that behaves badly on
 * request. */
#ifndef TESTS_UNIT_REMOTE_SERVER_H
#define TESTS_UNIT_REMOTE_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

typedef enum server_mode {
    SERVER_OK,         /* 200, or 206 for a range */
    SERVER_NO_RANGE,   /* always the whole file */
    SERVER_STATUS,     /* answers with `status` */
    SERVER_CUT,        /* half of what it announced, then closes */
    SERVER_STALL,      /* half of it, then nothing until the client goes */
    SERVER_NO_LENGTH,  /* no Content-Length, twice the body */
    SERVER_WRONG_PART, /* 206 with another start than asked for */
    SERVER_REDIRECT    /* `redirects` times to `location` (or itself), then as OK */
} server_mode;

typedef struct test_server {
    int fd, port;
    pthread_t thread;
    _Atomic int mode, stop, requests, status, redirects;
    const char *location; /* NULL = the same path */
    const char *body;
    size_t bytes;
    long last_range;     /* start of the last Range, -1 = none */
    char last_auth[128]; /* of the last request, "" = none */
    char last_path[256];
} test_server;

void test_server_start(test_server *server, const char *body, size_t bytes);
void test_server_stop(test_server *server);
/* http://127.0.0.1:PORT, into 64 bytes. */
void test_server_url(const test_server *server, char out[64]);

#endif
