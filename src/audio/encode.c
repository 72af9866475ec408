/* WAV writer: little-endian bytes made by shifts, samples converted in small blocks on the stack.
 */
#include "audio/encode.h"

#include "audio/decode.h"
#include "base/error.h"
#include <math.h>
#include <string.h>

enum { BLOCK = 1024 }; /* samples converted at a time */

static unsigned char *put16(unsigned char *at, uint32_t value)
{
    at[0] = (unsigned char)(value & 0xffu);
    at[1] = (unsigned char)(value >> 8 & 0xffu);
    return at + 2;
}

static unsigned char *put32(unsigned char *at, uint32_t value)
{
    return put16(put16(at, value & 0xffffu), value >> 16);
}

static unsigned char *put_tag(unsigned char *at, const char *tag)
{
    memcpy(at, tag, 4);
    return at + 4;
}

static uint32_t sample_bytes(mli_wav_format format)
{
    return format == MLI_WAV_S16 ? 2 : 4;
}

static size_t make_header(unsigned char out[MLI_WAV_HEADER_MAX], mli_wav_format format,
                          uint32_t channels, uint32_t rate_hz, int64_t frames)
{
    const bool floats = format == MLI_WAV_F32;
    const uint32_t frame_bytes = channels * sample_bytes(format);
    const uint32_t header = floats ? 58 : 44;
    const uint32_t data = frames < 0 ? UINT32_MAX : (uint32_t)frames * frame_bytes;
    unsigned char *at = put_tag(out, "RIFF");
    at = put32(at, frames < 0 ? UINT32_MAX : data + (data & 1u) + header - 8);
    at = put_tag(put_tag(at, "WAVE"), "fmt ");
    at = put32(at, floats ? 18 : 16);
    at = put16(at, floats ? 3 : 1);
    at = put16(at, channels);
    at = put32(put32(at, rate_hz), rate_hz * frame_bytes);
    at = put16(put16(at, frame_bytes), sample_bytes(format) * 8);
    if (floats) {
        at = put16(at, 0);
        at = put32(put32(put_tag(at, "fact"), 4), frames < 0 ? UINT32_MAX : (uint32_t)frames);
    }
    at = put32(put_tag(at, "data"), data);
    return (size_t)(at - out);
}

modellab_status mli_wav_begin(mli_wav_writer *writer, mli_wav_sink sink, void *user,
                              mli_wav_format format, int32_t channels, int32_t rate_hz,
                              int64_t frames, modellab_error *err)
{
    if ((format != MLI_WAV_S16 && format != MLI_WAV_F32) || channels < 1 ||
        channels > MLI_AUDIO_MAX_CHANNELS || rate_hz < MLI_AUDIO_MIN_RATE ||
        rate_hz > MLI_AUDIO_MAX_RATE || frames < -1)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "no WAV format: %d channels, %d Hz, kind %d", (int)channels, (int)rate_hz,
                        (int)format);
    const int64_t most =
        (int64_t)(UINT32_MAX - MLI_WAV_HEADER_MAX) / channels / (int64_t)sample_bytes(format);
    if (frames > most)
        return mli_fail(err, MODELLAB_E_LIMIT, "%lld frames do not fit into a WAV file",
                        (long long)frames);
    *writer = (mli_wav_writer){sink, user, format, channels, frames, 0};
    unsigned char header[MLI_WAV_HEADER_MAX];
    size_t bytes = make_header(header, format, (uint32_t)channels, (uint32_t)rate_hz, frames);
    return sink(user, header, bytes, err);
}

static uint32_t to_s16(float x)
{
    if (!(x > -1.0f))
        return x <= -1.0f ? 0x8000u : 0u;
    float scaled = x * 32768.0f;
    long rounded = scaled < 32767.0f ? lrintf(scaled) : 32767;
    return (uint32_t)rounded & 0xffffu;
}

static size_t convert(mli_wav_format format, const float *samples, size_t count, unsigned char *out)
{
    unsigned char *at = out;
    for (size_t i = 0; i < count; i++) {
        if (format == MLI_WAV_S16) {
            at = put16(at, to_s16(samples[i]));
        } else {
            uint32_t bits;
            memcpy(&bits, &samples[i], sizeof bits);
            at = put32(at, bits);
        }
    }
    return (size_t)(at - out);
}

modellab_status mli_wav_write(mli_wav_writer *writer, const float *interleaved, size_t frames,
                              modellab_error *err)
{
    if (writer->declared >= 0 && (int64_t)frames > writer->declared - writer->written)
        return mli_fail(err, MODELLAB_E_STATE, "more frames than the WAV header declares");
    unsigned char block[BLOCK * sizeof(float)];
    size_t left = frames * (size_t)writer->channels;
    while (left > 0) {
        size_t part = left < BLOCK ? left : BLOCK;
        size_t bytes = convert(writer->format, interleaved, part, block);
        modellab_status status = writer->sink(writer->user, block, bytes, err);
        if (status != MODELLAB_OK)
            return status;
        interleaved += part;
        left -= part;
    }
    writer->written += (int64_t)frames;
    return MODELLAB_OK;
}

modellab_status mli_wav_end(mli_wav_writer *writer, modellab_error *err)
{
    if (writer->declared >= 0 && writer->written != writer->declared)
        return mli_fail(err, MODELLAB_E_STATE,
                        "%lld frames were written, %lld stand in the WAV header",
                        (long long)writer->written, (long long)writer->declared);
    return MODELLAB_OK; /* data sizes are even: there is no pad byte */
}
