/* POST by libcurl's multi interface, so that cancelling is seen within 10 ms. */
#include "remote/http_post.h"

#include "base/error.h"
#include "os/clock.h"
#include "os/socket.h"
#include "remote/http.h"
#include "remote/http_words.h"
#include <string.h>

#define POLL_MS 10
#define PULSE_MS 50

typedef struct exchange {
    const mli_http_post_request *request;
    CURL *easy;
    struct curl_slist *headers;
    mli_buf *out;
    size_t received;
    bool too_long, forbidden;
} exchange;

static int64_t now_ms(void)
{
    return mli_os_system_clock.monotonic_ns(mli_os_system_clock.user) / 1000000;
}

static size_t on_data(char *data, size_t size, size_t count, void *user)
{
    exchange *x = user;
    size_t n = size * count;
    if (n > x->request->max_bytes - x->received) {
        x->too_long = true;
        return 0;
    }
    x->received += n;
    mli_buf_append(x->out, data, n);
    return x->out->status == MODELLAB_OK ? n : 0;
}

static bool add_header(exchange *x, const char *line)
{
    struct curl_slist *more = curl_slist_append(x->headers, line);
    if (more != NULL)
        x->headers = more;
    return more != NULL;
}

/* The decision is made here, where the address is at hand that will be connected to. */
static curl_socket_t open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
    exchange *x = user;
    const mli_http_post_request *r = x->request;
    mli_os_address to;

    if (r->rule != NULL && (!mli_os_address_of(&address->addr, &to) ||
                            !mli_address_may(r->rule, &to, strncmp(r->url, "https:", 6) == 0))) {
        x->forbidden = true;
        return CURL_SOCKET_BAD;
    }
    return mli_http_open_socket(NULL, purpose, address);
}

static bool set_options(exchange *x)
{
    const mli_http_post_request *r = x->request;
    CURL *c = x->easy;
    long connect_ms = (long)(r->connect_ms > 0 ? r->connect_ms : 5000);
    bool ok = add_header(x, "Content-Type: application/json") &&
              add_header(x, "Accept: application/json") && add_header(x, "Expect:");
    for (size_t i = 0; ok && i < MLI_HTTP_POST_HEADERS; i++)
        ok = r->headers[i] == NULL || add_header(x, r->headers[i]);
    ok = ok && curl_easy_setopt(c, CURLOPT_URL, r->url) == CURLE_OK &&
         curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR,
                          strncmp(r->url, "http:", 5) == 0 ? "http" : "https") == CURLE_OK &&
         curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
         curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
         curl_easy_setopt(c, CURLOPT_PROXY, "") == CURLE_OK &&
         curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK &&
         curl_easy_setopt(c, CURLOPT_USERAGENT, "modellab") == CURLE_OK &&
         curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, connect_ms) == CURLE_OK &&
         curl_easy_setopt(c, CURLOPT_POST, 1L) == CURLE_OK &&
         curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->bytes) == CURLE_OK &&
         curl_easy_setopt(c, CURLOPT_POSTFIELDS, r->body) == CURLE_OK &&
         curl_easy_setopt(c, CURLOPT_HTTPHEADER, x->headers) == CURLE_OK &&
         curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_data) == CURLE_OK &&
         curl_easy_setopt(c, CURLOPT_WRITEDATA, x) == CURLE_OK &&
         curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK &&
         curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, x) == CURLE_OK &&
         curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK;
    if (ok && r->ca_file != NULL)
        ok = curl_easy_setopt(c, CURLOPT_CAINFO, r->ca_file) == CURLE_OK &&
             curl_easy_setopt(c, CURLOPT_CAPATH, NULL) == CURLE_OK;
    if (ok && r->bearer != NULL)
        ok = curl_easy_setopt(c, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER) == CURLE_OK &&
             curl_easy_setopt(c, CURLOPT_XOAUTH2_BEARER, r->bearer) == CURLE_OK;
    return ok;
}

MODELLAB_MUST_CHECK static modellab_status drive(exchange *x, CURLM *multi, CURLcode *code,
                                                 modellab_error *err)
{
    int64_t most = x->request->total_ms > 0 ? x->request->total_ms : 120000, start = now_ms();
    int64_t pulsed = start - PULSE_MS;
    int running = 1, left = 0;
    *code = CURLE_RECV_ERROR;
    while (running > 0) {
        if (curl_multi_perform(multi, &running) != CURLM_OK)
            return mli_no_memory(err);
        if (running == 0)
            break;
        if (mli_cancelled(x->request->cancel))
            return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
        if (x->request->pulse != NULL && now_ms() - pulsed >= PULSE_MS) {
            x->request->pulse(x->request->user_data);
            pulsed = now_ms();
        }
        if (now_ms() - start > most) {
            *code = CURLE_OPERATION_TIMEDOUT;
            return MODELLAB_OK;
        }
        if (curl_multi_poll(multi, NULL, 0, POLL_MS, NULL) != CURLM_OK)
            return mli_no_memory(err);
    }
    for (CURLMsg *m = curl_multi_info_read(multi, &left); m != NULL;
         m = curl_multi_info_read(multi, &left))
        if (m->msg == CURLMSG_DONE && m->easy_handle == x->easy)
            *code = m->data.result;
    return MODELLAB_OK;
}

