/* Live recognition: samples go in as they are recorded; text comes out while somebody speaks
 * (partial results) and once more when he has paused (final ones). A detector of voice activity
 * cuts the stream; each piece is recognised by itself, so that the text of final results is what
 * modellab_asr_transcribe() gives for the same pieces, however the stream was pushed.
 *
 * Memory and delay are bounded: what was pushed waits in a queue of a fixed length, and when
 * recognition is slower than speech partial results are left out first. With a lab the stream is
 * recorded as a run (record.h): events, measures, cost, caps, deadline, transcript. A final result
 * stands in its journal before it is told: when the host is killed, reconcile ends the run STALE
 * with all of them as its partial transcript; segment_feed.h follows it. @since 0.1
 *
 * Example: examples/c/live.c */
#ifndef MODELLAB_LIVE_H
#define MODELLAB_LIVE_H

#include <modellab/asr.h>
#include <modellab/record.h>

/** One stream, with a thread of its own. */
typedef struct modellab_live modellab_live;

typedef int32_t modellab_live_kind;
enum {
    MODELLAB_LIVE_PARTIAL = 1, /**< speech that goes on, as it sounds until now: will change */
    MODELLAB_LIVE_FINAL = 2,   /**< a piece of speech that has ended: will not change */
    MODELLAB_LIVE_DELAY = 3,   /**< a partial result was left out: recognition is behind */
    MODELLAB_LIVE_END = 4      /**< the last one of each stream; `status` tells how it ended */
};

/** What has happened. Times are seconds on the clock of the stream, whose first sample is at 0. All
 * is borrowed for the call. */
typedef struct modellab_live_event {
    size_t size; /**< sizeof(modellab_live_event) of the library */
    modellab_live_kind kind;
    modellab_status status; /**< END: MODELLAB_OK, or why it ended early */
    int64_t index;          /**< 0, 1, 2 ...: pieces of speech. PARTIAL: of the piece that will be
                                 final with this index. END: how many there were */
    double start;           /**< of the piece, with the padding of the detector */
    double end;             /**< of the piece, or as far as it was heard. END: of the stream */
    double delay_seconds;   /**< audio that has been pushed since `end` */
    const char *text;       /**< "" when there is none; END: a sentence when it ended early */
    /** Its segments (and words, when asked for), on the clock of the stream; FINAL and PARTIAL.
     * modellab_transcript_ref() keeps it. */
    modellab_transcript *transcript;
} modellab_live_event;

/** Called on the stream's own thread, one call at a time; it must not wait for long: the stream is
 * not recognised meanwhile. It may call modellab_live_push() of streams that do not block,
 * modellab_live_end(), modellab_live_cancel(), modellab_live_stop() and modellab_live_get_stats();
 * modellab_live_finish() and modellab_live_destroy() of the same stream it may not. Return 0 to go
 * on; anything else ends the stream with E_CALLBACK. */
typedef int32_t (*modellab_live_fn)(void *user, const modellab_live_event *event);

typedef int32_t modellab_live_format;
enum {
    MODELLAB_LIVE_PCM16 = 1,  /**< signed 16 bit, little endian */
    MODELLAB_LIVE_FLOAT32 = 2 /**< little endian, -1..1 */
};

/** What modellab_live_push() does when the queue is full. */
typedef int32_t modellab_live_full;
enum {
    MODELLAB_LIVE_FULL_BUSY = 1, /**< takes nothing and says E_BUSY */
    MODELLAB_LIVE_FULL_BLOCK = 2 /**< waits */
};

/** Zero or NULL is the default. Everything is borrowed for the call of modellab_live_open(); models
 * and lab are referenced. */
typedef struct modellab_live_options {
    size_t size;                  /**< sizeof(modellab_live_options) */
    modellab_model *asr;          /**< for speech recognition; required */
    modellab_model *vad;          /**< a detector of voice activity; required */
    modellab_live_fn callback;    /**< required */
    void *user;                   /**< for it */
    modellab_live_format format;  /**< 0 = PCM16. One channel */
    int32_t rate_hz;              /**< 4000 to 192000; 0 = 16000 */
    modellab_live_full when_full; /**< 0 = busy */
    int32_t reserved;             /**< 0 */
    double queue_seconds;         /**< most audio that waits, 0.1 to 600; 0 = 30 */
    double partial_seconds;       /**< least audio between two partial results, at least 0.1;
                                       0 = 1; negative = none */
    double max_delay_seconds;     /**< while more audio than this waits there are no partial
                                       results, and one that is being made is broken off; 0 = 2 */
    /** NULL = all zeros. Zeros mean here: threshold 0.5, speech of at least 250 ms, silences of 500
     * ms part it, 200 ms are added on both sides, at most 15 s at once (never more than 30).
     * Callbacks, cancel, tracker and threads are not looked at. */
    const modellab_vad_options *vad_options;
    /** How final results are made; partial ones likewise, but greedily, once, and without word
     * times. Callbacks, cancel, tracker, vad and batch_size are not looked at. NULL = defaults. */
    const modellab_asr_options *asr_options;
    modellab_lab *lab;                     /**< where it is recorded; NULL = nowhere */
    const modellab_record_options *record; /**< NULL = defaults; pipeline NULL = "live" */
} modellab_live_options;

