/* Small things about text that the standards of HTTP ask for: percent codes, UTF-8, lists of
 * headers, dates. */
#ifndef SERVER_TEXT_H
#define SERVER_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decodes percent codes (and "+" as a blank in queries). False: a malformed code, a NUL, what is no
 * UTF-8, or no room. */
bool text_decode(const char *text, size_t bytes, bool is_query, char *out, size_t room);
bool text_is_utf8(const char *text, size_t bytes);
/* Is `token` a member of the comma separated list (without case; parameters behind ";" are left
 * out)? With ";q=0" it is none. */
bool text_list_has(const char *list, const char *token);
bool text_same(const char *a, const char *b);              /* without case; NULL is like nothing */
bool text_begins(const char *text, const char *beginning); /* without case */
/* "Sun, 06 Nov 1994 08:49:37 GMT" */
void text_date(int64_t unix_time, char out[30]);
/* Decimal digits only, no sign; false: none, others, or more than fit. */
bool text_number(const char *text, size_t bytes, int64_t *out);
int64_t text_now_us(void);
int64_t text_now_ms(void);                          /* monotonic */
uint64_t text_hash(const void *data, size_t bytes); /* FNV-1a, for ETags */

#endif
