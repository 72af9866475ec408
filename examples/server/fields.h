/* Members of JSON bodies read with the errors that clients need, and times and pages written. */
#ifndef SERVER_FIELDS_H
#define SERVER_FIELDS_H

#include "call.h"

/* Each: true = it is there and right, or absent and `out` is as it was. False: 422 was replied. */
MODELLAB_MUST_CHECK bool field_text(call *c, const char *name, size_t least, size_t most,
                                    const char **out);
MODELLAB_MUST_CHECK bool field_int(call *c, const char *name, int64_t least, int64_t most,
                                   int64_t *out);
MODELLAB_MUST_CHECK bool field_number(call *c, const char *name, double least, double most,
                                      double *out);
MODELLAB_MUST_CHECK bool field_bool(call *c, const char *name, bool *out);
/* An array of texts (of at most 64 bytes each), joined by blanks. `*count` of an absent one is
 * -1. */
MODELLAB_MUST_CHECK bool field_words(call *c, const char *name, int most, char *out, size_t room,
                                     int *count);
/* Members that are none of `known` (NULL ends) are refused, as is what is no object. */
MODELLAB_MUST_CHECK bool fields_known(call *c, const char *const known[]);

/* "2026-01-02T03:04:05.678000Z"; null for 0. New; NULL = out of memory. */
json_t *time_json(int64_t ms);
/* An array of the words of a text. */
json_t *words_json(const char *text);

/* {"items", "next_cursor"} of items that are all at hand: those behind the item whose "id" is the
 * cursor of the query, as many as its limit says. The reference of `owned` is taken. */
void reply_page(call *c, json_t *owned);

#endif
