/* Replies: each call is answered by exactly one of these. They add the headers that every reply has
 * (ids, version, CORS, cache), answer conditional requests and compress JSON. */
#ifndef SERVER_REPLY_H
#define SERVER_REPLY_H

#include "call.h"
#include "ranges.h"
#include "stream.h"

/* JSON; the reference of `owned` is taken (NULL = out of memory: 500). Of a GET the ETag is made of
 * the bytes, If-None-Match answered by 304, and more than 1 KiB compressed where it is accepted. */
void reply_json(call *c, int http, json_t *owned);
/* Bytes are copied. Text and JSON are compressed likewise. */
void reply_bytes(call *c, int http, const char *type, const void *copied, size_t bytes);
/* As reply_bytes(), of a buffer that is given over: no copy. */
void reply_buffer(call *c, int http, const char *type, modellab_buffer *owned);
/* A file in pieces: Range, If-Range, ETag (ranges.h). The source is given over. */
void reply_file(call *c, const char *type, const reply_source *owned);
/* A body that lasts (stream.h). Never compressed. The reference is taken. */
void reply_stream(call *c, int http, const char *type, stream *owned);
/* Without a body: 204, 304, 202 ... */
void reply_empty(call *c, int http);
/* 101: the connection becomes something else (websocket.c). Headers of the handshake before it with
 * reply_header(). When the head has gone out, `taken` gets the socket (non-blocking) and what was
 * read beyond the head; it must not wait. The call lives until upgrade_close(), which closes the
 * socket; the server calls `stop` (any thread, must not wait) when it stops. When the client went
 * before the head could be sent, `taken` is called without an upgrade (NULL, socket -1): it gives
 * back what `user` holds. */
typedef struct upgrade upgrade;
void reply_upgrade(call *c, const char *protocol,
                   void (*taken)(void *user, upgrade *u, int socket, const void *more,
                                 size_t bytes),
                   void (*stop)(void *user), void *user);
void upgrade_close(upgrade *u); /* NULL accepted */

/* Before the reply: adds a header (strings are copied). The same name again adds another. */
void reply_header(call *c, const char *name, const char *value);
/* Before the reply to a write: its body is what a GET of the same path gives, and gets its ETag. */
void reply_tagged(call *c);
/* Before the reply: Location of something that was made; `path` is "/api/v1/runs/..." */
void reply_location(call *c, const char *path);
/* Has it been answered? For code that several ways lead to. */
bool reply_done(const call *c);

#endif
