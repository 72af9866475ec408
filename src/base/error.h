/* Filling modellab_error. mli_fail() returns its code, so that `return mli_fail(...)` reads well.
 */
#ifndef MLI_BASE_ERROR_H
#define MLI_BASE_ERROR_H

#include <modellab/status.h>

/* Message without paths, secrets or transcript text; cut at the size of the field on a UTF-8
 * border. */
__attribute__((format(printf, 3, 4))) modellab_status
mli_fail(modellab_error *err, modellab_status code, const char *format, ...);
/* As mli_fail, with `detail` (index or byte offset). */
__attribute__((format(printf, 4, 5))) modellab_status
mli_fail_at(modellab_error *err, modellab_status code, int64_t detail, const char *format, ...);
/* From an errno value: picks the code (ENOENT -> E_NOT_FOUND, ENOSPC/EDQUOT -> E_NO_SPACE, EACCES
 * -> E_PERMISSION, ENOMEM -> E_NO_MEMORY, EROFS -> E_STORE_READ_ONLY ... else E_IO) and appends the
 * reason. */
__attribute__((format(printf, 3, 4))) modellab_status mli_fail_os(modellab_error *err, int os_error,
                                                                  const char *format, ...);
modellab_status mli_no_memory(modellab_error *err);
/* Clears code, os_error, detail and message of `err` (NULL accepted). */
void mli_error_clear(modellab_error *err);

#endif
