/* Ingest: the one way by which steps, artifacts and results of a worker reach the store. Reads the
 * run's journal, live or after the fact; applying a line twice changes nothing. */
#ifndef MLI_LAB_INGEST_H
#define MLI_LAB_INGEST_H

#include "lab/ingest_batch.h"
#include "lab/lab.h"
#include "lab/settle.h"
#include "lab/step_state.h"
#include "store/journal.h"
#include <modellab/logger.h>

/* Most of one run's journal, and most that is read of it in one turn (0 = no limit). */
typedef struct mli_ingest_bounds {
    int64_t bytes, lines, checkpoint_bytes;
    int64_t turn_bytes, turn_lines;
} mli_ingest_bounds;

typedef struct mli_ingest {
    mli_lab *lab;                          /* borrowed */
    struct mli_manifest_writer *manifests; /* borrowed; NULL = written by who settles */
    modellab_logger *log;                  /* with the run's ids; NULL = silent */
    char run_id[MLI_ULID_BYTES];
    int64_t fence;
    int64_t applied; /* last journal line that the store has, or that waits in the batch */
    int64_t stored;  /* last one that the store has */
    mli_ingest_batch batch;
    int fd; /* -1: the journal does not exist yet */
    mli_journal_reader reader;
    mli_outcome outcome;              /* of this fence, once read */
    int64_t outcome_line, outcome_ms; /* its number, and when the worker said it */
    int64_t log_dropped;              /* lines of its log that the worker lost; -1 = not told */
    char outcome_message[256], outcome_step[64];
    mli_run_measures measures; /* of this fence, newest wins; strings point to the fields below */
    char model[128], model_sha256[65], engine[128];
    int64_t line_ms;          /* time of the last line of this fence; -1 = none was read */
    int64_t step_ms;          /* when the present step began, as its lines tell; -1 = not read */
    double step_seconds;      /* of audio that it had then, by a checkpoint */
    mli_step_book steps;      /* of this fence, by the lines read */
    int64_t bad_lines;        /* good checksums, but no sense: skipped */
    bool endless;             /* the journal's tail is longer than any line may be: not read */
    mli_ingest_bounds bounds; /* as the lab is set, no turns: the owner may change it */
    int64_t lines, checkpoint_bytes; /* read so far */
    bool more;                       /* the last pump ended with its turn: there is more */
    bool too_large;                  /* beyond its bounds: what was not read counts for nothing */
    bool stale_told;                 /* that an older attempt still writes was logged */
    bool worker_lives; /* a process that was taken for dead: its files stay, it may still write */
    bool refused;      /* the store says that the run is final or another attempt owns it */
} mli_ingest;

/* Turns for who has other runs to look after: their deadlines come after each turn. */
#define MLI_INGEST_TURN_LINES 64
#define MLI_INGEST_TURN_BYTES ((int64_t)512 * 1024)
void mli_ingest_in_turns(mli_ingest *ingest);

/* For the attempt that `row` describes. */
void mli_ingest_open(mli_ingest *ingest, mli_lab *lab, const mli_run_row *row);
void mli_ingest_close(mli_ingest *ingest);

/* Reads the whole lines that are there, as many as the turn allows (`more`: call again), into the
 * batch (applying it whenever it is full), so that several runs can be applied together: apply
 * `ingest->batch` and tell with mli_ingest_flushed().
 */
MODELLAB_MUST_CHECK modellab_status mli_ingest_read(mli_ingest *ingest, size_t *lines,
                                                    modellab_error *err);
/* What became of the batch. E_RUN_FINAL, E_FENCED and E_STATE set `refused` and are success here;
 * after another failure its lines are read again. */
MODELLAB_MUST_CHECK modellab_status mli_ingest_flushed(mli_ingest *ingest, modellab_status status,
                                                       modellab_error *err);
/* Applies the whole lines that are there, as many as the turn allows (`more`: call again). A
 * journal beyond its bounds is `too_large` and not read on. The outcome is read, not applied: that
 * is for mli_ingest_settle. `*lines` (optional) counts the lines read. E_RUN_FINAL and E_FENCED set
 * `refused` and are success here. */
MODELLAB_MUST_CHECK modellab_status mli_ingest_pump(mli_ingest *ingest, size_t *lines,
                                                    modellab_error *err);

/* What the host measured of the attempt; -1 = nothing. */
typedef struct mli_host_measures {
    int64_t cpu_ns;     /* CPU time by the host's own count: exact, and so the first choice */
    int64_t page_ns;    /* CPU time as the worker last told it */
    int64_t step_at_ns; /* CPU time when its last step began */
    int64_t peak_memory_bytes, api_calls;
    int64_t alive_ms; /* last sign of life of a run found dead; -1: it worked until now */
    double progress_seconds;
    const char *cpu_method;    /* of cpu_ns */
    const char *memory_method; /* of peak_memory_bytes; NULL: only the last one that was seen */
} mli_host_measures;

#define MLI_HOST_MEASURES_INIT                                                                     \
    {                                                                                              \
        -1, -1, -1, -1, -1, -1, -1, "", NULL                                                       \
    }

/* The end of an attempt in three acts, so that those of several runs share a transaction: prepare,
 * write (mli_store_write_many), conclude. The ingest, the settlement and the measures must stay
 * until then. The acts together are mli_ingest_settle(). */
typedef struct mli_ending {
    mli_ingest *ingest; /* NULL: nothing was prepared */
    mli_settlement *settlement;
    const mli_host_measures *host;
    mli_run_record *record;
    mli_buf seal, history, methods;
    mli_run_measures measures;
    mli_run_transition transition;
    mli_store_change change;
    const mli_store_change *change_list[MLI_INGEST_BATCH + 1]; /* lines, then the end */
    size_t line_count;
    modellab_run_status to;
} mli_ending;

/* `refused` of the ingest: there is nothing to write. Lines that are in the batch still go into the
 * same transaction, before the end; they must leave no step open
 * (mli_ingest_batch_leaves_open()). */
MODELLAB_MUST_CHECK modellab_status mli_ending_prepare(mli_ending *e, mli_ingest *ingest,
                                                       mli_settlement *settlement,
                                                       const mli_host_measures *host,
                                                       modellab_error *err);
/* Points into `e`. */
mli_store_write mli_ending_write(const mli_ending *e);
MODELLAB_MUST_CHECK modellab_status mli_ending_conclude(mli_ending *e, const mli_store_write *write,
                                                        modellab_run_status *to,
                                                        modellab_error *err);
void mli_ending_dispose(mli_ending *e);
/* Whether the journal has grown beyond its bounds: a look at its size alone. */
bool mli_ingest_is_too_large(mli_ingest *ingest);

/* Ends the attempt: open steps, partial results, measures, cost, transition, manifest. `refused`
 * when the run had its final status already. `to` (optional) is the run's status then. A run that
 * was to be queued again and whose cancel was requested is cancelled: `settlement` says so then. */
MODELLAB_MUST_CHECK modellab_status mli_ingest_settle(mli_ingest *ingest,
                                                      mli_settlement *settlement,
                                                      const mli_host_measures *host,
                                                      modellab_run_status *to, modellab_error *err);

#endif
