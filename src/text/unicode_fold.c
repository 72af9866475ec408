/* Binary search in the generated tables. */
#include "text/unicode_fold.h"

static bool in_ranges(const mli_unicode_range *ranges, size_t count, uint32_t c)
{
    size_t low = 0, high = count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (c > ranges[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && c >= ranges[low].first;
}

bool mli_unicode_is_nonspacing(uint32_t c)
{
    return c >= 0x300 && in_ranges(mli_unicode_nonspacing, mli_unicode_nonspacing_count, c);
}

bool mli_unicode_is_symbol(uint32_t c)
{
    return in_ranges(mli_unicode_symbols, mli_unicode_symbols_count, c);
}

uint32_t mli_unicode_lower(uint32_t c)
{
    size_t low = 0, high = mli_unicode_lowers_count;
    if (c < 0x80)
        return c >= 'A' && c <= 'Z' ? c + 32 : c;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (c > mli_unicode_lowers[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == mli_unicode_lowers_count)
        return c;
    const mli_unicode_lower_range *r = &mli_unicode_lowers[low];
    if (c < r->first || (c - r->first) % (uint32_t)r->step != 0)
        return c;
    return (uint32_t)((int64_t)c + r->difference);
}

/* Syllables of Hangul are made of two or three jamo. */
static size_t hangul(uint32_t c, uint32_t *out)
{
    const uint32_t index = c - 0xac00, tail = index % 28;
    out[0] = 0x1100 + index / 588;
    out[1] = 0x1161 + index % 588 / 28;
    out[2] = 0x11a7 + tail;
    return tail != 0 ? 3 : 2;
}

size_t mli_unicode_decompose(uint32_t c, uint32_t out[MLI_UNICODE_MAX_PARTS])
{
    size_t low = 0, high = c < 0xa0 ? 0 : mli_unicode_decompositions_count;
    if (c >= 0xac00 && c <= 0xd7a3)
        return hangul(c, out);
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (c > mli_unicode_decompositions[middle].code_point)
            low = middle + 1;
        else
            high = middle;
    }
    out[0] = c;
    if (low == mli_unicode_decompositions_count || c < 0xa0 ||
        mli_unicode_decompositions[low].code_point != c)
        return 1;
    const mli_unicode_decomposition *d = &mli_unicode_decompositions[low];
    for (size_t i = 0; i < d->count; i++)
        out[i] = mli_unicode_parts[d->at + i];
    return d->count;
}

uint32_t mli_unicode_compose(uint32_t first, uint32_t second)
{
    size_t low = 0, high = mli_unicode_pairs_count;
    if (first > 0xffff || second > 0xffff)
        return 0;
    if (first >= 0x1100 && first < 0x1113 && second >= 0x1161 && second < 0x1176)
        return 0xac00 + ((first - 0x1100) * 21 + second - 0x1161) * 28;
    if (first >= 0xac00 && first <= 0xd7a3 && (first - 0xac00) % 28 == 0 && second > 0x11a7 &&
        second < 0x11c3)
        return first + second - 0x11a7;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const mli_unicode_pair *p = &mli_unicode_pairs[middle];
        if (p->first < first || (p->first == first && p->second < second))
            low = middle + 1;
        else
            high = middle;
    }
    const mli_unicode_pair *p = &mli_unicode_pairs[low < mli_unicode_pairs_count ? low : 0];
    return p->first == first && p->second == second ? p->whole : 0;
}
