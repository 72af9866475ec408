/* Makes bad audio files: hand-made RIFF headers, and FLAC by libsndfile that is then damaged. */
#include "fault/bad_audio.h"

#include <math.h>
#include <sndfile.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct memory_file {
    unsigned char *data;
    sf_count_t size, capacity, position;
} memory_file;

static sf_count_t memory_length(void *user)
{
    return ((memory_file *)user)->size;
}

static sf_count_t memory_seek(sf_count_t offset, int whence, void *user)
{
    memory_file *f = user;
    f->position = offset + (whence == SEEK_SET ? 0 : whence == SEEK_CUR ? f->position : f->size);
    return f->position;
}

static sf_count_t memory_read(void *out, sf_count_t count, void *user)
{
    memory_file *f = user;
    if (count > f->size - f->position)
        count = f->size - f->position;
    memcpy(out, f->data + f->position, (size_t)count);
    f->position += count;
    return count;
}

static sf_count_t memory_write(const void *data, sf_count_t count, void *user)
{
    memory_file *f = user;
    if (f->position + count > f->capacity) {
        sf_count_t capacity = (f->position + count) * 2;
        unsigned char *grown = realloc(f->data, (size_t)capacity);
        if (grown == NULL)
            return 0;
        f->data = grown;
        f->capacity = capacity;
    }
    memcpy(f->data + f->position, data, (size_t)count);
    f->position += count;
    if (f->position > f->size)
        f->size = f->position;
    return count;
}

static sf_count_t memory_tell(void *user)
{
    return ((memory_file *)user)->position;
}

static unsigned char *encode(int format, int rate_hz, int channels, const float *samples,
                             size_t frames, int repeat, size_t *bytes)
{
    SF_VIRTUAL_IO io = {memory_length, memory_seek, memory_read, memory_write, memory_tell};
    SF_INFO info = {.samplerate = rate_hz, .channels = channels, .format = format};
    memory_file f = {NULL, 0, 0, 0};
    SNDFILE *out = sf_open_virtual(&io, SFM_WRITE, &info, &f);
    bool ok = out != NULL;
    for (int i = 0; ok && i < repeat; i++)
        ok = sf_writef_float(out, samples, (sf_count_t)frames) == (sf_count_t)frames;
    if (out != NULL && sf_close(out) != 0)
        ok = false;
    if (!ok) {
        free(f.data);
        return NULL;
    }
    *bytes = (size_t)f.size;
    return f.data;
}

unsigned char *bad_audio_encode(int format, int rate_hz, int channels, const float *samples,
                                size_t frames, size_t *bytes)
{
    return encode(format, rate_hz, channels, samples, frames, 1, bytes);
}

unsigned char *bad_audio_long_silence(size_t *bytes)
{
    static float silence[16000 * 60];
    return encode(SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 16000, 1, silence, 16000 * 60, 600, bytes);
}

static void put(unsigned char *at, uint64_t value, int count)
{
    for (int i = 0; i < count; i++)
        at[i] = (unsigned char)(value >> 8 * i & 0xffu);
}

/* A canonical WAV of `count` samples; every number can be a lie. Samples are a slow ramp. */
static unsigned char *wav(unsigned kind, unsigned bits, unsigned channels, uint32_t rate,
                          uint32_t declared, size_t count, size_t *bytes)
{
    const size_t width = bits / 8;
    *bytes = 44 + count * width;
    unsigned char *w = calloc(1, *bytes);
    if (w == NULL)
        return NULL;
    memcpy(w, "RIFF....WAVEfmt ", 16);
    put(w + 4, declared == UINT32_MAX ? declared : declared + 36, 4);
    put(w + 16, 16, 4);
    put(w + 20, kind, 2);
    put(w + 22, channels, 2);
    put(w + 24, rate, 4);
    put(w + 28, (uint64_t)rate * channels * width, 4);
    put(w + 32, channels * width, 2);
    put(w + 34, bits, 2);
    memcpy(w + 36, "data", 4);
    put(w + 40, declared, 4);
    for (size_t i = 0; i < count; i++) {
        if (kind == 3) {
            float x = (float)(i % 100) / 200.0f;
            memcpy(w + 44 + i * width, &x, sizeof x);
        } else {
            put(w + 44 + i * width, i * 37 % 4001, (int)width);
        }
    }
    return w;
}

static unsigned char *plain_text(const char *text, size_t *bytes)
{
    *bytes = strlen(text);
    unsigned char *copy = malloc(*bytes + 1);
    if (copy != NULL)
        memcpy(copy, text, *bytes + 1);
    return copy;
}

static unsigned char *make_empty(size_t *bytes)
{
    return plain_text("", bytes);
}

static unsigned char *make_text(size_t *bytes)
{
    return plain_text("Dear reader, this is a letter and not a sound.\n", bytes);
}

static unsigned char *make_flac(size_t *bytes)
{
    static float samples[48000];
    for (int i = 0; i < 48000; i++)
        samples[i] = (float)((i * 7919) % 20011) / 40000.0f;
    return encode(SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 16000, 1, samples, 48000, 1, bytes);
}

