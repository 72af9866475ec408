/* The package source: the user's own pip client fetches a wheel, so that their index, mirror, proxy
 * and credentials apply. Only wheels are accepted: nothing of a package is ever executed. */
#ifndef MLI_REMOTE_PIP_H
#define MLI_REMOTE_PIP_H

#include "base/cancel.h"
#include "os/file.h"
#include "os/process.h"
#include <modellab/alloc.h>
#include <modellab/status.h>
#include <stdint.h>

typedef struct mli_pip {
    const modellab_allocator *alloc;
    const mli_os_files *files;
    const mli_os_processes *processes;
    const char *command;   /* words separated by spaces; NULL = python3 -m pip, pip3, pip in turn */
    const char *directory; /* existing private folder for the log and temporary files */
    const mli_cancel_word *cancel;
    /* About ten times a second: bytes that pip has put into the folder so far. Not 0 = stop. */
    int (*progress)(void *user, int64_t bytes);
    void *user;
} mli_pip;

/* Downloads "name==version" into `<directory>/<requirement>/` (made here) and gives the wheel's
 * path, new. A wheel that an earlier call left there complete is used again. Messages hold no path
 * and no host. E_UNSUPPORTED (no pip client), E_NETWORK, E_NOT_FOUND (the index has no such wheel),
 * E_PERMISSION, E_NO_SPACE, E_REMOTE (pip failed), E_CANCELLED. */
MODELLAB_MUST_CHECK modellab_status mli_pip_download(const mli_pip *pip, const char *requirement,
                                                     char **wheel, modellab_error *err);

/* Removes what mli_pip_download left for the requirement, so that the next call fetches anew. */
MODELLAB_MUST_CHECK modellab_status mli_pip_forget(const mli_pip *pip, const char *requirement,
                                                   modellab_error *err);

#endif
