/* Writing the journal: a line is complete on the way to the kernel in one write(), and on the disk
 * when a step ends. */
#include "base/error.h"
#include "base/hash.h"
#include "os/locale.h"
#include "store/journal.h"

void mli_journal_writer_init(mli_journal_writer *w, const modellab_allocator *alloc,
                             const mli_os_files *files, const mli_os_clock *clock, int fd,
                             int64_t fence, const mli_journal_tail *tail)
{
    *w = (mli_journal_writer){
        .files = files, .clock = clock, .fd = fd, .fence = fence, .tail = *tail};
    mli_buf_init(&w->line, alloc);
}

void mli_journal_writer_dispose(mli_journal_writer *w)
{
    mli_buf_dispose(&w->line);
}

mli_jw *mli_journal_begin(mli_journal_writer *w, const char *type)
{
    mli_buf_clear(&w->line);
    mli_jw_init(&w->json, &w->line);
    mli_jw_object(&w->json);
    mli_jw_kint(&w->json, "n", w->tail.next_n);
    mli_jw_key(&w->json, "prev");
    mli_jw_string_n(&w->json, w->tail.chain, MLI_JOURNAL_PREV_DIGITS);
    mli_jw_kint(&w->json, "t", w->clock->realtime_ns(w->clock->user) / 1000000);
    mli_jw_kstring(&w->json, "type", type);
    mli_jw_kint(&w->json, "fence", w->fence);
    return &w->json;
}

modellab_status mli_journal_end(mli_journal_writer *w, bool sync, modellab_error *err)
{
    char checksum[16];
    modellab_status status;
    int rc;

    if (w->failed) { /* for the same reason as then: a full disk is told as such */
        return w->os_error != 0 ? mli_fail_os(err, w->os_error, "cannot write the journal")
                                : mli_fail(err, MODELLAB_E_IO, "the journal failed before");
    }
    mli_jw_end_object(&w->json);
    status = mli_buf_status(&w->line, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    if (w->line.size + 10 > MLI_JOURNAL_LINE_BYTES) {
        return mli_fail(err, MODELLAB_E_LIMIT, "a journal line is too long");
    }
    (void)mli_os_format(checksum, sizeof checksum, "\t%08x\n",
                        (unsigned)mli_crc32c(0, w->line.data, w->line.size)); /* always fits */
    mli_buf_append_text(&w->line, checksum);
    status = mli_buf_status(&w->line, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    rc = mli_os_write_all(w->files, w->fd, w->line.data, w->line.size);
    if (rc == 0 && sync) {
        rc = w->files->sync_data(w->files->user, w->fd);
    }
    if (rc != 0) {
        w->failed = true;
        w->os_error = -rc;
        return mli_fail_os(err, -rc, "cannot write the journal");
    }
    w->tail.next_n++;
    mli_journal_chain(w->tail.chain, w->line.data, w->line.size - 1);
    return MODELLAB_OK;
}
