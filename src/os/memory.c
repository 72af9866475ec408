/* Pages, mappings and the process's own memory figures (VmHWM: ru_maxrss survives exec and would
 * show the parent's peak). */
#include "os/memory.h"
#include "os/locale.h"
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HUGE_BYTES ((size_t)2 << 20)

int mli_os_pages_map(size_t bytes, void **out)
{
    if (bytes == 0 || bytes > SIZE_MAX - HUGE_BYTES)
        return EINVAL;
    if (bytes < HUGE_BYTES) {
        void *small = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (small == MAP_FAILED)
            return errno;
        *out = small;
        return 0;
    }
    long page_size = sysconf(_SC_PAGESIZE);
    size_t page = page_size > 0 ? (size_t)page_size : 4096;
    size_t rounded = (bytes + page - 1) & ~(page - 1);
    char *raw = mmap(NULL, rounded + HUGE_BYTES, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (raw == MAP_FAILED)
        return errno;
    size_t skip = (HUGE_BYTES - ((uintptr_t)raw & (HUGE_BYTES - 1))) & (HUGE_BYTES - 1);
    if (skip > 0)
        (void)munmap(raw, skip); /* trimming: failure only leaves unused address space */
    if (HUGE_BYTES > skip)
        (void)munmap(raw + skip + rounded, HUGE_BYTES - skip);
    (void)madvise(raw + skip, rounded,
                  MADV_HUGEPAGE); /* advice: refused where pages are never huge */
    *out = raw + skip;
    return 0;
}

int mli_os_pages_map_sparse(size_t bytes, void **out)
{
    if (bytes == 0)
        return EINVAL;
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pages == MAP_FAILED)
        return errno;
    (void)madvise(pages, bytes, MADV_NOHUGEPAGE); /* advice: refused where pages are never huge */
    *out = pages;
    return 0;
}

void mli_os_pages_prefer_huge(void *start, size_t bytes)
{
    size_t skip = (HUGE_BYTES - ((uintptr_t)start & (HUGE_BYTES - 1))) & (HUGE_BYTES - 1);
    if (bytes <= skip)
        return;
    size_t whole = (bytes - skip) & ~(size_t)(HUGE_BYTES - 1);
    if (whole > 0)
        (void)madvise((char *)start + skip, whole,
                      MADV_HUGEPAGE); /* advice: refused where pages are never huge */
}

void mli_os_pages_drop(void *start, size_t bytes)
{
    long page_size = sysconf(_SC_PAGESIZE);
    uintptr_t page = page_size > 0 ? (uintptr_t)page_size : 4096;
    uintptr_t from = ((uintptr_t)start + page - 1) & ~(page - 1);
    uintptr_t to = ((uintptr_t)start + bytes) & ~(page - 1);
    if (to > from)
        (void)madvise((char *)start + (from - (uintptr_t)start), to - from,
                      MADV_DONTNEED); /* refused: the memory is only given back later */
}

void mli_os_pages_unmap(void *pages, size_t bytes)
{
    if (pages != NULL)
        (void)munmap(pages, bytes);
}

int mli_os_file_map(int fd, size_t bytes, const void **out)
{
    if (bytes == 0)
        return EINVAL;
    void *map = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return errno;
    *out = map;
    return 0;
}

int mli_os_file_map_shared(int fd, size_t bytes, void **out)
{
    if (bytes == 0)
        return EINVAL;
    void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return errno;
    *out = map;
    return 0;
}

int mli_os_memory_file(const char *name, int *fd)
{
    *fd = memfd_create(name, MFD_CLOEXEC);
    return *fd < 0 ? errno : 0;
}

void mli_os_file_unmap(const void *map, size_t bytes)
{
    if (map != NULL)
        (void)munmap((void *)(uintptr_t)map, bytes);
}

/* Reads a small file of /proc or /sys as text. */
static int read_small(const char *path, char *out, size_t capacity)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    size_t used = 0;
    int rc = 0;
    while (used + 1 < capacity) {
        ssize_t n = read(fd, out + used, capacity - 1 - used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            rc = errno;
        if (n <= 0)
            break;
        used += (size_t)n;
    }
    out[used] = '\0';
    (void)close(fd); /* was only read */
    return rc;
}

static int64_t status_line_bytes(const char *status, const char *name)
{
    const char *line = strstr(status, name);
    if (line == NULL)
        return -1;
    return (int64_t)strtoll(line + strlen(name), NULL, 10) * 1024;
}

int mli_os_memory_peak(int64_t pid, int64_t *peak_bytes, int64_t *now_bytes)
{
    char path[64], status[4096];
    if (pid == 0)
        memcpy(path, "/proc/self/status", 18);
    else
        (void)mli_os_format(path, sizeof path, "/proc/%lld/status", (long long)pid);
    int rc = read_small(path, status, sizeof status);
    if (rc != 0)
        return rc;
    int64_t peak = status_line_bytes(status, "VmHWM:"), now = status_line_bytes(status, "VmRSS:");
    if (peak < 0 || now < 0)
        return ESRCH; /* a zombie has no memory lines */
    *peak_bytes = peak;
    *now_bytes = now;
    return 0;
}

void mli_os_gauge_open(mli_os_gauge *gauge)
{
    gauge->status_fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    gauge->clear_fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
}

void mli_os_gauge_close(mli_os_gauge *gauge)
{
    if (gauge->status_fd >= 0)
        (void)close(gauge->status_fd); /* was only read */
    if (gauge->clear_fd >= 0)
        (void)close(gauge->clear_fd); /* nothing is buffered behind it */
    gauge->status_fd = gauge->clear_fd = -1;
}

int mli_os_gauge_read(const mli_os_gauge *gauge, int64_t *peak_bytes, int64_t *now_bytes,
                      int64_t *own_bytes)
{
    char status[4096];
    ssize_t n;
    if (gauge->status_fd < 0)
        return ENOENT;
    do { /* one read gets it whole, and each makes it anew */
        n = pread(gauge->status_fd, status, sizeof status - 1, 0);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno;
    status[n] = '\0';
    *peak_bytes = status_line_bytes(status, "VmHWM:");
    *now_bytes = status_line_bytes(status, "VmRSS:");
    *own_bytes = status_line_bytes(status, "RssAnon:");
    return *peak_bytes < 0 || *now_bytes < 0 ? ESRCH : 0;
}

int mli_os_gauge_reset(const mli_os_gauge *gauge)
{
    if (gauge->clear_fd < 0)
        return ENOENT;
    ssize_t n = pwrite(gauge->clear_fd, "5", 1, 0);
    return n == 1 ? 0 : n < 0 ? errno : EIO;
}

void mli_os_memory_trim(void)
{
    (void)malloc_trim(0); /* says whether anything was given back, which nobody needs */
}

const char *mli_os_huge_pages(void)
{
    char text[128];
    if (read_small("/sys/kernel/mm/transparent_hugepage/enabled", text, sizeof text) != 0)
        return "unknown";
    if (strstr(text, "[always]") != NULL)
        return "always";
    if (strstr(text, "[madvise]") != NULL)
        return "madvise";
    return strstr(text, "[never]") != NULL ? "never" : "unknown";
}
