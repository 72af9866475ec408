/* The seccomp program: a list of system calls with what becomes of each, as BPF. The numbers of the
 * architecture that this was compiled for; any other ends the process. */
#include "os/sandbox_filter.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#define X32_BIT 0x40000000u
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#ifdef ARCHITECTURE

#include "os/sandbox_calls.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define ERROR(number) (SECCOMP_RET_ERRNO | ((number)&SECCOMP_RET_DATA))

typedef struct program {
    struct sock_filter code[640];
    unsigned short used;
    bool writes; /* there is a folder to write to */
} program;

static void put(program *p, unsigned short code, uint32_t k, unsigned char yes, unsigned char no)
{
    if (p->used < COUNT(p->code))
        p->code[p->used] = (struct sock_filter){code, yes, no, k};
    p->used++; /* beyond the room: noticed at the end */
}

static void load(program *p, size_t offset)
{
    put(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

/* The low half of an argument: both architectures are little-endian. */
static void load_argument(program *p, size_t index)
{
    load(p, offsetof(struct seccomp_data, args) + index * sizeof(uint64_t));
}

static void answer(program *p, uint32_t action)
{
    put(p, BPF_RET | BPF_K, action, 0, 0);
}

/* Goes on with the next two instructions' first when equal, else with the second. */
static void when_equal(program *p, uint32_t value)
{
    put(p, BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
}

static void own_only(program *p, bool zero_too)
{
    load_argument(p, 0);
    when_equal(p, (uint32_t)getpid());
    answer(p, SECCOMP_RET_ALLOW);
    if (zero_too) {
        when_equal(p, 0);
        answer(p, SECCOMP_RET_ALLOW);
    }
    answer(p, ERROR(EPERM));
}

/* Answers with `hit` when any of the bits is set, else with `miss`. */
static void by_bits(program *p, size_t argument, uint32_t bits, uint32_t hit, uint32_t miss)
{
    load_argument(p, argument);
    put(p, BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1);
    answer(p, hit);
    answer(p, miss);
}

static void threads_only(program *p)
{
    const uint32_t spaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
                            CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_VFORK;
    load_argument(p, 0);
    put(p, BPF_JMP | BPF_JSET | BPF_K, spaces, 0, 1);
    answer(p, ERROR(EPERM));
    put(p, BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1);
    answer(p, SECCOMP_RET_ALLOW);
    answer(p, ERROR(EPERM));
}

static void opening(program *p, bool writes)
{
    if (!writes) {
        by_bits(p, 2, O_ACCMODE | O_CREAT | O_TRUNC, ERROR(EPERM), SECCOMP_RET_ALLOW);
        return;
    }
    load_argument(p, 2);
    put(p, BPF_ALU | BPF_AND | BPF_K, O_TRUNC | O_ACCMODE, 0, 0);
    when_equal(p, O_TRUNC | O_RDONLY);
    answer(p, ERROR(EPERM));
    answer(p, SECCOMP_RET_ALLOW);
}

static void one_of(program *p, size_t argument, const uint32_t *values, size_t count)
{
    load_argument(p, argument);
    for (size_t i = 0; i < count; i++) {
        when_equal(p, values[i]);
        answer(p, SECCOMP_RET_ALLOW);
    }
    answer(p, ERROR(EPERM));
}

static void handling(program *p)
{
    static const uint32_t commands[] = {F_DUPFD, F_GETFD,         F_SETFD,     F_GETFL,    F_SETFL,
                                        F_GETLK, F_DUPFD_CLOEXEC, F_ADD_SEALS, F_GET_SEALS};
    one_of(p, 1, commands, COUNT(commands));
}

static void body(program *p, verdict what, bool writes)
{
    switch (what) {
    case ALLOW:
        answer(p, SECCOMP_RET_ALLOW);
        return;
    case FORBID:
        answer(p, ERROR(EPERM));
        return;
    case END:
        answer(p, SECCOMP_RET_KILL_PROCESS);
        return;
    case OWN:
    case OWN_OR0:
        own_only(p, what == OWN_OR0);
        return;
    case NO_CODE:
        by_bits(p, 2, PROT_EXEC, ERROR(EPERM), SECCOMP_RET_ALLOW);
        return;
    case THREADS:
        threads_only(p);
        return;
    case OPENING:
        opening(p, writes);
        return;
    case NAMING:
        answer(p, writes ? SECCOMP_RET_ALLOW : ERROR(EPERM));
        return;
    case HANDLING:
        handling(p);
        return;
    }
}

/* One rule: its body is passed over for other calls. The number of the call stays loaded for them,
 * since every body ends with an answer. */
static void put_rule(program *p, int call, verdict what)
{
    size_t at = p->used;
    put(p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 0);
    body(p, what, p->writes);
    if (at < COUNT(p->code))
        p->code[at].jf = (unsigned char)(p->used - at - 1);
}

static void put_all(program *p, const int *calls, size_t count, verdict what)
{
    for (size_t i = 0; i < count; i++)
        put_rule(p, calls[i], what);
}

/* The leak checker of a sanitizer stops the threads with a tracer of its own, and reads what it
 * finds: its calls pass, and this filter does not count as one. */
static bool wanted_by_sanitizer(int call)
{
    return MLI_OS_SANDBOX_WIDENED &&
           (call == __NR_clone || call == __NR_mmap || call == __NR_mprotect ||
            call == __NR_clone3 || call == __NR_tgkill || call == __NR_kill);
}

/* For a foreign program: what no program needs ends it, what it does not need fails. */
static void build_for_program(program *p, const mli_os_sandbox *what)
{
    for (size_t i = 0; i < COUNT(rules); i++) {
        int call = rules[i].call;
        if (rules[i].what == END && call != __NR_execve && call != __NR_execveat)
            put_rule(p, call, END);
    }
    put_rule(p, __NR_ptrace, END);
    put_rule(p, __NR_setsid, FORBID);
    put_rule(p, __NR_setpgid, FORBID);
    put_all(p, socket_calls, COUNT(socket_calls), what->network ? ALLOW : FORBID);
    answer(p, SECCOMP_RET_ALLOW);
}

static void build(program *p, const mli_os_sandbox *what)
{
    static const uint32_t options[] = {PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE};
    p->used = 0;
    p->writes = false;
    for (size_t i = 0; i < what->folder_count; i++) {
        int rights = what->folders[i].fd >= 0 ? what->folders[i].rights : 0;
        p->writes = p->writes || (rights & MLI_OS_SANDBOX_WRITE) != 0;
    }
    load(p, offsetof(struct seccomp_data, arch));
    put(p, BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
    answer(p, SECCOMP_RET_KILL_PROCESS);
    load(p, offsetof(struct seccomp_data, nr));
#ifdef X32_BIT
    put(p, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
    answer(p, SECCOMP_RET_KILL_PROCESS);
#endif
    if (what->is_program) {
        build_for_program(p, what);
        return;
    }
    for (size_t i = 0; i < COUNT(rules); i++) {
        if (!wanted_by_sanitizer(rules[i].call))
            put_rule(p, rules[i].call, rules[i].what);
    }
    put_all(p, socket_calls, COUNT(socket_calls), what->network ? ALLOW : FORBID);
    put_all(p, message_calls, COUNT(message_calls),
            what->network || what->messages ? ALLOW : FORBID);
    if (!MLI_OS_SANDBOX_WIDENED) {
        put_rule(p, __NR_ptrace, END);
        size_t at = p->used;
        put(p, BPF_JMP | BPF_JEQ | BPF_K, __NR_prctl, 0, 0);
        one_of(p, 0, options, COUNT(options));
        if (at < COUNT(p->code))
            p->code[at].jf = (unsigned char)(p->used - at - 1);
    }
    answer(p, MLI_OS_SANDBOX_WIDENED ? SECCOMP_RET_ALLOW : ERROR(ENOSYS));
}

int mli_os_sandbox_filter(const mli_os_sandbox *what)
{
    program p;
    build(&p, what);
    if (p.used > COUNT(p.code))
        return E2BIG;
    struct sock_fprog text = {p.used, p.code};
    /* SPEC_ALLOW: kernels before 5.16 slow a filtered process down to keep foreign code from
     * guessing at its memory; a worker runs none. */
    const unsigned flags = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    long rc = syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags, &text);
    return rc == 0 ? 0 : rc > 0 ? EBUSY : errno; /* > 0: a thread that could not follow */
}

#else

int mli_os_sandbox_filter(const mli_os_sandbox *what)
{
    (void)what;
    return ENOSYS;
}

#endif
