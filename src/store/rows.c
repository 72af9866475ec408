/* Rows of the store: defaults and release. */
#include "store/rows.h"

#include "base/alloc.h"
#include "store/columns.h"
#include "store/queue.h"
#include <string.h>

void mli_run_row_init(mli_run_row *row)
{
    memset(row, 0, sizeof *row);
#define EMPTY(column) row->column = "";
    MLI_RUN_TEXT_COLUMNS(EMPTY)
#undef EMPTY
    row->request_json = "{}";
    row->labels_json = "{}";
    row->status = MODELLAB_RUN_QUEUED;
    row->priority = 10;
    row->max_attempts = 1;
    row->created_ms = row->started_ms = row->ended_ms = -1;
    row->cancel_requested_ms = -1;
    row->peak_memory_bytes = row->api_calls = row->cost_micros = -1;
    row->estimated_cost_micros = row->expected_ms = -1;
    row->audio_seconds = row->progress_seconds = -1;
    row->cpu_seconds = row->gpu_seconds = row->estimated_cpu_seconds = -1;
}

double mli_step_cpu_seconds(const mli_step_row *step)
{
    double last = step->cpu_seconds > 0 ? step->cpu_seconds : 0;
    return step->earlier_cpu_seconds > 0 ? step->earlier_cpu_seconds + last : step->cpu_seconds;
}

void mli_run_row_free(const modellab_allocator *alloc, mli_run_row *row)
{
    mli_free(alloc, row); /* its strings are in the same block */
}

void mli_run_row_list_free(mli_run_row_list *list)
{
    if (list != NULL) {
        for (size_t i = 0; i < list->count; i++) {
            mli_run_row_free(list->alloc, list->rows[i]);
        }
        mli_free(list->alloc, list->rows);
        mli_free(list->alloc, list);
    }
}

void mli_event_row_list_free(mli_event_row_list *list)
{
    if (list != NULL) {
        mli_free(list->alloc, list->rows);
        mli_free(list->alloc, list->run_id);
        mli_free(list->alloc, list->request_id);
        mli_free(list->alloc, list->trace_id);
        mli_free(list->alloc, list->text);
        mli_free(list->alloc, list);
    }
}

void mli_run_record_free(mli_run_record *record)
{
    if (record != NULL) {
        mli_run_row_free(record->alloc, record->run);
        mli_free(record->alloc, record->steps);
        mli_free(record->alloc, record->artifacts);
        mli_free(record->alloc, record->step_text);
        mli_free(record->alloc, record->artifact_text);
        mli_free(record->alloc, record);
    }
}

void mli_run_record_list_free(mli_run_record_list *list)
{
    if (list != NULL) {
        for (size_t i = 0; i < list->count; i++) {
            mli_run_record_free(list->records[i]);
        }
        mli_free(list->alloc, list->records);
        mli_free(list->alloc, list);
    }
}

void mli_total_list_free(mli_total_list *list)
{
    if (list != NULL) {
        mli_free(list->alloc, list->rows);
        mli_free(list->alloc, list->text);
        mli_free(list->alloc, list);
    }
}

void mli_cap_list_free(mli_cap_list *list)
{
    if (list != NULL) {
        mli_free(list->alloc, list->rows);
        mli_free(list->alloc, list->text);
        mli_free(list->alloc, list);
    }
}

void mli_queue_view_free(mli_queue_view *view)
{
    if (view != NULL) {
        mli_free(view->alloc, view->runs);
        mli_free(view->alloc, view->users);
        mli_free(view->alloc, view->running);
        mli_free(view->alloc, view);
    }
}
