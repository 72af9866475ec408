/* Addresses of the internet. */
#include "os/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

bool mli_os_address_parse(const char *text, mli_os_address *out)
{
    memset(out, 0, sizeof *out);
    out->is_v4 = inet_pton(AF_INET, text, out->bytes) == 1;
    return out->is_v4 || inet_pton(AF_INET6, text, out->bytes) == 1;
}

bool mli_os_address_of(const void *sockaddr, mli_os_address *out)
{
    sa_family_t family;
    struct sockaddr_in four;
    struct sockaddr_in6 six;

    memset(out, 0, sizeof *out);
    memcpy(&family, (const char *)sockaddr + offsetof(struct sockaddr, sa_family), sizeof family);
    if (family == AF_INET) {
        memcpy(&four, sockaddr, sizeof four);
        memcpy(out->bytes, &four.sin_addr, 4);
        out->is_v4 = true;
        out->port = ntohs(four.sin_port);
        return true;
    }
    if (family != AF_INET6)
        return false;
    memcpy(&six, sockaddr, sizeof six);
    memcpy(out->bytes, &six.sin6_addr, 16);
    out->port = ntohs(six.sin6_port);
    return true;
}