static unsigned char *make_truncated_flac(size_t *bytes)
{
    unsigned char *flac = make_flac(bytes);
    *bytes = *bytes * 6 / 10;
    return flac;
}

/* The 36-bit frame count of STREAMINFO set to its greatest value. */
static unsigned char *make_giant_flac(size_t *bytes)
{
    unsigned char *flac = make_flac(bytes);
    if (flac != NULL) {
        flac[21] |= 0x0f;
        memset(flac + 22, 0xff, 4);
    }
    return flac;
}

/* RF64, whose ds64 chunk carries the 64-bit size of `data`. */
static unsigned char *make_giant_wav(size_t *bytes)
{
    const uint64_t claim = UINT64_C(34) * 1000 * 1000 * 1000;
    size_t size = 0;
    unsigned char *plain = wav(1, 16, 1, 16000, UINT32_MAX, 1600, &size);
    *bytes = size + 36;
    unsigned char *w = plain != NULL ? calloc(1, *bytes) : NULL;
    if (w != NULL) {
        memcpy(w, "RF64\xff\xff\xff\xffWAVEds64", 16);
        put(w + 16, 28, 4);
        put(w + 20, claim + 72, 8);
        put(w + 28, claim, 8);
        put(w + 36, claim / 2, 8);
        memcpy(w + 48, plain + 12, size - 12);
    }
    free(plain);
    return w;
}

static unsigned char *make_cut_wav(size_t *bytes)
{
    return wav(1, 16, 1, 16000, 320000, 16000, bytes);
}

static unsigned char *make_rate_zero(size_t *bytes)
{
    return wav(1, 16, 1, 0, 3200, 1600, bytes);
}

static unsigned char *make_rate_2ghz(size_t *bytes)
{
    return wav(1, 16, 1, 2000000000u, 3200, 1600, bytes);
}

static unsigned char *make_channels(size_t *bytes)
{
    return wav(1, 16, 1024, 16000, 1024 * 16 * 2, 1024 * 16, bytes);
}

static unsigned char *make_no_samples(size_t *bytes)
{
    return wav(1, 16, 1, 16000, 0, 0, bytes);
}

static unsigned char *make_float(uint32_t bits, size_t *bytes)
{
    unsigned char *w = wav(3, 32, 1, 16000, 4 * 4000, 4000, bytes);
    if (w != NULL)
        put(w + 44 + 4 * 1234, bits, 4);
    return w;
}

static unsigned char *make_nan(size_t *bytes)
{
    return make_float(0x7fc00000u, bytes);
}

static unsigned char *make_inf(size_t *bytes)
{
    return make_float(0xff800000u, bytes);
}

static unsigned char *make_header_cut(size_t *bytes)
{
    unsigned char *w = wav(1, 16, 1, 16000, 3200, 1600, bytes);
    *bytes = 30;
    return w;
}

static unsigned char *make_one_ms(size_t *bytes)
{
    return wav(1, 16, 1, 16000, 32, 16, bytes);
}

/* As programs write it that stream into a pipe: the size is not known. */
static unsigned char *make_streamed(size_t *bytes)
{
    return wav(1, 16, 1, 16000, UINT32_MAX, 16000, bytes);
}

#define BAD(n, s, text) MODELLAB_E_##s, text, make_##n

const bad_audio bad_audio_files[] = {
    {"empty.wav", BAD(empty, INVALID_AUDIO, "empty")},
    {"text.wav", BAD(text, UNSUPPORTED_FORMAT, "not audio")},
    {"truncated.flac", BAD(truncated_flac, INVALID_AUDIO, "")},
    {"claims_68_gigaframes.flac", BAD(giant_flac, INVALID_AUDIO, "")},
    {"claims_34_gb.wav", BAD(giant_wav, INVALID_AUDIO, "declares")},
    {"cut.wav", BAD(cut_wav, INVALID_AUDIO, "declares")},
    {"rate_0_hz.wav", BAD(rate_zero, INVALID_AUDIO, "")},
    {"rate_2_ghz.wav", BAD(rate_2ghz, INVALID_AUDIO, "2000000000 Hz")},
    {"channels_1024.wav", BAD(channels, INVALID_AUDIO, "1024")},
    {"no_samples.wav", BAD(no_samples, INVALID_AUDIO, "no samples")},
    {"nan.wav", BAD(nan, INVALID_AUDIO, "sample 1234 ")},
    {"infinity.wav", BAD(inf, INVALID_AUDIO, "sample 1234 ")},
    {"header_cut.wav", BAD(header_cut, INVALID_AUDIO, "")},
    {"one_ms.wav", MODELLAB_OK, "", make_one_ms},
    {"size_unknown.wav", MODELLAB_OK, "", make_streamed},
};

const size_t bad_audio_count = sizeof bad_audio_files / sizeof *bad_audio_files;
