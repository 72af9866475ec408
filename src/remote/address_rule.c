/* The rule for addresses that users give: networks by the registries of special addresses (RFC 6890
 * and its updates). Of IPv6 only what is given out to hosts (2000::/3) can be none of them. */
#include "remote/address_rule.h"

#include "base/error.h"
#include "base/str.h"
#include "remote/http.h"
#include <string.h>

#define LEAST_PORT 1024
#define TLS_PORT 443

typedef struct network {
    unsigned char first[16];
    int bits;
} network;

static const network special_v4[] = {
    {{0}, 8},
    {{10}, 8},
    {{100, 64}, 10},
    {{127}, 8},
    {{169, 254}, 16},
    {{172, 16}, 12},
    {{192, 0, 0}, 24},
    {{192, 0, 2}, 24},
    {{192, 31, 196}, 24},
    {{192, 52, 193}, 24},
    {{192, 88, 99}, 24},
    {{192, 168}, 16},
    {{192, 175, 48}, 24},
    {{198, 18}, 15},
    {{198, 51, 100}, 24},
    {{203, 0, 113}, 24},
    {{224}, 3}, /* multicast, reserved, broadcast */
};

static const network special_v6[] = {
    {{0x20, 0x01}, 23},                /* protocols, Teredo, ORCHID */
    {{0x20, 0x01, 0x0d, 0xb8}, 32},    /* documentation */
    {{0x20, 0x02}, 16},                /* 6to4: an IPv4 address inside */
    {{0x26, 0x20, 0, 0x4f, 0x80}, 48}, /* AS112 */
    {{0x3f, 0xff}, 20},                /* documentation */
};

static bool lies_in(const unsigned char *address, const unsigned char *first, int bits)
{
    const int whole = bits / 8, rest = bits % 8;

    if (memcmp(address, first, (size_t)whole) != 0)
        return false;
    return rest == 0 || (address[whole] ^ first[whole]) >> (8 - rest) == 0;
}

static bool lies_in_any(const unsigned char *address, const network *all, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (lies_in(address, all[i].first, all[i].bits))
            return true;
    }
    return false;
}

bool mli_address_is_special(const mli_os_address *a)
{
    static const unsigned char given_out[16] = {0x20};

    if (a->is_v4)
        return lies_in_any(a->bytes, special_v4, sizeof special_v4 / sizeof *special_v4);
    return !lies_in(a->bytes, given_out, 3) ||
           lies_in_any(a->bytes, special_v6, sizeof special_v6 / sizeof *special_v6);
}

bool mli_address_may(const mli_address_rule *rule, const mli_os_address *a, bool is_tls)
{
    for (size_t i = 0; i < rule->count; i++) {
        const mli_address_network *n = &rule->allowed[i];
        if (n->first.is_v4 == a->is_v4 && lies_in(a->bytes, n->first.bytes, n->bits))
            return true;
    }
    return is_tls && (a->port == TLS_PORT || a->port >= LEAST_PORT) && !mli_address_is_special(a);
}

MODELLAB_MUST_CHECK static modellab_status parse_one(const char *text, size_t bytes,
                                                     mli_address_rule *out, modellab_error *err)
{
    char copy[80];
    int64_t bits = -1;

    if (bytes >= sizeof copy || out->count == MLI_ADDRESS_NETWORKS)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the networks are too many or too long");
    memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    char *slash = strchr(copy, '/');
    if (slash != NULL)
        *slash = '\0';
    mli_address_network *n = &out->allowed[out->count];
    const bool good =
        mli_os_address_parse(copy, &n->first) &&
        (slash == NULL || mli_parse_i64(slash + 1, 0, n->first.is_v4 ? 32 : 128, &bits));
    if (!good)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "%.40s is no network", copy);
    n->bits = bits >= 0 ? (int32_t)bits : n->first.is_v4 ? 32 : 128;
    out->count++;
    return MODELLAB_OK;
}

