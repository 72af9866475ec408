/* A run's summary is the library's. */
#include "run_summary.h"

json_t *run_summary(const modellab_run *run)
{
    modellab_buffer *text = NULL;
    if (modellab_run_summary(run, &text, NULL) != MODELLAB_OK)
        return NULL;
    json_t *summary = json_loadb(modellab_buffer_data(text), modellab_buffer_size(text), 0, NULL);
    modellab_buffer_destroy(text);
    return summary;
}
