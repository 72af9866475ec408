/* A limiter of rates by name (a key, an address): so many in a period, evenly, with a burst (GCRA,
 * the leaky bucket as a meter). Its memory is bounded whatever names come: when it has no room the
 * name is forgotten that is nearest to a full allowance. In one process; nothing is stored.
 * @since 0.1
 *
 * Example: examples/c/rate.c */
#ifndef MODELLAB_RATE_H
#define MODELLAB_RATE_H

#include <modellab/types.h>

typedef struct modellab_rate modellab_rate;

/** What is allowed. Zero is the default. */
typedef struct modellab_rate_options {
    size_t size;       /**< sizeof(modellab_rate_options) */
    int64_t limit;     /**< so many ... 1 to 1000000000 */
    int64_t period_ms; /**< ... in this time, at most a day; 0 = 60000 */
    int64_t burst;     /**< at once, when nothing was taken for a while; 0 = limit */
    int64_t names;     /**< that are known at a time, 24 bytes each; 0 = 4096, at most 1048576 */
    const modellab_allocator *allocator; /**< optional, copied */
} modellab_rate_options;

#define MODELLAB_RATE_OPTIONS_INIT                                                                 \
    {                                                                                              \
        sizeof(modellab_rate_options), 0, 0, 0, 0, NULL                                            \
    }

/** What came of it: the numbers of the headers RateLimit-Policy (q=burst, w), RateLimit (r, t) of
 * draft-ietf-httpapi-ratelimit-headers-11 and of Retry-After, rounded up to seconds. */
typedef struct modellab_rate_result {
    size_t size;           /**< sizeof(modellab_rate_result), set by the caller */
    int32_t allowed;       /**< 1: it was taken; 0: nothing was */
    int32_t reserved;      /**< 0 */
    int64_t quota;         /**< q: the burst */
    int64_t window_s;      /**< w: until a used up allowance is full again */
    int64_t remaining;     /**< r: what could be taken now */
    int64_t reset_s;       /**< t: until all of the quota is there again, if nothing is taken */
    int64_t retry_after_s; /**< until as much is there as was asked for; 0 when it was taken */
} modellab_rate_result;

MODELLAB_BEGIN_DECLS

/** Fills the struct like its INIT macro, for callers without macros. `size` is the caller's sizeof.
 * @threads any @since 0.1 */
MODELLAB_API void modellab_rate_options_init(modellab_rate_options *options, size_t size);

/** Makes a limiter. @param[out] out new; modellab_rate_unref()
 * @errors E_INVALID_ARGUMENT, E_IO (no random numbers), E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_rate_create(
    const modellab_rate_options *options, modellab_rate **out, modellab_error *err);

/** Takes from what a name may use, or tells when it can be taken.
 * @param name         "" is a name like others
 * @param count        how many; 1 or more. More than the burst is never allowed
 * @param now_ms       of a clock that does not go back; -1 = the machine's
 * @param[out] result  @errors E_INVALID_ARGUMENT, E_ABI_TOO_SMALL @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_rate_take(modellab_rate *rate,
                                                                    const char *name, int64_t count,
                                                                    int64_t now_ms,
                                                                    modellab_rate_result *result,
                                                                    modellab_error *err);

/** Gives the reference back; NULL is accepted. @threads any @since 0.1 */
MODELLAB_API void modellab_rate_unref(modellab_rate *rate);

MODELLAB_END_DECLS
#endif
