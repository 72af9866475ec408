/* Phonemes of the lexicon (ARPAbet as in CMUdict), one byte each. */
#ifndef MLI_TEXT_PHONES_H
#define MLI_TEXT_PHONES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum mli_phone {
    MLI_AA,
    MLI_AE,
    MLI_AH,
    MLI_AO,
    MLI_AW,
    MLI_AY,
    MLI_EH,
    MLI_ER,
    MLI_EY,
    MLI_IH,
    MLI_IY,
    MLI_OW,
    MLI_OY,
    MLI_UH,
    MLI_UW, /* the last vowel */
    MLI_B,
    MLI_CH,
    MLI_D,
    MLI_DH,
    MLI_F,
    MLI_G,
    MLI_HH,
    MLI_JH,
    MLI_K,
    MLI_L,
    MLI_M,
    MLI_N,
    MLI_NG,
    MLI_P,
    MLI_R,
    MLI_S,
    MLI_SH,
    MLI_T,
    MLI_TH,
    MLI_V,
    MLI_W,
    MLI_Y,
    MLI_Z,
    MLI_ZH,
    MLI_PHONES
} mli_phone;

#define MLI_WORD_PHONES 64 /* most of one word */

/* A phoneme with its stress: 0 none, 1 primary, 2 secondary (consonants 0). */
static inline uint8_t mli_phone_pack(mli_phone phone, int stress)
{
    return (uint8_t)((int)phone * 4 + stress);
}
static inline mli_phone mli_phone_of(uint8_t packed)
{
    return (mli_phone)(packed / 4);
}
static inline int mli_phone_stress(uint8_t packed)
{
    return packed % 4;
}
static inline bool mli_phone_is_vowel(uint8_t packed)
{
    return packed / 4 <= MLI_UW;
}
/* "AH0", "T"; false when it is none. */
bool mli_phone_read(const char *text, size_t bytes, uint8_t *out);
/* Name without stress. */
const char *mli_phone_name(mli_phone phone);

#endif
