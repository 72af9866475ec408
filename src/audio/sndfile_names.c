/* libsndfile's format numbers in words, as they stand in results and records. */
#include "audio/sndfile_names.h"

#include "base/str.h"
#include <sndfile.h>

typedef struct name {
    int format;
    const char *text;
} name;

static const name containers[] = {
    {SF_FORMAT_WAV, "wav"},     {SF_FORMAT_WAVEX, "wav"}, {SF_FORMAT_RF64, "rf64"},
    {SF_FORMAT_W64, "w64"},     {SF_FORMAT_AIFF, "aiff"}, {SF_FORMAT_CAF, "caf"},
    {SF_FORMAT_FLAC, "flac"},   {SF_FORMAT_OGG, "ogg"},   {SF_FORMAT_MPEG, "mp3"},
    {SF_FORMAT_AU, "au"},       {SF_FORMAT_NIST, "nist"}, {SF_FORMAT_VOC, "voc"},
    {SF_FORMAT_IRCAM, "ircam"}, {SF_FORMAT_SVX, "svx"},   {SF_FORMAT_AVR, "avr"},
};

static const name encodings[] = {
    {SF_FORMAT_PCM_S8, "pcm_s8"},
    {SF_FORMAT_PCM_U8, "pcm_u8"},
    {SF_FORMAT_PCM_16, "pcm_s16"},
    {SF_FORMAT_PCM_24, "pcm_s24"},
    {SF_FORMAT_PCM_32, "pcm_s32"},
    {SF_FORMAT_FLOAT, "float"},
    {SF_FORMAT_DOUBLE, "double"},
    {SF_FORMAT_ULAW, "ulaw"},
    {SF_FORMAT_ALAW, "alaw"},
    {SF_FORMAT_IMA_ADPCM, "ima_adpcm"},
    {SF_FORMAT_MS_ADPCM, "ms_adpcm"},
    {SF_FORMAT_GSM610, "gsm610"},
    {SF_FORMAT_G721_32, "g721"},
    {SF_FORMAT_VORBIS, "vorbis"},
    {SF_FORMAT_OPUS, "opus"},
    {SF_FORMAT_MPEG_LAYER_I, "mpeg_1"},
    {SF_FORMAT_MPEG_LAYER_II, "mpeg_2"},
    {SF_FORMAT_MPEG_LAYER_III, "mpeg_3"},
    {SF_FORMAT_ALAC_16, "alac"},
    {SF_FORMAT_ALAC_20, "alac"},
    {SF_FORMAT_ALAC_24, "alac"},
    {SF_FORMAT_ALAC_32, "alac"},
};

static const char *find(const name *names, size_t count, int format)
{
    for (size_t i = 0; i < count; i++)
        if (names[i].format == format)
            return names[i].text;
    return "other";
}

void mli_sndfile_names(int format, mli_audio_info *info)
{
    (void)mli_str_copy(
        info->container, sizeof info->container,
        find(containers, sizeof containers / sizeof *containers, format & SF_FORMAT_TYPEMASK));
    (void)mli_str_copy(
        info->encoding, sizeof info->encoding,
        find(encodings, sizeof encodings / sizeof *encodings, format & SF_FORMAT_SUBMASK));
}
