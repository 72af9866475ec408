/* Where a request comes from, for counting requests that have no key: the peer of the connection,
 * or what a reverse proxy that the settings name says of it. Nobody else's X-Forwarded-For is
 * believed. */
#ifndef SERVER_CLIENT_ADDRESS_H
#define SERVER_CLIENT_ADDRESS_H

#include "call.h"

#define CLIENT_ADDRESS_BYTES 64

/* An IPv4 address, or the first 64 bits of an IPv6 address (a household has at least those). */
void client_address(const call *c, char out[CLIENT_ADDRESS_BYTES]);
/* Are these addresses, separated by commas? "" is a list. */
MODELLAB_MUST_CHECK bool client_address_list_is_good(const char *list);

#endif
