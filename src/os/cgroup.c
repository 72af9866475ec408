/* One control group: limits, counts, kill. The files are the kernel's (cgroup v2 and v1). */
#include "os/cgroup.h"

#include "os/locale.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TEXT 2048

static int join(char *out, size_t capacity, const char *folder, const char *name, const char *file)
{
    int n = mli_os_format(out, capacity, "%s/%s/%s", folder, name, file);
    return n > 0 && (size_t)n < capacity ? 0 : -ENAMETOOLONG;
}

/* Control files take a value in one write. */
static int put(const mli_os_files *f, const char *path, const char *text)
{
    int fd = f->open(f->user, path, MLI_OS_WRITE, 0);
    if (fd < 0)
        return fd;
    int64_t n = f->write(f->user, fd, text, strlen(text));
    int closed = f->close(f->user, fd);
    return n < 0 ? (int)n : n != (int64_t)strlen(text) ? -EIO : closed;
}

static int get(const mli_os_files *f, const char *path, char out[TEXT])
{
    out[0] = '\0';
    int fd = f->open(f->user, path, MLI_OS_READ, 0);
    if (fd < 0)
        return fd;
    int64_t n = f->read(f->user, fd, out, TEXT - 1);
    out[n > 0 ? n : 0] = '\0';
    (void)f->close(f->user, fd); /* only read */
    return n < 0 ? (int)n : 0;
}

static int put_at(const mli_os_cgroup *g, const char *folder, const char *file, const char *text)
{
    char path[2 * MLI_OS_CGROUP_PATH];
    int rc = folder[0] == '\0' ? -ENOSYS : join(path, sizeof path, folder, g->name, file);
    return rc == 0 ? put(g->groups->files, path, text) : rc;
}

static int get_at(const mli_os_cgroup *g, const char *folder, const char *file, char out[TEXT])
{
    char path[2 * MLI_OS_CGROUP_PATH];
    int rc = folder[0] == '\0' ? -ENOSYS : join(path, sizeof path, folder, g->name, file);
    return rc == 0 ? get(g->groups->files, path, out) : rc;
}

/* The number behind a word of a "word number" list, or of the text itself (word NULL). */
static int64_t number_in(const char *text, const char *word)
{
    size_t bytes = word == NULL ? 0 : strlen(word);
    for (const char *line = text; line != NULL && *line != '\0';) {
        if (strncmp(line, word == NULL ? "" : word, bytes) == 0 &&
            (word == NULL || line[bytes] == ' ')) {
            char *end = NULL;
            long long value = strtoll(line + bytes, &end, 10);
            return end == line + bytes || value < 0 ? -1 : value;
        }
        line = strchr(line, '\n');
        line += line != NULL;
    }
    return -1;
}

static int64_t number_at(const mli_os_cgroup *g, const char *folder, const char *file,
                         const char *word)
{
    char text[TEXT];
    return get_at(g, folder, file, text) == 0 ? number_in(text, word) : -1;
}

static int make_in(const mli_os_cgroups *groups, const char *folder, const char *name)
{
    char path[2 * MLI_OS_CGROUP_PATH];
    int n = mli_os_format(path, sizeof path, "%s/%s", folder, name);
    int rc = n > 0 && (size_t)n < sizeof path
                 ? groups->files->mkdir(groups->files->user, path, 0755)
                 : -ENAMETOOLONG;
    return rc == -EEXIST ? 0 : rc;
}

static int remove_in(const mli_os_cgroups *groups, const char *folder, const char *name)
{
    char path[2 * MLI_OS_CGROUP_PATH];
    int n = mli_os_format(path, sizeof path, "%s/%s", folder, name);
    int rc = n > 0 && (size_t)n < sizeof path ? groups->files->rmdir(groups->files->user, path)
                                              : -ENAMETOOLONG;
    return rc == -ENOENT ? 0 : rc;
}

int mli_os_cgroup_make(mli_os_cgroup *out, const mli_os_cgroups *groups, const char *name)
{
    *out = (mli_os_cgroup){.groups = NULL};
    if (groups->unified[0] == '\0' && groups->memory[0] == '\0')
        return -ENOSYS;
    int n = mli_os_format(out->name, sizeof out->name, MLI_OS_CGROUP_PREFIX "%s", name);
    if (n < 0 || (size_t)n >= sizeof out->name)
        return -ENAMETOOLONG;
    int rc = groups->unified[0] != '\0' ? make_in(groups, groups->unified, out->name) : 0;
    if (rc == 0 && groups->memory[0] != '\0') {
        rc = make_in(groups, groups->memory, out->name);
        if (rc != 0 && groups->unified[0] != '\0')
            (void)remove_in(groups, groups->unified, out->name); /* the first failure is told */
    }
    if (rc == 0)
        out->groups = groups;
    return rc;
}

