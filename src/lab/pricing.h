/* Money: the lab's price sheet, and what measures cost by the sheet of the run. */
#ifndef MLI_LAB_PRICING_H
#define MLI_LAB_PRICING_H

#include "lab/lab.h"

/* `text` (JSON), else the file that MODEL_LAB_PRICE_SHEET names, else the built-in example sheet.
 */
MODELLAB_MUST_CHECK modellab_status mli_pricing_open(const mli_lab *lab, const char *text,
                                                     modellab_price_sheet **out,
                                                     modellab_error *err);
void mli_pricing_close(modellab_price_sheet *sheet);
/* JSON text of the built-in sheet. Static. */
const char *mli_pricing_builtin(void);

/* Cost in millionths by the sheet that is kept with the run (or the lab's, when it is the same); -1
 * when it cannot be told. */
int64_t mli_pricing_cost(const mli_lab *lab, const mli_run_row *run,
                         const mli_run_measures *measures);
#endif
