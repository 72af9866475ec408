/* Reading one member of a wheel (a zip file) as a stream, by libarchive on the file table. */
#ifndef MLI_REMOTE_WHEEL_H
#define MLI_REMOTE_WHEEL_H

#include "base/cancel.h"
#include "os/file.h"
#include <modellab/alloc.h>
#include <modellab/status.h>
#include <stdint.h>

typedef modellab_status (*mli_wheel_data_fn)(void *user, const void *data, size_t bytes,
                                             modellab_error *err);

/* Hands the member's bytes to `data` in pieces. At most `max_bytes` (E_LIMIT), whatever the zip
 * declares. E_NOT_FOUND: no such member; E_REMOTE: not a zip or damaged. */
MODELLAB_MUST_CHECK modellab_status mli_wheel_read(const modellab_allocator *alloc,
                                                   const mli_os_files *files, const char *path,
                                                   const char *member, int64_t max_bytes,
                                                   const mli_cancel_word *cancel,
                                                   mli_wheel_data_fn data, void *user,
                                                   modellab_error *err);

#endif
