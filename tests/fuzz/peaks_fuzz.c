/* Fuzz: waveforms that anybody may have written. What is taken is what is written of it again. */
#include "audio/peaks.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
    if (!good) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mli_peaks peaks, again;
    mli_buf text;

    mli_buf_init(&text, NULL);
    if (mli_peaks_read((const char *)data, size, NULL, &peaks, NULL) == MODELLAB_OK) {
        must(mli_peaks_write(&peaks, NULL, &text, NULL) == MODELLAB_OK);
        must(mli_peaks_read(text.data, text.size, NULL, &again, NULL) == MODELLAB_OK);
        must(again.count == peaks.count && memcmp(again.low, peaks.low, 2 * peaks.count) == 0);
        mli_peaks_dispose(&again);
        mli_buf_clear(&text);
        must(mli_peaks_draw(&peaks, 7, &text, NULL) == MODELLAB_OK);
    }
    mli_buf_dispose(&text);
    mli_peaks_dispose(&peaks);
    return 0;
}
