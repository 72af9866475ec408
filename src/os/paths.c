/* Where things are: absolute paths, the own directory, home, the environment, kinds of file system.
 */
#include "os/file.h"
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

static int copy_path(char *out, size_t capacity, const char *text)
{
    size_t n = strlen(text);
    if (n + 1 > capacity)
        return -ENAMETOOLONG;
    memcpy(out, text, n + 1);
    return 0;
}

/* Appends one component to the normalised absolute path in `out`. */
static int append_component(char *out, size_t capacity, const char *part, size_t n)
{
    size_t length = strlen(out);
    if (n == 0 || (n == 1 && part[0] == '.'))
        return 0;
    if (n == 2 && part[0] == '.' && part[1] == '.') {
        char *slash = strrchr(out, '/');
        if (slash == out)
            out[1] = '\0';
        else if (slash != NULL)
            *slash = '\0';
        return 0;
    }
    size_t slash = length > 1 ? 1 : 0;
    if (length + slash + n + 1 > capacity)
        return -ENAMETOOLONG;
    if (slash)
        out[length++] = '/';
    memcpy(out + length, part, n);
    out[length + n] = '\0';
    return 0;
}

int mli_os_absolute(const char *path, char *out, size_t capacity)
{
    if (path[0] == '\0')
        return -ENOENT;
    if (capacity < 2)
        return -ENAMETOOLONG;
    if (path[0] == '/')
        memcpy(out, "/", 2);
    else if (getcwd(out, capacity) == NULL)
        return errno == ERANGE ? -ENAMETOOLONG : -errno;
    while (*path != '\0') {
        size_t n = strcspn(path, "/");
        int rc = append_component(out, capacity, path, n);
        if (rc != 0)
            return rc;
        path += n + (path[n] == '/');
    }
    return 0;
}

int mli_os_is_network(const char *path, bool *out)
{
    static const unsigned long network[] = {
        0x6969 /* nfs */,        0xFF534D42 /* cifs */, 0xFE534D42 /* smb2 */,
        0x517B /* smb */,        0x01021997 /* 9p */,   0x65735546 /* fuse */,
        0x00C36400 /* ceph */,   0x5346414F /* afs */,  0x73757245 /* coda */,
        0x0BD00BD0 /* lustre */, 0x47504653 /* gpfs */, 0x01161970 /* gfs2 */};
    struct statfs s;
    int rc;
    do {
        rc = statfs(path, &s);
    } while (rc < 0 && errno == EINTR);
    if (rc < 0)
        return -errno;
    *out = false;
    for (size_t i = 0; i < sizeof network / sizeof network[0]; i++)
        if (((unsigned long)s.f_type & 0xFFFFFFFFul) == network[i])
            *out = true;
    return 0;
}

const char *mli_os_env(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

int mli_os_env_each(int (*each)(void *arg, const char *setting), void *arg)
{
    for (char *const *at = environ; at != NULL && *at != NULL; at++) {
        int rc = each(arg, *at);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int program_file(char *out, size_t capacity)
{
    ssize_t n = readlink("/proc/self/exe", out, capacity);
    if (n < 0)
        return -errno;
    if ((size_t)n >= capacity)
        return -ENAMETOOLONG;
    out[n] = '\0';
    return 0;
}

int mli_os_self_dir(char *out, size_t capacity)
{
    Dl_info info;
    int rc;
    /* For code linked into the program the loader may hold only argv[0]: the kernel knows better.
     */
    if (dladdr((const void *)&mli_os_system_files, &info) != 0 && info.dli_fname != NULL &&
        strstr(info.dli_fname, ".so") != NULL && info.dli_fname[0] == '/')
        rc = copy_path(out, capacity, info.dli_fname);
    else
        rc = program_file(out, capacity);
    if (rc != 0)
        return rc;
    char *slash = strrchr(out, '/');
    if (slash == NULL)
        return -ENOENT;
    slash[slash == out] = '\0';
    return 0;
}

int mli_os_home(char *out, size_t capacity)
{
    const char *home = mli_os_env("HOME");
    if (home != NULL && home[0] == '/')
        return copy_path(out, capacity, home);
    char text[4096];
    struct passwd entry, *found = NULL;
    int rc = getpwuid_r(getuid(), &entry, text, sizeof text, &found);
    if (rc != 0)
        return -rc;
    return found == NULL ? -ENOENT : copy_path(out, capacity, entry.pw_dir);
}
