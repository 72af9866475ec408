/* Orders and answers over a worker's socket, also long, cut and foreign ones; and which workers are
 * used again. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lab/worker_pool.h"

static const mli_os_channels *const channels = &mli_os_system_channels;

static int open_pair(void **state)
{
    static int pair[2];
    assert_int_equal(channels->pair(NULL, pair), 0);
    *state = pair;
    return 0;
}

static int close_pair(void **state)
{
    const int *pair = *state;
    channels->close(NULL, pair[0]);
    channels->close(NULL, pair[1]);
    return 0;
}

static size_t open_count(void)
{
    size_t count = 0;
    for (int fd = 0; fd < 256; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    return count;
}

static void fill(mli_buf *text, size_t bytes)
{
    mli_buf_init(text, NULL);
    while (text->size < bytes) {
        mli_buf_append_char(text, (char)('a' + text->size % 26));
    }
}

static void no_descriptors(int fds[MLI_ORDER_FDS])
{
    for (int i = 0; i < MLI_ORDER_FDS; i++) {
        fds[i] = -1;
    }
}

/* Sends `bytes` of text with every `step`th of all descriptors and receives them. */
static void pass(const int *pair, size_t bytes, bool in_file, int step)
{
    mli_buf text;
    mli_buf got;
    int list[MLI_ORDER_FDS];
    size_t count = 0;
    size_t before = open_count();
    int file = -1;
    int fds[MLI_ORDER_FDS];
    for (int i = 0; i < MLI_ORDER_FDS; i++) {
        fds[i] = i % step == 0 ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;
    }
    fill(&text, bytes);
    if (in_file) {
        FILE *scratch = tmpfile();
        assert_non_null(scratch);
        assert_int_equal(fwrite(text.data, 1, text.size, scratch), text.size);
        assert_int_equal(fflush(scratch), 0);
        file = dup(fileno(scratch));
        assert_int_equal(fclose(scratch), 0);
    }
    assert_int_equal(mli_channel_send_order(channels, pair[0], &text, file, fds, NULL),
                     MODELLAB_OK);
    assert_int_equal(mli_channel_receive(channels, &mli_os_system_files, pair[1], NULL, &got, list,
                                         &count, NULL),
                     MODELLAB_OK);
    assert_int_equal(count, (MLI_ORDER_FDS + step - 1) / step);
    assert_int_equal(got.size, text.size);
    assert_memory_equal(got.data, text.data, text.size);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(fcntl(list[i], F_GETFD), FD_CLOEXEC);
        assert_int_equal(close(list[i]), 0);
    }
    for (int i = 0; i < MLI_ORDER_FDS; i++) {
        mli_os_fd_close(fds[i]);
    }
    mli_os_fd_close(file);
    mli_buf_dispose(&text);
    mli_buf_dispose(&got);
    assert_int_equal(open_count(), before);
}

static void orders_short_and_long(void **state)
{
    pass(*state, 100, false, 3);
    pass(*state, MLI_CHANNEL_INLINE_BYTES, false, 3);
    pass(*state, MLI_CHANNEL_INLINE_BYTES + 1, true, 3);
    pass(*state, MLI_ORDER_MAX_BYTES, true, 3);
    pass(*state, MLI_ORDER_MAX_BYTES, true, 1);
}

static modellab_status receive(const int *pair)
{
    mli_buf text;
    int list[MLI_ORDER_FDS];
    size_t count = 0;
    modellab_status status = mli_channel_receive(channels, &mli_os_system_files, pair[1], NULL,
                                                 &text, list, &count, NULL);
    if (status == MODELLAB_OK) {
        mli_buf_dispose(&text);
    }
    return status;
}

static void *no_memory(void *user, size_t bytes)
{
    (void)user;
    (void)bytes;
    return NULL;
}

static void *no_more_memory(void *user, void *block, size_t bytes)
{
    (void)user;
    (void)block;
    (void)bytes;
    return NULL;
}

