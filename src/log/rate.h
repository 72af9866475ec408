/* Rate limit a call site: so many lines a second after a burst, counted without locks or
 * allocation. */
#ifndef MLI_LOG_RATE_H
#define MLI_LOG_RATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define MLI_LOG_SITES 256

typedef struct mli_log_site {
    _Atomic uint64_t tag;     /* hash of the site's name; 0 = free */
    _Atomic int64_t due_ns;   /* when its bucket is full again */
    _Atomic uint32_t skipped; /* since the last line that passed */
} mli_log_site;

typedef struct mli_log_rate {
    int64_t interval_ns; /* between lines; 0 = no limit */
    int64_t burst;
    mli_log_site sites[MLI_LOG_SITES];
} mli_log_rate;

/* per_second -1 = no limit. */
void mli_log_rate_init(mli_log_rate *rate, int32_t per_second, int32_t burst);
/* true: log it, with *suppressed lines of this site held back before. */
bool mli_log_rate_take(mli_log_rate *rate, const char *site, int64_t now_ns, uint32_t *suppressed);

#endif
