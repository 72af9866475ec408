/* Which control groups this process may make: where its own are mounted, and whether a group made
 * there works. */
#include "os/cgroup.h"

#include "os/locale.h"
#include "os/process.h"
#include "os/thread.h"
#include <errno.h>
#include <string.h>

#define TEXT 65536 /* a machine of many containers has many mounts */

/* NUL-terminated; cut beyond the room. */
static int read_text(const mli_os_files *f, const char *path, char *out, size_t capacity)
{
    size_t have = 0;
    int fd = f->open(f->user, path, MLI_OS_READ, 0);
    out[0] = '\0';
    if (fd < 0)
        return fd;
    int64_t n = 1;
    while (n > 0 && have < capacity - 1) {
        n = f->read(f->user, fd, out + have, capacity - 1 - have);
        have += n > 0 ? (size_t)n : 0;
    }
    out[have] = '\0';
    (void)f->close(f->user, fd); /* only read */
    return n < 0 ? (int)n : 0;
}

/* Whether a comma-separated list has this word. */
static bool has_word(const char *list, size_t bytes, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = list, *end = list + bytes; at < end;) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        size_t n = (size_t)((comma != NULL ? comma : end) - at);
        if (n == length && memcmp(at, word, n) == 0)
            return true;
        at += n + 1;
    }
    return false;
}

/* Field number `index` of a line; NULL beyond its end. */
static const char *field(const char *line, int index, size_t *bytes)
{
    for (; index > 0; index--) {
        line += strcspn(line, " \n");
        if (*line != ' ')
            return NULL;
        line++;
    }
    *bytes = strcspn(line, " \n");
    return line;
}

static const char *next_line(const char *line)
{
    const char *end = strchr(line, '\n');
    return end == NULL ? line + strlen(line) : end + 1;
}

/* Root and mount point of the hierarchy: of cgroup2, or of version 1 with this controller. A path
 * with escaped characters (spaces) is none of ours. */
static bool find_mount(const char *mounts, const char *controller, char *root, char *point)
{
    for (const char *line = mounts; *line != '\0'; line = next_line(line)) {
        size_t dash_bytes = 0, root_bytes = 0, point_bytes = 0, type_bytes = 0, options_bytes = 0;
        int i = 6;
        const char *dash = field(line, i, &dash_bytes);
        while (dash != NULL && !(dash_bytes == 1 && *dash == '-'))
            dash = field(line, ++i, &dash_bytes);
        const char *type = field(line, i + 1, &type_bytes);
        const char *options = field(line, i + 3, &options_bytes);
        const char *from = field(line, 3, &root_bytes), *to = field(line, 4, &point_bytes);
        if (dash == NULL || type == NULL || options == NULL || from == NULL || to == NULL ||
            root_bytes >= MLI_OS_CGROUP_PATH || point_bytes >= MLI_OS_CGROUP_PATH ||
            memchr(to, '\\', point_bytes) != NULL)
            continue;
        bool fits = controller == NULL ? type_bytes == 7 && memcmp(type, "cgroup2", 7) == 0
                                       : type_bytes == 6 && memcmp(type, "cgroup", 6) == 0 &&
                                             has_word(options, options_bytes, controller);
        if (fits) {
            memcpy(root, from, root_bytes);
            root[root_bytes] = '\0';
            memcpy(point, to, point_bytes);
            point[point_bytes] = '\0';
            return true;
        }
    }
    return false;
}

/* The own group's path in that hierarchy: "N:controllers:/path". */
static bool find_own(const char *own, const char *controller, char *out)
{
    for (const char *line = own; *line != '\0'; line = next_line(line)) {
        const char *list = strchr(line, ':');
        const char *path = list == NULL ? NULL : strchr(list + 1, ':');
        const char *end = next_line(line);
        if (path == NULL || path >= end)
            continue;
        size_t list_bytes = (size_t)(path - list - 1);
        size_t bytes = strcspn(path + 1, "\n");
        bool fits =
            controller == NULL ? list_bytes == 0 : has_word(list + 1, list_bytes, controller);
        if (fits && bytes > 0 && bytes < MLI_OS_CGROUP_PATH) {
            memcpy(out, path + 1, bytes);
            out[bytes] = '\0';
            return true;
        }
    }
    return false;
}

