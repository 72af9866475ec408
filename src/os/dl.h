/* Libraries that may or may not be there at run time (NVML, OpenBLAS). */
#ifndef MLI_OS_DL_H
#define MLI_OS_DL_H

/* NULL when it cannot be loaded. Symbols stay local. */
void *mli_os_dl_open(const char *name);
/* The same for a library that is in this process already; NULL when it is not. */
void *mli_os_dl_find(const char *name);
/* Address of a symbol, NULL when missing; copy it into a function pointer with memcpy. */
void *mli_os_dl_symbol(void *library, const char *name);
void mli_os_dl_close(void *library); /* NULL accepted */

#endif
