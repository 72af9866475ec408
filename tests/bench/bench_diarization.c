/* bench_diarization MINUTES THREADS SCRATCH_FILE FILE...: who spoke when in the files joined, again
 * and again, to so many minutes. Bars: one hour in 72 s and 300 MB with 2 threads. */
#include <modellab/modellab.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { RATE = 16000 };

static void must(modellab_status status, const modellab_error *err, const char *what)
{
    if (status != MODELLAB_OK) {
        fprintf(stderr, "%s: %s\n", what, err->message);
        exit(1);
    }
}

static double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void put32(unsigned char *at, int64_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (unsigned char)(value >> 8 * i & 0xff);
}

/* A WAV file of the files one behind the other until `count` samples are there: the library keeps
 * one copy of the audio then, and nothing else does. */
static void join(const char *to, int64_t count, int files, char **paths)
{
    unsigned char head[44] =
        "RIFF....WAVEfmt \x10\0\0\0\1\0\1\0\x80\x3e\0\0\0\x7d\0\0\2\0\x10\0data";
    modellab_error err = MODELLAB_ERROR_INIT;
    FILE *f = fopen(to, "wb");
    put32(head + 4, 36 + 2 * count);
    put32(head + 40, 2 * count);
    if (f == NULL || fwrite(head, sizeof head, 1, f) != 1)
        exit(1);
    for (int i = 0; count > 0; i = (i + 1) % files) {
        modellab_audio_info info = {.size = sizeof info};
        modellab_audio *audio = NULL;
        must(modellab_audio_decode_file(paths[i], NULL, &audio, &err), &err, "decode");
        must(modellab_audio_get_info(audio, &info, &err), &err, "info");
        size_t take = (size_t)(info.samples < count ? info.samples : count);
        float *samples = calloc(take, sizeof *samples);
        if (samples == NULL)
            exit(1);
        must(modellab_audio_read(audio, 0, take, samples, &err), &err, "read");
        for (size_t k = 0; k < take; k++) {
            int16_t pcm = (int16_t)(samples[k] * 32767.0f);
            if (fwrite(&pcm, sizeof pcm, 1, f) != 1)
                exit(1);
        }
        free(samples);
        modellab_audio_unref(audio);
        count -= (int64_t)take;
    }
    if (fclose(f) != 0)
        exit(1);
}

int main(int argc, char **argv)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_diarization_options options = MODELLAB_DIARIZATION_OPTIONS_INIT;
    modellab_model *encoder = NULL, *vad = NULL;
    modellab_diarization *d = NULL;
    modellab_audio *audio = NULL;
    struct rusage use;
    if (argc < 5 || atoi(argv[1]) < 1 || atoi(argv[1]) > 600)
        return 2;
    int64_t count = (int64_t)atoi(argv[1]) * 60 * RATE;
    options.threads = atoi(argv[2]);
    must(modellab_model_open("ge2e-speaker", NULL, &encoder, &err), &err, "encoder");
    must(modellab_model_open("silero-vad-v6", NULL, &vad, &err), &err, "detector");
    join(argv[3], count, argc - 4, argv + 4);
    must(modellab_audio_decode_file(argv[3], NULL, &audio, &err), &err, "decode");
    remove(argv[3]);
    double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    must(modellab_diarize_audio(encoder, vad, audio, &options, &d, &err), &err, "diarize");
    wall = seconds(CLOCK_MONOTONIC) - wall;
    cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    getrusage(RUSAGE_SELF, &use);
    printf(
        "%s min, %s threads: %.1f s (real-time factor %.4f), %.1f s of CPU time, %zu speakers, %zu "
        "turns, peak %.0f MB with the audio\n",
        argv[1], argv[2], wall, wall * RATE / (double)count, cpu,
        modellab_diarization_speaker_count(d), modellab_diarization_turn_count(d),
        (double)use.ru_maxrss / 1024.0);
    modellab_diarization_unref(d);
    modellab_audio_unref(audio);
    modellab_model_unref(vad);
    modellab_model_unref(encoder);
    return 0;
}