/* The folder of the own group: its path, seen from the mount's root. */
static bool find_folder(const char *mounts, const char *own, const char *controller, char *out)
{
    char root[MLI_OS_CGROUP_PATH], point[MLI_OS_CGROUP_PATH], path[MLI_OS_CGROUP_PATH];
    if (!find_mount(mounts, controller, root, point) || !find_own(own, controller, path))
        return false;
    size_t bytes = strcmp(root, "/") == 0 ? 0 : strlen(root);
    if (strncmp(path, root, bytes) != 0 || (path[bytes] != '/' && path[bytes] != '\0'))
        return false; /* it lies outside of what is mounted here */
    const char *rest = strcmp(path + bytes, "/") == 0 ? "" : path + bytes;
    int n = mli_os_format(out, MLI_OS_CGROUP_PATH, "%s%s", point, rest);
    return n > 0 && n < MLI_OS_CGROUP_PATH;
}

static bool exists(const mli_os_cgroups *g, const char *folder, const char *name, const char *file)
{
    char path[2 * MLI_OS_CGROUP_PATH];
    mli_os_stat facts;
    int n = mli_os_format(path, sizeof path, "%s/%s/%s", folder, name, file);
    return n > 0 && (size_t)n < sizeof path &&
           g->files->stat(g->files->user, path, true, &facts) == 0;
}

/* Refused where there are processes in the group itself, which is then as it was. */
static void switch_on(const mli_os_cgroups *g, const char *folder)
{
    static const char *const controllers[] = {"+memory", "+cpu"};
    char path[2 * MLI_OS_CGROUP_PATH];
    (void)mli_os_format(path, sizeof path, "%s/cgroup.subtree_control", folder);
    for (size_t i = 0; i < sizeof controllers / sizeof *controllers; i++) {
        int fd = g->files->open(g->files->user, path, MLI_OS_WRITE, 0);
        if (fd < 0)
            return;
        /* What came of it is seen by the files of a group that is made next. */
        (void)g->files->write(g->files->user, fd, controllers[i], strlen(controllers[i]));
        (void)g->files->close(g->files->user, fd);
    }
}

/* Makes a group to see what it has, and takes it away again. */
static int try_out(mli_os_cgroups *g)
{
    mli_os_cgroup probe;
    char name[48];
    (void)mli_os_format(name, sizeof name, "probe-%lld", (long long)mli_os_pid());
    int rc = mli_os_cgroup_make(&probe, g, name);
    if (rc != 0)
        return rc;
    const char *v2 = g->unified;
    bool counts =
        exists(g, v2, probe.name, "memory.max") && exists(g, v2, probe.name, "memory.events");
    g->kill = exists(g, v2, probe.name, "cgroup.kill");
    g->cpu_time = exists(g, v2, probe.name, "cpu.stat");
    g->memory_limit =
        counts || (g->memory[0] != '\0' && exists(g, g->memory, probe.name, "memory.oom_control"));
    g->memory_peak =
        (counts && exists(g, v2, probe.name, "memory.peak")) ||
        (g->memory[0] != '\0' && exists(g, g->memory, probe.name, "memory.max_usage_in_bytes"));
    rc = mli_os_cgroup_remove(&probe);
    if (counts)
        g->memory[0] = '\0'; /* one count is enough */
    return rc;
}

static void say(mli_os_cgroups *g, const char *what, int rc)
{
    if (rc != 0)
        (void)mli_os_format(g->why, sizeof g->why, "%s (error %d)", what, -rc);
    else
        (void)mli_os_format(g->why, sizeof g->why, "%s", what);
}

