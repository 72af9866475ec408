/* Addresses are compared as bytes, never as text: one address can be written in many ways. */
#include "client_address.h"

#include "call_private.h"
#include "settings.h"
#include "text.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define HOPS_MAX 32 /* proxies on the way; who says more is not believed further */

typedef struct place {
    unsigned char bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
} place;

/* "1.2.3.4", "1.2.3.4:80", "::1", "[::1]", "[::1]:80". */
static bool read_place(const char *text, size_t bytes, place *out)
{
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    char copy[64];
    while (bytes > 0 && strchr(" \t", text[bytes - 1]) != NULL)
        bytes--;
    while (bytes > 0 && strchr(" \t", *text) != NULL) {
        text++;
        bytes--;
    }
    if (bytes == 0 || bytes >= sizeof copy || memchr(text, '\0', bytes) != NULL)
        return false;
    memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    const char *from = copy;
    char *colon = strchr(copy, ':'), *closing = strchr(copy, ']');
    if (copy[0] == '[' && closing != NULL) {
        *closing = '\0';
        from = copy + 1;
    } else if (colon != NULL && strchr(colon + 1, ':') == NULL) {
        *colon = '\0'; /* a port */
    }
    if (inet_pton(AF_INET6, from, out->bytes) == 1)
        return true;
    memcpy(out->bytes, mapped, sizeof mapped);
    return inet_pton(AF_INET, from, out->bytes + sizeof mapped) == 1;
}

static bool is_proxy(const place *one)
{
    place other;
    for (const char *at = server_settings.proxies; at != NULL && *at != '\0';) {
        size_t bytes = strcspn(at, ",");
        if (read_place(at, bytes, &other) && memcmp(&other, one, sizeof other) == 0)
            return true;
        at += bytes + (at[bytes] == ',');
    }
    return false;
}

bool client_address_list_is_good(const char *list)
{
    place one;
    while (*list != '\0') {
        size_t bytes = strcspn(list, ",");
        if (!read_place(list, bytes, &one))
            return false;
        list += bytes + (list[bytes] == ',');
    }
    return true;
}

typedef struct hops {
    const char *lines[HOPS_MAX]; /* values of X-Forwarded-For, in their order */
    size_t count;
} hops;

static enum MHD_Result take_line(void *user, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
    hops *h = user;
    (void)kind;
    if (!text_same(name, "X-Forwarded-For") || value == NULL)
        return MHD_YES;
    if (h->count == HOPS_MAX) { /* the last ones count: a proxy adds behind what there is */
        memmove(h->lines, h->lines + 1, (HOPS_MAX - 1) * sizeof h->lines[0]);
        h->count--;
    }
    h->lines[h->count++] = value;
    return MHD_YES;
}

/* From the last hop to the first: each is told by the one behind it, which must be a proxy of ours.
 */
static void follow(const call *c, place *at)
{
    hops h = {.count = 0};
    size_t left = HOPS_MAX;
    (void)MHD_get_connection_values(c->mhd, MHD_HEADER_KIND, take_line, &h);
    while (h.count > 0) {
        const char *line = h.lines[--h.count], *end = line + strlen(line);
        while (end >= line) {
            const char *from = end;
            place before;
            while (from > line && from[-1] != ',')
                from--;
            if (left-- == 0 || !is_proxy(at) || !read_place(from, (size_t)(end - from), &before))
                return;
            *at = before;
            if (from == line)
                break;
            end = from - 1;
        }
    }
}

void client_address(const call *c, char out[CLIENT_ADDRESS_BYTES])
{
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    place at;
    if (!read_place(c->link->address, strlen(c->link->address), &at)) {
        (void)snprintf(out, CLIENT_ADDRESS_BYTES, "%s", c->link->address);
        return;
    }
    follow(c, &at);
    if (memcmp(at.bytes, mapped, sizeof mapped) == 0) {
        (void)snprintf(out, CLIENT_ADDRESS_BYTES, "%d.%d.%d.%d", at.bytes[12], at.bytes[13],
                       at.bytes[14], at.bytes[15]);
        return;
    }
    memset(at.bytes + 8, 0, 8);
    if (inet_ntop(AF_INET6, at.bytes, out, CLIENT_ADDRESS_BYTES) == NULL)
        out[0] = '\0'; /* cannot be: the room is enough */
}
