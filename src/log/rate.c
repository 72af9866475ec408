/* A token bucket a call site, kept as one number: the time at which the bucket is full again (the
 * generic cell rate algorithm). More sites than slots share slots. */
#include "log/rate.h"
#include <string.h>

#define PROBES 8

void mli_log_rate_init(mli_log_rate *rate, int32_t per_second, int32_t burst)
{
    memset(rate, 0, sizeof *rate);
    rate->interval_ns = per_second > 0 ? 1000000000 / per_second : 0;
    if (per_second > 0 && rate->interval_ns == 0)
        rate->interval_ns = 1;
    rate->burst = burst > 0 ? burst : 1;
}

static uint64_t hash_of(const char *text)
{
    uint64_t h = 0x9E3779B97F4A7C15u;
    size_t n = strlen(text);
    for (; n >= 8; n -= 8, text += 8) {
        uint64_t v;
        memcpy(&v, text, 8);
        h = (h ^ v) * 0xFF51AFD7ED558CCDu;
        h ^= h >> 32;
    }
    uint64_t rest = 0;
    memcpy(&rest, text, n);
    h = (h ^ rest ^ (uint64_t)n << 56) * 0xC4CEB9FE1A85EC53u;
    h ^= h >> 29;
    return h | 1;
}

static mli_log_site *find(mli_log_rate *rate, uint64_t tag, int64_t now_ns)
{
    mli_log_site *first = &rate->sites[tag >> 8 & (MLI_LOG_SITES - 1)], *idle = NULL;
    for (size_t i = 0; i < PROBES; i++) {
        mli_log_site *s = &rate->sites[((tag >> 8) + i) & (MLI_LOG_SITES - 1)];
        uint64_t held = atomic_load_explicit(&s->tag, memory_order_relaxed);
        if (held == tag)
            return s;
        if (held == 0 && atomic_compare_exchange_strong(&s->tag, &held, tag))
            return s;
        if (held == tag)
            return s;
        /* A full bucket with nothing to tell can change hands without anybody noticing. */
        if (idle == NULL && atomic_load_explicit(&s->due_ns, memory_order_relaxed) <= now_ns &&
            atomic_load_explicit(&s->skipped, memory_order_relaxed) == 0)
            idle = s;
    }
    if (idle == NULL)
        return first;
    atomic_store_explicit(&idle->tag, tag, memory_order_relaxed);
    return idle;
}

bool mli_log_rate_take(mli_log_rate *rate, const char *site, int64_t now_ns, uint32_t *suppressed)
{
    *suppressed = 0;
    if (rate->interval_ns == 0)
        return true;
    mli_log_site *s = find(rate, hash_of(site), now_ns);
    int64_t span = rate->interval_ns * rate->burst;
    int64_t due = atomic_load_explicit(&s->due_ns, memory_order_relaxed), next;
    do {
        /* Further ahead than any bucket can be: the clock was set back, begin anew. */
        int64_t from = due > now_ns && due - now_ns <= span + rate->interval_ns ? due : now_ns;
        next = from + rate->interval_ns;
        if (next - now_ns > span) {
            atomic_fetch_add_explicit(&s->skipped, 1, memory_order_relaxed);
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&s->due_ns, &due, next, memory_order_relaxed,
                                                    memory_order_relaxed));
    if (atomic_load_explicit(&s->skipped, memory_order_relaxed) != 0)
        *suppressed = atomic_exchange_explicit(&s->skipped, 0, memory_order_relaxed);
    return true;
}
