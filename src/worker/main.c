/* The worker program: two lines around the library's entry. A person who starts it by hand is told
 * what it is for. */
#include <modellab/worker.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    int32_t code = modellab_worker_main((int32_t)argc, (const char *const *)argv);
    if (code == 2) {
        (void)fputs("modellab-worker executes runs for a supervisor, which starts it. To run "
                    "something, use: modellab transcribe FILE\n",
                    stderr);
    }
    return (int)code;
}
