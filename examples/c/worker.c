/* Worker: a host that ships one binary starts itself as the worker. Without the descriptors that a
 * supervisor hands on, the entry refuses. */
#include "example.h"

int main(int argc, char **argv)
{
    const char *words[] = {"host", "--worker", NULL};

    if (argc > 1 && strcmp(argv[1], "--worker") == 0) { /* started by a supervisor */
        return modellab_worker_main(argc, (const char *const *)argv);
    }
    int32_t code = modellab_worker_main(1, words);
    printf("without a supervisor the worker ends with %d\n", (int)code);
    return code != 0 ? 0 : 1;
}
