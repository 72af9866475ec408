/* Addresses of the internet as bytes: from text, and from what a resolver found. */
#ifndef MLI_OS_ADDRESS_H
#define MLI_OS_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct mli_os_address {
    unsigned char bytes[16]; /* the first 4 of IPv4 */
    bool is_v4;
    int32_t port; /* 0 = none */
} mli_os_address;

/* "192.0.2.1", "2001:db8::1": nothing else, above all no short forms ("127.1"). */
bool mli_os_address_parse(const char *text, mli_os_address *out);
/* Of a struct sockaddr; false: of another family. */
bool mli_os_address_of(const void *sockaddr, mli_os_address *out);

#endif
