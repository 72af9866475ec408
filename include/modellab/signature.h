/* Signatures of messages with a shared secret: HMAC-SHA256 (RFC 2104), and the header that webhooks
 * carry: "t=1767225600,v1=<64 hex digits>", the HMAC of "<t>.<body>". The time is in what is
 * signed, so that an old message cannot be sent again later. Comparisons take constant time. @since
 * 0.1
 *
 * Example: examples/c/signature.c */
#ifndef MODELLAB_SIGNATURE_H
#define MODELLAB_SIGNATURE_H

#include <modellab/types.h>

/** Bytes that modellab_signature_write() needs at most, with the NUL. */
#define MODELLAB_SIGNATURE_BYTES 96

MODELLAB_BEGIN_DECLS

/** HMAC-SHA256 of a message. @param[out] out 32 bytes
 * @errors E_INVALID_ARGUMENT @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_hmac_sha256(const void *key, size_t key_bytes, const void *data, size_t bytes,
                     unsigned char out[32], modellab_error *err);

/** 1 when the bytes are equal, else 0; how long it takes tells nothing of where they differ.
 * @threads any @since 0.1 */
MODELLAB_API int32_t modellab_secret_equal(const void *a, const void *b, size_t bytes);

/** Writes the header's value for a body.
 * @param secret   the shared secret, whole, as text
 * @param time_s   when it is signed: seconds since 1970 UTC, 0 or more
 * @param[out] out MODELLAB_SIGNATURE_BYTES
 * @errors E_INVALID_ARGUMENT @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_signature_write(const char *secret, int64_t time_s, const void *body, size_t bytes,
                         char out[MODELLAB_SIGNATURE_BYTES], modellab_error *err);

/** Checks a header's value that came with a body. One of several v1= must fit; what else it has is
 * passed over.
 * @param now_s        seconds since 1970 UTC; -1 = the clock of this machine
 * @param tolerance_s  how far the signed time may be from it, to both sides; 0 = 300
 * @errors E_PERMISSION (it does not fit), E_TIMEOUT (it fits, but its time is too far from now),
 * E_INVALID_ARGUMENT (the header has not that form) @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_signature_check(const char *secret, const char *header, const void *body, size_t bytes,
                         int64_t now_s, int64_t tolerance_s, modellab_error *err);

MODELLAB_END_DECLS
#endif
