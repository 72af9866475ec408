/* HTTPS downloads by libcurl's multi interface, so that cancelling is seen within 10 ms. */
#include "remote/http.h"
#include "base/error.h"
#include "base/str.h"
#include "os/clock.h"
#include "os/locale.h"
#include "os/socket.h"
#include "remote/http_words.h"
#include <string.h>

#define POLL_MS 10

/* One hop: a request to one URL. */
typedef struct hop {
    const mli_http_request *request;
    const mli_http_sink *sink;
    CURL *easy;
    char redirect[MLI_HTTP_URL_MAX]; /* where a 3xx points, "" = none */
    int64_t received;                /* bytes of the body handed on */
    int64_t start, range_total;      /* of Content-Range; -1 = none was sent */
    int64_t last_byte_ns;
    long http_status;
    bool begun, success;
    modellab_status status; /* what ended the transfer from inside */
    modellab_error err;
} hop;

static int64_t now_ns(void)
{
    return mli_os_system_clock.monotonic_ns(mli_os_system_clock.user);
}

static bool loopback(const char *host)
{
    static const char *const names[] = {"127.0.0.1", "localhost", "[::1]"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t n = strlen(names[i]);
        if (strncmp(host, names[i], n) == 0 &&
            (host[n] == ':' || host[n] == '/' || host[n] == '\0'))
            return true;
    }
    return false;
}

bool mli_http_url_allowed(const char *url)
{
    if (url == NULL || strlen(url) >= MLI_HTTP_URL_MAX)
        return false;
    for (const char *c = url; *c != '\0'; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f || *c == '\\')
            return false;
    const char *host = NULL;
    if (strncmp(url, "https://", 8) == 0)
        host = url + 8;
    else if (strncmp(url, "http://", 7) == 0 && loopback(url + 7))
        host = url + 7;
    if (host == NULL)
        return false;
    size_t authority = strcspn(host, "/?#");
    return authority > 0 && memchr(host, '@', authority) == NULL;
}

/* Scheme, host and port of two URLs are the same. */
static bool same_origin(const char *a, const char *b)
{
    const char *host_a = strstr(a, "://"), *host_b = strstr(b, "://");
    if (host_a == NULL || host_b == NULL)
        return false;
    size_t na = (size_t)(host_a - a) + 3 + strcspn(host_a + 3, "/?#");
    size_t nb = (size_t)(host_b - b) + 3 + strcspn(host_b + 3, "/?#");
    return na == nb && memcmp(a, b, na) == 0;
}

/* "Content-Range: bytes 100-199/200" */
static void read_content_range(hop *h, const char *value, size_t n)
{
    char text[96];
    int64_t start, total;
    if (n >= sizeof text)
        return;
    memcpy(text, value, n);
    text[n] = '\0';
    char *at = text + strspn(text, " \t");
    if (strncmp(at, "bytes ", 6) != 0)
        return;
    char *first = at + 6 + strspn(at + 6, " ");
    char *dash = strchr(first, '-');
    char *slash = dash != NULL ? strchr(dash, '/') : NULL;
    if (slash == NULL)
        return;
    *dash = '\0';
    slash[1 + strcspn(slash + 1, "\r\n \t")] = '\0';
    if (!mli_parse_i64(first, 0, INT64_MAX, &start))
        return;
    h->start = start;
    if (mli_parse_i64(slash + 1, 0, INT64_MAX, &total))
        h->range_total = total;
}

static size_t on_header(char *data, size_t size, size_t count, void *user)
{
    static const char name[] = "content-range:";
    hop *h = user;
    size_t n = size * count;
    if (n > sizeof name - 1) {
        size_t i = 0;
        while (name[i] != '\0' && (data[i] | 0x20) == (name[i] | 0x20))
            i++;
        if (name[i] == '\0')
            read_content_range(h, data + i, n - i);
    }
    return n;
}

/* The first byte of a body that counts: tells the sink where it starts. */
MODELLAB_MUST_CHECK static modellab_status begin_body(hop *h)
{
    curl_off_t length = -1;
    int64_t start = 0, total = -1;
    if (curl_easy_getinfo(h->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length) != CURLE_OK)
        length = -1;
    if (h->http_status == 206) {
        if (h->start < 0 || h->start != h->request->resume_from)
            return mli_fail(&h->err, MODELLAB_E_REMOTE,
                            "the server sent another part than asked for");
        start = h->start;
        total = h->range_total >= 0 ? h->range_total : (length >= 0 ? start + length : -1);
    } else {
        total = length;
    }
    if (total > h->request->max_bytes)
        return mli_fail(&h->err, MODELLAB_E_LIMIT, "the file is larger than it should be");
    h->begun = true;
    h->received = start;
    return h->sink->begin(h->sink->user, start, total, &h->err);
}

