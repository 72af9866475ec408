/* modellab_live: what its files share. Who pushes and the stream's own thread meet under one lock;
 * all else is the thread's. */
#ifndef MLI_API_LIVE_H
#define MLI_API_LIVE_H

#include "api/asr_options.h"
#include "api/asr_session.h"
#include "api/live_ring.h"
#include "audio/rate.h"
#include "lab/record.h"
#include "os/thread.h"
#include "speech/live_cuts.h"
#include "store/journal.h"
#include <modellab/live.h>

struct modellab_live {
    modellab_allocator alloc;
    /* Given at open. */
    modellab_model *asr, *vad; /* referenced */
    modellab_lab *lab;         /* referenced, or NULL */
    modellab_live_fn callback;
    void *user;
    bool is_float, blocks;
    int32_t rate_hz;
    size_t sample_bytes;
    int64_t partial_samples; /* between two partial results; 0 = none are made */
    double max_delay;
    mli_vad_rules rules;
    char *language, *prompt;     /* what `final` and `partial` point to */
    mli_asr_call final, partial; /* how pieces are recognised */
    mli_os_thread thread;
    int64_t pid;              /* of who opened it: a forked child has no thread of it */
    _Atomic uintptr_t worker; /* key of the thread */

    mli_cancel_word stop;      /* ends everything */
    mli_cancel_word break_off; /* ends the partial result that is being made */

    /* Under the lock. */
    mli_os_mutex lock;
    mli_os_cond to_worker, from_worker;
    mli_live_ring ring;
    int64_t pushed; /* bytes in all */
    bool ended, cancelled, ready, over, in_partial;
    char stop_why[160];     /* of a host that goes: set before the stop word; "" = none does */
    modellab_status status; /* of the beginning, then of the end */
    modellab_error error;
    modellab_live_stats stats;
    char run_id[MODELLAB_RUN_ID_BYTES]; /* set before `ready` */

    /* The thread's. */
    const modellab_record_options *record_options; /* until it is ready */
    modellab_asr_session *session;
    mli_pool *pool; /* of the detector */
    mli_live_cuts *cuts;
    mli_rate *rate;      /* NULL = it comes at 16 kHz */
    mli_transcript *all; /* the final results; when the stream is over whoever finishes takes it */
    modellab_record *record; /* NULL = not recorded */
    mli_journal_writer journal;
    int journal_fd; /* -1 = there is none */
    char journal_key[65];
    size_t journal_windows;
    int64_t journal_to; /* where the last one ends */
    int64_t partial_at; /* samples that the last partial result had heard */
    int64_t pieces, counted_cpu_ns, counted_samples, looked_ns;
    modellab_status asked; /* what a look at the record within a piece said */
    modellab_error asked_error;
};

/* live_work.c: the thread. Its argument is the modellab_live. */
void *mli_live_work(void *live);
/* E_CANCELLED of a stream whose stop word is set, with the reason that was given. */
MODELLAB_MUST_CHECK modellab_status mli_live_cancelled(const modellab_live *live,
                                                       modellab_error *err);
/* Seconds of audio that `bytes` are. */
double mli_live_seconds(const modellab_live *live, int64_t bytes);

/* live_piece.c: recognises a piece: a new transcript on the clock of the stream, whose segments go
 * on counting from `first_id`. */
MODELLAB_MUST_CHECK modellab_status mli_live_recognise(modellab_live *live,
                                                       const mli_live_piece *piece, bool partial,
                                                       int64_t first_id, mli_transcript **out,
                                                       modellab_error *err);

/* live_journal.c: the journal of its run. A final result is kept before it is told; that the disk
 * did not take it does not end the stream (E_NO_MEMORY does). */
MODELLAB_MUST_CHECK modellab_status mli_live_journal_open(modellab_live *live, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_live_journal_keep(modellab_live *live,
                                                          const mli_live_piece *piece,
                                                          const mli_transcript *text,
                                                          modellab_error *err);
void mli_live_journal_close(modellab_live *live);

/* live_record.c: the run of a stream; all do nothing when it is not recorded. */
MODELLAB_MUST_CHECK modellab_status mli_live_record_begin(modellab_live *live, modellab_error *err);
/* Whether to go on; looks at most every 50 ms. E_CANCELLED, E_TIMEOUT, E_CAP_EXCEEDED, E_RUN_FINAL,
 * and what the store says. */
MODELLAB_MUST_CHECK modellab_status mli_live_record_check(modellab_live *live, modellab_error *err);
/* The end of the work: transcript, measures, status. What fails now is the status of the stream,
 * when that was fine. */
MODELLAB_MUST_CHECK modellab_status mli_live_record_end(modellab_live *live, modellab_status worked,
                                                        modellab_error *err);

#endif