int mli_os_cgroup_of(mli_os_cgroup *out, const mli_os_cgroups *groups, int64_t pid)
{
    char path[64], text[TEXT];
    *out = (mli_os_cgroup){.groups = NULL};
    (void)mli_os_format(path, sizeof path, "/proc/%lld/cgroup", (long long)pid);
    int rc = get(groups->files, path, text);
    const char *at = rc == 0 ? strstr(text, "/" MLI_OS_CGROUP_PREFIX) : NULL;
    if (at == NULL)
        return rc == 0 ? -ENOENT : rc;
    size_t bytes = strcspn(at + 1, "/\n");
    if (bytes >= sizeof out->name)
        return -ENAMETOOLONG;
    memcpy(out->name, at + 1, bytes);
    out->name[bytes] = '\0';
    out->groups = groups;
    return 0;
}

int mli_os_cgroup_add(const mli_os_cgroup *g, int64_t pid)
{
    char text[24];
    int rc = 0;
    (void)mli_os_format(text, sizeof text, "%lld", (long long)pid);
    if (g->groups == NULL)
        return -ENOSYS;
    if (g->groups->unified[0] != '\0')
        rc = put_at(g, g->groups->unified, "cgroup.procs", text);
    if (rc == 0 && g->groups->memory[0] != '\0')
        rc = put_at(g, g->groups->memory, "cgroup.procs", text);
    return rc;
}

int mli_os_cgroup_limit(const mli_os_cgroup *g, int64_t bytes)
{
    char text[24];
    if (g->groups == NULL || !g->groups->memory_limit)
        return -ENOSYS;
    if (g->groups->memory[0] != '\0') {
        (void)mli_os_format(text, sizeof text, "%lld", bytes < 0 ? -1LL : (long long)bytes);
        return put_at(g, g->groups->memory, "memory.limit_in_bytes", text);
    }
    (void)mli_os_format(text, sizeof text, "%lld", (long long)bytes);
    /* Pages that went to swap are memory too; a kernel without swap has no such file. */
    int rc = put_at(g, g->groups->unified, "memory.swap.max", bytes < 0 ? "max" : "0");
    if (rc != 0 && rc != -ENOENT)
        return rc;
    return put_at(g, g->groups->unified, "memory.max", bytes < 0 ? "max" : text);
}

int mli_os_cgroup_reset_peak(const mli_os_cgroup *g)
{
    if (g->groups == NULL || !g->groups->memory_peak)
        return -ENOSYS;
    /* Version 2 resets for the descriptor that was written to only (6.12): of no use to a reader
     * by path. */
    return g->groups->memory[0] == '\0'
               ? -ENOTSUP
               : put_at(g, g->groups->memory, "memory.max_usage_in_bytes", "0");
}

mli_os_cgroup_use mli_os_cgroup_read(const mli_os_cgroup *g)
{
    mli_os_cgroup_use use = {-1, -1, -1, -1};
    if (g->groups == NULL)
        return use;
    const char *v2 = g->groups->unified;
    const char *v1 = g->groups->memory;
    int64_t usec = number_at(g, v2, "cpu.stat", "usage_usec");
    use.cpu_ns = usec >= 0 && usec < INT64_MAX / 1000 ? usec * 1000 : -1;
    if (v1[0] != '\0') {
        use.peak_bytes = number_at(g, v1, "memory.max_usage_in_bytes", NULL);
        use.now_bytes = number_at(g, v1, "memory.usage_in_bytes", NULL);
        use.oom_kills = number_at(g, v1, "memory.oom_control", "oom_kill");
    } else {
        use.peak_bytes = number_at(g, v2, "memory.peak", NULL);
        use.now_bytes = number_at(g, v2, "memory.current", NULL);
        use.oom_kills = number_at(g, v2, "memory.events", "oom_kill");
    }
    return use;
}

int64_t mli_os_cgroup_count(const mli_os_cgroup *g)
{
    char text[TEXT]; /* beyond it: at least so many */
    int64_t count = 0;
    if (g->groups == NULL ||
        get_at(g, g->groups->unified[0] != '\0' ? g->groups->unified : g->groups->memory,
               "cgroup.procs", text) != 0)
        return -1;
    for (const char *at = strchr(text, '\n'); at != NULL; at = strchr(at + 1, '\n'))
        count++;
    return count;
}

int mli_os_cgroup_kill(const mli_os_cgroup *g)
{
    return g->groups == NULL || !g->groups->kill
               ? -ENOSYS
               : put_at(g, g->groups->unified, "cgroup.kill", "1");
}

int mli_os_cgroup_remove(const mli_os_cgroup *g)
{
    int first = 0, second = 0;
    if (g->groups == NULL)
        return 0;
    if (g->groups->memory[0] != '\0')
        first = remove_in(g->groups, g->groups->memory, g->name);
    if (g->groups->unified[0] != '\0')
        second = remove_in(g->groups, g->groups->unified, g->name);
    return first != 0 ? first : second;
}
