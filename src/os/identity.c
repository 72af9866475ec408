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

/* A process that has ended and that nobody has reaped yet has a number, but it is nobody. Field 3.
 */
static bool is_dead(const char *stat)
{
    const char *p = strrchr(stat, ')');
    return p != NULL && p[1] == ' ' && (p[2] == 'Z' || p[2] == 'X' || p[2] == 'x');
}

/* Field 22; the name in field 2 may hold spaces and parentheses, so count from the last ')'. */
static int parse_start(const char *stat, uint64_t *out)
{
    const char *p = strrchr(stat, ')');
    if (p == NULL)
        return -EIO;
    for (int field = 2; field < 22; field++) {
        p = strchr(p, ' ');
        if (p == NULL)
            return -EIO;
        p++;
    }
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
