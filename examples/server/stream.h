/* Bodies that last: server-sent events and audio as it is made. A queue between who writes and the
 * network thread; while it is empty the connection sleeps and costs no thread. Thread safe. */
#ifndef SERVER_STREAM_H
#define SERVER_STREAM_H

#include <modellab/export.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct stream stream;

/* NULL: out of memory. `limit`: most bytes that may wait; 0 = 256 KiB. */
MODELLAB_MUST_CHECK stream *stream_create(size_t limit);
/* Data is copied. False: the client is slow (more than the limit waits), gone, or the stream has
 * ended; the writer ends then. Never waits. */
MODELLAB_MUST_CHECK bool stream_write(stream *s, const void *data, size_t bytes);
/* Bytes that wait, for a writer that rather pauses than loses its client. */
size_t stream_waiting(stream *s);
/* Called once, from any thread, when the client is gone or the server stops; not after
 * stream_unwatch() has returned. Set it before reply_stream(). It must not wait, nor call this
 * stream.
 */
void stream_watch(stream *s, void (*gone)(void *user), void *user);
void stream_unwatch(stream *s);
/* Called, from the network thread, whenever the queue has run empty: time to write more. */
void stream_on_drain(stream *s, void (*drained)(void *user), void *user);
/* Bytes that the network thread has taken. */
int64_t stream_sent(stream *s);
/* No more data; what waits still goes out. */
void stream_end(stream *s);
/* Ends it in the middle: what waits is left out, and the connection is cut without the last chunk,
 * so that the client sees that the body is not whole; also one that does not read. */
void stream_break(stream *s);
bool stream_is_gone(stream *s); /* the client is gone or the server stops */
stream *stream_ref(stream *s);
void stream_unref(stream *s); /* NULL is accepted */

/* Ends it with these words behind what waits (a last event of SSE); also when that is too much. */
void stream_say_end(stream *s, const char *text);
/* A client that takes nothing of what waits for so long is cut off; before reply_stream(). */
void stream_set_limit(stream *s, int64_t ms);
/* Was it cut off, or did it not take what it was given? */
bool stream_is_stalled(stream *s);

/* Sends `text` to every stream as its last words (a retry hint of SSE) and ends it: drain. Only to
 * those that were made with stream_farewell(). */
void stream_farewell(stream *s, const char *text);

#endif
