/* Text helpers: UTF-8, safe names, hex, numbers read strictly. All locale-free. */
#ifndef MLI_BASE_STR_H
#define MLI_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decodes one code point at text[0..bytes); returns its length 1..4, or 0 when it is not valid
 * UTF-8 (overlong, surrogate, above U+10FFFF, cut). */
size_t mli_utf8_decode(const char *text, size_t bytes, uint32_t *code_point);
size_t mli_utf8_encode(uint32_t code_point, char out[4]);
bool mli_utf8_valid(const char *text, size_t bytes);
/* Bytes of the longest prefix of at most `limit` bytes that does not cut a code point. */
size_t mli_utf8_prefix(const char *text, size_t bytes, size_t limit);

/* Copies with truncation on a UTF-8 border; always terminates when capacity > 0. Returns bytes
 * needed. */
size_t mli_str_copy(char *dst, size_t capacity, const char *src);
/* The same for names from outside, to be stored and shown: what is no UTF-8 and what steers a
 * terminal or turns the direction of text becomes U+FFFD each. */
void mli_str_copy_shown(char *dst, size_t capacity, const char *src);
/* Whole text must be the number; false otherwise, or outside [min, max]. */
bool mli_parse_i64(const char *text, int64_t min, int64_t max, int64_t *out);
bool mli_parse_f64(const char *text, double *out); /* finite, '.' decimal point, no locale */
/* "90", "90s", "10m", "2h", "1h30m", "250ms" -> milliseconds. */
bool mli_parse_duration_ms(const char *text, int64_t *out);
/* "512", "64K", "200MiB", "1G" -> bytes (binary units). */
bool mli_parse_bytes(const char *text, int64_t *out);
/* Shortest decimal text that reads back as the same double; locale-free. capacity >= 32. */
size_t mli_format_f64(char *dst, size_t capacity, double value);
/* The integer in decimal digits, without a NUL; returns the bytes written, at most 20. */
size_t mli_format_i64(char dst[20], int64_t value);
void mli_hex(const void *data, size_t bytes, char *out); /* 2 * bytes + 1 */
/* `bytes` hex digits (an even number, any case) to bytes / 2 bytes; false when one is no digit. */
bool mli_unhex(const char *text, size_t bytes, void *out);
/* Last component of a path-like text (for messages: never the whole path). Borrowed from `path`. */
const char *mli_basename(const char *path);
/* Damerau-Levenshtein distance of short texts (suggestions for typos), capped at `limit` + 1. */
size_t mli_edit_distance(const char *a, const char *b, size_t limit);

#endif