modellab_status mli_address_rule_parse(const char *text, mli_address_rule *out, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;

    out->count = 0;
    while (text != NULL && status == MODELLAB_OK) {
        text += strspn(text, " ,");
        size_t bytes = strcspn(text, " ,");
        if (bytes == 0)
            break;
        status = parse_one(text, bytes, out, err);
        text += bytes;
    }
    return status;
}

/* Host (without brackets) and port of a URL. */
typedef struct target {
    char host[256];
    mli_os_address address;
    bool is_tls, is_address;
    int64_t port;
} target;

static bool read_host(const char *at, size_t bytes, target *t)
{
    const char *end = at + bytes, *colon = NULL, *host = at;
    size_t n;

    if (bytes > 0 && *at == '[') {
        const char *close = memchr(at, ']', bytes);
        if (close == NULL || (close + 1 < end && close[1] != ':'))
            return false;
        host = at + 1;
        n = (size_t)(close - host);
        colon = close + 1 < end ? close + 1 : NULL;
    } else {
        colon = memchr(at, ':', bytes);
        n = colon != NULL ? (size_t)(colon - at) : bytes;
    }
    if (n == 0 || n >= sizeof t->host)
        return false;
    memcpy(t->host, host, n);
    t->host[n] = '\0';
    t->is_address = mli_os_address_parse(t->host, &t->address);
    if (*at == '[' && (!t->is_address || t->address.is_v4))
        return false;
    if (colon != NULL) {
        char port[8] = "";
        size_t digits = (size_t)(end - colon) - 1;
        if (digits == 0 || digits >= sizeof port)
            return false;
        memcpy(port, colon + 1, digits);
        if (strspn(port, "0123456789") != digits || !mli_parse_i64(port, 1, 65535, &t->port))
            return false;
    }
    return true;
}

/* Letters, digits, dots, hyphens; a last label that is no number: what looks like a number is no
 * name, and resolvers read "127.1", "0x7f.1" and "2130706433" as addresses. */
static bool is_name(const char *host)
{
    const size_t n = strlen(host);
    const char *last = host;

    for (size_t i = 0; i < n; i++) {
        const char c = host[i];
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '-' && c != '.' && c != '_')
            return false;
        if (c == '.' && i + 1 < n)
            last = host + i + 1;
    }
    return n > 0 && host[0] != '.' && strchr("0123456789", last[0]) == NULL;
}

modellab_status mli_address_check_url(const mli_address_rule *rule, const char *url,
                                      modellab_error *err)
{
    target t = {.is_tls = strncmp(url, "https://", 8) == 0};
    const size_t scheme = t.is_tls ? 8 : strncmp(url, "http://", 7) == 0 ? 7 : 0;

    if (scheme == 0 || strlen(url) >= MLI_HTTP_URL_MAX)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the address is not https, or too long");
    for (const char *c = url; *c != '\0'; c++)
        if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f || *c == '\\')
            return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                            "the address has characters that must be encoded");
    t.port = t.is_tls ? TLS_PORT : 80;
    const size_t authority = strcspn(url + scheme, "/?#");
    if (memchr(url + scheme, '@', authority) != NULL || !read_host(url + scheme, authority, &t) ||
        (!t.is_address && !is_name(t.host)))
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "the address has no host that can be (a name, or a whole IP address)");
    t.address.port = (int32_t)t.port;
    if (t.is_address && !mli_address_may(rule, &t.address, t.is_tls))
        return mli_fail(err, MODELLAB_E_PERMISSION,
                        "this address may not be reached (private or special network, port, or "
                        "not https)");
    if (!t.is_address && rule->count == 0 &&
        (!t.is_tls || (t.port != TLS_PORT && t.port < LEAST_PORT)))
        return mli_fail(err, MODELLAB_E_PERMISSION,
                        "only https on port 443 or from 1024 on may be reached");
    return MODELLAB_OK;
}
