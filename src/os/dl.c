/* dlopen and friends. */
#include "os/dl.h"
#include <dlfcn.h>
#include <stddef.h>

void *mli_os_dl_open(const char *name)
{
    return dlopen(name, RTLD_NOW | RTLD_LOCAL);
}

void *mli_os_dl_find(const char *name)
{
    return dlopen(name, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
}

void *mli_os_dl_symbol(void *library, const char *name)
{
    return dlsym(library, name);
}

void mli_os_dl_close(void *library)
{
    if (library != NULL)
        (void)dlclose(library); /* what failed to unload stays loaded, which harms nobody */
}
