/* What this process is and uses, by /proc. */
#ifndef MLI_OS_SELF_H
#define MLI_OS_SELF_H

#include <stdint.h>

typedef struct mli_os_self {
    int64_t started_ns; /* since 1970 UTC, by the wall clock as it is now */
    int64_t uptime_ns;
    int64_t cpu_ns, rss_bytes, threads, open_files;
} mli_os_self;

/* 0 or -errno. */
__attribute__((warn_unused_result)) int mli_os_self_read(mli_os_self *out);

#endif
