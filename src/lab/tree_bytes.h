/* Adding up what folders take. */
#ifndef MLI_LAB_TREE_BYTES_H
#define MLI_LAB_TREE_BYTES_H

#include "os/file.h"

typedef struct mli_tree_bytes {
    int64_t bytes, files;
    int64_t newest_ns; /* latest change of any member, 0 = none */
} mli_tree_bytes;

/* Regular files below `path`, links not followed; what vanishes meanwhile is not counted. 0 or
 * -errno; -ENOENT: no such folder. */
MLI_OS_MUST_USE int mli_tree_bytes_of(const mli_os_files *files, const char *path,
                                      mli_tree_bytes *out);

#endif
