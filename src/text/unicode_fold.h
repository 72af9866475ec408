/* Lower case, and what code points are made of: for comparing texts. */
#ifndef MLI_TEXT_UNICODE_FOLD_H
#define MLI_TEXT_UNICODE_FOLD_H

#include "text/unicode.h"

typedef struct mli_unicode_lower_range {
    uint32_t first, last;
    int32_t step, difference; /* every step-th code point has lower case at this distance */
} mli_unicode_lower_range;

typedef struct mli_unicode_decomposition {
    uint16_t code_point, at, count; /* of mli_unicode_parts */
} mli_unicode_decomposition;

typedef struct mli_unicode_pair {
    uint16_t first, second, whole;
} mli_unicode_pair;

extern const mli_unicode_range mli_unicode_nonspacing[]; /* Mn */
extern const size_t mli_unicode_nonspacing_count;
extern const mli_unicode_range mli_unicode_symbols[]; /* M*, S*, P* */
extern const size_t mli_unicode_symbols_count;
extern const mli_unicode_lower_range mli_unicode_lowers[];
extern const size_t mli_unicode_lowers_count;
extern const uint16_t mli_unicode_parts[];
extern const mli_unicode_decomposition mli_unicode_decompositions[];
extern const size_t mli_unicode_decompositions_count;
extern const mli_unicode_pair mli_unicode_pairs[];
extern const size_t mli_unicode_pairs_count;

enum { MLI_UNICODE_MAX_PARTS = 18 };

bool mli_unicode_is_nonspacing(uint32_t code_point); /* Mn */
bool mli_unicode_is_symbol(uint32_t code_point);     /* marks, symbols, punctuation */
uint32_t mli_unicode_lower(uint32_t code_point);     /* one for one */
/* Compatibility decomposition (NFKD) of one code point, itself when it has none (or one of those
 * that the tables leave out). Returns how many. */
size_t mli_unicode_decompose(uint32_t code_point, uint32_t out[MLI_UNICODE_MAX_PARTS]);
/* The code point that two compose to (NFC); 0 = none. */
uint32_t mli_unicode_compose(uint32_t first, uint32_t second);

#endif
