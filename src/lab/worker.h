/* The worker: a process that executes the steps of runs, one after the other, with the descriptors
 * that its supervisor sends it. It opens no path of a run and never the store; what it says goes
 * into the journal and the page. */
#ifndef MLI_LAB_WORKER_H
#define MLI_LAB_WORKER_H

#include "audio/source.h"
#include "base/id.h"
#include "lab/caps.h"
#include "lab/order.h"
#include "lab/page.h"
#include "lab/pipeline.h"
#include "lab/worker_channel.h"
#include "lab/worker_models.h"
#include "os/clock.h"
#include "os/memory.h"
#include "os/sandbox.h"
#include "os/thread.h"
#include "speech/time_map.h"
#include "store/journal.h"
#include <modellab/logger.h>

/* What stays from one run to the next. */
typedef struct mli_worker_context {
    const modellab_allocator *alloc; /* NULL = C heap: the process is the worker's own */
    const mli_os_files *files;
    const mli_os_clock *clock;
    const mli_os_random *random;
    const mli_os_channels *channels;
    int channel, term_fd, host_fd; /* -1 = none */
    int64_t host_pid;              /* who started it */
    mli_os_gauge gauge;
    mli_worker_models models;
    int64_t cpu_before_ns; /* CPU time that is counted to earlier runs */
    int64_t runs;
    mli_os_identity self;
    bool identified;
    /* The sandbox (worker_sandbox.c): entered once, with the first order. */
    mli_os_sandbox_result sandbox;
    int64_t confine_ns; /* what entering it took */
    bool confined;
    bool host_gone;       /* it was not there any more when this process began */
    _Atomic bool leaving; /* after the present run */
} mli_worker_context;

/* An artifact that a step of this attempt has written, or taken over. */
typedef struct mli_worker_output {
    bool written;
    int64_t bytes;
    char sha256[65];
} mli_worker_output;

/* A step that is over. */
typedef struct mli_step_past {
    const mli_step_kind *kind;
    modellab_run_status status;
    modellab_reason reason;
    bool reused;          /* taken over from another run */
    double audio_seconds; /* how far it came */
    char key[65];         /* "" = none */
} mli_step_past;

/* A model that the present step has opened, for its record. */
typedef struct mli_step_model_use {
    const char *key;
    char name[MLI_MODEL_NAME_MAX + 1], sha256[65];
} mli_step_model_use;

typedef struct mli_worker {
    mli_worker_context *context;
    const modellab_allocator *alloc; /* the context's, as are the tables */
    const mli_os_files *files;
    const mli_os_clock *clock;
    const mli_os_random *random;
    int fds[MLI_ORDER_FDS]; /* -1 = none */
    mli_json *order_root;
    mli_order order;
    mli_page *page;
    mli_journal_writer journal;
    modellab_logger *log; /* NULL = none */
    mli_run_caps caps;
    /* What steps hand on to each other (handoff.h). */
    mli_audio_source *audio;
    mli_time_map time_map; /* of step enhance: from its times to those of the input */
    mli_worker_output outputs[MLI_OUTPUTS_MOST]; /* as in the order */
    bool taken[MLI_OUTPUTS_MOST];                /* its file was written to */
    mli_step_past past[MLI_STEP_MAX];
    size_t past_count;
    double audio_seconds; /* -1 until known */
    double progress_seconds;
    char model[128], model_sha256[65], engine[128]; /* "" until known */
    /* The present step. */
    const char *step;
    const mli_step_kind *kind; /* NULL: this version has none of this name */
    mli_step_model_use models[MLI_STEP_MODELS];
    size_t model_count;
    mli_buf result;    /* what its record is to show, a JSON object; empty = nothing */
    char step_key[65]; /* "" = none */
    char reused_from[MLI_ULID_BYTES]; /* run whose result it took over; "" = none */
    struct mli_asr_model *asr_model;  /* opened for the key of asr, until asr takes it */
    int64_t calls_before;             /* API calls of the steps before it */
    modellab_reason reason;           /* set by a step that knows better than its status tells */
    int64_t progress_said_ns;         /* when the last progress line was written */
    int64_t progress_logged_ns;       /* and when the log had one */
    _Atomic int64_t log_lost;         /* lines that its file did not take */
    /* Memory of this run. */
    bool peak_is_sampled;       /* the kernel's high-water mark also counts earlier runs */
    _Atomic int64_t peak_bytes; /* -1 until known */
    /* The watcher (worker_watch.c). */
    int64_t quiet_until_ns; /* nobody is woken before */
    mli_os_thread watcher;
    int stop_event; /* -1 = none */
    bool watching;
} mli_worker;

