/* The lines of one log file: whole ones alone, what is no JSON object is passed over and counted. A
 * worker wrote them, so nothing of them is believed. */
#include "base/alloc.h"
#include "base/error.h"
#include "lab/log_read.h"
#include "log/line.h"
#include <errno.h>
#include <string.h>

#define BLOCK_BYTES ((size_t)128 * 1024)
#define LINE_MOST ((size_t)64 * 1024)

typedef struct reading {
    mli_log_page *page;
    bool skipping; /* the line that begins at page->position is too long; look for its end */
} reading;

static modellab_log_level level_of(const char *name)
{
    static const modellab_log_level levels[] = {MODELLAB_LOG_TRACE, MODELLAB_LOG_DEBUG,
                                                MODELLAB_LOG_INFO,  MODELLAB_LOG_WARN,
                                                MODELLAB_LOG_ERROR, MODELLAB_LOG_FATAL};

    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        if (strcmp(name, mli_log_level_name(levels[i])) == 0) {
            return levels[i];
        }
    }
    return 0;
}

static bool fits(const mli_log_wanted *wanted, const mli_json *line)
{
    return level_of(mli_json_string(mli_json_get(line, "level"), "")) >= wanted->level &&
           (wanted->request_id == NULL ||
            strcmp(mli_json_string(mli_json_get(line, "request_id"), ""), wanted->request_id) == 0);
}

MODELLAB_MUST_CHECK static modellab_status take(mli_log_page *page, const char *text, size_t bytes,
                                                modellab_error *err)
{
    mli_json *line = NULL;
    modellab_status status =
        bytes > LINE_MOST ? MODELLAB_E_LIMIT : mli_json_parse(text, bytes, LINE_MOST, &line, NULL);

    if (status == MODELLAB_E_NO_MEMORY) {
        return mli_no_memory(err);
    }
    if (status != MODELLAB_OK || mli_json_typeof(line) != MLI_JSON_OBJECT) {
        page->damaged++;
    } else if (fits(page->wanted, line)) {
        mli_jw_raw(&page->w, text, bytes);
        page->count++;
    }
    mli_json_free(line);
    return mli_buf_status(page->w.out, err);
}

/* Takes the whole lines of a block that stands at page->position, and moves that behind them. */
MODELLAB_MUST_CHECK static modellab_status take_block(reading *r, const char *block, size_t bytes,
                                                      modellab_error *err)
{
    mli_log_page *page = r->page;
    size_t at = 0;
    modellab_status status = MODELLAB_OK;

    while (status == MODELLAB_OK && at < bytes) {
        const char *end = memchr(block + at, '\n', bytes - at);

        if (end == NULL) {
            break;
        }
        if (page->count == page->wanted->limit) {
            page->more = true;
            break;
        }
        status = take(page, block + at, (size_t)(end - block) - at, err);
        at = (size_t)(end - block) + 1;
    }
    page->position += (int64_t)at;
    r->skipping = at == 0 && !page->more && bytes == BLOCK_BYTES;
    return status;
}

/* The end of a line that is longer than a block: it counts as damaged when it is there. One that is
 * longer than what a page may read goes on in the next page, which begins inside it. */
MODELLAB_MUST_CHECK static modellab_status skip_line(const mli_os_files *f, int fd, char *block,
                                                     reading *r, modellab_error *err)
{
    mli_log_page *page = r->page;
    int64_t at = page->position;

    for (;;) {
        if (page->left <= 0) {
            page->position = at;
            page->inside = true;
            return MODELLAB_OK;
        }
        int64_t n = f->pread(f->user, fd, block, BLOCK_BYTES, at);
        const char *end = n > 0 ? memchr(block, '\n', (size_t)n) : NULL;

        if (n < 0) {
            return mli_fail_os(err, (int)-n, "cannot read the log");
        }
        if (n == 0) { /* still being written */
            page->position = page->inside ? at : page->position;
            return MODELLAB_OK;
        }
        if (mli_cancelled(page->wanted->cancel)) {
            return mli_fail(err, MODELLAB_E_CANCELLED, "the reading was cancelled");
        }
        page->left -= n;
        if (end != NULL) {
            page->position = at + (end - block) + 1;
            page->damaged++;
            page->inside = r->skipping = false;
            return MODELLAB_OK;
        }
        at += n;
    }
}

MODELLAB_MUST_CHECK static modellab_status
check_start(const mli_os_files *f, int fd, int64_t position, bool inside, modellab_error *err)
{
    char before = '\n';
    int64_t n = position > 0 ? f->pread(f->user, fd, &before, 1, position - 1) : 1;

    if (n < 0) {
        return mli_fail_os(err, (int)-n, "cannot read the log");
    }
    return n == 1 && (inside || before == '\n')
               ? MODELLAB_OK
               : mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the cursor is none of this log");
}

MODELLAB_MUST_CHECK static modellab_status read_lines(const mli_os_files *f, int fd, char *block,
                                                      mli_log_page *page, modellab_error *err)
{
    reading r = {.page = page};
    modellab_status status = check_start(f, fd, page->position, page->inside, err);

    if (status == MODELLAB_OK && page->inside) {
        status = skip_line(f, fd, block, &r, err);
    }
    page->more |= page->left <= 0;
    while (status == MODELLAB_OK && !page->more && !page->inside) {
        int64_t before = page->position;
        int64_t n = f->pread(f->user, fd, block, BLOCK_BYTES, before);

        if (n < 0) {
            return mli_fail_os(err, (int)-n, "cannot read the log");
        }
        if (mli_cancelled(page->wanted->cancel)) {
            return mli_fail(err, MODELLAB_E_CANCELLED, "the reading was cancelled");
        }
        status = take_block(&r, block, (size_t)n, err);
        page->left -= n;
        if (status == MODELLAB_OK && r.skipping) {
            status = skip_line(f, fd, block, &r, err);
        }
        /* the end, or a line that is still being written; not one that the page may read no more of
         */
        if (page->position == before && !page->inside) {
            break;
        }
        page->more |= page->left <= 0;
    }
    return status;
}

modellab_status mli_log_lines(mli_lab *lab, const char *run_id, mli_log_page *page,
                              modellab_error *err)
{
    const mli_os_files *f = lab->os.files;
    char path[MLI_PATH_BYTES];
    modellab_status status = mli_run_path(lab->root, run_id, MLI_RUN_LOG, path, err);
    char *block;
    int fd;

    if (status != MODELLAB_OK) {
        return status;
    }
    fd = f->open(f->user, path, MLI_OS_READ | MLI_OS_NOFOLLOW | MLI_OS_NONBLOCK, 0);
    if (fd == -ENOENT) { /* it has not begun */
        return page->position == 0
                   ? MODELLAB_OK
                   : mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the cursor is none of this log");
    }
    if (fd < 0) {
        return mli_fail_os(err, -fd, "the run's log cannot be opened");
    }
    block = mli_alloc(lab->alloc, BLOCK_BYTES);
    status = block == NULL ? mli_no_memory(err) : read_lines(f, fd, block, page, err);
    mli_free(lab->alloc, block);
    (void)f->close(f->user, fd); /* only read */
    return status;
}
