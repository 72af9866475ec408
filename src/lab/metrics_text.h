/* Writing families and samples of metrics as Prometheus text or OpenMetrics, with a bound on the
 * number of series. */
#ifndef MLI_LAB_METRICS_TEXT_H
#define MLI_LAB_METRICS_TEXT_H

#include "base/buf.h"
#include "store/rows.h"
#include <stdbool.h>

typedef struct mli_metrics_writer {
    mli_buf *out;
    bool open; /* OpenMetrics */
    size_t series, left_out;
} mli_metrics_writer;

/* A run that stands for a sample (OpenMetrics only). */
typedef struct mli_exemplar {
    const mli_run_row *run; /* NULL = none */
    double value;
} mli_exemplar;

typedef struct mli_sample {
    const char *name, *suffix;                     /* without the prefix "modellab_" */
    const char *label1, *value1, *label2, *value2; /* "" = none */
    double value;
    mli_exemplar exemplar;
} mli_sample;

void mli_metrics_head(mli_metrics_writer *w, const char *type, const char *name, const char *unit,
                      const char *help);
void mli_metrics_sample(mli_metrics_writer *w, const mli_sample *sample);
/* A family of one series without labels. */
void mli_metrics_one(mli_metrics_writer *w, const char *type, const char *name, const char *unit,
                     const char *help, double value);
void mli_metrics_end(mli_metrics_writer *w);

#endif
