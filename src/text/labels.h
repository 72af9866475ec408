/* Reference labels of speech: RTTM (who spoke when), STM (who said what when), UEM (what is
 * scored). */
#ifndef MLI_TEXT_LABELS_H
#define MLI_TEXT_LABELS_H

#include <modellab/alloc.h>
#include <modellab/status.h>

/* One line. Times in milliseconds, rounded once, half-even. Strings are borrowed from the list. */
typedef struct mli_label {
    const char *file, *channel;
    const char *speaker; /* "" for UEM */
    const char *text;    /* STM only, without outer spaces; else "" */
    int64_t start_ms, end_ms;
} mli_label;

typedef struct mli_labels {
    const modellab_allocator *alloc; /* borrowed */
    mli_label *items;                /* in the order of the file */
    size_t count, capacity;
    char *strings; /* copy of the text; all strings point into it */
} mli_labels;

typedef enum mli_labels_format {
    MLI_LABELS_RTTM = 1,
    MLI_LABELS_STM,
    MLI_LABELS_UEM
} mli_labels_format;

enum { MLI_LABELS_MAX_BYTES = 64 * 1024 * 1024 };

/* `;;` lines are comments; RTTM lines of other types than SPEAKER are left out; an STM label <...>
 * before the text is left out. E_SCHEMA (detail = line), E_LIMIT, E_NO_MEMORY. On failure `out` is
 * empty. */
MODELLAB_MUST_CHECK modellab_status mli_labels_read(mli_labels_format format, const char *text,
                                                    size_t bytes, const modellab_allocator *alloc,
                                                    mli_labels *out, modellab_error *err);
void mli_labels_dispose(mli_labels *labels);

#endif
