/* HTTPS downloads on libcurl: redirects followed by hand (at most 3, each checked), no proxy from
 * the environment, one try, time and byte limits, ranges for resuming. The only user of curl.h
 * beside http.c is nobody. */
#ifndef MLI_REMOTE_HTTP_H
#define MLI_REMOTE_HTTP_H

#include "base/cancel.h"
#include <modellab/status.h>
#include <stdbool.h>
#include <stdint.h>

#define MLI_HTTP_URL_MAX 2048
#define MLI_HTTP_REDIRECTS 3

typedef struct mli_http_request {
    const char *url;     /* https; http only to the loopback interface */
    const char *bearer;  /* token for the first host only; NULL = none */
    const char *proxy;   /* explicit proxy URL; NULL = none */
    int64_t resume_from; /* bytes that the caller has already; asks for the rest */
    int64_t max_bytes;   /* of the whole file; more is E_LIMIT */
    int64_t connect_ms;  /* name look-up + connect + TLS; 0 = 5000 */
    int64_t idle_ms;     /* no byte for so long ends it; 0 = 30000 */
    const mli_cancel_word *cancel;
} mli_http_request;

typedef struct mli_http_sink {
    void *user;
    /* Once, before the first byte: where in the file the body starts (0 when the server does not
     * resume) and how long the whole file is (-1 = not known). */
    modellab_status (*begin)(void *user, int64_t start, int64_t total, modellab_error *err);
    modellab_status (*data)(void *user, const void *data, size_t bytes, modellab_error *err);
} mli_http_sink;

/* Fetches the file; all of it has arrived on MODELLAB_OK. Messages name no host and no path.
 * E_NETWORK (not reached, broken off, timed out), E_REMOTE (an HTTP error; err->detail is its
 * number), E_NOT_FOUND (404, 410), E_PERMISSION (401, 403), E_LIMIT, E_CANCELLED,
 * E_INVALID_ARGUMENT (URL), or what the sink returned. */
MODELLAB_MUST_CHECK modellab_status mli_http_get(const mli_http_request *request,
                                                 const mli_http_sink *sink, modellab_error *err);
/* https://host[...] or http://loopback[...], no control characters, no user information. */
bool mli_http_url_allowed(const char *url);

#endif