#define MODELLAB_LIVE_OPTIONS_INIT                                                                 \
    {                                                                                              \
        sizeof(modellab_live_options), NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0.0, 0.0, 0.0, NULL,    \
            NULL, NULL, NULL                                                                       \
    }

/** Where a stream stands. */
typedef struct modellab_live_stats {
    size_t size;            /**< sizeof(modellab_live_stats), set by the caller */
    double pushed_seconds;  /**< audio that was taken by modellab_live_push() */
    double waiting_seconds; /**< of it, what waits in the queue */
    double done_seconds;    /**< what the detector has heard */
    int64_t finals;
    int64_t partials;
    int64_t dropped; /**< partial results that were due and left out, or broken off */
    int32_t is_over; /**< 1: the callback has had its END */
    int32_t reserved;
} modellab_live_stats;

MODELLAB_BEGIN_DECLS

/** Fills the struct like its INIT macro, for callers without macros. `size` is the caller's sizeof.
 * @threads any @since 0.1 */
MODELLAB_API void modellab_live_options_init(modellab_live_options *options, size_t size);

/** Opens a stream: its sessions, its thread and, with a lab, its run, which is RUNNING at once.
 * @param[out] out  new; modellab_live_destroy()
 * @errors E_UNSUPPORTED_MODEL, E_INVALID_ARGUMENT, E_NO_MEMORY, E_BUSY (no thread could be
 * started), and those of modellab_record_begin() @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_live_open(const modellab_live_options *options, modellab_live **out, modellab_error *err);

/** Takes the next bytes of the stream, any number of them: a sample may come in two pieces.
 * @errors E_BUSY (the queue has no room for all of it: nothing was taken; or a callback of this
 * stream would wait for itself), E_LIMIT (more than the whole queue holds; streams that block take
 * any amount), E_STATE (after modellab_live_end()), and once the stream has ended early what its
 * END said @threads one at a time for each stream @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_live_push(modellab_live *live,
                                                                    const void *data, size_t bytes,
                                                                    modellab_error *err);

/** No more audio will come: what was pushed is recognised, then comes END. Does not wait. Bytes of
 * a sample that did not come whole are left out. Idempotent. @threads any @since 0.1 */
MODELLAB_API void modellab_live_end(modellab_live *live);

/** Asks the stream to end now, with E_CANCELLED: recognition stops within 10 ms, its run ends
 * CANCELLED. Idempotent. @threads any @since 0.1 */
MODELLAB_API void modellab_live_cancel(modellab_live *live);

/** For a host that goes: as modellab_live_cancel(), but the run ends CANCELLED with reason
 * HOST_STOPPED, and END, modellab_live_finish() and the run tell `why`. All final results until
 * then stay in the run as its partial transcript, as they do however a stream ends early. A host
 * with some time left calls modellab_live_end() first (what was pushed is still recognised), waits
 * for END as long as it likes, and then this. The first of cancel and stop counts.
 * @param why  a sentence, cut at 159 bytes; NULL = "The host stopped before the run ended."
 * @threads any @since 0.1 */
MODELLAB_API void modellab_live_stop(modellab_live *live, const char *why);

/** modellab_live_end(), and waits for END.
 * @param[out] out  optional: all final results as one transcript, new; also (is_partial) when the
 * stream ended early
 * @errors what the END said: E_CANCELLED, E_CALLBACK, E_TIMEOUT, E_CAP_EXCEEDED, E_RUN_FINAL,
 * E_INVALID_AUDIO (a sample that is not a number, or beyond a million), E_LIMIT (more than a day),
 * E_IO, E_STORE_FAILED, E_NO_MEMORY; E_BUSY in a callback of this stream
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_live_finish(modellab_live *live,
                                                                      modellab_transcript **out,
                                                                      modellab_error *err);

/** Id of its run; "" without a lab. Borrowed. @threads any @since 0.1 */
MODELLAB_API const char *modellab_live_run_id(const modellab_live *live);

/** Where it stands. `out->size` must be set. @errors E_ABI_TOO_SMALL @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_live_get_stats(modellab_live *live,
                                                                         modellab_live_stats *out,
                                                                         modellab_error *err);

/** Cancels it when it has not ended, waits for END and frees it; no callback is in flight
 * afterwards. NULL is accepted. Not from its own callback. In a forked child it does nothing, as
 * all calls that return nothing; the others say E_FORKED.
 * @threads one, after all other calls @since 0.1 */
MODELLAB_API void modellab_live_destroy(modellab_live *live);

MODELLAB_END_DECLS
#endif
