/* A walk over the chunks of a RIFF file, up to its data. */
#include "audio/wav_cut.h"

#include <string.h>

enum { MAX_CHUNKS = 256 };

static uint64_t get(const unsigned char *at, int bytes)
{
    uint64_t value = 0;
    for (int i = bytes - 1; i >= 0; i--)
        value = value << 8 | at[i];
    return value;
}

static bool read_at(mli_audio_bytes *bytes, int64_t offset, unsigned char *out, int64_t count)
{
    bytes->position = offset;
    return mli_audio_bytes_read(bytes, out, count) == count;
}

static bool is_unknown(uint64_t declared)
{
    return declared == 0 || declared == UINT32_MAX ||
           (declared >= 0x7ffff000u && declared <= 0x80000000u) ||
           (declared >= 0xfffff000u && declared <= UINT32_MAX) || declared == UINT64_MAX;
}

static bool walk(mli_audio_bytes *bytes, uint64_t *declared, uint64_t *present)
{
    unsigned char head[12], ds64[16];
    if (!read_at(bytes, 0, head, 12) || memcmp(head + 8, "WAVE", 4) != 0 ||
        (memcmp(head, "RIFF", 4) != 0 && memcmp(head, "RF64", 4) != 0))
        return false;
    uint64_t wide = 0; /* size of data by ds64 */
    int64_t at = 12;
    for (int i = 0; i < MAX_CHUNKS && read_at(bytes, at, head, 8); i++) {
        uint64_t size = get(head + 4, 4);
        at += 8;
        if (memcmp(head, "data", 4) == 0) {
            *declared = size == UINT32_MAX && wide != 0 ? wide : size;
            *present = (uint64_t)(bytes->size - at);
            return !is_unknown(*declared) && *declared > *present;
        }
        if (memcmp(head, "ds64", 4) == 0 && read_at(bytes, at, ds64, 16))
            wide = get(ds64 + 8, 8);
        at += (int64_t)(size + (size & 1u));
    }
    return false;
}

bool mli_wav_is_cut(mli_audio_bytes *bytes, uint64_t *declared, uint64_t *present)
{
    const int64_t position = bytes->position;
    bool cut = walk(bytes, declared, present);
    bytes->position = position;
    return cut;
}