/* Where the own group of version 2 is; "supervisor" means that what lies beside it is ours. */
static void choose_unified(mli_os_cgroups *g, const char *wish)
{
    if (wish[0] == '/') {
        (void)mli_os_format(g->unified, sizeof g->unified, "%s",
                            strlen(wish) < sizeof g->unified ? wish : "");
        switch_on(g, g->unified);
        return;
    }
    char *slash = strrchr(g->unified, '/');
    if (slash != NULL && strcmp(slash, "/supervisor") == 0) {
        *slash = '\0';
        switch_on(g, g->unified);
    }
}

void mli_os_cgroups_find(mli_os_cgroups *out, const mli_os_files *files, const char *wish,
                         const mli_os_cgroup_sources *sources)
{
    static const mli_os_cgroup_sources system = {"/proc/self/mountinfo", "/proc/self/cgroup"};
    char mounts[TEXT], own[4096];
    memset(out, 0, sizeof *out);
    out->files = files;
    sources = sources != NULL ? sources : &system;
    if (strcmp(wish, "off") == 0) {
        say(out, "switched off", 0);
        return;
    }
    int rc = read_text(files, sources->mounts, mounts, sizeof mounts);
    if (rc == 0)
        rc = read_text(files, sources->own, own, sizeof own);
    if (rc != 0) {
        say(out, "the groups of this process are not known", rc);
        return;
    }
    if (!find_folder(mounts, own, NULL, out->unified))
        out->unified[0] = '\0';
    if (!find_folder(mounts, own, "memory", out->memory))
        out->memory[0] = '\0';
    choose_unified(out, wish);
    /* Each hierarchy for itself: one that is read-only is passed over. */
    mli_os_cgroups both = *out;
    rc = try_out(out);
    if (rc != 0) {
        *out = both;
        out->memory[0] = '\0';
        rc = try_out(out);
    }
    if (rc != 0) {
        *out = both;
        out->unified[0] = '\0';
        rc = try_out(out);
    }
    if (rc != 0) {
        *out = (mli_os_cgroups){.files = files};
        say(out, "no group can be made", rc);
    } else if (!out->memory_limit) {
        say(out, "the memory controller is not given to this process", 0);
    } else if (!out->kill) {
        say(out, "this kernel cannot kill a group (needs 5.14 and version 2)", 0);
    }
}

void mli_os_cgroups_describe(const mli_os_cgroups *g, char *out, size_t capacity)
{
    bool any = g->kill || g->memory_limit || g->cpu_time;
    const char *memory = !g->memory_limit       ? ""
                         : g->memory[0] != '\0' ? "memory (version 1) "
                                                : "memory ";
    (void)mli_os_format(out, capacity, "%s%s%s%s", g->kill ? "kill " : "", memory,
                        g->cpu_time ? "cpu " : "", any ? "" : "none ");
    size_t bytes = strlen(out);
    if (bytes > 0 && out[bytes - 1] == ' ')
        out[bytes - 1] = '\0';
}

typedef struct sweep {
    const mli_os_cgroups *groups;
} sweep;

static int sweep_one(void *arg, const char *name)
{
    const sweep *s = arg;
    mli_os_cgroup group = {.groups = s->groups};
    char path[64];
    mli_os_stat facts;
    const char *pid = name + strlen(MLI_OS_CGROUP_PREFIX);
    if (strncmp(name, MLI_OS_CGROUP_PREFIX, strlen(MLI_OS_CGROUP_PREFIX)) == 0 &&
        strlen(name) < sizeof group.name) {
        /* Who made it may be about to put its first process in. */
        (void)mli_os_format(path, sizeof path, "/proc/%.*s", (int)strspn(pid, "0123456789"), pid);
        if (s->groups->files->stat(s->groups->files->user, path, true, &facts) == 0)
            return 0;
        (void)mli_os_format(group.name, sizeof group.name, "%s", name);
        /* -EBUSY: somebody is in it. */
        int rc = mli_os_cgroup_remove(&group);
        (void)rc;
    }
    return 0;
}

void mli_os_cgroups_sweep(const mli_os_cgroups *g)
{
    sweep s = {g};
    const char *folder = g->unified[0] != '\0' ? g->unified : g->memory;
    if (folder[0] != '\0')
        (void)g->files->list(g->files->user, folder, sweep_one, &s); /* a courtesy */
}
