/* Version: compares the header this program was compiled with to the library it runs with.
 * Prints every status code with its sentence. */
#include "example.h"

#define SHOW(name, number, text)                                                                   \
    printf("%5d %-32s %s\n", number, modellab_status_name(number), modellab_status_text(number));

int main(void)
{
    modellab_error err;

    modellab_error_init(&err, sizeof err);
    printf("library %s (%d), headers %d, ABI %d\n", modellab_version_string(),
           modellab_version_number(), MODELLAB_VERSION_NUMBER, modellab_abi_version());
    MODELLAB_STATUS_LIST(SHOW)
    return modellab_version_number() == MODELLAB_VERSION_NUMBER && err.detail == -1 ? 0 : 1;
}