static void keep_memory(void *user, void *block)
{
    (void)user;
    (void)block;
}

static int closed_count;

static int count_close(void *user, int fd)
{
    (void)user;
    (void)fd;
    return ++closed_count;
}

/* Found by reading: the list of descriptors was closed as it lay in memory. */
static void without_memory_nothing_foreign_is_closed(void **state)
{
    const int *pair = *state;
    const modellab_allocator none = {
        .size = sizeof(none), .alloc = no_memory, .realloc = no_more_memory, .free = keep_memory};
    mli_os_files files = mli_os_system_files;
    mli_buf text;
    int list[MLI_ORDER_FDS];
    size_t count = 0;
    files.close = count_close;
    assert_int_equal(channels->send(NULL, pair[0], "O{}", 3, NULL, 0, true), 3);
    closed_count = 0;
    assert_int_equal(
        mli_channel_receive(channels, &files, pair[1], &none, &text, list, &count, NULL),
        MODELLAB_E_NO_MEMORY);
    assert_int_equal(closed_count, 0);
    assert_int_equal(count, 0);
    assert_int_equal(receive(pair), MODELLAB_OK); /* the order waits for one who has memory */
}

static void what_is_no_order(void **state)
{
    const int *pair = *state;
    enum { TOO_MANY = MLI_ORDER_FDS + 2 };
    int fds[TOO_MANY];
    size_t before = open_count();
    for (size_t i = 0; i < TOO_MANY; i++) {
        fds[i] = 0;
    }
    assert_int_equal(channels->send(NULL, pair[0], "X{}", 3, fds, 2, true), 3);
    assert_int_equal(receive(pair), MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(channels->send(NULL, pair[0], "O{}", 3, fds, TOO_MANY, true), 3);
    assert_int_not_equal(receive(pair), MODELLAB_OK);
    assert_int_equal(channels->send(NULL, pair[0], "F", 1, NULL, 0, true),
                     1); /* without its file */
    assert_int_equal(receive(pair), MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(channels->send(NULL, pair[0], "F", 1, fds, 1, true), 1); /* no text in it */
    assert_int_equal(receive(pair), MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(open_count(), before);
    mli_channel_send_leave(channels, pair[0]);
    assert_int_equal(receive(pair), MODELLAB_E_CANCELLED);
}

static void the_end_of_the_other_side(void **state)
{
    int *pair = *state;
    mli_buf text;
    int fds[MLI_ORDER_FDS];
    const mli_worker_answer answer = {.fence = 1};
    no_descriptors(fds);
    channels->close(NULL, pair[0]);
    pair[0] = -1;
    assert_int_equal(receive(pair), MODELLAB_E_CANCELLED);
    assert_false(mli_channel_send_answer(channels, pair[1], &answer));
    fill(&text, 10);
    assert_int_equal(mli_channel_send_order(channels, pair[1], &text, -1, fds, NULL),
                     MODELLAB_E_WORKER_START);
    mli_buf_dispose(&text);
}

static void answers(void **state)
{
    const int *pair = *state;
    const mli_worker_answer given = {
        .fence = 7, .cpu_ns = 123456789012, .peak_bytes = 5, .own_bytes = -1, .kept_models = 2};
    mli_worker_answer got;
    mli_program_ask ask;
    int error = 0;
    assert_int_equal(mli_channel_take(channels, pair[0], &got, &ask, &error), MLI_HEARD_NOTHING);
    assert_true(mli_channel_send_answer(channels, pair[1], &given));
    assert_int_equal(mli_channel_take(channels, pair[0], &got, &ask, &error), MLI_HEARD_ANSWER);
    assert_int_equal(got.fence, given.fence);
    assert_int_equal(got.cpu_ns, given.cpu_ns);
    assert_int_equal(got.peak_bytes, given.peak_bytes);
    assert_int_equal(got.own_bytes, given.own_bytes);
    assert_int_equal(got.kept_models, given.kept_models);
    assert_int_equal(channels->send(NULL, pair[1], "D{", 2, NULL, 0, true), 2);
    assert_int_equal(mli_channel_take(channels, pair[0], &got, &ask, &error), MLI_HEARD_NONSENSE);
    channels->close(NULL, pair[1]);
    ((int *)*state)[1] = -1;
    assert_int_equal(mli_channel_take(channels, pair[0], &got, &ask, &error), MLI_HEARD_END);
}

/* A lock that was taken here is held by whoever has the message, also while nobody has read it. */
static void a_lock_travels_with_its_order(void **state)
{
    int *pair = *state;
    mli_buf text;
    mli_buf got;
    char path[] = "/tmp/mli-pool-XXXXXX";
    int fds[MLI_ORDER_FDS];
    int list[MLI_ORDER_FDS];
    size_t count = 0;
    no_descriptors(fds);
    fds[MLI_ORDER_LOCK] = mkstemp(path);
    int other = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(fds[MLI_ORDER_LOCK], LOCK_EX | LOCK_NB), 0);
    fill(&text, 10);
    assert_int_equal(mli_channel_send_order(channels, pair[0], &text, -1, fds, NULL), MODELLAB_OK);
    assert_int_equal(close(fds[MLI_ORDER_LOCK]), 0);
    assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1); /* on its way */
    assert_int_equal(mli_channel_receive(channels, &mli_os_system_files, pair[1], NULL, &got, list,
                                         &count, NULL),
                     MODELLAB_OK);
    assert_int_equal(count, 1);
    assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1); /* arrived */
    assert_int_equal(close(list[0]), 0);
    assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
    assert_int_equal(close(other), 0);
    assert_int_equal(unlink(path), 0);
    mli_buf_dispose(&text);
    mli_buf_dispose(&got);
}

