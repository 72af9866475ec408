/* The table of operators; text, JSON, schema and the list for people are all made of it. */
#include "speech/enhance_ops.h"

static const mli_enhance_info table[MLI_ENHANCE_KINDS] = {
    [MLI_ENHANCE_DENOISE] =
        {"denoise",
         "Takes steady noise down: a gate over the spectrum, whose noise floor follows the "
         "quietest "
         "moments of the 3 seconds around.",
         false,
         false,
         {{"amount", "", 0.0, 1.0, 0.5, false, {NULL}, "", "0 = nothing, 1 = up to 24 dB"}}},
    [MLI_ENHANCE_EXTRACT_CHANNEL] =
        {"extract_channel",
         "Keeps one channel; without it all channels are mixed.",
         false,
         false,
         {{"channel", "", 0, 63, 0, true, {NULL}, "", "counted from 0"}}},
    [MLI_ENHANCE_HIGH_PASS] =
        {"high_pass",
         "Takes away what is lower than speech: hum, rumble, a constant offset (Butterworth).",
         false,
         false,
         {{"cutoff_hz", "Hz", 1, 20000, 80, false, {NULL}, "", "3 dB less at this frequency"},
          {"order", "", 1, 8, 2, true, {NULL}, "", "6 dB per octave each"}}},
    [MLI_ENHANCE_NORMALIZE_LOUDNESS] =
        {"normalize_loudness",
         "One gain for all, so that the loudness (EBU R 128, ITU-R BS.1770) is the one asked for.",
         true,
         false,
         {{"target_lufs", "LUFS", -70, 0, -23, false, {NULL}, "", "integrated, gated"},
          {"max_peak_db",
           "dB",
           -20,
           0,
           -1,
           false,
           {NULL},
           "",
           "true peak that the gain may not exceed"}}},
    [MLI_ENHANCE_NORMALIZE_VOLUME] =
        {"normalize_volume",
         "One gain for all, so that the highest peak, or the mean level, is the one asked for.",
         true,
         false,
         {{"target_db", "dB", -60, 0, -3, false, {NULL}, "", "relative to full scale"},
          {"mode",
           "",
           0,
           1,
           0,
           true,
           {"peak", "rms", NULL},
           "peak|rms",
           "rms: no peak gets beyond full scale"}}},
    [MLI_ENHANCE_RESAMPLE] =
        {"resample",
         "Changes the sample rate (libsoxr, high quality).",
         false,
         false,
         {{"rate_hz", "Hz", 1000, 768000, 16000, true, {NULL}, "", "the new rate"}}},
    [MLI_ENHANCE_SPEED] = {"speed",
                           "Plays faster or slower; the pitch stays (WSOLA).",
                           false,
                           true,
                           {{"factor", "", 0.25, 4, 1, false, {NULL}, "", "2 = twice as fast"}}},
    [MLI_ENHANCE_TRIM_SILENCE] =
        {"trim_silence",
         "Takes silence away: at both ends all but 100 ms of it; with where=all longer silence "
         "within "
         "is cut to the least length, too.",
         true,
         true,
         {{"min_silence_ms", "ms", 50, 600000, 500, true, {NULL}, "", "shorter silence stays"},
          {"threshold_db",
           "dB",
           -120,
           0,
           -40,
           false,
           {NULL},
           "",
           "level of 10 ms below which it is silent"},
          {"where",
           "",
           0,
           1,
           0,
           true,
           {"ends", "all", NULL},
           "ends|all",
           "where silence is taken away"}}},
};

const mli_enhance_info *mli_enhance_info_of(mli_enhance_kind kind)
{
    return &table[kind];
}
