/* The socket that the server listens on. */
#ifndef SERVER_LISTENER_H
#define SERVER_LISTENER_H

#include <stddef.h>

struct sockaddr;

/* Descriptor, or -1 with a sentence in `why`. `port` 0 takes any; `taken` is what it got. */
int listener_open(const char *address, int port, int *taken, char *why, size_t why_bytes);
/* The address of a client as text, without its port. */
void listener_name(const struct sockaddr *client, char *out, size_t room);

/* Nobody new: who asks for a connection hears nothing until the socket is closed, and is refused
 * then. Those that were taken before can still be accepted; without that, closing would reset who
 * came in the last moment. */
void listener_shut(int listening);

#endif