static size_t on_data(char *data, size_t size, size_t count, void *user)
{
    hop *h = user;
    size_t n = size * count;
    h->last_byte_ns = now_ns();
    if (h->http_status == 0 &&
        curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &h->http_status) != CURLE_OK)
        h->http_status = 0;
    if (h->http_status != 200 && h->http_status != 206)
        return n; /* the page of an error or a redirect is of no interest */
    if (!h->begun)
        h->status = begin_body(h);
    if (h->status == MODELLAB_OK && (int64_t)n > h->request->max_bytes - h->received)
        h->status = mli_fail(&h->err, MODELLAB_E_LIMIT, "the file is larger than it should be");
    if (h->status == MODELLAB_OK)
        h->status = h->sink->data(h->sink->user, data, n, &h->err);
    if (h->status != MODELLAB_OK)
        return 0;
    h->received += (int64_t)n;
    return n;
}

curl_socket_t mli_http_open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
    int fd = mli_os_socket_open(address->family, address->socktype, address->protocol);
    (void)user;
    (void)purpose;
    return fd < 0 ? CURL_SOCKET_BAD : fd;
}

/* Every option that can fail is checked: an option that is silently absent would be a hole. */
static bool set_options(hop *h, const char *url, const char *bearer, char *range, size_t range_room)
{
    const mli_http_request *r = h->request;
    long connect_ms = (long)(r->connect_ms > 0 ? r->connect_ms : 5000);
    CURL *c = h->easy;
    bool ok = curl_easy_setopt(c, CURLOPT_URL, url) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR,
                               strncmp(url, "http:", 5) == 0 ? "http" : "https") == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_PROXY, r->proxy != NULL ? r->proxy : "") == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_USERAGENT, "modellab") == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, connect_ms) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_HEADERDATA, h) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_data) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_WRITEDATA, h) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, mli_http_open_socket) == CURLE_OK &&
              curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK;
    if (ok && bearer != NULL)
        ok = curl_easy_setopt(c, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER) == CURLE_OK &&
             curl_easy_setopt(c, CURLOPT_XOAUTH2_BEARER, bearer) == CURLE_OK;
    if (ok && r->resume_from > 0) {
        int n = mli_os_format(range, range_room, "%lld-", (long long)r->resume_from);
        ok = n > 0 && (size_t)n < range_room &&
             curl_easy_setopt(c, CURLOPT_RANGE, range) == CURLE_OK;
    }
    return ok;
}

modellab_status mli_http_network_error(CURLcode code, modellab_error *err)
{
    const char *text = "the connection broke off";
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        text = "its name could not be found (no network?)";
        break;
    case CURLE_COULDNT_CONNECT:
        text = "it could not be reached";
        break;
    case CURLE_OPERATION_TIMEDOUT:
        text = "it did not answer in time";
        break;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
        text = "no trusted connection could be made (TLS)";
        break;
    case CURLE_OUT_OF_MEMORY:
        return mli_no_memory(err);
    default:
        break;
    }
    return mli_fail(err, MODELLAB_E_NETWORK, "%s", text);
}

MODELLAB_MUST_CHECK static modellab_status http_error(long number, modellab_error *err)
{
    modellab_status code = MODELLAB_E_REMOTE;
    if (number == 404 || number == 410)
        code = MODELLAB_E_NOT_FOUND;
    else if (number == 401 || number == 403)
        code = MODELLAB_E_PERMISSION;
    return mli_fail_at(err, code, number, "it answered with HTTP %ld", number);
}