/* What kept a request with a rule from being connected, as far as it is told; "" = it was not that.
 */
static const char *not_connected(const exchange *x, CURLcode code)
{
    curl_off_t connected = 0;

    if (code == CURLE_COULDNT_RESOLVE_HOST)
        return "its name is not known";
    if (code == CURLE_COULDNT_CONNECT)
        return x->forbidden ? "its address may not be reached (private or special network, port, "
                              "or not https)"
                            : "nobody takes the connection";
    if (code == CURLE_OPERATION_TIMEDOUT &&
        (curl_easy_getinfo(x->easy, CURLINFO_CONNECT_TIME_T, &connected) != CURLE_OK ||
         connected == 0))
        return "no connection was made in time";
    return "";
}

MODELLAB_MUST_CHECK static modellab_status judge(exchange *x, CURLcode code,
                                                 mli_http_post_answer *answer, modellab_error *err)
{
    curl_off_t seconds = 0, sent = 0;
    /* An answer that cannot be used was asked for all the same. */
    answer->sent = x->received > 0 || x->too_long;
    if (curl_easy_getinfo(x->easy, CURLINFO_SIZE_UPLOAD_T, &sent) == CURLE_OK && sent > 0)
        answer->sent = true;
    if (x->out->status != MODELLAB_OK)
        return mli_buf_status(x->out, err);
    if (x->too_long &&
        curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &answer->status) != CURLE_OK)
        answer->status = 0;
    if (x->too_long)
        return mli_fail(err, MODELLAB_E_LIMIT, "its answer has more than %zu bytes",
                        x->request->max_bytes);
    if (x->request->rule != NULL) {
        answer->not_told = not_connected(x, code);
        if (answer->not_told[0] != '\0')
            return mli_fail(err, MODELLAB_E_NETWORK,
                            "it could not be reached, or may not be (a private or special network, "
                            "a port, or not https)");
    }
    if (code != CURLE_OK)
        return mli_http_network_error(code, err);
    if (curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &answer->status) != CURLE_OK ||
        answer->status == 0)
        return mli_fail(err, MODELLAB_E_NETWORK, "the answer has no status");
    answer->sent = true;
    /* libcurl gives 0 both for none and for "at once" */
    if (curl_easy_getinfo(x->easy, CURLINFO_RETRY_AFTER, &seconds) == CURLE_OK && seconds > 0)
        answer->retry_after_ms = seconds < 1000000 ? (int64_t)seconds * 1000 : 1000000000;
    return MODELLAB_OK;
}

modellab_status mli_http_post(const mli_http_post_request *request, mli_http_post_answer *answer,
                              mli_buf *out, modellab_error *err)
{
    exchange x = {.request = request, .out = out};
    modellab_status status = MODELLAB_OK;
    CURLcode code = CURLE_OK;

    *answer = (mli_http_post_answer){.retry_after_ms = -1, .not_told = ""};
    if (request->rule != NULL) {
        status = mli_address_check_url(request->rule, request->url, err);
        if (status != MODELLAB_OK)
            return status;
    } else if (!mli_http_url_allowed(request->url))
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "the address is not allowed (https, or http on the loopback interface)");
    CURLM *multi = curl_multi_init();
    x.easy = curl_easy_init();
    if (x.easy == NULL || multi == NULL)
        status = mli_no_memory(err);
    else if (!set_options(&x))
        status = mli_fail(err, MODELLAB_E_UNSUPPORTED,
                          "this libcurl lacks an option that calls of a service need");
    else if (curl_multi_add_handle(multi, x.easy) != CURLM_OK)
        status = mli_no_memory(err);
    else {
        status = drive(&x, multi, &code, err);
        if (status == MODELLAB_OK)
            status = judge(&x, code, answer, err);
        else
            answer->sent = true; /* it may have been */
        if (curl_multi_remove_handle(multi, x.easy) != CURLM_OK && status == MODELLAB_OK)
            status = mli_fail(err, MODELLAB_E_INTERNAL, "libcurl could not end a transfer");
    }
    curl_easy_cleanup(x.easy);
    curl_slist_free_all(x.headers);
    if (multi != NULL && curl_multi_cleanup(multi) != CURLM_OK && status == MODELLAB_OK)
        status = mli_fail(err, MODELLAB_E_INTERNAL, "libcurl could not end a transfer");
    return status;
}
