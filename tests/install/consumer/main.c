/* A consumer: compares header and library, and makes one call that needs most of the library
 * linked. */
#include <modellab/modellab.h>
#include <stdio.h>

int main(void)
{
    modellab_build_info info = {.size = sizeof info};
    modellab_error err = MODELLAB_ERROR_INIT;

    if (modellab_version_number() != MODELLAB_VERSION_NUMBER) {
        fprintf(stderr, "header and library differ\n");
        return 1;
    }
    if (modellab_info_get(&info, &err) != MODELLAB_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    printf("modellab %s, %s kernels\n", info.version, info.isa);
    return 0;
}
