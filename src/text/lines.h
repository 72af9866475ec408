/* Line-based text from outside, cut into lines and fields without copies. */
#ifndef MLI_TEXT_LINES_H
#define MLI_TEXT_LINES_H

#include <modellab/status.h>
#include <stdbool.h>

typedef struct mli_lines {
    const char *text;
    size_t bytes, at;
    int64_t number; /* of the line that was read last, from 1 */
} mli_lines;

/* Next line without its end (LF or CR LF); false at the end of the text. A BOM is skipped. */
bool mli_lines_next(mli_lines *lines, const char **line, size_t *bytes);
/* Next field of a line, ended by spaces or tabs; false when there is none. */
bool mli_lines_field(const char *line, size_t bytes, size_t *at, const char **field,
                     size_t *field_bytes);
/* A decimal number of seconds, not negative, below 10,000 hours, as milliseconds (half-even). */
bool mli_field_ms(const char *field, size_t bytes, int64_t *ms);
/* E_SCHEMA that names the line. */
modellab_status mli_lines_bad(const mli_lines *lines, const char *what, modellab_error *err);

#endif
