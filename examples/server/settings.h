/* Settings of the server: flags of the command line above the library's configuration
 * (MODEL_LAB_HTTP_*), above its defaults. */
#ifndef SERVER_SETTINGS_H
#define SERVER_SETTINGS_H

#include <modellab/modellab.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct settings {
    char *root;          /* of the lab; NULL = as configured */
    char *openai_models; /* names of OpenAI's and what they stand for */
    char *address, *origins, *proxies, *web_root;
    char *worker; /* program; NULL = found beside the library */
    int64_t port, max_connections, threads, max_upload_bytes, min_free_bytes, rate;
    int64_t lost_attempts; /* 0 = requests are left alone */
    int64_t head_ms, body_ms, idle_ms, drain_ms;
    int64_t send_ms; /* a client that takes nothing of a body for so long is cut off */
    int64_t max_streams, live_streams, live_models;
    int64_t ping_ms, socket_ms; /* signs of life; the longest life of a WebSocket, 0 = no limit */
    bool keys, is_loopback;
    bool supervise, testing;
    bool warm;            /* speech is made ready after the start */
    bool list_operations; /* --operations: nothing is served */
} settings;

extern settings server_settings;

/* Reads flags and configuration. False: `why` is a sentence for people; `*done` after --help. */
MODELLAB_MUST_CHECK bool settings_read(int argc, char **argv, bool *done, char *why,
                                       size_t why_bytes);
void settings_free(void);

#endif
