/* Version of the loaded library, from the one source include/modellab/version.h.
 * MODELLAB_ABI_NUMBER is the SOVERSION that the build gives. */
#include <modellab/version.h>

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

const char *modellab_version_string(void)
{
    return TEXT(MODELLAB_VERSION_MAJOR) "." TEXT(MODELLAB_VERSION_MINOR) "." TEXT(
        MODELLAB_VERSION_PATCH);
}

int32_t modellab_version_number(void)
{
    return MODELLAB_VERSION_NUMBER;
}

int32_t modellab_abi_version(void)
{
    return MODELLAB_ABI_NUMBER;
}
