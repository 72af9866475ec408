/* The lab: an opened store plus its settings. The first thing that a host opens which wants records
 * or managed runs; engines (asr.h) do not need one. @since 0.1
 *
 * Example: examples/c/lab.c */
#ifndef MODELLAB_LAB_H
#define MODELLAB_LAB_H

#include <modellab/logger.h>
#include <modellab/report.h>
#include <modellab/types.h>

/** An opened lab. Reference counted; runs, records and supervisors made from it hold references, so
 * any order of release is safe. Handles in a forked child return MODELLAB_E_FORKED. */
typedef struct modellab_lab modellab_lab;

/** Values of modellab_lab_options.flags. */
enum {
    /** Open for reading only: no reconciliation, no run can be submitted or changed. */
    MODELLAB_LAB_READ_ONLY = 1,
    /** Do not reconcile at open. */
    MODELLAB_LAB_NO_RECONCILE = 2,
    /** Accept a network file system, whose locks cannot be trusted. */
    MODELLAB_LAB_ALLOW_NETWORK_FS = 4,
    /** For who makes room on a full disk: the lab's reserve (a file of 1 MiB) is given up when less
     * than that is free, and made anew when the lab is closed. Nothing is reconciled at open. */
    MODELLAB_LAB_MAKE_ROOM = 8
};

/** How to open a lab. Zero or NULL is the default everywhere. */
typedef struct modellab_lab_options {
    size_t size;                         /**< sizeof(modellab_lab_options) */
    const modellab_allocator *allocator; /**< copied; NULL = C heap */
    modellab_logger *logger;             /**< referenced; NULL = silent */
    const char *models_root; /**< installed models; NULL = as modellab_config_get() says */
    const char *cache_root;  /**< packed model images; NULL = likewise */
    const char
        *price_sheet; /**< JSON text of a price sheet (price.h); NULL = as configured, else
                            the example sheet "example-2026-01" (0.000012 USD a CPU second) */
    int32_t flags;    /**< MODELLAB_LAB_* */
    int32_t reserved; /**< 0 */
} modellab_lab_options;

#define MODELLAB_LAB_OPTIONS_INIT                                                                  \
    {                                                                                              \
        sizeof(modellab_lab_options), NULL, NULL, NULL, NULL, NULL, 0, 0                           \
    }

/** Flags of modellab_lab_reconcile(). */
enum {
    MODELLAB_RECONCILE_DRY_RUN = 1, /**< report only, change nothing */
    MODELLAB_RECONCILE_FILES = 2    /**< all runs and their files, not only those that are active */
};

MODELLAB_BEGIN_DECLS

/** Fills the options like MODELLAB_LAB_OPTIONS_INIT. @threads any @since 0.1 */
MODELLAB_API void modellab_lab_options_init(modellab_lab_options *options, size_t size);

/** Opens the lab in folder `root`, makes it when it does not exist, and reconciles what a crash
 * left.
 * @param root       UTF-8 path; NULL = the configured one (MODEL_LAB_ROOT, else XDG state)
 * @param options    optional
 * @param[out] out   new; give it back with modellab_lab_unref()
 * @errors E_PERMISSION, E_NO_SPACE, E_STORE_READ_ONLY, E_STORE_NEWER (written by a newer version),
 *         E_STORE_CORRUPT, E_UNSUPPORTED (network file system), E_BUSY, E_IO, E_NO_MEMORY
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_lab_open(
    const char *root, const modellab_lab_options *options, modellab_lab **out, modellab_error *err);

/** Takes another reference; returns its argument. @threads any @since 0.1 */
MODELLAB_API modellab_lab *modellab_lab_ref(modellab_lab *lab);

/** Gives a reference back; the last one closes the store. NULL is accepted. @threads any @since 0.1
 */
MODELLAB_API void modellab_lab_unref(modellab_lab *lab);

/** Absolute path of the lab's root, for `info`-like output only. Borrowed from `lab`.
 * @threads any @since 0.1 */
MODELLAB_API const char *modellab_lab_root(const modellab_lab *lab);

/** Compares records with locks, journals and supervisors, with a flag also with manifests and files
 * of all runs; repairs what can be repaired (dead runs -> STALE or QUEUED again, manifests written
 * anew, locks of supervisors that are gone removed) and reports every finding: its pointer is
 * /runs/ID or "", its text what was found, " -> ", what was done. Severity error: it needs a
 * person. docs/operations.md lists the findings.
 * @param flags         MODELLAB_RECONCILE_*
 * @param[out] out      new report (report.h), also when it has no findings
 * @errors E_INVALID_ARGUMENT, E_STORE_READ_ONLY, E_STORE_FAILED, E_IO, E_NO_MEMORY
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_lab_reconcile(modellab_lab *lab,
                                                                        int32_t flags,
                                                                        modellab_report **out,
                                                                        modellab_error *err);

MODELLAB_END_DECLS
#endif
