/* Looking into JSON that the library has written (valid, without spaces): members and items as the
 * text that they are. */
#ifndef MLI_CLI_SCAN_H
#define MLI_CLI_SCAN_H

#include <stdbool.h>
#include <stddef.h>

typedef struct cli_span {
    const char *at; /* NULL = there is none */
    size_t bytes;
} cli_span;

/* The value of a member of an object. */
cli_span cli_scan_member(cli_span object, const char *key);
/* The items of an array one after the other; `item` is {NULL, 0} before the first. False at the
 * end. */
bool cli_scan_item(cli_span array, cli_span *item);
/* Equal to this text (of a string: with its quotes). */
bool cli_span_is(cli_span span, const char *text);
/* Without the quotes of a string. */
cli_span cli_span_bare(cli_span span);

#endif
