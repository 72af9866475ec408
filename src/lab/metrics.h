/* Metrics of a lab as text for Prometheus (docs/metrics.md). Counters come from the store, where
 * they grow in the transaction that ends a run, so that they never fall; the rest is looked at when
 * it is asked for. */
#ifndef MLI_LAB_METRICS_H
#define MLI_LAB_METRICS_H

#include "lab/lab.h"
#include "lab/metrics_text.h"
#include <modellab/metrics.h>

MODELLAB_MUST_CHECK modellab_status mli_metrics_write(mli_lab *lab, modellab_metrics_format format,
                                                      mli_buf *out, modellab_error *err);
/* metrics_webhooks.c: webhooks, and deliveries that wait. */
void mli_metrics_webhooks(mli_metrics_writer *w, const mli_lab *lab, const mli_total_list *now);

#endif
