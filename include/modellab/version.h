/* Version of the headers (macros) and of the loaded library (functions). A program compares both to
 * find a header and a library that do not belong together. @since 0.1 */
#ifndef MODELLAB_VERSION_H
#define MODELLAB_VERSION_H

#include <modellab/export.h>

#define MODELLAB_VERSION_MAJOR 0
#define MODELLAB_VERSION_MINOR 1
#define MODELLAB_VERSION_PATCH 0
#define MODELLAB_VERSION_NUMBER                                                                    \
    (MODELLAB_VERSION_MAJOR * 1000000 + MODELLAB_VERSION_MINOR * 1000 + MODELLAB_VERSION_PATCH)

MODELLAB_BEGIN_DECLS

/** Version of the loaded library as "MAJOR.MINOR.PATCH". Borrowed, static.
 * @threads any @since 0.1 */
MODELLAB_API const char *modellab_version_string(void);

/** Version of the loaded library as MAJOR * 1000000 + MINOR * 1000 + PATCH.
 * @threads any @since 0.1 */
MODELLAB_API int32_t modellab_version_number(void);

/** ABI number of the loaded library (its SOVERSION). 0 means that no ABI is promised yet.
 * @threads any @since 0.1 */
MODELLAB_API int32_t modellab_abi_version(void);

MODELLAB_END_DECLS
#endif
