/* The system calls that the sandbox knows, and what becomes of each (sandbox_filter.c). */
#ifndef MLI_OS_SANDBOX_CALLS_H
#define MLI_OS_SANDBOX_CALLS_H

#include <sys/syscall.h>

/* What becomes of a call. Those that look at arguments see only the low 32 bits, which is all that
 * the kernel reads of these arguments. */
typedef enum verdict {
    ALLOW,
    FORBID,  /* EPERM */
    END,     /* the process */
    OWN,     /* allowed when the first argument is this process */
    OWN_OR0, /* or 0, which means the same */
    NO_CODE, /* allowed unless the third argument asks for executable memory */
    THREADS, /* allowed for threads of this process only */
    OPENING, /* for reading, and where folders may be written to for writing; never truncating what
                is opened for reading (older landlock) */
    NAMING,  /* allowed where folders may be written to: what names is landlock's */
    HANDLING /* fcntl: allowed but for signals and leases */
} verdict;

typedef struct rule {
    int call;
    verdict what;
} rule;

/* Most frequent first: those with arguments are looked at each time, the others are known to the
 * kernel by their number (since 5.11). */
static const rule rules[] = {
    {__NR_mmap, NO_CODE},
    {__NR_mprotect, NO_CODE},
    {__NR_openat, OPENING},
    {__NR_fcntl, HANDLING},
    {__NR_clone, THREADS},
    {__NR_prlimit64, OWN_OR0},
    {__NR_kill, OWN},
    {__NR_tgkill, OWN},
    /* memory and threads */
    {__NR_munmap, ALLOW},
    {__NR_mremap, ALLOW},
    {__NR_madvise, ALLOW},
    {__NR_msync, ALLOW},
    {__NR_brk, ALLOW},
    {__NR_futex, ALLOW},
    {__NR_sched_yield, ALLOW},
    {__NR_sched_getaffinity, ALLOW},
    {__NR_set_robust_list, ALLOW},
    {__NR_rseq, ALLOW},
    {__NR_membarrier, ALLOW},
    {__NR_memfd_create, ALLOW},
    {__NR_exit, ALLOW},
    {__NR_exit_group, ALLOW},
    {__NR_restart_syscall, ALLOW},
    /* time, identity, measures */
    {__NR_nanosleep, ALLOW},
    {__NR_clock_nanosleep, ALLOW},
    {__NR_clock_gettime, ALLOW},
    {__NR_clock_getres, ALLOW},
    {__NR_gettimeofday, ALLOW},
    {__NR_getrandom, ALLOW},
    {__NR_getpid, ALLOW},
    {__NR_gettid, ALLOW},
    {__NR_getppid, ALLOW},
    {__NR_getuid, ALLOW},
    {__NR_geteuid, ALLOW},
    {__NR_getgid, ALLOW},
    {__NR_getegid, ALLOW},
    {__NR_getrusage, ALLOW},
    {__NR_sysinfo, ALLOW},
    {__NR_uname, ALLOW},
    /* descriptors */
    {__NR_read, ALLOW},
    {__NR_readv, ALLOW},
    {__NR_pread64, ALLOW},
    {__NR_write, ALLOW},
    {__NR_writev, ALLOW},
    {__NR_pwrite64, ALLOW},
    {__NR_lseek, ALLOW},
    {__NR_close, ALLOW},
    {__NR_dup, ALLOW},
    {__NR_dup3, ALLOW},
    {__NR_fstat, ALLOW},
    {__NR_newfstatat, ALLOW},
    {__NR_statx, ALLOW},
    {__NR_fstatfs, ALLOW},
    {__NR_faccessat, ALLOW},
    {__NR_readlinkat, ALLOW},
    {__NR_getdents64, ALLOW},
    {__NR_flock, ALLOW},
    {__NR_fadvise64, ALLOW},
    {__NR_fsync, ALLOW},
    {__NR_fdatasync, ALLOW},
    {__NR_sync_file_range, ALLOW},
    {__NR_unlinkat, NAMING},
    {__NR_renameat, NAMING},
#ifdef __NR_renameat2
    {__NR_renameat2, NAMING},
#endif
    {__NR_mkdirat, NAMING},
    {__NR_ppoll, ALLOW},
    {__NR_epoll_create1, ALLOW},
    {__NR_epoll_ctl, ALLOW},
    {__NR_epoll_pwait, ALLOW},
    {__NR_eventfd2, ALLOW},
    {__NR_signalfd4, ALLOW},
    {__NR_timerfd_create, ALLOW},
    {__NR_timerfd_settime, ALLOW},
    {__NR_pidfd_open, ALLOW}, /* to see the host's end; signals through it are forbidden */
#ifdef __x86_64__
    {__NR_poll, ALLOW},
    {__NR_epoll_wait, ALLOW},
    {__NR_dup2, ALLOW},
    {__NR_time, ALLOW},
    {__NR_readlink, ALLOW},
    {__NR_unlink, NAMING},
    {__NR_rename, NAMING},
    {__NR_mkdir, NAMING},
#endif
    /* signals of its own */
    {__NR_rt_sigaction, ALLOW},
    {__NR_rt_sigprocmask, ALLOW},
    {__NR_rt_sigreturn, ALLOW},
    {__NR_sigaltstack, ALLOW},
    /* Others: no processes, no signals, no sockets, no way out of its process group. clone3 is
     * not in the list: its arguments are in memory, and libraries fall back to clone. */
    {__NR_pidfd_send_signal, FORBID},
    {__NR_tkill, FORBID},
    {__NR_rt_sigqueueinfo, FORBID},
    {__NR_rt_tgsigqueueinfo, FORBID},
    {__NR_setsid, FORBID},
    {__NR_setpgid, FORBID},
    {__NR_setuid, FORBID},
    {__NR_setgid, FORBID},
    {__NR_setreuid, FORBID},
    {__NR_setregid, FORBID},
    {__NR_setresuid, FORBID},
    {__NR_setresgid, FORBID},
    {__NR_setgroups, FORBID},
    {__NR_capset, FORBID},
    {__NR_fchmodat, FORBID},
    {__NR_fchownat, FORBID},
    {__NR_linkat, FORBID},
    {__NR_symlinkat, FORBID},
    {__NR_mknodat, FORBID},
    {__NR_truncate, FORBID},
    {__NR_ftruncate, FORBID}, /* no file of a run becomes shorter: others look at it */
    {__NR_fallocate, FORBID},
#ifdef __x86_64__
    {__NR_fork, FORBID},
    {__NR_vfork, FORBID},
    {__NR_chmod, FORBID},
    {__NR_chown, FORBID},
    {__NR_link, FORBID},
    {__NR_symlink, FORBID},
    {__NR_modify_ldt, END},
    {__NR_iopl, END},
    {__NR_ioperm, END},
#endif
    {__NR_execve, END},
    {__NR_execveat, END},
    {__NR_process_vm_readv, END},
    {__NR_process_vm_writev, END},
    {__NR_pidfd_getfd, END},
    {__NR_open_by_handle_at, END},
    {__NR_mount, END},
    {__NR_umount2, END},
    {__NR_move_mount, END},
    {__NR_open_tree, END},
    {__NR_fsopen, END},
    {__NR_pivot_root, END},
    {__NR_chroot, END},
    {__NR_setns, END},
    {__NR_unshare, END},
    {__NR_bpf, END},
    {__NR_perf_event_open, END},
    {__NR_userfaultfd, END},
    {__NR_add_key, END},
    {__NR_request_key, END},
    {__NR_keyctl, END},
    {__NR_init_module, END},
    {__NR_finit_module, END},
    {__NR_delete_module, END},
    {__NR_kexec_load, END},
    {__NR_reboot, END},
    {__NR_swapon, END},
    {__NR_swapoff, END},
    {__NR_settimeofday, END},
    {__NR_clock_settime, END},
};

static const int socket_calls[] = {
    __NR_socket,      __NR_socketpair,  __NR_connect,  __NR_bind,       __NR_listen,
    __NR_accept4,     __NR_sendto,      __NR_recvfrom, __NR_setsockopt, __NR_getsockopt,
    __NR_getsockname, __NR_getpeername, __NR_shutdown};
static const int message_calls[] = {__NR_sendmsg, __NR_recvmsg};

#endif
