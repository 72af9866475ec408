/* Step bundle: one folder's worth of files for people, of whatever the steps before have made. */
#ifndef MLI_LAB_STEP_BUNDLE_H
#define MLI_LAB_STEP_BUNDLE_H

#include "lab/worker.h"

/* step_bundle_parts.c: each writes its artifact from what another step has made, unless that step
 * has written it itself. Nothing to make it of is no failure. */
MODELLAB_MUST_CHECK modellab_status mli_bundle_subtitles(mli_worker *w, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_bundle_summary(mli_worker *w, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_bundle_action_items(mli_worker *w, modellab_error *err);

/* step_bundle_coverage.c: coverage.json, what became of each part of the input. */
MODELLAB_MUST_CHECK modellab_status mli_bundle_coverage(mli_worker *w, modellab_error *err);

#endif
