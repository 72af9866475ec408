/* Finding programs and handing an environment on to them. Results are 0 or a NEGATIVE errno. */
#ifndef MLI_OS_PROGRAM_H
#define MLI_OS_PROGRAM_H

#include <stddef.h>

/* Path of an executable file: `name` itself when it holds a '/', else the first one in PATH.
 * -ENOENT when there is none. */
__attribute__((warn_unused_result)) int mli_os_find_program(const char *name, char *out,
                                                            size_t capacity);
/* The environment of this process, NULL-terminated "NAME=value" texts. Borrowed: it is only good as
 * long as the host does not change its environment. */
const char *const *mli_os_environment(void);

/* This process becomes that program, with this environment; returns only with -errno. */
__attribute__((warn_unused_result)) int mli_os_become(const char *path, const char *const *argv,
                                                      const char *const *envp);

#endif
