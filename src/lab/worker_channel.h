/* What a supervisor and a worker say to each other over their socket: orders with the descriptors
 * of a run one way, the word that a run is done the other. One message, one letter, then JSON. */
#ifndef MLI_LAB_WORKER_CHANNEL_H
#define MLI_LAB_WORKER_CHANNEL_H

#include "base/buf.h"
#include "lab/order.h"
#include "os/file.h"
#include "os/socket.h"

/* The worker's end of its socket: the only descriptor that it inherits. */
#define MLI_WORKER_CHANNEL_FD 3
/* Longer orders travel in a file: a socket's buffer is small. */
#define MLI_CHANNEL_INLINE_BYTES ((size_t)64 * 1024)

/* What a worker says when the outcome of a run is in the journal and nothing of the run is open any
 * more. -1 = not known. */
typedef struct mli_worker_answer {
    int64_t fence;
    int64_t cpu_ns; /* of the process since its start: the supervisor takes the difference */
    int64_t peak_bytes, own_bytes; /* most in this run; what the process itself keeps after it */
    int32_t kept_models;           /* loaded, for the next run */
    bool peak_is_sampled;          /* peak_bytes is no mark of the kernel's */
} mli_worker_answer;

/* Supervisor: sends an order. `file` (-1 = none) holds its text when that is longer than
 * MLI_CHANNEL_INLINE_BYTES. All descriptors stay the caller's. E_WORKER_START: nobody is at the
 * other end any more. */
MODELLAB_MUST_CHECK modellab_status mli_channel_send_order(const mli_os_channels *channels, int fd,
                                                           const mli_buf *text, int file,
                                                           const int fds[MLI_ORDER_FDS],
                                                           modellab_error *err);
/* Supervisor: the worker is to end once it has read this. */
void mli_channel_send_leave(const mli_os_channels *channels, int fd);
/* Supervisor: takes the answer if there is one, and the news before it. END: nobody is at the other
 * end any more. */
typedef enum mli_heard {
    MLI_HEARD_NOTHING = 0,
    MLI_HEARD_ANSWER = 1,
    MLI_HEARD_NONSENSE = 2,
    MLI_HEARD_END = 3
} mli_heard;
mli_heard mli_channel_take_answer(const mli_os_channels *channels, int fd, mli_worker_answer *out);

/* Worker: the next order, waiting for it. `*text` (new, mli_buf_dispose) and descriptors (open, -1
 * where there is none; `count` of them, in the order of the text's names). E_CANCELLED: it is to
 * leave, or nobody is at the other end. */
MODELLAB_MUST_CHECK modellab_status mli_channel_receive(const mli_os_channels *channels,
                                                        const mli_os_files *files, int fd,
                                                        const modellab_allocator *alloc,
                                                        mli_buf *text, int fds[MLI_ORDER_FDS],
                                                        size_t *count, modellab_error *err);
/* Worker: there are lines in the journal that nobody has read. Never waits. */
void mli_channel_send_news(const mli_os_channels *channels, int fd);
/* Worker. False: nobody listens. */
MODELLAB_MUST_CHECK bool mli_channel_send_answer(const mli_os_channels *channels, int fd,
                                                 const mli_worker_answer *answer);

#endif
