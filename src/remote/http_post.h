/* One POST of a JSON text, the answer kept in memory. No redirect is followed: what is sent may be
 * private. Headers, body and answer are in no message and no log. */
#ifndef MLI_REMOTE_HTTP_POST_H
#define MLI_REMOTE_HTTP_POST_H

#include "base/buf.h"
#include "base/cancel.h"
#include "remote/address_rule.h"

enum { MLI_HTTP_POST_HEADERS = 8 };

typedef struct mli_http_post_request {
    const char *url; /* https; http only to the loopback interface */
    /* For addresses that users give: decides instead of the line above, on the very address that is
     * connected to, whatever its name led to before. A name that is not known, an address that may
     * not be reached and one where nobody is give one and the same E_NETWORK: whoever made the URL
     * learns nothing of the network that we stand in. NULL = none. */
    const mli_address_rule *rule;
    const char *ca_file; /* PEM: trusted instead of the system's authorities; NULL = these */
    const char *bearer;  /* NULL = none */
    const char *body;    /* JSON */
    size_t bytes;
    const char *headers[MLI_HTTP_POST_HEADERS]; /* "Name: value"; NULL = none */
    size_t max_bytes;                           /* of the answer; more is E_LIMIT */
    int64_t connect_ms;                         /* 0 = 5000 */
    int64_t total_ms;                           /* of the whole exchange; 0 = 120000 */
    const mli_cancel_word *cancel;              /* seen within 10 ms */
    /* A sign of life while it lasts, at least every 100 ms; NULL = none. */
    void (*pulse)(void *user);
    void *user_data;
} mli_http_post_request;

typedef struct mli_http_post_answer {
    long status;            /* of HTTP; 0 = none came */
    int64_t retry_after_ms; /* of Retry-After; -1 = it was not sent */
    bool sent;              /* a request went out: the service may have counted it */
    const char *not_told;   /* what an error of a request with a rule leaves out, for the operator's
                               log alone; static, "" = nothing */
} mli_http_post_answer;

/* Appends the body of the answer, whatever its status, to `out`. OK when an answer came, also one
 * that is an error. E_NETWORK (not reached, broken off, timed out), E_LIMIT, E_CANCELLED,
 * E_INVALID_ARGUMENT (URL). The status of an answer that is too long is told all the same. */
MODELLAB_MUST_CHECK modellab_status mli_http_post(const mli_http_post_request *request,
                                                  mli_http_post_answer *answer, mli_buf *out,
                                                  modellab_error *err);

#endif
