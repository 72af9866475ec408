/* Reports: the immutable result of validation, verification or reconciliation. A report holds
 * findings in a fixed order; finding nothing is a report without findings. What could not be
 * checked at all is an error of the call instead. @since 0.1
 *
 * Example: examples/c/report.c */
#ifndef MODELLAB_REPORT_H
#define MODELLAB_REPORT_H

#include <modellab/types.h>

/** A report. Reference counted and immutable. */
typedef struct modellab_report modellab_report;

/** How grave a finding is. */
typedef int32_t modellab_severity;
enum {
    MODELLAB_SEVERITY_INFO = 1,    /**< worth knowing, nothing to do */
    MODELLAB_SEVERITY_WARNING = 2, /**< accepted, but probably not what was meant */
    MODELLAB_SEVERITY_ERROR = 3    /**< refused, or damaged */
};

/** One finding. Strings are UTF-8 and borrowed from the report; no absolute path, no secret. */
typedef struct modellab_finding {
    size_t size;         /**< sizeof(modellab_finding), set by the caller */
    const char *id;      /**< stable machine name, for example "schema.unknown_key" */
    const char *pointer; /**< JSON pointer (RFC 6901) of the place, "" = the whole */
    const char *text;    /**< sentence for people */
    modellab_severity severity;
    int32_t reserved;
} modellab_finding;

#define MODELLAB_FINDING_INIT                                                                      \
    {                                                                                              \
        sizeof(modellab_finding), NULL, NULL, NULL, 0, 0                                           \
    }

MODELLAB_BEGIN_DECLS

/** Name of a severity: "info", "warning", "error"; "unknown" for others. Borrowed, static.
 * @threads any @since 0.1 */
MODELLAB_API const char *modellab_severity_name(modellab_severity severity);

/** Number of findings. 0 for NULL. @threads any @since 0.1 */
MODELLAB_API size_t modellab_report_count(const modellab_report *report);

/** The finding at `index`, in the order in which they were found.
 * @param[in,out] out  `out->size` must be set; its strings are borrowed from the report
 * @errors E_INVALID_ARGUMENT, E_NOT_FOUND (index), E_ABI_TOO_SMALL
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_report_at(const modellab_report *report,
                                                                    size_t index,
                                                                    modellab_finding *out,
                                                                    modellab_error *err);

/** The gravest severity in the report; 0 without findings or for NULL. @threads any @since 0.1 */
MODELLAB_API modellab_severity modellab_report_worst(const modellab_report *report);

/** The report as JSON: {"findings":[{"id","severity","pointer","text"}...],"worst":"error"};
 * `worst` is null without findings. @param[out] out new; modellab_buffer_destroy()
 * @errors E_INVALID_ARGUMENT, E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_report_to_json(const modellab_report *report, modellab_buffer **out, modellab_error *err);

/** Takes another reference; returns its argument. @threads any @since 0.1 */
MODELLAB_API modellab_report *modellab_report_ref(modellab_report *report);

/** Gives a reference back; NULL is accepted. @threads any @since 0.1 */
MODELLAB_API void modellab_report_unref(modellab_report *report);

MODELLAB_END_DECLS
#endif
