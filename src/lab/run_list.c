/* Lists of runs in pages: the order, and the cursor that goes on behind the last run of a page also
 * where others have the same value. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "lab/snapshot.h"
#include "os/locale.h"
#include <string.h>

static const struct {
    const char *name;
    mli_sort sort;
} sorts[] = {{"created", MLI_SORT_CREATED},    {"started", MLI_SORT_STARTED},
             {"ended", MLI_SORT_ENDED},        {"duration", MLI_SORT_DURATION},
             {"cost", MLI_SORT_COST},          {"priority", MLI_SORT_PRIORITY},
             {"audio_seconds", MLI_SORT_AUDIO}};

MODELLAB_MUST_CHECK static modellab_status read_sort(const char *name, mli_store_filter *filter,
                                                     modellab_error *err)
{
    filter->down = name[0] == '-';
    for (size_t i = 0; i < sizeof sorts / sizeof *sorts; i++) {
        if (strcmp(name + filter->down, sorts[i].name) == 0) {
            filter->sort = sorts[i].sort;
            return MODELLAB_OK;
        }
    }
    return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                    "sort is created, started, ended, duration, cost, priority or audio_seconds, "
                    "with - before it for the greatest first");
}

static char letter_of(const mli_store_filter *filter)
{
    char first =
        filter->sort == MLI_SORT_NEWEST ? 'a' + MLI_SORT_CREATED : 'a' + (char)filter->sort;
    bool down = filter->sort == MLI_SORT_NEWEST || filter->down;

    return down ? (char)(first - 'a' + 'A') : first;
}

/* "<order><value>.<id>": the order as a letter, upper case for downwards. */
MODELLAB_MUST_CHECK static modellab_status read_cursor(const char *cursor, mli_store_filter *filter,
                                                       char before_id[MLI_ULID_BYTES],
                                                       modellab_error *err)
{
    const char *dot = strchr(cursor, '.');
    char digits[24];
    size_t bytes = dot != NULL ? (size_t)(dot - cursor) : 0;

    if (bytes >= 2 && bytes <= sizeof digits && cursor[0] == letter_of(filter) &&
        mli_ulid_valid(dot + 1)) {
        memcpy(digits, cursor + 1, bytes - 1);
        digits[bytes - 1] = '\0';
        if (mli_parse_i64(digits, INT64_MIN, INT64_MAX, &filter->after_value)) {
            memcpy(before_id, dot + 1, MLI_ULID_BYTES);
            filter->before_id = before_id;
            return MODELLAB_OK;
        }
    }
    return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the cursor is none of a list in this order");
}

modellab_status mli_run_list_order(const char *sort, const char *cursor, mli_store_filter *filter,
                                   char before_id[MLI_ULID_BYTES], modellab_error *err)
{
    modellab_status status = MODELLAB_OK;

    filter->sort = MLI_SORT_NEWEST;
    if (sort != NULL && sort[0] != '\0') {
        status = read_sort(sort, filter, err);
    }
    return status == MODELLAB_OK && cursor != NULL && cursor[0] != '\0'
               ? read_cursor(cursor, filter, before_id, err)
               : status;
}

/* One more than the page tells that there is a next one. */
MODELLAB_MUST_CHECK static modellab_status fill(mli_lab *lab, const mli_store_filter *filter,
                                                modellab_run_list *list, modellab_error *err)
{
    mli_store_filter more = *filter;
    mli_run_record_list *page = NULL;
    modellab_status status;

    more.limit++;
    status = mli_store_list_records(lab->store, &more, &page, err);
    if (status == MODELLAB_OK && page->count > 0) {
        size_t count = page->count > (size_t)filter->limit ? (size_t)filter->limit : page->count;
        const mli_run_row *last = page->records[count - 1]->run;

        if (count < page->count) {
            (void)mli_os_format(list->cursor, sizeof list->cursor, "%c%lld.%s", letter_of(filter),
                                (long long)mli_sort_value(last, filter->sort), last->id);
        }
        list->runs = mli_alloc_array(lab->alloc, count, sizeof *list->runs);
        status = list->runs == NULL ? mli_no_memory(err) : MODELLAB_OK;
        for (size_t i = 0; status == MODELLAB_OK && i < count; i++) {
            mli_run_record *record = page->records[i];

            page->records[i] = NULL;
            status = mli_run_wrap(lab, record, &list->runs[list->count], err);
            list->count += status == MODELLAB_OK;
        }
    }
    mli_run_record_list_free(page);
    return status;
}

modellab_status mli_run_list_load(mli_lab *lab, const mli_store_filter *filter,
                                  modellab_run_list **out, modellab_error *err)
{
    modellab_run_list *list = mli_alloc_zero(lab->alloc, sizeof *list);
    modellab_status status;

    *out = NULL;
    if (list == NULL) {
        return mli_no_memory(err);
    }
    list->lab = mli_lab_ref(lab);
    status = fill(lab, filter, list, err);
    if (status != MODELLAB_OK) {
        mli_run_list_unref(list);
        return status;
    }
    *out = list;
    return MODELLAB_OK;
}

void mli_run_list_unref(modellab_run_list *list)
{
    if (list != NULL) {
        mli_lab *lab = list->lab;

        for (size_t i = 0; i < list->count; i++) {
            mli_run_unref(list->runs[i]);
        }
        mli_free(lab->alloc, list->runs);
        mli_free(lab->alloc, list);
        mli_lab_unref(lab);
    }
}
