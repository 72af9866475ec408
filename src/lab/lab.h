/* The opened lab: the store, its folders, and the tables it does its effects through (all
 * injectable). One struct for the whole room; what runs in it is in the other files of the room. */
#ifndef MLI_LAB_LAB_H
#define MLI_LAB_LAB_H

#include "lab/shared_sync.h"
#include "models/installed.h"
#include "os/clock.h"
#include "os/file.h"
#include "store/rundir.h"
#include "store/store.h"
#include <modellab/lab.h>
#include <modellab/price.h>
#include <stdatomic.h>
#include <stdbool.h>

struct mli_os_processes;
struct mli_os_channels;
struct mli_os_pollers;
struct mli_os_words;
struct mli_health_probe;
struct mli_tally;

/* Settings of the configuration, read once at open. */
typedef struct mli_lab_settings {
    int64_t max_input_bytes;      /* MODEL_LAB_MAX_INPUT_BYTES: files */
    int64_t max_upload_bytes;     /* MODEL_LAB_WORKBENCH_MAX_UPLOAD_BYTES: bytes handed over */
    int64_t upload_user_bytes;    /* MODEL_LAB_UPLOAD_USER_BYTES, 0 = no limit */
    int64_t upload_keep_ms;       /* MODEL_LAB_UPLOAD_HOURS */
    int64_t min_free_bytes;       /* MODEL_LAB_MIN_FREE_BYTES */
    int64_t max_run_duration_ms;  /* MODEL_LAB_MAX_RUN_DURATION_SECONDS, 0 = none */
    int64_t max_queue_ms;         /* MODEL_LAB_MAX_QUEUE_DURATION_SECONDS, 0 = none */
    int64_t max_running;          /* MODEL_LAB_MAX_RUNNING, 0 = no limit */
    int64_t max_running_per_user; /* MODEL_LAB_MAX_RUNNING_PER_USER, 0 = no limit */
    int64_t short_run_ms;         /* MODEL_LAB_SHORT_RUN_SECONDS */
    int64_t retention_ms;         /* MODEL_LAB_RETENTION_DAYS, 0 = none */
    int64_t retention_max_bytes;  /* MODEL_LAB_RETENTION_MAX_BYTES, 0 = none */
    int64_t max_journal_bytes;    /* MODEL_LAB_MAX_JOURNAL_BYTES */
    int64_t retry_attempts;       /* MODEL_LAB_RETRY_ATTEMPTS */
    int64_t retry_base_ms;        /* MODEL_LAB_RETRY_BASE_SECONDS */
    int64_t retry_cap_ms;         /* MODEL_LAB_RETRY_CAP_SECONDS */
    int64_t worker_address_bytes; /* MODEL_LAB_WORKER_ADDRESS_BYTES, 0 = no limit */
    bool sandbox_off;             /* MODEL_LAB_SANDBOX=off */
    bool require_sandbox;         /* MODEL_LAB_REQUIRE_SANDBOX */
} mli_lab_settings;

/* Everything a lab stands on. Zero = the system's. */
typedef struct mli_lab_tables {
    const mli_os_clock *clock;
    const mli_os_random *random;
    const mli_os_files *files;
    const struct mli_os_processes *processes;
    const struct mli_os_channels *channels;
    const struct mli_os_pollers *pollers;
    const struct mli_os_words *words;
    bool health_in_caller; /* checks of health start no thread: all in one, on virtual time */
} mli_lab_tables;

/* The public modellab_lab. Immutable after open but for `references` and what the store guards
 * itself. */
#define MLI_KEY_USES 64

struct modellab_lab {
    modellab_allocator alloc_copy;
    const modellab_allocator *alloc; /* &alloc_copy, or NULL = C heap */
    _Atomic uint32_t references;
    int64_t pid;
    int32_t flags;                         /* MODELLAB_LAB_* */
    char *root, *models_root, *cache_root; /* absolute */
    mli_store *store;
    modellab_logger *logger; /* referenced; NULL = silent (mli_log takes that) */
    mli_lab_tables os;
    mli_lab_settings settings;
    mli_shared_sync runs_sync; /* of <root>/runs */
    mli_bell bell;             /* of events; without one followers look by themselves */
    modellab_price_sheet *prices;
    _Atomic(struct mli_schema *) request_schema; /* NULL = not read yet */
    struct mli_health_probe *probe;              /* locks itself */
    struct mli_tally *tally;                     /* likewise */
    _Atomic uint64_t key_uses[MLI_KEY_USES];     /* keys.c: when this process noted which */
    char default_model[MLI_MODEL_NAME_MAX + 1];  /* "": see the error, and default_model.h */
    modellab_error default_model_error;
};

typedef struct modellab_lab mli_lab;

/* Opens without reconciling (the api does that after). `tables` may be NULL, as may its members.
 * Nothing of a refused root stays behind but folders that were made. */
MODELLAB_MUST_CHECK modellab_status mli_lab_open(const char *root,
                                                 const modellab_lab_options *options,
                                                 const mli_lab_tables *tables, mli_lab **out,
                                                 modellab_error *err);
mli_lab *mli_lab_ref(mli_lab *lab);
void mli_lab_unref(mli_lab *lab);
/* E_FORKED in a child, E_STORE_READ_ONLY when `writes` and the lab is read-only. */
MODELLAB_MUST_CHECK modellab_status mli_lab_check(const mli_lab *lab, bool writes,
                                                  modellab_error *err);
int64_t mli_lab_now_ms(const mli_lab *lab);
/* What a run will take on disk: its input, decoded audio that its worker does not keep in memory,
 * its results and small files. Seconds come from a header that may lie: they count as many as the
 * input's bytes can hold at the lowest usual rate. */
int64_t mli_run_disk_estimate(int64_t input_bytes, double audio_seconds);
/* Refuses when the lab's disk would have less than the configured space left after `bytes` more. */
MODELLAB_MUST_CHECK modellab_status mli_lab_check_disk(const mli_lab *lab, int64_t bytes,
                                                       modellab_error *err);

#endif
