/* Prints the schemas of the library as one JSON object of components, for merge.py: what the
 * contract says of a request is the very text that the library checks requests with. */
#include <modellab/modellab.h>
#include <stdio.h>

int main(void)
{
    int failed = printf("{\"RunRequest\":%s,\"Experiment\":%s}\n", modellab_run_request_schema(),
                        modellab_experiment_schema()) < 0;
    return failed || fflush(stdout) != 0;
}
