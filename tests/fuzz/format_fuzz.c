/* Fuzz target: readers of transcript formats and labels. What reads must write and read again,
 * equal. */
#include "text/format.h"
#include "text/labels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* What was written from a transcript reads back to one that writes the same bytes. */
static int stable(mli_text_format format, const mli_transcript *t)
{
    mli_transcript *back = NULL;
    mli_buf one, two;
    mli_buf_init(&one, NULL);
    mli_buf_init(&two, NULL);
    int failed = mli_format_write(t, format, NULL, &one, NULL) != MODELLAB_OK;
    if (failed == 0 && one.size > 0)
        failed = mli_format_read(format, one.data, one.size, NULL, &back, NULL) != MODELLAB_OK ||
                 mli_format_write(back, format, NULL, &two, NULL) != MODELLAB_OK ||
                 strcmp(mli_buf_text(&one), mli_buf_text(&two)) != 0;
    if (failed != 0)
        fprintf(stderr, "%s is not stable:\n%s---\n%s\n", mli_format_name(format),
                mli_buf_text(&one), mli_buf_text(&two));
    mli_transcript_unref(back);
    mli_buf_dispose(&one);
    mli_buf_dispose(&two);
    return failed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const mli_text_format formats[] = {MLI_TEXT_SRT,      MLI_TEXT_VTT,
                                              MLI_TEXT_TSV,      MLI_TEXT_CTM,
                                              MLI_TEXT_TEXTGRID, MLI_TEXT_VERBOSE_JSON};
    const char *text = (const char *)data;
    int failed = 0;
    for (size_t i = 0; failed == 0 && i < sizeof formats / sizeof *formats; i++) {
        mli_transcript *t = NULL;
        modellab_error err = MODELLAB_ERROR_INIT;
        if (mli_format_read(formats[i], text, bytes, NULL, &t, &err) == MODELLAB_OK)
            failed = stable(formats[i], t);
        mli_transcript_unref(t);
    }
    for (int f = MLI_LABELS_RTTM; f <= MLI_LABELS_UEM; f++) {
        mli_labels labels;
        modellab_error err = MODELLAB_ERROR_INIT;
        if (mli_labels_read((mli_labels_format)f, text, bytes, NULL, &labels, &err) == MODELLAB_OK)
            mli_labels_dispose(&labels);
    }
    if (failed != 0)
        abort();
    return 0;
}
