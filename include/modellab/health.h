/* Health of a lab: live (it answers), ready (it can take runs), deep (a real inference, orphaned
 * runs).
 * @since 0.1
 *
 * Example: examples/c/health.c */
#ifndef MODELLAB_HEALTH_H
#define MODELLAB_HEALTH_H

#include <modellab/lab.h>

/** How thorough to be. */
typedef int32_t modellab_health_level;
enum { MODELLAB_HEALTH_LIVE = 1, MODELLAB_HEALTH_READY = 2, MODELLAB_HEALTH_DEEP = 3 };

/** State of a check and of the whole (the worst of its checks). */
typedef int32_t modellab_health_state;
enum {
    MODELLAB_HEALTH_HEALTHY = 1,
    MODELLAB_HEALTH_DEGRADED = 2, /**< works with a restriction that somebody should look at */
    MODELLAB_HEALTH_CRITICAL = 3  /**< cannot do its work */
};

/** Result: immutable. */
typedef struct modellab_health modellab_health;

typedef struct modellab_health_check_info {
    size_t size;         /**< sizeof(modellab_health_check_info), set by the caller */
    const char *name;    /**< store, disk, runs_directory, models, worker_program, queue, clock,
                            orphaned_runs,    inference; borrowed from the result */
    const char *message; /**< borrowed from the result */
    modellab_health_state state;
    int32_t reserved;
    double milliseconds; /**< what the check took */
} modellab_health_check_info;

MODELLAB_BEGIN_DECLS

/** Name for people and machines. Borrowed, static; NULL when unknown. @threads any @since 0.1 */
MODELLAB_API const char *modellab_health_state_name(modellab_health_state state);

/** Runs the checks of `level`. @param[out] out new; modellab_health_unref()
 * @errors E_NO_MEMORY, E_INVALID_ARGUMENT (a failing check is a result, not an error)
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_health_run(modellab_lab *lab,
                                                                     modellab_health_level level,
                                                                     modellab_health **out,
                                                                     modellab_error *err);
/** Gives a reference back; NULL is accepted. @threads any @since 0.1 */
MODELLAB_API void modellab_health_unref(modellab_health *health);
/** State of the whole: the worst of its checks. @threads any @since 0.1 */
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
