/* Where GPU time comes from when the host gives no provider: NVIDIA's management library, when the
 * machine has it. Never run on real hardware by the tests: they load a library that plays its part.
 */
#ifndef MLI_TRACK_GPU_H
#define MLI_TRACK_GPU_H

#include <modellab/tracker.h>
#include <stdbool.h>

/* Fills `out` (read NULL = none found). @errors E_NO_MEMORY */
MODELLAB_MUST_CHECK modellab_status mli_gpu_find(const modellab_allocator *alloc,
                                                 modellab_gpu_provider *out, modellab_error *err);
/* The same with a given library. */
MODELLAB_MUST_CHECK modellab_status mli_gpu_open_nvml(const modellab_allocator *alloc,
                                                      const char *library,
                                                      modellab_gpu_provider *out,
                                                      modellab_error *err);
/* "nvml" when a device is there, else "absent". Static. */
const char *mli_gpu_provider_name(void);

#endif
