/* How long the decision about a key takes tells nothing of it: a child decides, its instructions
 * are counted one by one, and the number is the same wherever the hashes differ first. Needs
 * ptrace. */
#include "base/hmac.h"
#include "lab/keys.h"
#include "unit/unit.h"
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_STEPS = 1000000 };

static char stored[65], previous[65], given[65];
static bool early; /* compare as memcmp() does: the planted bug */

/* What the child does between its two stops. */
static int decide(void)
{
    const mli_key_row row = {.hash = stored,
                             .previous_hash = previous,
                             .scopes = "runs:read",
                             .revoked_ms = -1,
                             .expires_ms = -1};

    if (!early)
        return (int)mli_key_decide(&row, given, MLI_SCOPE_RUNS_READ, 0);
    for (size_t i = 0; i < 64; i++) {
        if (((const volatile char *)stored)[i] != given[i])
            return (int)MODELLAB_KEY_UNKNOWN;
    }
    return (int)MODELLAB_KEY_GRANTED;
}

/* Instructions of one decision; -1 = this machine does not let us count. */
static long count_steps(void)
{
    int ended = 0;
    long steps = 0;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
            _exit(77);
        (void)decide(); /* once before: symbols are bound */
        (void)raise(SIGUSR1);
        int said = decide();
        (void)raise(SIGUSR1);
        _exit(said == (int)MODELLAB_KEY_UNKNOWN ? 0 : 1);
    }
    assert_int_equal(pid, waitpid(pid, &ended, 0));
    if (WIFEXITED(ended) || WSTOPSIG(ended) != SIGUSR1)
        return -1;
    do { /* the signals are taken away */
        assert_true(steps < MOST_STEPS);
        steps++;
        if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) != 0)
            return -1;
        assert_int_equal(pid, waitpid(pid, &ended, 0));
    } while (WIFSTOPPED(ended) && WSTOPSIG(ended) != SIGUSR1);
    assert_true(WIFSTOPPED(ended));
    assert_int_equal(0, ptrace(PTRACE_CONT, pid, NULL, NULL));
    assert_int_equal(pid, waitpid(pid, &ended, 0));
    assert_true(WIFEXITED(ended) && WEXITSTATUS(ended) == 0);
    return steps;
}

/* A secret whose hash differs at this digit first; behind it all is equal or all is different. */
static long differing_at(size_t digit, bool all)
{
    memcpy(given, stored, sizeof given);
    for (size_t i = digit; i < (all ? 64 : digit + 1); i++)
        given[i] = 'b';
    return count_steps();
}

static void the_same_for_all(void **state)
{
    (void)state;
    memset(stored, 'a', 64);
    memset(previous, 'c', 64);
    const long first = differing_at(0, false);
    if (first < 0)
        skip();
    assert_int_equal(first, differing_at(63, false));
    assert_int_equal(first, differing_at(31, false));
    assert_int_equal(first, differing_at(0, true));
    assert_int_equal(first, differing_at(31, true));
    previous[0] = 'b'; /* likewise beside the secret before */
    memset(previous + 1, 'c', 63);
    assert_int_equal(first, differing_at(0, true));
    print_message("%ld instructions\n", first);
    early = true;
    assert_true(differing_at(0, false) < differing_at(63, false)); /* the count tells such a one */
    early = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_same_for_all)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
