/* Becoming a program that a step asked for: limits, no network, files to read and run but none to
 * write; then there is nothing left of the worker. "exec MEMORY CPU_SECONDS PATH ARGS..." */
#include "lab/worker.h"

#include "base/str.h"
#include "lab/settle.h"
#include "os/locale.h"
#include "os/process.h"
#include "os/program.h"
#include "os/sandbox.h"
#include <string.h>

enum { FOLDERS = 8, PATH_MOST = 4096, FIRST = 4 };
#define MOST_OPEN_FILES 64

static bool limit(int64_t memory, int64_t seconds)
{
    return mli_os_limit_set(MLI_OS_LIMIT_CORE_BYTES, 0) == 0 &&
           mli_os_limit_set(MLI_OS_LIMIT_FILE_BYTES, 0) == 0 &&
           mli_os_limit_set(MLI_OS_LIMIT_OPEN_FILES, MOST_OPEN_FILES) == 0 &&
           mli_os_limit_set(MLI_OS_LIMIT_CPU_SECONDS, (uint64_t)seconds) == 0 &&
           mli_os_limit_set(MLI_OS_LIMIT_ADDRESS_BYTES, (uint64_t)memory) == 0;
}

/* What programs and their libraries are made of, and the program's own folder. */
static void confine(const char *program)
{
    static const char *const parts[] = {"/usr", "/bin", "/lib", "/lib64", "/etc"};
    const mli_os_files *f = &mli_os_system_files;
    mli_os_sandbox_folder folders[FOLDERS];
    mli_os_sandbox_result reached; /* as far as the kernel can */
    char own[PATH_MOST] = "";
    size_t count = 0;
    const char *slash = strrchr(program, '/');
    if (slash != NULL && slash != program && (size_t)(slash - program) < sizeof(own)) {
        memcpy(own, program, (size_t)(slash - program));
    }
    for (size_t i = 0; i <= sizeof(parts) / sizeof(parts[0]); i++) {
        const char *path = i < sizeof(parts) / sizeof(parts[0]) ? parts[i] : own;
        int fd = path[0] != '\0' ? f->open(f->user, path, MLI_OS_READ, 0) : -1;
        folders[count++] = (mli_os_sandbox_folder){fd, MLI_OS_SANDBOX_READ | MLI_OS_SANDBOX_LIST |
                                                           MLI_OS_SANDBOX_EXECUTE};
    }
    folders[count++] =
        (mli_os_sandbox_folder){f->open(f->user, "/dev/null", MLI_OS_READ | MLI_OS_WRITE, 0),
                                MLI_OS_SANDBOX_READ | MLI_OS_SANDBOX_WRITE | MLI_OS_SANDBOX_FILE};
    mli_os_sandbox what = {.folders = folders, .folder_count = count, .is_program = true};
    mli_os_sandbox_enter(&what, &reached);
    for (size_t i = 0; i < count; i++) {
        mli_os_fd_close(folders[i].fd); /* was only a name for the kernel */
    }
}

int32_t mli_worker_exec(int32_t argc, const char *const *argv)
{
    static const char *const env[] = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8", NULL};
    int64_t memory = 0, seconds = 0;
    if (argc < FIRST + 1 || !mli_parse_i64(argv[2], 1, INT64_MAX, &memory) ||
        !mli_parse_i64(argv[3], 1, 1000000, &seconds) || !limit(memory, seconds)) {
        return MLI_WORKER_EXIT_USAGE;
    }
    confine(argv[FIRST]);
    int rc = mli_os_become(argv[FIRST], argv + FIRST, env);
    (void)rc; /* its supervisor learns it by the exit code */
    return MLI_WORKER_EXIT_ENGINE;
}
