/* What a head must be like before anybody looks at what it asks for. */
#include "guard.h"

#include "problem.h"
#include "settings.h"
#include "text.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADERS_MAX 100
#define TARGET_BYTES_MAX 8192
#define HEAD_BYTES_MAX 16384 /* libmicrohttpd has room for some more (server.c) */

typedef struct head {
    int headers, lengths, encodings, hosts;
    const char *length, *encoding, *host;
    size_t length_bytes;
    const char *fault;
    uintptr_t next; /* where the next line must begin, 0 = not looked at */
} head;

/* The lines of a head must end with CRLF each, and none may go on in the next one: where another
 * server in front reads them differently, what is one request to it is two to us. libmicrohttpd
 * tells of neither; but this version reads heads in their place, so that it shows where its lines
 * begin. (Later ones have a rule of their own.) */
static bool shows_lines(void)
{
    return strcmp(MHD_get_version(), "0.9.75") == 0;
}

static void next_line(head *h, const char *begin, const char *end)
{
    if (h->next != 0 && h->next != (uintptr_t)begin)
        h->fault = "a line of the head does not end with CRLF, or goes on in the next one";
    h->next = h->next != 0 ? (uintptr_t)end + 2 : 0;
}

static bool is_token(const char *text, size_t bytes)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < bytes; i++) {
        char c = text[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (c == '\0' || strchr(others, c) == NULL))
            return false;
    }
    return bytes > 0;
}

static bool is_value(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (((unsigned char)text[i] < 0x20 && text[i] != '\t') || text[i] == 0x7f)
            return false;
    return true;
}

static enum MHD_Result look(void *user, enum MHD_ValueKind kind, const char *name,
                            size_t name_bytes, const char *value, size_t value_bytes)
{
    head *h = user;
    (void)kind;
    h->headers++;
    next_line(h, name, value + value_bytes);
    if (!is_token(name, name_bytes))
        h->fault = "a header's name has characters that it must not have";
    else if (!is_value(value, value_bytes))
        h->fault = "a header's value has control characters";
    else if (text_same(name, "Content-Length")) {
        h->lengths++;
        h->length = value;
        h->length_bytes = value_bytes;
    } else if (text_same(name, "Transfer-Encoding")) {
        h->encodings++;
        h->encoding = value;
    } else if (text_same(name, "Host")) {
        h->hosts++;
        h->host = value;
    }
    return MHD_YES;
}

/* What is wrong with the framing, or NULL. */
static const char *framing_fault(const head *h, bool is_first_version, int64_t *announced)
{
    *announced = 0;
    if (h->lengths > 1)
        return "Content-Length appears more than once";
    if (h->encodings > 1)
        return "Transfer-Encoding appears more than once";
    if (h->lengths > 0 && h->encodings > 0)
        return "Content-Length and Transfer-Encoding exclude one another";
    if (h->encodings > 0 && is_first_version)
        return "HTTP/1.0 has no Transfer-Encoding";
    if (h->lengths > 0 && !text_number(h->length, h->length_bytes, announced))
        return "Content-Length is no number";
    if (h->encodings > 0) {
        *announced = -1;
        if (!text_same(h->encoding, "chunked"))
            return "the only Transfer-Encoding that is taken is chunked";
    }
    if (h->hosts > 1 || (h->hosts == 0 && !is_first_version))
        return "there must be one Host";
    return NULL;
}

/* The line behind the headers is empty. */
static void last_line(const call *c, head *h, const char *method)
{
    const union MHD_ConnectionInfo *size =
        MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    c->link->head_bytes = size != NULL ? size->header_size : 0;
    if (size != NULL && h->fault == NULL)
        next_line(h, method + size->header_size - 2, method);
}

