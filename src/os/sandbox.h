/* Confinement of this process for the rest of its life: what it may open, which system calls it may
 * make. Meant for programs that own their process (the worker), never for a host's. Nothing here
 * can be taken back. */
#ifndef MLI_OS_SANDBOX_H
#define MLI_OS_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What holds, by what this kernel offers. Append only: the numbers are compared. */
typedef enum mli_os_sandbox_level {
    MLI_OS_SANDBOX_NONE,
    MLI_OS_SANDBOX_SECCOMP,  /* system calls, but any path that the user may open */
    MLI_OS_SANDBOX_LANDLOCK, /* paths, but no list of system calls that counts */
    MLI_OS_SANDBOX_FULL
} mli_os_sandbox_level;

/* Rights on everything below a folder. Without one to write to, the list of system calls has none
 * that opens for writing, makes, renames or removes a name: also where there is no landlock. */
enum {
    MLI_OS_SANDBOX_READ = 1,  /* files whose names are known */
    MLI_OS_SANDBOX_LIST = 2,  /* names */
    MLI_OS_SANDBOX_WRITE = 4, /* write, make, rename and remove files, but no folders */
    MLI_OS_SANDBOX_EXECUTE = 8,
    MLI_OS_SANDBOX_FILE = 16 /* the descriptor is that of a single file */
};

typedef struct mli_os_sandbox_folder {
    int fd; /* open folder, not needed afterwards; negative: passed over */
    int rights;
} mli_os_sandbox_folder;

/* What the process needs beyond computing with the descriptors that it has. */
typedef struct mli_os_sandbox {
    const mli_os_sandbox_folder *folders;
    size_t folder_count;
    bool network; /* make sockets and connect them */
    /* It is about to become a foreign program: no list of all system calls, but those that end a
     * process, sockets, and leaving its process group. */
    bool is_program;
    bool messages; /* send and receive on sockets that it has, also descriptors */
} mli_os_sandbox;

typedef struct mli_os_sandbox_result {
    mli_os_sandbox_level level;
    int landlock_abi;                  /* 0 = this kernel has none, or it is switched off */
    int landlock_error, seccomp_error; /* errno of what is missing, 0 = holds */
    int capability_error;              /* as these: rights of root that it could not give up */
    bool widened;                      /* a sanitizer's build: its system calls pass as well */
    bool dumpable;                     /* core dumps and debuggers of the same user are possible */
} mli_os_sandbox_result;

/* Confines this process as far as the kernel can; call it before a second thread exists. What could
 * not be reached is in the result. Afterwards it cannot trace, signal others, start programs or
 * processes, or get new rights.
 *
 * Forbidden system calls fail with EPERM, unknown ones with ENOSYS, so that libraries fall back as
 * on an older kernel. Those that no code of a worker or of a library below it ever makes (execve,
 * ptrace, mount, bpf ...) end the process with SIGSYS at once: somebody else steers it then, and an
 * error would only let him try the next thing. */
void mli_os_sandbox_enter(const mli_os_sandbox *what, mli_os_sandbox_result *out);
/* Version of landlock in this kernel; 0 = it has none, or it is switched off. */
int mli_os_landlock_version(void);
/* "none", "seccomp", "landlock", "full". Static. */
const char *mli_os_sandbox_level_name(mli_os_sandbox_level level);

#endif
