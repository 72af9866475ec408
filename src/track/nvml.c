/* GPU time by NVML: it samples the share of time that each process kept a device busy; the shares
 * of this process, times the time between samples, summed over the devices, are its GPU time. */
#include "base/alloc.h"
#include "base/error.h"
#include "os/dl.h"
#include "os/thread.h"
#include "track/gpu.h"
#include <string.h>

#define NVML_OK 0
#define NVML_NOT_FOUND 6 /* no samples: this process does not use the device */
#define DEVICES 32
#define SAMPLES 512

typedef struct nvml_sample {
    unsigned pid;
    unsigned long long time_us;
    unsigned sm_percent, memory_percent, encoder_percent, decoder_percent;
} nvml_sample;

typedef void *nvml_device;

typedef struct nvml {
    modellab_allocator alloc;
    void *library;
    int (*shutdown)(void);
    int (*utilization)(nvml_device, nvml_sample *, unsigned *, unsigned long long);
    nvml_device devices[DEVICES];
    unsigned long long seen_us[DEVICES]; /* time of the newest sample that was counted */
    unsigned count;
    unsigned pid;
    int64_t busy_ns;
    nvml_sample samples[SAMPLES];
} nvml;

/* Function pointers come as data pointers: copied, since ISO C has no cast between them. */
static bool load(void *library, const char *name, void *function, size_t bytes)
{
    void *symbol = mli_os_dl_symbol(library, name);
    memcpy(function, &symbol, bytes);
    return symbol != NULL;
}

static bool read_device(nvml *n, unsigned index)
{
    unsigned count = SAMPLES;
    unsigned long long last = n->seen_us[index], newest = last;
    int rc = n->utilization(n->devices[index], n->samples, &count, last);
    if (rc == NVML_NOT_FOUND)
        return true;
    if (rc != NVML_OK || count > SAMPLES)
        return false;
    for (unsigned i = 0; i < count; i++) {
        const nvml_sample *s = &n->samples[i];
        if (s->pid != n->pid || s->time_us <= last || s->sm_percent > 100)
            continue;
        if (last != 0) /* the first sample only marks the beginning */
            n->busy_ns += (int64_t)((s->time_us - last) * s->sm_percent * 10);
        last = s->time_us;
        newest = last > newest ? last : newest;
    }
    n->seen_us[index] = newest;
    return true;
}

static int32_t nvml_read(void *user, int64_t *busy_ns)
{
    nvml *n = user;
    for (unsigned i = 0; i < n->count; i++)
        if (!read_device(n, i))
            return 1;
    *busy_ns = n->busy_ns;
    return 0;
}

static void nvml_release(void *user)
{
    nvml *n = user;
    modellab_allocator alloc = n->alloc;
    (void)n->shutdown(); /* the library goes away now in any case */
    mli_os_dl_close(n->library);
    mli_free(&alloc, n);
}

/* true when the library works and has a device. */
static bool open_devices(nvml *n)
{
    int (*init)(void);
    int (*count)(unsigned *);
    int (*handle)(unsigned, nvml_device *);
    if (!load(n->library, "nvmlInit_v2", &init, sizeof init) ||
        !load(n->library, "nvmlShutdown", &n->shutdown, sizeof n->shutdown) ||
        !load(n->library, "nvmlDeviceGetCount_v2", &count, sizeof count) ||
        !load(n->library, "nvmlDeviceGetHandleByIndex_v2", &handle, sizeof handle) ||
        !load(n->library, "nvmlDeviceGetProcessUtilization", &n->utilization,
              sizeof n->utilization) ||
        init() != NVML_OK)
        return false;
    unsigned devices = 0;
    if (count(&devices) == NVML_OK)
        for (unsigned i = 0; i < devices && n->count < DEVICES; i++)
            n->count += handle(i, &n->devices[n->count]) == NVML_OK;
    if (n->count == 0)
        (void)n->shutdown(); /* nothing to measure: what it says does not matter */
    return n->count > 0;
}

modellab_status mli_gpu_open_nvml(const modellab_allocator *alloc, const char *library,
                                  modellab_gpu_provider *out, modellab_error *err)
{
    *out = (modellab_gpu_provider)MODELLAB_GPU_PROVIDER_INIT;
    void *loaded = mli_os_dl_open(library);
    if (loaded == NULL)
        return MODELLAB_OK;
    nvml *n = mli_alloc_zero(alloc, sizeof *n);
    if (n == NULL) {
        mli_os_dl_close(loaded);
        return mli_no_memory(err);
    }
    if (alloc != NULL)
        n->alloc = *alloc;
    n->library = loaded;
    n->pid = (unsigned)mli_os_pid();
    if (!open_devices(n)) {
        mli_os_dl_close(loaded);
        mli_free(alloc, n);
        return MODELLAB_OK;
    }
    out->user = n;
    out->read = nvml_read;
    out->release = nvml_release;
    return MODELLAB_OK;
}
