/* Metrics of a lab as Prometheus or OpenMetrics text. Labels come from closed sets. @since 0.1
 *
 * Example: examples/c/health.c */
#ifndef MODELLAB_METRICS_H
#define MODELLAB_METRICS_H

#include <modellab/lab.h>

typedef int32_t modellab_metrics_format;
enum { MODELLAB_METRICS_PROMETHEUS = 1, MODELLAB_METRICS_OPENMETRICS = 2 };

MODELLAB_BEGIN_DECLS

/** Writes all families (docs/metrics.md). @param[out] out new; modellab_buffer_destroy()
 * @errors E_STORE_FAILED, E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_metrics_write(
    modellab_lab *lab, modellab_metrics_format format, modellab_buffer **out, modellab_error *err);

MODELLAB_END_DECLS
#endif
