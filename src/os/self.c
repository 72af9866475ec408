/* Reading /proc/self. */
#include "os/self.h"

#include "os/clock.h"
#include "os/memory.h"
#include "os/process.h"
#include <dirent.h>
#include <errno.h>
#include <time.h>
#include <unistd.h>

static int64_t count_entries(const char *path)
{
    DIR *d = opendir(path);
    if (d == NULL) {
        return -errno;
    }
    int64_t count = 0;
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        count += e->d_name[0] != '.';
    }
    return closedir(d) == 0 ? count : -errno;
}

int mli_os_self_read(mli_os_self *out)
{
    mli_os_identity me;
    struct timespec boot;
    int64_t peak = 0;
    int rc = mli_os_identity_of(0, &me);
    if (rc != 0) {
        return rc;
    }
    long ticks = sysconf(_SC_CLK_TCK);
    if (ticks <= 0 || clock_gettime(CLOCK_BOOTTIME, &boot) != 0) {
        return -EINVAL;
    }
    int64_t since_boot = (int64_t)boot.tv_sec * 1000000000 + boot.tv_nsec;
    out->uptime_ns = since_boot - (int64_t)(me.start_ticks * (1000000000u / (uint64_t)ticks));
    out->started_ns = mli_os_system_clock.realtime_ns(NULL) - out->uptime_ns;
    out->cpu_ns = mli_os_process_cpu_ns();
    out->threads = count_entries("/proc/self/task");
    out->open_files = count_entries("/proc/self/fd") - 1; /* the one that looked */
    rc = -mli_os_memory_peak(0, &peak, &out->rss_bytes);
    return out->threads < 0 ? (int)out->threads : out->open_files < 0 ? (int)out->open_files : rc;
}
