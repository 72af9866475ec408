/* The lab's reserve: a file of a megabyte that holds nothing, so that a lab on a full disk can
 * still be opened by who makes room. Given up then, made anew when there is space. */
#ifndef MLI_LAB_RESERVE_H
#define MLI_LAB_RESERVE_H

#include "lab/lab.h"

#define MLI_RESERVE_FILE "reserve"
#define MLI_RESERVE_BYTES ((int64_t)1 << 20)

/* Makes it when it is not there, or not whole, and there is room for four times as much. A lab of
 * other files than the system's has none. What fails is logged: the lab works without it. */
void mli_reserve_keep(const mli_lab *lab);
/* Removes it when there is less free than it takes. */
void mli_reserve_give_up(const mli_lab *lab);

#endif