static void who_is_used_again(void **state)
{
    (void)state;
    const mli_pool_settings settings = {.max_runs = 3, .idle_ms = 1000, .growth_bytes = 100};
    mli_worker_process good = {.channel = 5,
                               .runs = 2,
                               .answered = true,
                               .first_own_bytes = 1000,
                               .answer = {.own_bytes = 1100}};
    assert_int_equal(mli_pool_judge(&settings, &good, false), MLI_POOL_KEEP);
    assert_int_equal(mli_pool_judge(&settings, &good, true), MLI_POOL_BAD_END);
    mli_worker_process w = good;
    w.answered = false;
    assert_int_equal(mli_pool_judge(&settings, &w, false), MLI_POOL_BAD_END);
    w = good;
    w.ended = true;
    assert_int_equal(mli_pool_judge(&settings, &w, false), MLI_POOL_BAD_END);
    w = good;
    w.channel = -1; /* adopted */
    assert_int_equal(mli_pool_judge(&settings, &w, false), MLI_POOL_BAD_END);
    w = good;
    w.runs = 3;
    assert_int_equal(mli_pool_judge(&settings, &w, false), MLI_POOL_RAN_ENOUGH);
    w = good;
    w.answer.own_bytes = 1101;
    assert_int_equal(mli_pool_judge(&settings, &w, false), MLI_POOL_GREW);
    w.first_own_bytes = -1;
    assert_int_equal(mli_pool_judge(&settings, &w, false), MLI_POOL_KEEP);
    w = good;
    w.answer.own_bytes = -1;
    assert_int_equal(mli_pool_judge(&settings, &w, false), MLI_POOL_KEEP);
    for (int i = MLI_POOL_KEEP; i <= MLI_POOL_IDLE; i++) {
        assert_true(mli_pool_verdict_name(i)[0] != '\0');
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_pair, close_pair)
    const struct CMUnitTest tests[] = {
        TEST(orders_short_and_long),         TEST(what_is_no_order),
        TEST(the_end_of_the_other_side),     TEST(answers),
        TEST(a_lock_travels_with_its_order), TEST(without_memory_nothing_foreign_is_closed),
        cmocka_unit_test(who_is_used_again)};
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
