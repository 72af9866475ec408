/* What a run that repeats another one may take over instead of doing it again: finished steps and
 * finished windows of speech recognition. Offered in the child's journal (fence 0) when it is
 * submitted; the worker takes what has the key of its own work and makes the rest anew.
 *   {..."type":"reusable","step":"asr","key":K,"from":RUN,"audio_seconds":30.0,"artifacts":[...]}
 */
#ifndef MLI_LAB_REUSE_H
#define MLI_LAB_REUSE_H

#include "lab/lab.h"

#define MLI_REUSABLE_TYPE "reusable"

/* Before the child is recorded, in its new folder. What is damaged or gone is not offered. */
MODELLAB_MUST_CHECK modellab_status mli_reuse_offer(mli_lab *lab, const mli_run_record *parent,
                                                    const char *child_id, modellab_logger *log,
                                                    modellab_error *err);

#endif
