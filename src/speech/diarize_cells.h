/* What clustering works on: cells of 0.1 s of speech, each with a direction that lies between those
 * of the two windows around it. Cells are never laid out: products with them come from products
 * with windows, so that memory is a few bytes a cell. */
#ifndef MLI_SPEECH_DIARIZE_CELLS_H
#define MLI_SPEECH_DIARIZE_CELLS_H

#include "models/ge2e.h"
#include <modellab/alloc.h>

enum { MLI_CELL_SAMPLES = 1600, MLI_VOICE_WIDTH = MLI_GE2E_WIDTH };

typedef struct mli_cell {
    uint32_t at;     /* number in time: samples [at * 1600, (at + 1) * 1600) */
    uint32_t window; /* the one at or before its middle; the next one stands behind it */
    float left;      /* shares of the two windows, such that the cell's direction has length 1 */
    float right;
} mli_cell;

typedef struct mli_cells {
    const float *windows; /* [window_count][MLI_VOICE_WIDTH] */
    size_t window_count;
    const mli_cell *items; /* in time */
    size_t count;
} mli_cells;

#endif
