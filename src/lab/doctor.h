/* The doctor: everything that a new user needs, looked at once, each with what to do about it. */
#ifndef MLI_LAB_DOCTOR_H
#define MLI_LAB_DOCTOR_H

#include "check/findings.h"
#include "lab/lab.h"

/* As modellab_doctor_run(). */
MODELLAB_MUST_CHECK modellab_status mli_doctor_run(const char *root,
                                                   const modellab_lab_options *options,
                                                   modellab_report **out, modellab_error *err);

/* Parts of it. */
void mli_doctor_configuration(const modellab_allocator *alloc, mli_findings *report);
void mli_doctor_machine(const mli_os_files *files, mli_findings *report);

/* The variable of the table that `name` is probably meant to be, or NULL. */
const char *mli_doctor_suggest(const char *name);

#endif