/* Sizes, and characters that only a malformed target has. */
static bool guard_sizes(call *c, const head *h)
{
    const char *what = NULL;
    int http = 431;
    if (h->headers > HEADERS_MAX)
        what = "a request has at most 100 headers";
    else if (c->link->head_bytes > HEAD_BYTES_MAX)
        what = "the head of a request has at most 16 KiB";
    if (c->link->target_bytes > TARGET_BYTES_MAX) {
        http = 414;
        what = "the target of a request has at most 8 KiB";
    }
    if (what == NULL)
        return true;
    c->body.closes = true;
    reply_problem(c, http, "head-too-large", what);
    return false;
}

bool guard_framing(call *c, const char *method, const char *version)
{
    head h = {0};
    bool is_first = strcmp(version, "HTTP/1.0") == 0;
    c->is_first_version = is_first;
    h.next = shows_lines() ? (uintptr_t)version + strlen(version) + 2 : 0;
    (void)MHD_get_connection_values_n(c->mhd, MHD_HEADER_KIND, look, &h); /* their number */
    last_line(c, &h, method);
    const char *fault = h.fault;
    if (fault == NULL)
        fault = framing_fault(&h, is_first, &c->body.announced);
    if (fault == NULL && c->link->target_is_odd)
        fault = "the target of the request has blanks or control characters";
    if (fault == NULL && !is_token(c->method, strlen(c->method)))
        fault = "the method is malformed";
    c->body.present = c->body.announced != 0;
    if (fault != NULL) {
        c->body.closes = true; /* where the next request begins is anybody's guess */
        reply_problem(c, 400, "bad-request", fault);
        return false;
    }
    if (!guard_sizes(c, &h))
        return false;
    if (!is_first && strcmp(version, "HTTP/1.1") != 0) {
        c->body.closes = true;
        reply_problem(c, 505, "version", "HTTP/1.1 and HTTP/1.0 are spoken here");
        return false;
    }
    return true;
}

/* Name of a Host without its port: "[::1]:80" -> "::1". */
static bool host_name(const char *host, char *out, size_t room)
{
    const char *begin = host[0] == '[' ? host + 1 : host;
    size_t bytes = strcspn(begin, host[0] == '[' ? "]" : ":");
    if (bytes >= room)
        return false;
    memcpy(out, begin, bytes);
    out[bytes] = '\0';
    return true;
}

static bool is_loopback_name(const char *name)
{
    struct in_addr four;
    struct in6_addr six;
    size_t bytes = strlen(name);
    if (inet_pton(AF_INET, name, &four) == 1)
        return ntohl(four.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, name, &six) == 1)
        return IN6_IS_ADDR_LOOPBACK(&six);
    return text_same(name, "localhost") ||
           (bytes > 10 && text_same(name + bytes - 10, ".localhost"));
}

bool guard_host(call *c)
{
    const char *host = call_header(c, "Host");
    char name[256];
    if (host == NULL || server_settings.keys)
        return true;
    if (host_name(host, name, sizeof name) && is_loopback_name(name))
        return true;
    c->body.closes = true;
    reply_problem(c, 421, "misdirected",
                  "without keys only names of the loopback interface are answered");
    return false;
}

/* Is `origin` http(s) with the host and port of the request itself? */
static bool is_same_origin(const char *origin, const char *host)
{
    const char *at = strstr(origin, "://");
    return host != NULL && at != NULL && text_same(at + 3, host);
}

static bool is_listed(const char *origin)
{
    return text_list_has(server_settings.origins, origin);
}

bool guard_origin(call *c)
{
    const char *origin = call_header(c, "Origin");
    if (origin == NULL || is_same_origin(origin, call_header(c, "Host")))
        return true;
    if (is_listed(origin)) {
        c->origin = strdup(origin);
        return true;
    }
    bool safe = strcmp(c->method, "GET") == 0 || strcmp(c->method, "HEAD") == 0;
    bool upgrades = call_header(c, "Upgrade") != NULL; /* a WebSocket reads and writes */
    if (safe && !upgrades)
        return true; /* the browser keeps the reply from the page */
    reply_problem(c, 403, "forbidden", "pages of this origin may not do that");
    return false;
}
