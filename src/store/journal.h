/* journal.jsonl: how steps, artifacts and outcome of a run reach the store. A line is a JSON
 * object, a tab, the crc32c of the object's bytes in 8 hex digits, and a newline:
 *   {"n":1,"prev":"0000000000000000","t":1700000000000,"type":"step_started",...}\t1c291ca3
 * n counts 1, 2, 3 ... over all attempts. The lines are a chain: its value after a line is the
 * sha256 over the value before it (64 hex digits, at first zeros) and the line without its newline,
 * and `prev` is the beginning of the value before the line. Types: step_started, progress,
 * checkpoint, step_resumed, step_done, artifact, measures, outcome. Once a line of a newer fence is
 * there, lines of older ones are an attempt's that was taken for dead: they are passed over. The
 * writer is the worker (it got the descriptor), the reader the ingest. */
#ifndef MLI_STORE_JOURNAL_H
#define MLI_STORE_JOURNAL_H

#include "base/json.h"
#include "os/clock.h"
#include "os/file.h"

#define MLI_JOURNAL_LINE_BYTES                                                                     \
    (256u * 1024u) /* longer lines are refused and are damage when read */

#define MLI_JOURNAL_PREV_DIGITS 16u

/* Where a journal ends. */
typedef struct mli_journal_tail {
    int64_t next_n;
    char chain[65]; /* its value; zeros for an empty journal */
} mli_journal_tail;

/* Of a journal without lines. */
void mli_journal_tail_init(mli_journal_tail *tail);
/* The chain's value after one more line (without its newline). */
void mli_journal_chain(char chain[65], const char *line, size_t bytes);

/* Confined to one thread at a time. */
typedef struct mli_journal_writer {
    const mli_os_files *files;
    const mli_os_clock *clock;
    int fd; /* borrowed, opened for append */
    int64_t fence;
    mli_journal_tail tail;
    mli_buf line;
    mli_jw json;
    bool failed;  /* after a failed write or sync every call fails: the tail may be torn */
    int os_error; /* of the write that failed; 0 = none did */
} mli_journal_writer;

void mli_journal_writer_init(mli_journal_writer *w, const modellab_allocator *alloc,
                             const mli_os_files *files, const mli_os_clock *clock, int fd,
                             int64_t fence, const mli_journal_tail *tail);
void mli_journal_writer_dispose(mli_journal_writer *w); /* does not close fd */
/* Begins a line with n, t, type and fence; add members through the returned writer. */
mli_jw *mli_journal_begin(mli_journal_writer *w, const char *type);
/* Writes the line (one write() as a rule); `sync` waits for the disk (step ends, artifacts,
 * outcome). */
MODELLAB_MUST_CHECK modellab_status mli_journal_end(mli_journal_writer *w, bool sync,
                                                    modellab_error *err);

/* A good line. Borrowed from the reader until the next call. */
typedef struct mli_journal_line {
    int64_t n, time_ms, fence;
    const char *type;
    const mli_json *object;
} mli_journal_line;

typedef struct mli_journal_reader {
    const mli_os_files *files;
    int fd;             /* borrowed, opened for reading */
    int64_t offset;     /* of the first byte not consumed: end of the last whole line */
    int64_t last_n;     /* of the last good line */
    int64_t last_fence; /* of the last good line */
    int64_t most_fence; /* greatest that is believed; set after init, 0 = any */
    int64_t stale;      /* lines of an older attempt behind those of a newer one, so far */
    int64_t damaged;    /* whole lines with a wrong checksum or not JSON, or a gap in n, so far */
    int64_t damaged_at; /* offset of the first of them, -1 */
    int64_t breaks;     /* lines that do not follow the one before them (their `prev`) */
    int64_t broken_at;  /* offset of the first of them, -1 */
    char chain[65];     /* value after the lines consumed, also over damaged ones */
    int64_t pause_at;   /* offset from which on nothing more is read in this turn, 0 = none */
    bool paused;        /* the last look ended there, not at the journal's end */
    int64_t torn_bytes; /* bytes behind the last newline at the last look (a line in the making, or
                           torn) */
    mli_buf chunk;
    size_t chunk_used;
    mli_json *json;
} mli_journal_reader;

void mli_journal_reader_init(mli_journal_reader *r, const modellab_allocator *alloc,
                             const mli_os_files *files, int fd);
void mli_journal_reader_dispose(mli_journal_reader *r);
/* Next good line; *found false at the present end (call again when the file has grown), or where
 * the turn ends (`paused`). Damaged
 * lines are counted and skipped; stale ones and those that were seen before (n not above last_n)
 * likewise. E_IO, E_NO_MEMORY. */
MODELLAB_MUST_CHECK modellab_status mli_journal_next(mli_journal_reader *r, mli_journal_line *out,
                                                     bool *found, modellab_error *err);
/* Before the attempt of this fence, with the run's lock held: cuts a torn tail off, tells where to
 * go on. Lines of a greater fence are nobody's, as for the ingest of the attempt. */
MODELLAB_MUST_CHECK modellab_status mli_journal_prepare(const mli_os_files *files, const char *path,
                                                        int64_t fence,
                                                        const modellab_allocator *alloc,
                                                        mli_journal_tail *tail,
                                                        modellab_error *err);
#endif
