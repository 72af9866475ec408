/* Which process this is: pid, start time in ticks, boot id, read from /proc. */
#include "os/locale.h"
#include "os/process.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int read_text(const char *path, char *out, size_t capacity)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? -ESRCH : -errno;
    ssize_t n;
    do {
        n = read(fd, out, capacity - 1);
    } while (n < 0 && errno == EINTR);
    int rc = n < 0 ? -errno : n == 0 ? -ESRCH : 0;
    out[n > 0 ? n : 0] = '\0';
    mli_os_fd_close(fd);
    return rc;
}

/* The `wanted`th field (4 or later), NULL when there are not so many. The name in field 2 may hold
 * spaces and parentheses, so count from the last ')'. */
static const char *field_of(const char *stat, int wanted)
{
    const char *p = strrchr(stat, ')');
    for (int field = 2; p != NULL && field < wanted; field++) {
        p = strchr(p, ' ');
        p = p != NULL ? p + 1 : NULL;
    }
    return p;
}

/* A process that has ended and that nobody has reaped yet has a number, but it is nobody. Its state
 * (field 3) is also that of a first thread that has ended while others live (field 20). */
static bool is_dead(const char *stat)
{
    const char *state = field_of(stat, 3), *threads = field_of(stat, 20);
    return state != NULL && (*state == 'Z' || *state == 'X' || *state == 'x') &&
           (threads == NULL || strtol(threads, NULL, 10) <= 1);
}

static int parse_start(const char *stat, uint64_t *out)
{
    const char *p = field_of(stat, 22);
    if (p == NULL)
        return -EIO;
    char *end;
    *out = strtoull(p, &end, 10);
    return end == p ? -EIO : 0;
}

int mli_os_identity_of(int64_t pid, mli_os_identity *out)
{
    char path[64], text[1024];
    memset(out, 0, sizeof *out);
    if (pid < 0 || pid > INT32_MAX)
        return -EINVAL;
    out->pid = pid == 0 ? (int64_t)getpid() : pid;
    (void)mli_os_format(path, sizeof path, "/proc/%lld/stat", (long long)out->pid);
    int rc = read_text(path, text, sizeof text);
    if (rc == 0)
        rc = is_dead(text) ? -ESRCH : parse_start(text, &out->start_ticks);
    if (rc == 0)
        rc = read_text("/proc/sys/kernel/random/boot_id", out->boot_id, sizeof out->boot_id);
    out->boot_id[strcspn(out->boot_id, "\n")] = '\0';
    return rc;
}

bool mli_os_identity_equal(const mli_os_identity *then, const mli_os_identity *now)
{
    return then->pid == now->pid && then->start_ticks == now->start_ticks &&
           strcmp(then->boot_id, now->boot_id) == 0;
}
