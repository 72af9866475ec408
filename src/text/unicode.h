/* Character classes of Unicode, and text with invalid bytes replaced. */
#ifndef MLI_TEXT_UNICODE_H
#define MLI_TEXT_UNICODE_H

#include "base/buf.h"

typedef struct mli_unicode_range {
    uint32_t first, last;
} mli_unicode_range;

extern const mli_unicode_range mli_unicode_letters[];
extern const size_t mli_unicode_letters_count;
extern const mli_unicode_range mli_unicode_numbers[];
extern const size_t mli_unicode_numbers_count;

bool mli_unicode_is_letter(uint32_t code_point); /* L* */
bool mli_unicode_is_number(uint32_t code_point); /* N* */
bool mli_unicode_is_space(uint32_t code_point);  /* White_Space */

/* Appends `bytes` bytes as UTF-8; every maximal invalid part becomes one U+FFFD. */
void mli_utf8_lossy(const char *text, size_t bytes, mli_buf *out);

#endif
