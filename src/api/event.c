/* modellab_event_list: numbered events of a run, or of all runs. */
#include "api/cancel.h"
#include "base/error.h"
#include "base/sized.h"
#include "lab/events.h"
#include <modellab/event.h>

enum { LOOK_OF_USER = 1000 }; /* events of all that a call for those of one looks at: some ms */

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
    return list == NULL ? 0 : list->rows != NULL ? list->rows->count : list->feed->count;
}

int64_t modellab_event_list_next(const modellab_event_list *list)
{
    return list == NULL ? 0 : list->next;
}

static void fill_from_rows(const mli_event_row_list *rows, size_t index, modellab_event_info *out)
{
    const mli_event_row *row = &rows->rows[index];

    out->number = row->number;
    out->time_ms = row->time_ms;
    out->type = row->type;
    out->run_id = rows->run_id;
    out->request_id = rows->request_id;
    out->step = row->step;
    out->data = row->data;
    out->trace_id = rows->trace_id;
    out->user = out->pipeline = out->experiment_id = "";
}

static void fill_from_feed(const mli_feed_list *feed, size_t index, modellab_event_info *out)
{
    const mli_feed_row *row = &feed->rows[index];

    out->number = row->number;
    out->time_ms = row->time_ms;
    out->type = row->type;
    out->run_id = row->run_id;
    out->request_id = row->request_id;
    out->step = row->step;
    out->data = row->data;
    out->trace_id = row->trace_id;
    out->sequence = row->seq;
    out->user = row->user;
    out->pipeline = row->pipeline;
    out->experiment_id = row->experiment_id;
}

modellab_status modellab_event_list_at(const modellab_event_list *list, size_t index,
                                       modellab_event_info *out, modellab_error *err)
{
    modellab_event_info full = {.size = sizeof full};

    if (list == NULL || out == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "arguments must not be NULL");
    }
    if (index >= modellab_event_list_count(list)) {
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no event with this index");
    }
    if (list->rows != NULL) {
        fill_from_rows(list->rows, index, &full);
    } else {
        fill_from_feed(list->feed, index, &full);
    }
    return mli_sized_out(out, &full, sizeof full, MLI_SIZE_UP_TO(modellab_event_info, data), err);
}

void modellab_event_feed_options_init(modellab_event_feed_options *options, size_t size)
{
    const modellab_event_feed_options init = MODELLAB_EVENT_FEED_OPTIONS_INIT;

    mli_sized_init(options, size, &init, sizeof init);
}

modellab_status modellab_event_feed_load(modellab_lab *lab,
                                         const modellab_event_feed_options *options,
                                         modellab_event_list **out, modellab_error *err)
{
    modellab_event_feed_options o = MODELLAB_EVENT_FEED_OPTIONS_INIT;
    mli_feed_query query;
    modellab_status status = mli_lab_check(lab, false, err);

    if (out == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "out must not be NULL");
    }
    *out = NULL;
    if (status == MODELLAB_OK) {
        status = mli_sized_in(&o, sizeof o, MLI_SIZE_UP_TO(modellab_event_feed_options, cancel),
                              options, err);
    }
    if (status == MODELLAB_OK && (o.after < 0 || o.limit < 0 || o.limit > 1000)) {
        status =
            mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "limit is 1 to 1000, after not negative");
    }
    query = (mli_feed_query){.after = o.after,
                             .limit = o.limit == 0 ? 100 : o.limit,
                             .look = o.user != NULL && o.user[0] != '\0' ? LOOK_OF_USER : 0,
                             .user = o.user};
    return status == MODELLAB_OK ? mli_events_of_all(lab, &query, o.wait_ms < 0 ? -1 : o.wait_ms,
                                                     mli_cancel_word_of(o.cancel), out, err)
                                 : status;
}

modellab_status modellab_event_feed_end(modellab_lab *lab, int64_t *sequence, modellab_error *err)
{
    modellab_status status = mli_lab_check(lab, false, err);

    if (sequence == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "sequence must not be NULL");
    }
    *sequence = 0;
    return status == MODELLAB_OK ? mli_store_feed_end(lab->store, sequence, err) : status;
}
