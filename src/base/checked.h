/* Checked arithmetic: true when the result did not fit (then *out is unspecified). */
#ifndef MLI_BASE_CHECKED_H
#define MLI_BASE_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define mli_add_overflow(a, b, out) __builtin_add_overflow(a, b, out)
#define mli_mul_overflow(a, b, out) __builtin_mul_overflow(a, b, out)
#define mli_sub_overflow(a, b, out) __builtin_sub_overflow(a, b, out)

#endif