/* What a finished transfer means. */
MODELLAB_MUST_CHECK static modellab_status judge(hop *h, CURLcode code, modellab_error *err)
{
    char *next = NULL;
    if (h->status != MODELLAB_OK)
        return mli_fail_at(err, h->status, h->err.detail, "%s", h->err.message);
    if (code != CURLE_OK)
        return mli_http_network_error(code, err);
    if (curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &h->http_status) != CURLE_OK)
        return mli_fail(err, MODELLAB_E_REMOTE, "the answer has no status");
    if (h->http_status == 200 || h->http_status == 206) {
        if (!h->begun) { /* an empty body */
            modellab_status status = begin_body(h);
            if (status != MODELLAB_OK)
                return mli_fail_at(err, status, h->err.detail, "%s", h->err.message);
        }
        h->success = true;
        return MODELLAB_OK;
    }
    if (h->http_status >= 300 && h->http_status < 400 && h->http_status != 304) {
        if (curl_easy_getinfo(h->easy, CURLINFO_REDIRECT_URL, &next) == CURLE_OK && next != NULL &&
            mli_http_url_allowed(next)) {
            memcpy(h->redirect, next, strlen(next) + 1);
            return MODELLAB_OK;
        }
        return mli_fail(err, MODELLAB_E_REMOTE, "it redirects to where a download must not go");
    }
    return http_error(h->http_status, err);
}

/* Runs the transfer to its end; polls the cancel word and the idle limit. */
static CURLcode drive(hop *h, CURLM *multi)
{
    int64_t idle_ns = (h->request->idle_ms > 0 ? h->request->idle_ms : 30000) * INT64_C(1000000);
    int running = 1;
    h->last_byte_ns = now_ns();
    while (running > 0) {
        if (curl_multi_perform(multi, &running) != CURLM_OK)
            return CURLE_OUT_OF_MEMORY;
        if (running == 0)
            break;
        if (mli_cancelled(h->request->cancel)) {
            h->status = mli_fail(&h->err, MODELLAB_E_CANCELLED, "cancelled");
            return CURLE_ABORTED_BY_CALLBACK;
        }
        if (now_ns() - h->last_byte_ns > idle_ns)
            return CURLE_OPERATION_TIMEDOUT;
        if (curl_multi_poll(multi, NULL, 0, POLL_MS, NULL) != CURLM_OK)
            return CURLE_OUT_OF_MEMORY;
    }
    int left = 0;
    for (CURLMsg *m = curl_multi_info_read(multi, &left); m != NULL;
         m = curl_multi_info_read(multi, &left))
        if (m->msg == CURLMSG_DONE && m->easy_handle == h->easy)
            return m->data.result;
    return CURLE_RECV_ERROR;
}

MODELLAB_MUST_CHECK static modellab_status one_hop(hop *h, const char *url, const char *bearer,
                                                   modellab_error *err)
{
    char range[32];
    modellab_status status;
    CURLM *multi = curl_multi_init();
    h->easy = curl_easy_init();
    if (h->easy == NULL || multi == NULL) {
        status = mli_no_memory(err);
    } else if (!set_options(h, url, bearer, range, sizeof range)) {
        status =
            mli_fail(err, MODELLAB_E_UNSUPPORTED,
                     "this libcurl lacks an option that downloads need, or the proxy is not valid");
    } else if (curl_multi_add_handle(multi, h->easy) != CURLM_OK) {
        status = mli_no_memory(err);
    } else {
        CURLcode code = drive(h, multi);
        status = judge(h, code, err);
        if (curl_multi_remove_handle(multi, h->easy) != CURLM_OK && status == MODELLAB_OK)
            status = mli_fail(err, MODELLAB_E_INTERNAL, "libcurl could not end a transfer");
    }
    curl_easy_cleanup(h->easy);
    if (multi != NULL && curl_multi_cleanup(multi) != CURLM_OK && status == MODELLAB_OK)
        status = mli_fail(err, MODELLAB_E_INTERNAL, "libcurl could not end a transfer");
    h->easy = NULL;
    return status;
}

modellab_status mli_http_get(const mli_http_request *request, const mli_http_sink *sink,
                             modellab_error *err)
{
    char url[MLI_HTTP_URL_MAX];
    if (!mli_http_url_allowed(request->url))
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "the address is not allowed (https, or http on the loopback interface)");
    memcpy(url, request->url, strlen(request->url) + 1);
    for (int hops = 0; hops <= MLI_HTTP_REDIRECTS; hops++) {
        hop h = {.request = request,
                 .sink = sink,
                 .start = -1,
                 .range_total = -1,
                 .err = MODELLAB_ERROR_INIT};
        const char *bearer = same_origin(url, request->url) ? request->bearer : NULL;
        modellab_status status = one_hop(&h, url, bearer, err);
        if (status != MODELLAB_OK || h.success)
            return status;
        memcpy(url, h.redirect, strlen(h.redirect) + 1);
    }
    return mli_fail(err, MODELLAB_E_REMOTE, "it redirects more than %d times", MLI_HTTP_REDIRECTS);
}
