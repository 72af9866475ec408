/* Health of a lab: live (the process answers), ready (it can take runs), deep (a real inference,
 * orphaned runs). An answer never waits for a disk that hangs: each check runs on a thread of its
 * own and has a deadline, and what has not answered by then is told as it was last known, with its
 * age. @since 0.1
 *
 * Example: examples/c/health.c */
#ifndef MODELLAB_HEALTH_H
#define MODELLAB_HEALTH_H

#include <modellab/lab.h>

/** How thorough to be. */
typedef int32_t modellab_health_level;
enum { MODELLAB_HEALTH_LIVE = 1, MODELLAB_HEALTH_READY = 2, MODELLAB_HEALTH_DEEP = 3 };

/** State of a check and of the whole. A check is HEALTHY, DEGRADED, CRITICAL or, before its first
 * answer, INITIALIZING. The whole is the worst of its checks; where all are well it is READY for
 * the level ready (nobody looked deeper) and HEALTHY for live and deep. */
typedef int32_t modellab_health_state;
enum {
    MODELLAB_HEALTH_HEALTHY = 1,
    MODELLAB_HEALTH_DEGRADED = 2,    /**< works with a restriction that somebody should look at */
    MODELLAB_HEALTH_CRITICAL = 3,    /**< cannot do its work */
    MODELLAB_HEALTH_STATE_READY = 4, /**< it can take runs; nobody looked deeper */
    MODELLAB_HEALTH_INITIALIZING = 5 /**< something has not answered for the first time yet */
};

/** What to look at, and how long the answer may take. Zero is the default. */
typedef struct modellab_health_options {
    size_t size;                 /**< sizeof(modellab_health_options) */
    modellab_health_level level; /**< 0 = MODELLAB_HEALTH_READY */
    int32_t wait_ms; /**< longest time to the answer; 0 = 1000, for deep 20000. Live never waits */
    int32_t max_age_ms; /**< a result that is not older is told again; 0 = look in any case */
    int32_t reserved;   /**< 0 */
} modellab_health_options;

#define MODELLAB_HEALTH_OPTIONS_INIT                                                               \
    {                                                                                              \
        sizeof(modellab_health_options), 0, 0, 0, 0                                                \
    }

/** Result: immutable. */
typedef struct modellab_health modellab_health;

typedef struct modellab_health_check_info {
    size_t size;         /**< sizeof(modellab_health_check_info), set by the caller */
    const char *name;    /**< as docs/metrics.md lists them; borrowed from the result */
    const char *message; /**< borrowed from the result */
    modellab_health_state state;
    int32_t is_late;     /**< 1: no answer within its deadline; the message tells what is known */
    double milliseconds; /**< what the check took when it last answered */
    int64_t age_ms;      /**< since it last answered; -1: it never has */
} modellab_health_check_info;

MODELLAB_BEGIN_DECLS

/** Name for people and machines. Borrowed, static; "unknown" for other numbers. @threads any
 * @since 0.1 */
MODELLAB_API const char *modellab_health_state_name(modellab_health_state state);

/** Fills the options like their INIT macro. @threads any @since 0.1 */
MODELLAB_API void modellab_health_options_init(modellab_health_options *options, size_t size);

/** Runs the checks of `level` with the defaults of modellab_health_options.
 * @param[out] out new; modellab_health_unref()
 * @errors E_NO_MEMORY, E_INVALID_ARGUMENT (a failing check is a result, not an error)
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_health_run(modellab_lab *lab,
                                                                     modellab_health_level level,
                                                                     modellab_health **out,
                                                                     modellab_error *err);
/** Runs checks. Live does nothing that can wait: no lock, file, log line or other process. The
 * others run on threads that end with their work; one that hangs in a disk keeps its thread, and
 * giving back the last reference of the lab then waits for it.
 * @param options  NULL = the defaults
 * @param[out] out new; modellab_health_unref()
 * @errors E_NO_MEMORY, E_INVALID_ARGUMENT, E_ABI_TOO_SMALL @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_health_look(modellab_lab *lab, const modellab_health_options *options,
                     modellab_health **out, modellab_error *err);
/** Gives a reference back; NULL is accepted. @threads any @since 0.1 */
MODELLAB_API void modellab_health_unref(modellab_health *health);
/** State of the whole; CRITICAL for NULL. @threads any @since 0.1 */
MODELLAB_API modellab_health_state modellab_health_get_state(const modellab_health *health);
/** Number of items; 0 for NULL. @threads any @since 0.1 */
MODELLAB_API size_t modellab_health_check_count(const modellab_health *health);
/** @errors E_NOT_FOUND (index), E_ABI_TOO_SMALL @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_health_check_at(const modellab_health *health, size_t index,
                         modellab_health_check_info *out, modellab_error *err);

/** Looks at everything that a new user needs: settings (also names that nothing reads), what the
 * kernel offers, whether the lab opens and can be written, its disk and clock, whether the worker
 * program starts, whether the default model is there and has the right bytes. Each is a finding:
 * severity info when it is well, else warning or error with what to do behind "->". A lab that
 * cannot be opened is a finding too; one that is not there yet is made.
 * @param root, options  as modellab_lab_open()
 * @param[out] out       new report; modellab_report_unref()
 * @errors E_INVALID_ARGUMENT, E_ABI_TOO_SMALL, E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_doctor_run(const char *root, const modellab_lab_options *options, modellab_report **out,
                    modellab_error *err);

MODELLAB_END_DECLS
#endif
