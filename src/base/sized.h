/* Size-first structs across the ABI (notes: options are accepted from their first shipped size on).
 */
#ifndef MLI_BASE_SIZED_H
#define MLI_BASE_SIZED_H

#include <modellab/status.h>

/* Reads a caller's struct into `dst` (already holding the defaults): `first` is the first shipped
 * size, `full` today's. `given` NULL keeps the defaults. Too small: E_ABI_TOO_SMALL; a longer
 * struct whose unknown tail is not zero: E_ABI_NEWER. dst->size is set to `full`. */
MODELLAB_MUST_CHECK modellab_status mli_sized_in(void *dst, size_t full, size_t first,
                                                 const void *given, modellab_error *err);
/* Writes min(caller's size, full) bytes of `src` to the caller's `out`, keeping out->size; an
 * unknown tail of a newer caller is zeroed. `out` NULL: E_INVALID_ARGUMENT. */
MODELLAB_MUST_CHECK modellab_status mli_sized_out(void *out, const void *src, size_t full,
                                                  size_t first, modellab_error *err);
/* Fills a caller's struct of `size` bytes like its INIT macro does (`init`, `full` bytes). */
void mli_sized_init(void *dst, size_t size, const void *init, size_t full);
/* Bytes of a struct up to and with a member: the first shipped size, when that was its last one
 * then. */
#define MLI_SIZE_UP_TO(type, member) (offsetof(type, member) + sizeof(((type *)0)->member))

#endif
