/* Plays the part of NVIDIA's management library: two devices whose samples the test sets. */
#include <stddef.h>

typedef struct sample {
    unsigned pid;
    unsigned long long time_us;
    unsigned sm, memory, encoder, decoder;
} sample;

int nvmlInit_v2(void);
int nvmlShutdown(void);
int nvmlDeviceGetCount_v2(unsigned *count);
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device);
int nvmlDeviceGetProcessUtilization(void *device, sample *out, unsigned *count,
                                    unsigned long long since_us);
void fake_nvml_set(unsigned devices, const sample *samples, unsigned count, int result);
int fake_nvml_opened(void);

static unsigned device_count, sample_count;
static const sample *set_samples;
static int set_result, opened;
static char handles[8];

void fake_nvml_set(unsigned devices, const sample *samples, unsigned count, int result)
{
    device_count = devices;
    set_samples = samples;
    sample_count = count;
    set_result = result;
}

int fake_nvml_opened(void)
{
    return opened;
}

int nvmlInit_v2(void)
{
    opened++;
    return 0;
}

int nvmlShutdown(void)
{
    opened--;
    return 0;
}

int nvmlDeviceGetCount_v2(unsigned *count)
{
    *count = device_count;
    return 0;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device)
{
    *device = &handles[index];
    return 0;
}

/* Samples belong to device 0 only; the other one has never seen this process. */
int nvmlDeviceGetProcessUtilization(void *device, sample *out, unsigned *count,
                                    unsigned long long since_us)
{
    unsigned found = 0;
    if (set_result != 0)
        return set_result;
    if (device != &handles[0])
        return 6;
    for (unsigned i = 0; i < sample_count; i++)
        if (set_samples[i].time_us > since_us && found < *count)
            out[found++] = set_samples[i];
    *count = found;
    return found > 0 ? 0 : 6;
}
