/* Small types that many nouns share: text out (buffer), the cancel token and id sizes. @since 0.1
 */
#ifndef MODELLAB_TYPES_H
#define MODELLAB_TYPES_H

#include <modellab/alloc.h>
#include <modellab/status.h>

/** Bytes of a run id (ULID: 26 characters of Crockford base32) with its NUL. */
#define MODELLAB_RUN_ID_BYTES 27

/** Bytes that the library made for the caller. Always followed by a NUL that is not counted. */
typedef struct modellab_buffer modellab_buffer;

/** A word that asks work to stop; may be shared by any number of calls and threads. */
typedef struct modellab_cancel modellab_cancel;

MODELLAB_BEGIN_DECLS

/** First byte of the buffer. Borrowed until modellab_buffer_destroy(). "" for NULL.
 * @threads any @since 0.1 */
MODELLAB_API const char *modellab_buffer_data(const modellab_buffer *buffer);

/** Number of bytes. 0 for NULL. @threads any @since 0.1 */
MODELLAB_API size_t modellab_buffer_size(const modellab_buffer *buffer);

/** Frees the buffer; NULL is accepted. @threads any @since 0.1 */
MODELLAB_API void modellab_buffer_destroy(modellab_buffer *buffer);

/** Makes a cancel token that is not set.
 * @param allocator  optional, copied
 * @param[out] out   new; give it back with modellab_cancel_unref()
 * @errors E_INVALID_ARGUMENT, E_NO_MEMORY
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_cancel_create(
    const modellab_allocator *allocator, modellab_cancel **out, modellab_error *err);

/** Asks the work that uses this token to stop. Idempotent; async-signal-safe, so that a program may
 * call it in its own signal handler. @threads any @since 0.1 */
MODELLAB_API void modellab_cancel_set(modellab_cancel *cancel);

/** 1 when set, else 0. @threads any @since 0.1 */
MODELLAB_API int32_t modellab_cancel_is_set(const modellab_cancel *cancel);

/** Takes another reference; returns its argument. @threads any @since 0.1 */
MODELLAB_API modellab_cancel *modellab_cancel_ref(modellab_cancel *cancel);

/** Gives a reference back; NULL is accepted. @threads any @since 0.1 */
MODELLAB_API void modellab_cancel_unref(modellab_cancel *cancel);

MODELLAB_END_DECLS
#endif