/* worker_step.c: the step of this run that is over; NULL = it is not, or the run has none such. */
const mli_step_past *mli_worker_past(const mli_worker *w, const char *name, size_t bytes);

/* worker_main.c: the program. */
int32_t mli_worker_main(int32_t argc, const char *const *argv);

/* worker_exec.c: the program when it is to become another one. Returns only when it cannot. */
int32_t mli_worker_exec(int32_t argc, const char *const *argv);
/* worker_program.c: has a program started that the present step declares (program_rule.h), gives it
 * `input`, appends at most `most` bytes of what it says to `out`. E_PERMISSION: it was refused;
 * E_IO: it failed; E_LIMIT: it said more. */
MODELLAB_MUST_CHECK modellab_status mli_worker_program(mli_worker *w, const char *program,
                                                       const char *word, const char *input,
                                                       size_t bytes, mli_buf *out, size_t most,
                                                       modellab_error *err);
/* worker_pack.c: the program when it is started to pack a model: "pack MODELS_ROOT MODEL WEIGHTS",
 * into the file behind its descriptor 3. Returns the exit code. */
int32_t mli_worker_pack(int32_t argc, const char *const *argv);

/* worker_order.c: waits for an order and takes its descriptors. E_CANCELLED: there will be none. */
MODELLAB_MUST_CHECK modellab_status mli_worker_accept(mli_worker *w, mli_worker_context *context,
                                                      modellab_error *err);
/* Closes all that belongs to the run: the lock last. */
void mli_worker_release(mli_worker *w);

/* worker_run.c: executes all steps and writes the outcome; returns the exit code. */
int32_t mli_worker_run(mli_worker *w);

/* worker_sandbox.c: with the first order, while this is the only thread and nothing foreign was
 * read. What could not be reached is in the context. */
void mli_worker_confine(mli_worker *w);
/* For each run: whose it is into the journal, and the level into journal and log. */
MODELLAB_MUST_CHECK modellab_status mli_worker_say_sandbox(mli_worker *w, modellab_error *err);
/* False, with the sentence, when the run asks for more than was reached. */
bool mli_worker_sandbox_suffices(const mli_worker *w, char *why, size_t capacity);

/* worker_watch.c: the signal, the host and the gauges of the process; then for each run a thread
 * that turns SIGTERM and the host's death into the cancel word, compares with the caps, and keeps
 * CPU time and memory in the page. */
MODELLAB_MUST_CHECK modellab_status mli_worker_context_open(mli_worker_context *context,
                                                            modellab_error *err);
void mli_worker_context_close(mli_worker_context *context);
/* Waits until an order or the end is there; false: SIGTERM, or the host is gone. */
MODELLAB_MUST_CHECK bool mli_worker_wait(const mli_worker_context *context);
MODELLAB_MUST_CHECK modellab_status mli_worker_watch(mli_worker *w, modellab_error *err);
void mli_worker_unwatch(mli_worker *w);
/* A line is in the journal. The supervisor is woken for it at once; in the first milliseconds of a
 * run a little later, so that short runs wake it once, when they end. */
void mli_worker_tell(mli_worker *w);
/* The same for a line that others follow at once: nobody is woken. */
void mli_worker_count_line(mli_worker *w);
/* One look, as the thread does it every 100 ms. */
void mli_worker_sample(mli_worker *w);
/* CPU time of this run: since the end of the one before it. */
int64_t mli_worker_cpu_ns(const mli_worker *w);
/* Most memory in this run until now; -1 = not known. */
int64_t mli_worker_peak_bytes(mli_worker *w);

/* worker_result.c */
/* Tells progress of the present step: the page always, the journal at most once a second. */
void mli_worker_progress(mli_worker *w, double done_seconds, double total_seconds);
/* Stores an artifact of the present step in the file that the supervisor made for it: written once,
 * synced with its directory, then its line in the journal, synced. `role`: "result" or "partial".
 * E_INTERNAL: the step has not declared it (outputs.h), or has written it already. */
