/* What a supervisor and a worker say to each other over their socket: orders with the descriptors
 * of a run one way, the word that a run is done the other. One message, one letter, then JSON. */
#ifndef MLI_LAB_WORKER_CHANNEL_H
#define MLI_LAB_WORKER_CHANNEL_H

#include "base/buf.h"
#include "lab/order.h"
#include "lab/program_rule.h"
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
    MLI_HEARD_END = 3,
    MLI_HEARD_ASK = 4,   /* for a program */
    MLI_HEARD_FAILED = 5 /* the socket could not be read this time (*os_error) */
} mli_heard;
mli_heard mli_channel_take(const mli_os_channels *channels, int fd, mli_worker_answer *out,
                           mli_program_ask *ask, int *os_error);

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
/* How a program ended. */
typedef struct mli_program_end {
    bool signaled, late; /* late: it was ended for taking too long */
    int32_t code;        /* exit code or signal */
} mli_program_end;

/* What a supervisor says about a program that was asked for (worker_channel_program.c). */
typedef struct mli_program_word {
    bool is_end;
    char error[256]; /* why it was not started; "" = it was */
    int fds[2];      /* its input and output, never waiting; the receiver's to close; -1 = none */
    mli_program_end end;
} mli_program_word;

/* Supervisor. `fds` stay the caller's. A worker that is gone needs no answer. */
void mli_channel_send_program(const mli_os_channels *channels, int fd, const char *error,
                              const int fds[2]);
void mli_channel_send_program_end(const mli_os_channels *channels, int fd,
                                  const mli_program_end *end);
/* Worker. False: nobody listens. */
MODELLAB_MUST_CHECK bool mli_channel_ask_program(const mli_os_channels *channels, int fd,
                                                 const mli_program_ask *ask);
MODELLAB_MUST_CHECK modellab_status mli_channel_receive_program(const mli_os_channels *channels,
                                                                int fd, mli_program_word *out,
                                                                modellab_error *err);
/* An ask from its message, without its letter; false when it makes no sense. */
bool mli_program_ask_read(const char *text, size_t bytes, mli_program_ask *out);
#define MLI_CHANNEL_ASK 'P'

/* Worker. False: nobody listens. */
MODELLAB_MUST_CHECK bool mli_channel_send_answer(const mli_os_channels *channels, int fd,
                                                 const mli_worker_answer *answer);

#endif
