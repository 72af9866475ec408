/* Events of a run, and a run loaded with its steps and artifacts. */
#include "base/alloc.h"
#include "base/error.h"
#include "store/sqlite_db.h"
#include <stddef.h>

modellab_status mli_sqlite_put_event(mli_sqlite *s, const char *run_id, const mli_event_row *event,
                                     int64_t now_ms, int64_t *last, modellab_error *err)
{
    mli_query q = mli_query_open(s, MLI_SQL_EVENT_PUT);
    modellab_status status;

    mli_query_text(&q, run_id);
    mli_query_int(&q, *last + 1);
    mli_query_int(&q, event->time_ms > 0 ? event->time_ms : now_ms);
    mli_query_text(&q, event->type);
    mli_query_text(&q, event->step);
    mli_query_text(&q, event->data == NULL ? "{}" : event->data);
    status = mli_query_run(&q, err);
    if (status == MODELLAB_OK) {
        *last += 1;
        mli_bell_note(&s->rung, run_id);
        mli_bell_note(&s->rung, MLI_FEED_BELL);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status load_steps(mli_sqlite *s, const char *run_id,
                                                      mli_run_record *record, modellab_error *err)
{
    static const size_t texts[] = {
        offsetof(mli_step_row, name),        offsetof(mli_step_row, message),
        offsetof(mli_step_row, key),         offsetof(mli_step_row, reused_from),
        offsetof(mli_step_row, config_json), offsetof(mli_step_row, told_json)};
    mli_query q = mli_query_open(s, MLI_SQL_STEP_LIST);
    size_t capacity = 0;
    mli_buf block;
    modellab_status status;

    mli_buf_init(&block, record->alloc);
    mli_query_text(&q, run_id);
    while (mli_query_row(&q)) {
        mli_step_row *grown = mli_query_room(&q, record->alloc, record->steps, record->step_count,
                                             &capacity, sizeof *grown);
        mli_step_row *step;

        if (grown == NULL) {
            break;
        }
        record->steps = grown;
        step = &grown[record->step_count++];
        step->name = mli_query_keep(&q, 0, &block);
        step->message = mli_query_keep(&q, 1, &block);
        step->status = (modellab_run_status)sqlite3_column_int64(q.statement, 2);
        step->reason = (modellab_reason)sqlite3_column_int64(q.statement, 3);
        step->started_ms = sqlite3_column_int64(q.statement, 4);
        step->ended_ms = sqlite3_column_int64(q.statement, 5);
        step->peak_memory_bytes = sqlite3_column_int64(q.statement, 6);
        step->cpu_seconds = sqlite3_column_double(q.statement, 7);
        step->position = (int32_t)sqlite3_column_int64(q.statement, 8);
        step->attempt = (int32_t)sqlite3_column_int64(q.statement, 9);
        step->gpu_seconds = sqlite3_column_double(q.statement, 10);
        step->audio_seconds = sqlite3_column_double(q.statement, 11);
        step->api_calls = sqlite3_column_int64(q.statement, 12);
        step->earlier_cpu_seconds = sqlite3_column_double(q.statement, 13);
        step->key = mli_query_keep(&q, 14, &block);
        step->reused_from = mli_query_keep(&q, 15, &block);
        step->config_json = mli_query_keep(&q, 16, &block);
        step->told_json = mli_query_keep(&q, 17, &block);
    }
    status = mli_query_close(&q, err);
    if (status == MODELLAB_OK) {
        record->step_text =
            mli_query_resolve_all(&block, record->steps, record->step_count, sizeof *record->steps,
                                  texts, sizeof texts / sizeof *texts);
    }
    mli_buf_dispose(&block);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status
load_artifacts(mli_sqlite *s, const char *run_id, mli_run_record *record, modellab_error *err)
{
    static const size_t texts[] = {
        offsetof(mli_artifact_row, id),     offsetof(mli_artifact_row, step),
        offsetof(mli_artifact_row, name),   offsetof(mli_artifact_row, media_type),
        offsetof(mli_artifact_row, sha256), offsetof(mli_artifact_row, file),
        offsetof(mli_artifact_row, role)};
    mli_query q = mli_query_open(s, MLI_SQL_ARTIFACT_LIST);
    size_t capacity = 0;
    mli_buf block;
    modellab_status status;

    mli_buf_init(&block, record->alloc);
    mli_query_text(&q, run_id);
    while (mli_query_row(&q)) {
        mli_artifact_row *grown = mli_query_room(&q, record->alloc, record->artifacts,
                                                 record->artifact_count, &capacity, sizeof *grown);
        mli_artifact_row *a;

        if (grown == NULL) {
            break;
        }
        record->artifacts = grown;
        a = &grown[record->artifact_count++];
        a->id = mli_query_keep(&q, 0, &block);
        a->step = mli_query_keep(&q, 1, &block);
        a->name = mli_query_keep(&q, 2, &block);
        a->media_type = mli_query_keep(&q, 3, &block);
        a->sha256 = mli_query_keep(&q, 4, &block);
        a->file = mli_query_keep(&q, 5, &block);
        a->role = mli_query_keep(&q, 6, &block);
        a->bytes = sqlite3_column_int64(q.statement, 7);
        a->fence = sqlite3_column_int64(q.statement, 8);
    }
    status = mli_query_close(&q, err);
    if (status == MODELLAB_OK) {
        record->artifact_text =
            mli_query_resolve_all(&block, record->artifacts, record->artifact_count,
                                  sizeof *record->artifacts, texts, sizeof texts / sizeof *texts);
    }
    mli_buf_dispose(&block);
    return status;
}

modellab_status mli_sqlite_load_parts(mli_sqlite *s, mli_run_record *record, modellab_error *err)
{
    modellab_status status = load_steps(s, record->run->id, record, err);

    return status == MODELLAB_OK ? load_artifacts(s, record->run->id, record, err) : status;
}

MODELLAB_MUST_CHECK static modellab_status load_inside(mli_sqlite *s, const char *run_id,
                                                       mli_run_record *record, modellab_error *err)
{
    modellab_status status = mli_sqlite_load_row(s, run_id, &record->run, err);

    return status == MODELLAB_OK ? mli_sqlite_load_parts(s, record, err) : status;
}

modellab_status mli_sqlite_load(mli_store *store, const char *run_id, mli_run_record **out,
                                modellab_error *err)
{
    mli_sqlite *s = (mli_sqlite *)store;
    const modellab_allocator *alloc = store->has_alloc ? &store->alloc : NULL;
    mli_run_record *record = mli_alloc_zero(alloc, sizeof *record);
    modellab_status status;

    if (record == NULL) {
        return mli_no_memory(err);
    }
    record->alloc = alloc;
    status = mli_sqlite_enter(s, err);
    if (status == MODELLAB_OK) {
        status = mli_sqlite_begin(s, false, err);
        if (status == MODELLAB_OK) {
            status = mli_sqlite_end(s, load_inside(s, run_id, record, err), err);
        }
        mli_sqlite_leave(s);
    }
    if (status != MODELLAB_OK) {
        mli_run_record_free(record);
        return status;
    }
    *out = record;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status read_events(mli_sqlite *s, int64_t after, int32_t limit,
                                                       mli_event_row_list *list,
                                                       modellab_error *err)
{
    static const size_t texts[] = {offsetof(mli_event_row, type), offsetof(mli_event_row, step),
                                   offsetof(mli_event_row, data)};
    mli_query q = mli_query_open(s, MLI_SQL_EVENT_LIST);
    size_t capacity = 0;
    mli_buf block;
    modellab_status status;

    mli_buf_init(&block, list->alloc);
    mli_query_text(&q, list->run_id);
    mli_query_int(&q, after);
    mli_query_int(&q, limit);
    while (mli_query_row(&q)) {
        mli_event_row *grown =
            mli_query_room(&q, list->alloc, list->rows, list->count, &capacity, sizeof *grown);
        mli_event_row *event;

        if (grown == NULL) {
            break;
        }
        list->rows = grown;
        event = &grown[list->count++];
        event->number = sqlite3_column_int64(q.statement, 0);
        event->time_ms = sqlite3_column_int64(q.statement, 1);
        event->type = mli_query_keep(&q, 2, &block);
        event->step = mli_query_keep(&q, 3, &block);
        event->data = mli_query_keep(&q, 4, &block);
    }
    status = mli_query_close(&q, err);
    if (status == MODELLAB_OK) {
        list->text = mli_query_resolve_all(&block, list->rows, list->count, sizeof *list->rows,
                                           texts, sizeof texts / sizeof *texts);
    }
    mli_buf_dispose(&block);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status events_inside(mli_sqlite *s, const char *run_id,
                                                         int64_t after, int32_t limit,
                                                         mli_event_row_list *list,
                                                         modellab_error *err)
{
    mli_run_row *row = NULL;
    modellab_status status = mli_sqlite_load_row(s, run_id, &row, err);

    if (status != MODELLAB_OK) {
        return status;
    }
    list->run_id = mli_strdup(list->alloc, row->id);
    list->request_id = mli_strdup(list->alloc, row->request_id);
    list->trace_id = mli_strdup(list->alloc, row->trace_id);
    mli_run_row_free(list->alloc, row);
    if (list->run_id == NULL || list->request_id == NULL || list->trace_id == NULL) {
        return mli_no_memory(err);
    }
    return read_events(s, after, limit, list, err);
}

modellab_status mli_sqlite_events(mli_store *store, const char *run_id, int64_t after,
                                  int32_t limit, mli_event_row_list **out, modellab_error *err)
{
    mli_sqlite *s = (mli_sqlite *)store;
    const modellab_allocator *alloc = store->has_alloc ? &store->alloc : NULL;
    mli_event_row_list *list = mli_alloc_zero(alloc, sizeof *list);
    modellab_status status;

    if (list == NULL) {
        return mli_no_memory(err);
    }
    list->alloc = alloc;
    status = mli_sqlite_enter(s, err);
    if (status == MODELLAB_OK) {
        status = events_inside(s, run_id, after, limit, list, err);
        mli_sqlite_leave(s);
    }
    if (status != MODELLAB_OK) {
        mli_event_row_list_free(list);
        return status;
    }
    *out = list;
    return MODELLAB_OK;
}
