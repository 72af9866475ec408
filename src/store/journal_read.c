/* Reading the journal, also while it grows. A last line without its newline is a line in the making
 * (or torn by a crash) and is left for the next look; damage elsewhere is counted and skipped. */
#include "base/error.h"
#include "base/hash.h"
#include "base/str.h"
#include "store/journal.h"
#include <errno.h>
#include <string.h>

#define READ_BYTES ((size_t)32 * 1024)
/* No line is shorter: what claims a number that so many bytes cannot hold never was that line. */
#define LEAST_LINE_BYTES 32

void mli_journal_tail_init(mli_journal_tail *tail)
{
    tail->next_n = 1;
    memset(tail->chain, '0', 64);
    tail->chain[64] = '\0';
}

void mli_journal_chain(char chain[65], const char *line, size_t bytes)
{
    mli_sha256 hash;

    mli_sha256_init(&hash);
    mli_sha256_update(&hash, chain, 64);
    mli_sha256_update(&hash, line, bytes);
    mli_sha256_hex(&hash, chain);
}

void mli_journal_reader_init(mli_journal_reader *r, const modellab_allocator *alloc,
                             const mli_os_files *files, int fd)
{
    *r = (mli_journal_reader){
        .files = files, .fd = fd, .damaged_at = -1, .broken_at = -1, .last_fence = -1};
    memset(r->chain, '0', 64);
    mli_buf_init(&r->chunk, alloc);
}

void mli_journal_reader_dispose(mli_journal_reader *r)
{
    mli_json_free(r->json);
    r->json = NULL;
    mli_buf_dispose(&r->chunk);
}

/* Reads more bytes behind those that are held. *got 0 at the present end. */
MODELLAB_MUST_CHECK static modellab_status read_more(mli_journal_reader *r, size_t *got,
                                                     modellab_error *err)
{
    void *room;
    int64_t bytes;

    if (r->chunk_used > 0) { /* forget what was consumed */
        memmove(r->chunk.data, r->chunk.data + r->chunk_used, r->chunk.size - r->chunk_used);
        r->chunk.size -= r->chunk_used;
        r->chunk_used = 0;
    }
    room = mli_buf_extend(&r->chunk, READ_BYTES);
    if (room == NULL) {
        modellab_status status = mli_buf_status(&r->chunk, err);

        r->chunk.status = MODELLAB_OK; /* the bytes held are still good */
        return status;
    }
    bytes = r->files->pread(r->files->user, r->fd, room, READ_BYTES,
                            r->offset + (int64_t)(r->chunk.size - READ_BYTES));
    r->chunk.size -= READ_BYTES - (bytes > 0 ? (size_t)bytes : 0);
    if (bytes < 0) {
        return mli_fail_os(err, (int)-bytes, "cannot read the journal");
    }
    *got = (size_t)bytes;
    return MODELLAB_OK;
}

/* The JSON part of a whole line whose checksum is right; 0 when it is not. */
static size_t checked_bytes(const char *line, size_t bytes)
{
    unsigned char sum[4];
    uint32_t expected;

    if (bytes < 11 || line[bytes - 9] != '\t' || !mli_unhex(line + bytes - 8, 8, sum)) {
        return 0;
    }
    expected = ((uint32_t)sum[0] << 24) | ((uint32_t)sum[1] << 16) | ((uint32_t)sum[2] << 8) |
               (uint32_t)sum[3];
    return mli_crc32c(0, line, bytes - 9) == expected ? bytes - 9 : 0;
}

static void note_damage(mli_journal_reader *r, int64_t offset)
{
    r->damaged++;
    if (r->damaged_at < 0) {
        r->damaged_at = offset;
    }
}

/* Whether a line says that it follows what was read so far; lines of old journals say nothing. */
static void check_chain(mli_journal_reader *r, const mli_json *object, int64_t offset)
{
    const char *prev = mli_json_string(mli_json_get(object, "prev"), NULL);

    if (prev != NULL && (strlen(prev) != MLI_JOURNAL_PREV_DIGITS ||
                         memcmp(prev, r->chain, MLI_JOURNAL_PREV_DIGITS) != 0)) {
        r->breaks++;
        r->broken_at = r->broken_at < 0 ? offset : r->broken_at;
    }
}

