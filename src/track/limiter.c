/* GCRA: of each name one time is kept, when all that it took has flowed off again (TAT). It may
 * take while that is not further away than the burst. A name is known by a keyed sha256 of it;
 * places are in sets of eight, and a set that is full forgets the one whose time is nearest, which
 * gains least by that. */
#include "track/limiter.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "os/thread.h"
#include <stdbool.h>
#include <string.h>

#define WAYS 8
#define NAMES_DEFAULT 4096
#define NAMES_MOST 1048576
#define LIMIT_MOST 1000000000
#define PERIOD_MOST_MS 86400000
#define NS_PER_S INT64_C(1000000000)

typedef struct place {
    uint64_t name[2]; /* both 0 = free */
    int64_t until_ns; /* TAT */
} place;

struct modellab_rate {
    modellab_allocator alloc_copy;
    const modellab_allocator *alloc;
    mli_os_mutex mutex; /* guards all below */
    unsigned char key[16];
    int64_t each_ns, burst, now_ns;
    size_t sets; /* a power of two */
    place places[];
};

modellab_status mli_limiter_create(const modellab_rate_options *options,
                                   const mli_os_random *random, modellab_rate **out,
                                   modellab_error *err)
{
    const int64_t period_ms = options->period_ms > 0 ? options->period_ms : 60000;
    const int64_t burst = options->burst > 0 ? options->burst : options->limit;
    const int64_t names = options->names > 0 ? options->names : NAMES_DEFAULT;
    modellab_allocator alloc = {0};
    size_t sets = 1;
    int rc;

    if (options->limit < 1 || options->limit > LIMIT_MOST || options->period_ms < 0 ||
        period_ms > PERIOD_MOST_MS || options->burst < 0 || burst > LIMIT_MOST ||
        options->names < 0 || names > NAMES_MOST ||
        /* what a used up burst takes to flow off stays within a day and some */
        burst > (INT64_MAX / 4) / (period_ms * 1000000 / options->limit + 1))
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the limits of the rate are not valid");
    modellab_status status = mli_allocator_take(options->allocator, &alloc, err);
    if (status != MODELLAB_OK)
        return status;
    while (sets * WAYS < (size_t)names)
        sets *= 2;
    const modellab_allocator *from = alloc.alloc != NULL ? &alloc : NULL;
    modellab_rate *limiter =
        mli_alloc_zero(from, sizeof *limiter + sets * WAYS * sizeof *limiter->places);
    if (limiter == NULL)
        return mli_no_memory(err);
    limiter->alloc_copy = alloc;
    limiter->alloc = from != NULL ? &limiter->alloc_copy : NULL;
    limiter->each_ns = period_ms * 1000000 / options->limit;
    limiter->each_ns = limiter->each_ns > 0 ? limiter->each_ns : 1;
    limiter->burst = burst;
    limiter->sets = sets;
    rc = random->fill(random->user, limiter->key, sizeof limiter->key);
    rc = rc == 0 ? mli_os_mutex_init(&limiter->mutex) : rc;
    if (rc != 0) {
        mli_free(from, limiter);
        return mli_fail_os(err, rc, "a limiter could not be made");
    }
    *out = limiter;
    return MODELLAB_OK;
}

void mli_limiter_free(modellab_rate *limiter)
{
    if (limiter != NULL) {
        const modellab_allocator alloc = limiter->alloc_copy;
        const bool own = limiter->alloc != NULL;

        mli_os_mutex_destroy(&limiter->mutex);
        mli_free(own ? &alloc : NULL, limiter);
    }
}

static place *find(modellab_rate *limiter, const char *name)
{
    unsigned char digest[32];
    uint64_t id[2];
    mli_sha256 h;

    mli_sha256_init(&h);
    mli_sha256_update(&h, limiter->key, sizeof limiter->key);
    mli_sha256_update(&h, name, strlen(name));
    mli_sha256_final(&h, digest);
    memcpy(id, digest, sizeof id);
    id[1] |= 1; /* never that of a free place */
    place *set = &limiter->places[(id[0] & (limiter->sets - 1)) * WAYS], *least = set;
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].name[0] == id[0] && set[i].name[1] == id[1])
            return &set[i];
        least = set[i].until_ns < least->until_ns ? &set[i] : least;
    }
    *least = (place){{id[0], id[1]}, 0};
    return least;
}

static int64_t seconds_up(int64_t ns)
{
    return ns <= 0 ? 0 : (ns - 1) / NS_PER_S + 1;
}

void mli_limiter_take(modellab_rate *limiter, const char *name, int64_t count, int64_t now_ns,
                      modellab_rate_result *result)
{
    const int64_t room_ns = limiter->burst * limiter->each_ns;

    mli_os_mutex_lock(&limiter->mutex);
    limiter->now_ns = now_ns > limiter->now_ns ? now_ns : limiter->now_ns;
    now_ns = limiter->now_ns;
    place *p = find(limiter, name);
    const int64_t taken_ns = p->until_ns > now_ns ? p->until_ns - now_ns : 0;
    const int64_t left = (room_ns - taken_ns) / limiter->each_ns;
    result->allowed = count <= left;
    if (result->allowed)
        p->until_ns = now_ns + taken_ns + count * limiter->each_ns;
    const int64_t full_ns = p->until_ns > now_ns ? p->until_ns - now_ns : 0;
    mli_os_mutex_unlock(&limiter->mutex);
    result->quota = limiter->burst;
    result->window_s = seconds_up(room_ns);
    result->remaining = (room_ns - full_ns) / limiter->each_ns;
    result->reset_s = seconds_up(full_ns);
    /* More than the burst is never there; who asks for it again is told to wait for all of it. */
    const int64_t need = count < limiter->burst ? count : limiter->burst;
    result->retry_after_s =
        result->allowed ? 0 : seconds_up(taken_ns + need * limiter->each_ns - room_ns);
    if (!result->allowed && result->retry_after_s < 1)
        result->retry_after_s = 1;
}
