/* Growing text and JSON output of the program. When memory is out the program says so and ends: a
 * command line tool has nothing better to do. */
#ifndef MLI_CLI_TEXT_H
#define MLI_CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct cli_text {
    char *data; /* NUL-terminated once something was added */
    size_t size, capacity;
} cli_text;

#define CLI_TEXT_INIT                                                                              \
    {                                                                                              \
        NULL, 0, 0                                                                                 \
    }

void *cli_alloc(size_t bytes);
char *cli_strdup(const char *text);
void cli_text_add(cli_text *text, const char *more);
void cli_text_add_n(cli_text *text, const char *more, size_t bytes);
__attribute__((format(printf, 2, 3))) void cli_text_printf(cli_text *text, const char *format, ...);
/* For a terminal: what is no UTF-8 and what steers a terminal becomes U+FFFD. */
void cli_text_add_shown(cli_text *text, const char *more);
/* The same, at most `columns` wide; returns the columns that it takes. */
int cli_text_add_columns(cli_text *text, const char *more, int columns);
bool cli_is_utf8(const char *text);
void cli_text_free(cli_text *text);
const char *cli_text_get(const cli_text *text); /* "" while empty */

/* JSON: commas are the writer's business. */
typedef struct cli_json {
    cli_text text;
    uint32_t has_item; /* a bit a level */
    int depth;
    bool after_key;
} cli_json;

void cli_json_open(cli_json *json, char bracket);  /* '{' or '[' */
void cli_json_close(cli_json *json, char bracket); /* '}' or ']' */
void cli_json_key(cli_json *json, const char *key);
void cli_json_string(cli_json *json, const char *value); /* NULL = null */
void cli_json_int(cli_json *json, int64_t value);
void cli_json_real(cli_json *json, double value); /* not finite = null */
void cli_json_bool(cli_json *json, bool value);
void cli_json_raw(cli_json *json, const char *value); /* is JSON already */
void cli_json_kstring(cli_json *json, const char *key, const char *value);
void cli_json_kint(cli_json *json, const char *key, int64_t value);
void cli_json_kreal(cli_json *json, const char *key, double value);
/* Writes it to stdout with a line end and frees it; false when stdout cannot take it. */
bool cli_json_print(cli_json *json);
/* "17.0 KiB": bytes for people. */
void cli_size_text(char out[24], int64_t bytes);
/* One line on stderr after "modellab: ", shown as above. */
__attribute__((format(printf, 1, 2))) void cli_say(const char *format, ...);
void cli_say_text(const char *line);
/* Writes to stdout; false when it cannot take it. */
bool cli_print(const char *data, size_t bytes);

#endif
