/* Pages of log lines: of one run, and of all runs of a request id, one behind the other. */
#include "lab/log_read.h"

#include "base/error.h"
#include "base/str.h"
#include "os/locale.h"
#include <string.h>

#define PAGE_READS_MOST ((int64_t)32 * 1024 * 1024)
#define RUNS_A_LOOK 100
#define INSIDE "i"

/* A position, with a letter before it when it is inside a line that is too long for a page. */
static bool read_position(const char *text, mli_log_page *page)
{
    page->inside = text[0] == *INSIDE;
    return mli_parse_i64(text + page->inside, 0, INT64_MAX / 2, &page->position);
}

static void write_position(const mli_log_page *page, char out[24])
{
    (void)mli_os_format(out, 24, "%s%lld", page->inside ? INSIDE : "", (long long)page->position);
}

MODELLAB_MUST_CHECK static modellab_status bad_cursor(modellab_error *err)
{
    return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the cursor is none of this log");
}

static void begin(mli_log_page *page, const mli_log_wanted *wanted, mli_buf *out)
{
    *page = (mli_log_page){.wanted = wanted, .left = PAGE_READS_MOST};
    mli_jw_init(&page->w, out);
    mli_jw_object(&page->w);
    mli_jw_key(&page->w, "items");
    mli_jw_array(&page->w);
}

MODELLAB_MUST_CHECK static modellab_status end(mli_log_page *page, const char *cursor,
                                               modellab_error *err)
{
    mli_jw_end_array(&page->w);
    mli_jw_kstring(&page->w, "next_cursor", cursor);
    mli_jw_kbool(&page->w, "more", page->more);
    mli_jw_kint(&page->w, "damaged", page->damaged);
    mli_jw_end_object(&page->w);
    return mli_buf_status(page->w.out, err);
}

modellab_status mli_run_log_page(mli_lab *lab, const char *run_id, const mli_log_wanted *wanted,
                                 mli_buf *out, modellab_error *err)
{
    mli_log_page page;
    modellab_run_status ignored;
    char cursor[24];
    modellab_status status;

    if (!mli_ulid_valid(run_id)) {
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no run of this id");
    }
    status = mli_store_status(lab->store, run_id, &ignored, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    begin(&page, wanted, out);
    if (wanted->cursor != NULL && wanted->cursor[0] != '\0' &&
        !read_position(wanted->cursor, &page)) {
        return bad_cursor(err);
    }
    status = mli_log_lines(lab, run_id, &page, err);
    write_position(&page, cursor);
    return status == MODELLAB_OK ? end(&page, cursor, err) : status;
}

/* Where a page over several runs goes on: "RUN_ID.POSITION"; the run and those behind it follow. */
typedef struct place {
    char run_id[MLI_ULID_BYTES];
    int64_t position;
    bool inside;
} place;

static bool read_place(const char *cursor, place *out)
{
    mli_log_page at = {.position = 0};

    *out = (place){.run_id = ""};
    if (cursor == NULL || cursor[0] == '\0') {
        return true;
    }
    if (strlen(cursor) < MLI_ULID_BYTES || cursor[MLI_ULID_BYTES - 1] != '.') {
        return false;
    }
    memcpy(out->run_id, cursor, MLI_ULID_BYTES - 1);
    out->run_id[MLI_ULID_BYTES - 1] = '\0';
    if (!mli_ulid_valid(out->run_id) || !read_position(cursor + MLI_ULID_BYTES, &at)) {
        return false;
    }
    out->position = at.position;
    out->inside = at.inside;
    return true;
}

/* The runs from `at` on, one after the other; `at` ends where the next page begins. */
MODELLAB_MUST_CHECK static modellab_status walk(mli_lab *lab, const mli_store_filter *filter,
                                                mli_log_page *page, place *at, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    size_t seen = RUNS_A_LOOK;

    while (status == MODELLAB_OK && seen == RUNS_A_LOOK && !page->more) {
        mli_run_row_list *rows = NULL;
        mli_store_filter next = *filter;

        next.from_id = at->run_id; /* with this one: it may have got more lines */
        status = mli_store_list(lab->store, &next, &rows, err);
        seen = status == MODELLAB_OK ? rows->count : 0;
        for (size_t i = 0; i < seen && status == MODELLAB_OK && !page->more; i++) {
            const char *id = rows->rows[i]->id;

            bool again = strcmp(id, at->run_id) == 0;

            page->position = again ? at->position : 0;
            page->inside = again && at->inside;
            status = mli_log_lines(lab, id, page, err);
            memcpy(at->run_id, id, MLI_ULID_BYTES);
            at->position = page->position;
            at->inside = page->inside;
        }
        mli_run_row_list_free(rows);
    }
    return status;
}

modellab_status mli_request_log_page(mli_lab *lab, const char *request_id,
                                     const mli_log_wanted *wanted, mli_buf *out,
                                     modellab_error *err)
{
    const mli_store_filter filter = {.limit = RUNS_A_LOOK,
                                     .user = wanted->user,
                                     .request_id = request_id,
                                     .sort = MLI_SORT_CREATED};
    char cursor[64], position[24];
    mli_log_page page;
    place at;
    modellab_status status;

    if (!mli_request_id_valid(request_id)) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "not a request id");
    }
    if (!read_place(wanted->cursor, &at)) {
        return bad_cursor(err);
    }
    begin(&page, wanted, out);
    status = walk(lab, &filter, &page, &at, err);
    cursor[0] = '\0';
    if (at.run_id[0] != '\0') {
        write_position(&(mli_log_page){.position = at.position, .inside = at.inside}, position);
        (void)mli_os_format(cursor, sizeof cursor, "%s.%s", at.run_id, position);
    }
    return status == MODELLAB_OK ? end(&page, cursor, err) : status;
}