/* Takes a whole line apart. *good false: damaged or seen before. */
MODELLAB_MUST_CHECK static modellab_status take_line(mli_journal_reader *r, const char *line,
                                                     size_t bytes, int64_t offset,
                                                     mli_journal_line *out, bool *good,
                                                     modellab_error *err)
{
    size_t json_bytes = checked_bytes(line, bytes);
    modellab_status status = MODELLAB_E_INVALID_JSON;

    *good = false;
    if (json_bytes > 0) {
        status = mli_json_parse(line, json_bytes, MLI_JOURNAL_LINE_BYTES, &r->json, err);
    }
    if (status == MODELLAB_E_NO_MEMORY) {
        return status;
    }
    if (status != MODELLAB_OK) {
        mli_error_clear(err);
        note_damage(r, offset);
        return MODELLAB_OK;
    }
    check_chain(r, r->json, offset);
    out->object = r->json;
    out->n = mli_json_int(mli_json_get(r->json, "n"), -1);
    out->time_ms = mli_json_int(mli_json_get(r->json, "t"), -1);
    out->fence = mli_json_int(mli_json_get(r->json, "fence"), -1);
    out->type = mli_json_string(mli_json_get(r->json, "type"), "");
    if (out->n < 1 || out->n > offset / LEAST_LINE_BYTES + 1) {
        note_damage(r, offset);
        return MODELLAB_OK;
    }
    if (out->fence < r->last_fence || (r->most_fence > 0 && out->fence > r->most_fence)) {
        r->stale++;
        return MODELLAB_OK;
    }
    /* A new attempt counts on from what it found; a stale one may have written since. */
    bool newer = out->fence > r->last_fence && r->last_fence >= 0;
    if (out->n <= r->last_n && !newer) {
        return MODELLAB_OK;
    }
    if (newer ? out->n > r->last_n + 1 : out->n != r->last_n + 1) {
        note_damage(r, offset); /* a gap: lines are lost, what follows is still true */
    }
    r->last_n = out->n;
    r->last_fence = out->fence;
    *good = true;
    return MODELLAB_OK;
}

/* A line in the making is read anew: its bytes may have been cut off meanwhile. */
static void forget_unfinished(mli_journal_reader *r)
{
    size_t held = r->chunk.size - r->chunk_used;

    if (held > 0 && memchr(r->chunk.data + r->chunk_used, '\n', held) == NULL) {
        r->chunk.size = r->chunk_used;
    }
}

modellab_status mli_journal_next(mli_journal_reader *r, mli_journal_line *out, bool *found,
                                 modellab_error *err)
{
    modellab_status status = MODELLAB_OK;

    *found = false;
    mli_json_free(r->json);
    r->json = NULL;
    forget_unfinished(r);
    r->paused = false;
    while (status == MODELLAB_OK && !*found) {
        if (r->pause_at > 0 && r->offset >= r->pause_at) {
            r->paused = true;
            return MODELLAB_OK;
        }
        size_t held = r->chunk.size - r->chunk_used, got = 0;
        const char *start = held == 0 ? NULL : r->chunk.data + r->chunk_used;
        const char *end = held == 0 ? NULL : memchr(start, '\n', held);

        if (end != NULL) {
            size_t bytes = (size_t)(end - start);
            int64_t offset = r->offset;

            mli_json_free(r->json);
            r->json = NULL;
            status = take_line(r, start, bytes, offset, out, found, err);
            if (status == MODELLAB_OK) {
                mli_journal_chain(r->chain, start, bytes);
                r->offset += (int64_t)bytes + 1;
                r->chunk_used += bytes + 1;
            }
            continue;
        }
        r->torn_bytes = (int64_t)held;
        if (held > MLI_JOURNAL_LINE_BYTES) {
            return mli_fail_at(err, MODELLAB_E_STORE_CORRUPT, r->offset,
                               "the journal holds a line without end");
        }
        status = read_more(r, &got, err);
        if (status == MODELLAB_OK && got == 0) {
            return MODELLAB_OK;
        }
    }
    return status;
}

/* Reads all lines, then cuts what is behind the last whole one. */
MODELLAB_MUST_CHECK static modellab_status scan_and_cut(mli_journal_reader *r, modellab_error *err)
{
    mli_journal_line line;
    bool found = true;
    modellab_status status = MODELLAB_OK;
    int rc;

    while (status == MODELLAB_OK && found) {
        status = mli_journal_next(r, &line, &found, err);
    }
    if (status == MODELLAB_E_STORE_CORRUPT) {
        mli_error_clear(err); /* an endless line is a torn tail of its own kind */
        status = MODELLAB_OK;
    }
    if (status == MODELLAB_OK && r->torn_bytes > 0) {
        rc = r->files->truncate(r->files->user, r->fd, r->offset);
        rc = rc == 0 ? r->files->sync(r->files->user, r->fd) : rc;
        status = rc == 0 ? status : mli_fail_os(err, -rc, "cannot repair the journal");
    }
    return status;
}

modellab_status mli_journal_prepare(const mli_os_files *files, const char *path, int64_t fence,
                                    const modellab_allocator *alloc, mli_journal_tail *tail,
                                    modellab_error *err)
{
    mli_journal_reader r;
    modellab_status status;
    int fd = files->open(files->user, path, MLI_OS_READ | MLI_OS_WRITE | MLI_OS_NOFOLLOW, 0);
    int rc;

    mli_journal_tail_init(tail);
    if (fd == -ENOENT) {
        return MODELLAB_OK;
    }
    if (fd < 0) {
        return mli_fail_os(err, -fd, "cannot open the journal");
    }
    mli_journal_reader_init(&r, alloc, files, fd);
    r.most_fence = fence;
    status = scan_and_cut(&r, err);
    tail->next_n = r.last_n + 1;
    memcpy(tail->chain, r.chain, sizeof tail->chain);
    mli_journal_reader_dispose(&r);
    rc = files->close(files->user, fd);
    return status == MODELLAB_OK && rc != 0 ? mli_fail_os(err, -rc, "cannot close the journal")
                                            : status;
}
