/* modellab_event_list: numbered events of a run. */
#include "api/cancel.h"
#include "base/error.h"
#include "base/sized.h"
#include "lab/events.h"
#include <modellab/event.h>

MODELLAB_MUST_CHECK static modellab_status load(modellab_lab *lab, const char *run_id,
                                                int64_t after, int32_t limit, int64_t wait_ms,
                                                const mli_cancel_word *cancel,
                                                modellab_event_list **out, modellab_error *err)
{
    modellab_status status = mli_lab_check(lab, false, err);

    if (out == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "out must not be NULL");
    }
    *out = NULL;
    if (status == MODELLAB_OK && (run_id == NULL || after < 0 || limit < 0 || limit > 1000)) {
        status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                          "run_id must not be NULL, limit is 1 to 1000, after not negative");
    }
    return status == MODELLAB_OK ? mli_events_load(lab, run_id, after, limit == 0 ? 100 : limit,
                                                   wait_ms, cancel, out, err)
                                 : status;
}

modellab_status modellab_event_list_load(modellab_lab *lab, const char *run_id, int64_t after,
                                         int32_t limit, int64_t wait_ms, modellab_event_list **out,
                                         modellab_error *err)
{
    if (wait_ms < 0 && out != NULL) {
        *out = NULL;
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "wait_ms must not be negative");
    }
    return load(lab, run_id, after, limit, wait_ms, NULL, out, err);
}

modellab_status modellab_event_list_follow(modellab_lab *lab, const char *run_id, int64_t after,
                                           int32_t limit, int64_t wait_ms, modellab_cancel *cancel,
                                           modellab_event_list **out, modellab_error *err)
{
    return load(lab, run_id, after, limit, wait_ms < 0 ? -1 : wait_ms, mli_cancel_word_of(cancel),
                out, err);
}

void modellab_event_list_unref(modellab_event_list *list)
{
    mli_events_unref(list);
}

size_t modellab_event_list_count(const modellab_event_list *list)
{
    return list == NULL ? 0 : list->rows->count;
}

modellab_status modellab_event_list_at(const modellab_event_list *list, size_t index,
                                       modellab_event_info *out, modellab_error *err)
{
    modellab_event_info full = {.size = sizeof full};
    const mli_event_row *row;

    if (list == NULL || out == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "arguments must not be NULL");
    }
    if (index >= list->rows->count) {
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no event with this index");
    }
    row = &list->rows->rows[index];
    full.number = row->number;
    full.time_ms = row->time_ms;
    full.type = row->type;
    full.run_id = list->rows->run_id;
    full.request_id = list->rows->request_id;
    full.step = row->step;
    full.data = row->data;
    full.trace_id = list->rows->trace_id;
    return mli_sized_out(out, &full, sizeof full, MLI_SIZE_UP_TO(modellab_event_info, data), err);
}
