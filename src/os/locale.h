/* Formatting and number reading that give the same bytes whatever locale the host has set: each
 * call switches the calling thread to the C locale and back, nothing global changes. */
#ifndef MLI_OS_LOCALE_H
#define MLI_OS_LOCALE_H

#include <stdarg.h>
#include <stddef.h>

/* vsnprintf in the C locale. */
__attribute__((format(printf, 3, 0))) int mli_os_vformat(char *dst, size_t capacity,
                                                         const char *format, va_list args);
__attribute__((format(printf, 3, 4))) int mli_os_format(char *dst, size_t capacity,
                                                        const char *format, ...);
/* strtod in the C locale; *end is set behind what was read. */
double mli_os_strtod(const char *text, const char **end);

#endif
