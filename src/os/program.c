/* The search of PATH, without a shell, and the process environment. */
#include "os/program.h"
#include "os/file.h"
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

static bool executable(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

int mli_os_find_program(const char *name, char *out, size_t capacity)
{
    size_t name_bytes = strlen(name);
    if (name_bytes == 0)
        return -ENOENT;
    if (strchr(name, '/') != NULL) {
        if (name_bytes + 1 > capacity)
            return -ENAMETOOLONG;
        memcpy(out, name, name_bytes + 1);
        return executable(out) ? 0 : -ENOENT;
    }
    const char *path = mli_os_env("PATH");
    for (const char *at = path != NULL ? path : "/usr/bin:/bin"; *at != '\0';) {
        size_t n = strcspn(at, ":");
        /* an empty or relative part would mean the working directory: not for us */
        if (n > 0 && *at == '/' && n + 1 + name_bytes + 1 <= capacity) {
            memcpy(out, at, n);
            out[n] = '/';
            memcpy(out + n + 1, name, name_bytes + 1);
            if (executable(out))
                return 0;
        }
        at += n + (at[n] == ':');
    }
    return -ENOENT;
}

const char *const *mli_os_environment(void)
{
    static const char *const none[] = {NULL};
    return environ != NULL ? (const char *const *)environ : none;
}

int mli_os_become(const char *path, const char *const *argv, const char *const *envp)
{
    /* A file beyond its limit is an error that a program may do without (espeak-ng's sound library
     * wants memory files), not its end: what is blocked stays so in the new program. */
    sigset_t held;
    if (sigemptyset(&held) != 0 || sigaddset(&held, SIGXFSZ) != 0 ||
        sigprocmask(SIG_BLOCK, &held, NULL) != 0)
        return -errno;
    /* execve promises to change neither. */
    (void)execve(path, (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)envp);
    return -errno;
}
