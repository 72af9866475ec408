/* The seccomp program of the sandbox (sandbox.c alone uses it). */
#ifndef MLI_OS_SANDBOX_FILTER_H
#define MLI_OS_SANDBOX_FILTER_H

#include "os/sandbox.h"

/* true in a build with a sanitizer that makes system calls of its own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MLI_OS_SANDBOX_WIDENED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MLI_OS_SANDBOX_WIDENED true
#endif
#endif
#ifndef MLI_OS_SANDBOX_WIDENED
#define MLI_OS_SANDBOX_WIDENED false
#endif

/* Installs it for all threads. 0 or errno; ENOSYS where the architecture is not known here. */
__attribute__((warn_unused_result)) int mli_os_sandbox_filter(const mli_os_sandbox *what);

#endif
