/* Checkpoints of speech recognition: a journal line for each finished window with its segments and
 * with all that the next window depends on, exact to the bit, so that work which was cut short goes
 * on there and gives the bytes of an uninterrupted run.
 *   {..."type":"checkpoint","step":"asr","key":K,"window":2,"from":5600,"to":8400,"state":{...},
 *    "segments":[...]}
 * and behind step enhance, which moves time, "original": the segments with the times of the input.
 * `key` says of which work it is (step_key.h): windows of other work are never mixed. Numbers with
 * a fraction are the hex digits of their bits. */
#ifndef MLI_LAB_CHECKPOINT_H
#define MLI_LAB_CHECKPOINT_H

#include "speech/asr.h"
#include "store/journal.h"

#define MLI_CHECKPOINT_TYPE "checkpoint"
/* The line of an attempt that goes on from the chain that it found. */
#define MLI_RESUMED_TYPE "step_resumed"
/* Most that a chain keeps in memory: the journals that supervisors accept hold less by default. */
#define MLI_CHECKPOINT_BYTES_MOST ((size_t)256 << 20)

/* Adds the members of the line to a journal line that was begun. */
void mli_checkpoint_write(mli_jw *line, const char *key, size_t window, int64_t from,
                          const mli_asr_mark *mark, const mli_transcript_segment *segments,
                          size_t count);

/* Adds the segments with the times of the input, where they are others. */
void mli_checkpoint_write_original(mli_jw *line, const mli_transcript_segment *segments,
                                   size_t count);

typedef struct mli_checkpoint_window {
    size_t text, text_bytes; /* its line as JSON, in the chain's text */
    int64_t from, to;
} mli_checkpoint_window;

/* The windows of one work from its first on, without gaps. */
typedef struct mli_checkpoint_chain {
    const modellab_allocator *alloc;
    mli_buf text;
    mli_checkpoint_window *windows;
    size_t count, capacity;
    size_t most_bytes; /* MLI_CHECKPOINT_BYTES_MOST */
    char key[65];
    bool is_own; /* an attempt of this run wrote to it or went on from it: not only an offer */
} mli_checkpoint_chain;

void mli_checkpoint_chain_init(mli_checkpoint_chain *chain, const modellab_allocator *alloc);
void mli_checkpoint_chain_dispose(mli_checkpoint_chain *chain);
/* Takes a line of the journal. A first window begins the chain anew (unless it is of the same work:
 * then only windows from its place on are replaced); what does not fit is passed over. Windows of
 * fence 0 are offers of the run that this one repeats, perhaps of other work: see is_own. E_LIMIT.
 */
MODELLAB_MUST_CHECK modellab_status mli_checkpoint_take(mli_checkpoint_chain *chain,
                                                        const mli_journal_line *line,
                                                        modellab_error *err);
/* All lines of an open journal up to those of this fence. A line without end is where it ends. */
MODELLAB_MUST_CHECK modellab_status mli_checkpoint_read(mli_checkpoint_chain *chain,
                                                        const mli_os_files *files, int fd,
                                                        int64_t fence, modellab_error *err);
/* Adds the segments of all windows to a transcript under construction; the second gives those with
 * the times of the input, for whoever does not go on with the prepared audio, of the windows from
 * `first` on. */
MODELLAB_MUST_CHECK modellab_status mli_checkpoint_segments(const mli_checkpoint_chain *chain,
                                                            mli_transcript *to,
                                                            modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_checkpoint_original(const mli_checkpoint_chain *chain,
                                                            size_t first, mli_transcript *to,
                                                            modellab_error *err);
/* What the window after the last one depends on; *history (mli_free) is what it borrows.
 * E_INVALID_JSON when the line does not hold it. The chain must not be empty. */
MODELLAB_MUST_CHECK modellab_status mli_checkpoint_mark(const mli_checkpoint_chain *chain,
                                                        mli_asr_mark *out, int32_t **history,
                                                        modellab_error *err);
#endif
