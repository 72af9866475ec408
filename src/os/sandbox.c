/* Landlock, and the order in which a process gives up its rights. */
#include "os/sandbox.h"

#include "os/sandbox_filter.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef __NR_landlock_create_ruleset
#define __NR_landlock_create_ruleset 444
#define __NR_landlock_add_rule 445
#define __NR_landlock_restrict_self 446
#endif

/* The kernel's numbers, written down here: the headers of the building machine may be older than
 * the kernel that this runs on. */
enum {
    GET_VERSION = 1,
    RULE_PATH_BENEATH = 1,
    FS_EXECUTE = 1,
    FS_WRITE_FILE = 1 << 1,
    FS_READ_FILE = 1 << 2,
    FS_READ_DIR = 1 << 3,
    FS_REMOVE_FILE = 1 << 5,
    FS_MAKE_REG = 1 << 8,
    FS_TRUNCATE = 1 << 14,
    NET_ALL = 3,  /* bind and connect, TCP */
    SCOPE_ALL = 3 /* abstract sockets and signals */
};

typedef struct ruleset_attr {
    uint64_t fs, net, scoped;
} ruleset_attr;

typedef struct __attribute__((packed)) path_beneath_attr {
    uint64_t allowed;
    int32_t parent_fd;
} path_beneath_attr;

/* All file rights that this version of landlock can take away. */
static uint64_t rights_of(int abi)
{
    const int bits = abi >= 5 ? 16 : abi >= 3 ? 15 : abi == 2 ? 14 : 13;
    return ((uint64_t)1 << bits) - 1;
}

static int add_folder(int ruleset, const mli_os_sandbox_folder *folder, uint64_t handled)
{
    path_beneath_attr rule = {0, folder->fd};
    if ((folder->rights & MLI_OS_SANDBOX_READ) != 0)
        rule.allowed |= FS_READ_FILE;
    if ((folder->rights & MLI_OS_SANDBOX_LIST) != 0)
        rule.allowed |= FS_READ_DIR;
    if ((folder->rights & MLI_OS_SANDBOX_WRITE) != 0)
        rule.allowed |= FS_WRITE_FILE | FS_REMOVE_FILE | FS_MAKE_REG | FS_TRUNCATE;
    if ((folder->rights & MLI_OS_SANDBOX_EXECUTE) != 0)
        rule.allowed |= FS_EXECUTE;
    if ((folder->rights & MLI_OS_SANDBOX_FILE) != 0)
        rule.allowed &= FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE;
    rule.allowed &= handled;
    if (folder->fd < 0)
        return 0;
    return syscall(__NR_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0) == 0 ? 0 : errno;
}

/* The leak checker of a sanitizer lists the threads of its process. */
static int add_proc(int ruleset, uint64_t handled)
{
    mli_os_sandbox_folder proc = {open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC),
                                  MLI_OS_SANDBOX_READ | MLI_OS_SANDBOX_LIST};
    int rc = add_folder(ruleset, &proc, handled);
    if (proc.fd >= 0)
        (void)close(proc.fd); /* only named a folder */
    return rc;
}

int mli_os_landlock_version(void)
{
    long version = syscall(__NR_landlock_create_ruleset, NULL, 0, GET_VERSION);
    return version > 0 ? (int)version : 0;
}

static int landlock(const mli_os_sandbox *what, int *abi)
{
    *abi = mli_os_landlock_version();
    if (*abi == 0)
        return errno;
    ruleset_attr attr = {.fs = rights_of(*abi)};
    size_t size = sizeof attr.fs;
    if (*abi >= 4) {
        attr.net = what->network ? 0 : NET_ALL;
        size += sizeof attr.net;
    }
    if (*abi >= 6) {
        attr.scoped = SCOPE_ALL;
        size += sizeof attr.scoped;
    }
    int ruleset = (int)syscall(__NR_landlock_create_ruleset, &attr, size, 0);
    if (ruleset < 0)
        return errno;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < what->folder_count; i++)
        rc = add_folder(ruleset, &what->folders[i], attr.fs);
    if (rc == 0 && MLI_OS_SANDBOX_WIDENED)
        rc = add_proc(ruleset, attr.fs);
    if (rc == 0 && syscall(__NR_landlock_restrict_self, ruleset, 0) != 0)
        rc = errno;
    (void)close(ruleset); /* holds nothing that could be lost */
    return rc;
}

/* A root user's process honours the modes of files from here on, but for reading (models of another
 * user). For others there is nothing to give up. */
static int drop_capabilities(void)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct has[_LINUX_CAPABILITY_U32S_3];
    memset(has, 0, sizeof has);
    if (syscall(__NR_capget, &head, has) != 0)
        return errno;
    for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
        uint32_t keep =
            i == CAP_TO_INDEX(CAP_DAC_READ_SEARCH) ? CAP_TO_MASK(CAP_DAC_READ_SEARCH) : 0;
        has[i].permitted &= keep;
        has[i].effective &= keep;
        has[i].inheritable = 0;
    }
    return syscall(__NR_capset, &head, has) == 0 ? 0 : errno;
}

void mli_os_sandbox_enter(const mli_os_sandbox *what, mli_os_sandbox_result *out)
{
    memset(out, 0, sizeof *out);
    out->widened = MLI_OS_SANDBOX_WIDENED;
    /* The leak checker of a sanitizer attaches to its own process. */
    out->dumpable = MLI_OS_SANDBOX_WIDENED || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        out->landlock_error = out->seccomp_error = errno; /* both need it */
        return;
    }
    out->capability_error = drop_capabilities();
    out->landlock_error = landlock(what, &out->landlock_abi);
    out->seccomp_error = mli_os_sandbox_filter(what); /* last: it forbids the calls above */
    bool paths = out->landlock_error == 0 && out->capability_error == 0;
    bool calls = out->seccomp_error == 0 && !out->widened;
    out->level = paths && calls ? MLI_OS_SANDBOX_FULL
                 : paths        ? MLI_OS_SANDBOX_LANDLOCK
                 : calls        ? MLI_OS_SANDBOX_SECCOMP
                                : MLI_OS_SANDBOX_NONE;
}

const char *mli_os_sandbox_level_name(mli_os_sandbox_level level)
{
    static const char *const names[] = {"none", "seccomp", "landlock", "full"};
    return (size_t)level < sizeof names / sizeof *names ? names[level] : "none";
}