MODELLAB_MUST_CHECK modellab_status mli_worker_artifact(mli_worker *w, const char *name,
                                                        const char *media_type, const char *role,
                                                        const void *data, size_t bytes,
                                                        modellab_error *err);

/* The same in pieces, for what would not fit into memory: begun once, written any number of times,
 * ended with a beginning (a header that knows the length) over the first bytes. `streams` of the
 * step names it: what was begun and not ended is taken away with the attempt (outputs.h). The end
 * reads the file once more, for its sha256. */
typedef struct mli_worker_stream {
    const char *name; /* borrowed; NULL = not begun */
    int fd;
    int64_t bytes;
} mli_worker_stream;
MODELLAB_MUST_CHECK modellab_status mli_worker_stream_begin(mli_worker *w, const char *name,
                                                            mli_worker_stream *out,
                                                            modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_worker_stream_write(const mli_worker *w,
                                                            mli_worker_stream *stream,
                                                            const void *data, size_t bytes,
                                                            modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_worker_stream_end(mli_worker *w, mli_worker_stream *stream,
                                                          const void *head, size_t head_bytes,
                                                          const char *media_type, const char *role,
                                                          modellab_error *err);
/* The same with the bytes of what was offered of it. They are compared with the sha256 once more:
 * E_HASH_MISMATCH. */
MODELLAB_MUST_CHECK modellab_status mli_worker_artifact_copy(mli_worker *w, const char *name,
                                                             const char *media_type,
                                                             const char *role, const char *sha256,
                                                             modellab_error *err);
/* What the record of the present step is to show of its result: an object of at most
 * MLI_STEP_RESULT_BYTES without text of a transcript. E_LIMIT. */
#define MLI_STEP_RESULT_BYTES ((size_t)64 * 1024)
MODELLAB_MUST_CHECK modellab_status mli_worker_result(mli_worker *w, const mli_buf *json,
                                                      modellab_error *err);
/* What is offered of an artifact, to read; -1 = nothing. */
int mli_worker_offer(const mli_worker *w, const char *name);

/* worker_step.c: what a step asks of the worker. */
/* Its options: config.<step> of the request with all defaults; NULL = none. */
const mli_json *mli_worker_config(const mli_worker *w);
/* The model that its option `key` names (mli_step_model of its kind): borrowed until the step ends,
 * and in the step's record. */
MODELLAB_MUST_CHECK modellab_status mli_worker_model(mli_worker *w, const char *key,
                                                     const mli_model_opener *opener, void **out,
                                                     modellab_error *err);
/* One that the step opened by itself, for its record. Texts are copied but the key. */
void mli_worker_note_model(mli_worker *w, const char *key, const char *name, const char *sha256);
/* The key of a step that depends on the input, its options (but those of `without`, NULL =
 * threads), its models, the instruction set, and the results of the steps that it needs and wants.
 * `version` rises whenever the same inputs begin to give other results. "" when one of those has no
 * key. */
MODELLAB_MUST_CHECK modellab_status mli_worker_step_key(mli_worker *w, int32_t version,
                                                        const char *const *without, char out[65],
                                                        modellab_error *err);
/* The key of a step of this run that is over; "" = it has none. */
const char *mli_worker_past_key(const mli_worker *w, const char *step);
/* Threads for the step: as its option "threads" says, else as the lab is configured. */
int32_t mli_worker_threads(const mli_worker *w);

/* fault.c: guarded fault injection, MODEL_LAB_FAIL_STEP with MODEL_LAB_TESTING=1 only. */
MODELLAB_MUST_CHECK modellab_status mli_worker_fault(mli_worker *w, modellab_error *err);
/* Whether the present step is to do this ("die_windows" ...) at a place of its own. */
bool mli_worker_fault_asked(const mli_worker *w, const char *action);
MODELLAB_MUST_CHECK modellab_status mli_worker_die(modellab_error *err);
/* Waits until it is cancelled: E_CANCELLED. */
MODELLAB_MUST_CHECK modellab_status mli_worker_linger(mli_worker *w, modellab_error *err);

#endif
