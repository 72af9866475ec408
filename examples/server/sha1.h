/* SHA-1 (RFC 3174), which the handshake of WebSockets is made of; nothing secret hangs on it. */
#ifndef SERVER_SHA1_H
#define SERVER_SHA1_H

#include <stddef.h>

void sha1(const void *data, size_t bytes, unsigned char out[20]);

#endif
