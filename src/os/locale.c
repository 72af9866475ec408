/* C-locale formatting and number reading. newlocale() of plain "C" returns glibc's static object,
 * so these calls allocate nothing. */
#include "os/locale.h"
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

static locale_t c_locale(void)
{
    return newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

int mli_os_vformat(char *dst, size_t capacity, const char *format, va_list args)
{
    locale_t c = c_locale();
    locale_t old = c != (locale_t)0 ? uselocale(c) : (locale_t)0;
    int n = vsnprintf(dst, capacity, format, args);
    if (old != (locale_t)0) {
        (void)uselocale(old); /* cannot fail: the handle came from uselocale itself */
        freelocale(c);
    }
    return n;
}

int mli_os_format(char *dst, size_t capacity, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = mli_os_vformat(dst, capacity, format, args);
    va_end(args);
    return n;
}

double mli_os_strtod(const char *text, const char **end)
{
    char *stop = NULL;
    locale_t c = c_locale();
    double value = c != (locale_t)0 ? strtod_l(text, &stop, c) : strtod(text, &stop);
    if (c != (locale_t)0)
        freelocale(c);
    *end = stop;
    return value;
}
