/* What a lab takes on its disk, and what it would still take. */
#ifndef MLI_LAB_DISK_H
#define MLI_LAB_DISK_H

#include "lab/lab.h"
#include <modellab/retention.h>

MODELLAB_MUST_CHECK modellab_status mli_lab_disk_usage(mli_lab *lab, modellab_disk_usage *out,
                                                       modellab_error *err);

#endif
