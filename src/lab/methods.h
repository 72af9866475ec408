/* How the measures of a run were made, by name, kept with its record: a figure whose origin is not
 * known cannot be compared. */
#ifndef MLI_LAB_METHODS_H
#define MLI_LAB_METHODS_H

#include "base/buf.h"

/* Static texts; NULL = no such measure. The closed list is in docs/operations.md. */
typedef struct mli_methods {
    const char *cpu, *gpu, *memory, *api_calls, *audio, *wall;
} mli_methods;

#define MLI_METHOD_RUSAGE "rusage" /* the kernel's count at the end of the worker */
/* The worker's own clock from the end of its run before, or its start, to the end of this one. */
#define MLI_METHOD_DIFFERENCE "cpu_clock_difference"
/* The kernel's count at the end of the worker, without what it told of its runs before. */
#define MLI_METHOD_RUSAGE_DIFFERENCE "rusage_difference"
#define MLI_METHOD_PAGE "page"       /* the worker's own clock, looked at ten times a second */
#define MLI_METHOD_JOURNAL "journal" /* the worker's own clock, at its last line */
#define MLI_METHOD_TRACKER "tracker" /* spans of a host that records its own work */
#define MLI_METHOD_VMHWM "vmhwm"     /* high-water mark at the end */
#define MLI_METHOD_VMHWM_RESET "vmhwm_reset" /* the mark was set back when the run began */
#define MLI_METHOD_RSS_SAMPLED "rss_sampled" /* the largest of ten looks a second */
#define MLI_METHOD_SAMPLED "vmhwm_sampled"   /* the last mark seen before a death */
#define MLI_METHOD_GROUP_CPU "cgroup_cpu"    /* cpu.stat of the worker's control group */
#define MLI_METHOD_GROUP_PEAK "cgroup_peak"  /* the group's peak: also pages of files */
#define MLI_METHOD_COUNTER "page_counter"    /* calls counted where leave for them is asked */
#define MLI_METHOD_DECODED "decoded"         /* samples that came out of the decoder */
#define MLI_METHOD_HEADER "header"           /* what the file says of itself */
#define MLI_METHOD_CLOCK "clock"
#define MLI_METHOD_ABSENT "absent" /* there is nothing to measure with */

/* Appends the JSON object; `earlier` (JSON, "" = none) is that of the attempts before: where they
 * used another method both are named, "rusage+page". */
void mli_methods_write(const mli_methods *methods, const char *earlier, mli_buf *out);

#endif
