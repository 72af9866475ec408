/* Visibility, compiler help and C linkage for the public headers. No types, no functions.
 * @since 0.1 */
#ifndef MODELLAB_EXPORT_H
#define MODELLAB_EXPORT_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__) || defined(__clang__)
#define MODELLAB_API __attribute__((visibility("default")))
#define MODELLAB_MUST_CHECK __attribute__((warn_unused_result))
#if defined(MODELLAB_NO_DEPRECATION_WARNINGS)
#define MODELLAB_DEPRECATED(since, hint)
#else
#define MODELLAB_DEPRECATED(since, hint) __attribute__((deprecated("since " since ": " hint)))
#endif
#else
#define MODELLAB_API
#define MODELLAB_MUST_CHECK
#define MODELLAB_DEPRECATED(since, hint)
#endif

#ifdef __cplusplus
#define MODELLAB_BEGIN_DECLS extern "C" {
#define MODELLAB_END_DECLS }
#else
#define MODELLAB_BEGIN_DECLS
#define MODELLAB_END_DECLS
#endif

#endif
