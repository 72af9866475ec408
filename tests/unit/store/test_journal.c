/* The journal: what is written comes back; a torn tail is no damage and can be cut; a flipped bit
 * is damage. */
#include "store/journal.h"
#include "unit/faulty_files.h"
#include "unit/store/common.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define F (&mli_os_system_files)

static temp_folder folder;
static char path[512];
static int fd;
static mli_journal_tail tail; /* of what was written */

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(&folder);
    assert_true(snprintf(path, sizeof path, "%s/journal.jsonl", folder.path) > 0);
    fd = open(path, O_RDWR | O_CREAT | O_APPEND, 0600);
    assert_true(fd >= 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(0, close(fd));
    temp_folder_remove(&folder);
    return 0;
}

static void write_lines(const mli_os_files *files, int64_t from, int count)
{
    mli_journal_writer w;

    if (from == 1) {
        mli_journal_tail_init(&tail);
    }
    tail.next_n = from;
    mli_journal_writer_init(&w, NULL, files, &mli_os_system_clock, fd, 3, &tail);
    for (int i = 0; i < count; i++) {
        mli_jw *line = mli_journal_begin(&w, "progress");

        mli_jw_kreal(line, "done_seconds", 0.5 * i);
        mli_jw_kstring(line, "text", "tab\t and line\nend");
        ASSERT_OK(mli_journal_end(&w, i + 1 == count, err));
    }
    assert_int_equal(from + count, w.tail.next_n);
    tail = w.tail;
    mli_journal_writer_dispose(&w);
}

/* Reads what is there; returns the number of good lines. */
static int read_all(mli_journal_reader *r)
{
    mli_journal_line line;
    bool found = true;
    int count = 0;

    while (found) {
        ASSERT_OK(mli_journal_next(r, &line, &found, err));
        if (found) {
            assert_int_equal(3, line.fence);
            assert_true(line.time_ms > 1000000000000);
            assert_string_equal("progress", line.type);
            assert_string_equal("tab\t and line\nend",
                                mli_json_string(mli_json_get(line.object, "text"), ""));
            count++;
        }
    }
    return count;
}

static void lines_come_back_while_it_grows(void **state)
{
    mli_journal_reader r;

    (void)state;
    mli_journal_reader_init(&r, NULL, F, fd);
    assert_int_equal(0, read_all(&r));
    write_lines(F, 1, 3);
    assert_int_equal(3, read_all(&r));
    assert_int_equal(0, read_all(&r));
    write_lines(F, 4, 2000); /* more than one block of reading */
    assert_int_equal(2000, read_all(&r));
    assert_int_equal(2003, r.last_n);
    assert_int_equal(0, r.damaged);
    assert_int_equal(0, r.torn_bytes);
    mli_journal_reader_dispose(&r);
}

static void a_torn_tail_is_no_damage(void **state)
{
    mli_journal_reader r;
    mli_journal_tail next;

    (void)state;
    write_lines(F, 1, 2);
    assert_int_equal(30, write(fd, "{\"n\":3,\"t\":1,\"type\":\"progress\"", 30));
    mli_journal_reader_init(&r, NULL, F, fd);
    assert_int_equal(2, read_all(&r));
    assert_int_equal(0, r.damaged);
    assert_int_equal(30, r.torn_bytes);
    ASSERT_OK(mli_journal_prepare(F, path, 0, NULL, &next, err));
    assert_int_equal(3, next.next_n);
    assert_string_equal(tail.chain, next.chain);
    write_lines(F, next.next_n, 1); /* the next attempt goes on */
    assert_int_equal(1, read_all(&r));
    assert_int_equal(0, r.damaged);
    mli_journal_reader_dispose(&r);
}

/* Every single bit of a middle line: never read as good, never hides the others. */
static void every_flipped_bit_is_damage(void **state)
{
    char text[2048];
    int64_t size;
    size_t first, second;

    (void)state;
    write_lines(F, 1, 3);
    size = pread(fd, text, sizeof text, 0);
    assert_true(size > 0 && size < (int64_t)sizeof text);
    text[size] = '\0';
    first = strcspn(text, "\n") + 1;
    second = first + strcspn(text + first, "\n") + 1;
    for (size_t bit = first * 8; bit < (second - 1) * 8; bit++) {
        mli_journal_reader r;
        char flipped[2048];
        int good;

        memcpy(flipped, text, (size_t)size);
        flipped[bit / 8] = (char)(flipped[bit / 8] ^ (1 << (bit % 8)));
        assert_int_equal(0, ftruncate(fd, 0));
        assert_int_equal(size, write(fd, flipped, (size_t)size));
        mli_journal_reader_init(&r, NULL, F, fd);
        good = read_all(&r);
        /* hex digits of the checksum have two spellings: a flip of case is the same number */
        if (good != 2 && !(good == 3 && bit / 8 >= second - 9)) {
            fail_msg("bit %zu: %d good lines", bit, good);
        }
        assert_true(good == 3 || (r.damaged >= 1 && r.damaged_at == (int64_t)first));
        assert_int_equal(1, r.breaks); /* the chain sees the spelling too */
        assert_int_equal(second, r.broken_at);
        mli_journal_reader_dispose(&r);
    }
}

/* Lines that are dropped, doubled or exchanged have their checksums; the chain tells. */
static void moved_lines_break_the_chain(void **state)
{
    static const struct {
        const char *order;
        int breaks;
    } cases[] = {{"123", 0}, {"13", 1}, {"23", 2}, {"1223", 2}, {"132", 2}, {"12", 0}};
    char text[2048], *lines[3];
    int64_t size;

    (void)state;
    write_lines(F, 1, 3);
    size = pread(fd, text, sizeof text - 1, 0);
    assert_true(size > 0);
    text[size] = '\0';
    for (int i = 0; i < 3; i++) {
        lines[i] = i == 0 ? text : lines[i - 1] + strcspn(lines[i - 1], "\n") + 1;
    }
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        mli_journal_reader r;

        assert_int_equal(0, ftruncate(fd, 0));
        for (const char *o = cases[c].order; *o != '\0'; o++) {
            const char *line = lines[*o - '1'];
            size_t bytes = strcspn(line, "\n") + 1;

            assert_int_equal(bytes, write(fd, line, bytes));
        }
        mli_journal_reader_init(&r, NULL, F, fd);
        (void)read_all(&r);
        assert_int_equal(cases[c].breaks, r.breaks);
        /* the lost end is told by the chain's value, which the record keeps */
        assert_true((strcmp(cases[c].order, "123") == 0) == (strcmp(r.chain, tail.chain) == 0));
        mli_journal_reader_dispose(&r);
    }
}

static void failures_stick(void **state)
{
    faulty_files faulty = {.fail_at = 1, .error = ENOSPC};
    mli_os_files files = faulty_files_table(&faulty);
    mli_journal_writer w;

    (void)state;
    mli_journal_tail_init(&tail);
    mli_journal_writer_init(&w, NULL, &files, &mli_os_system_clock, fd, 3, &tail);
    (void)mli_journal_begin(&w, "outcome");
    ASSERT_FAILS(MODELLAB_E_NO_SPACE, mli_journal_end(&w, true, err)); /* the sync */
    (void)mli_journal_begin(&w, "outcome");
    /* it stays failed, for the reason that people can act on */
    ASSERT_FAILS(MODELLAB_E_NO_SPACE, mli_journal_end(&w, true, err));
    mli_journal_writer_dispose(&w);
}

static void long_lines_are_refused(void **state)
{
    mli_journal_writer w;
    mli_journal_reader r;
    mli_journal_line line;
    bool found;
    mli_journal_tail next;
    char *text = test_malloc(MLI_JOURNAL_LINE_BYTES + 1);

    (void)state;
    memset(text, 'x', MLI_JOURNAL_LINE_BYTES);
    text[MLI_JOURNAL_LINE_BYTES] = '\0';
    write_lines(F, 1, 1);
    mli_journal_writer_init(&w, NULL, F, &mli_os_system_clock, fd, 3, &tail);
    mli_jw_kstring(mli_journal_begin(&w, "progress"), "text", text);
    ASSERT_FAILS(MODELLAB_E_LIMIT, mli_journal_end(&w, false, err));
    mli_journal_writer_dispose(&w);
    for (int i = 0; i < 2; i++) { /* a hostile file without line ends */
        assert_int_equal(MLI_JOURNAL_LINE_BYTES, write(fd, text, MLI_JOURNAL_LINE_BYTES));
    }
    mli_journal_reader_init(&r, NULL, F, fd);
    ASSERT_OK(mli_journal_next(&r, &line, &found, err));
    assert_true(found);
    ASSERT_FAILS(MODELLAB_E_STORE_CORRUPT, mli_journal_next(&r, &line, &found, err));
    mli_journal_reader_dispose(&r);
    ASSERT_OK(mli_journal_prepare(F, path, 0, NULL, &next, err));
    assert_int_equal(2, next.next_n);
    test_free(text);
}

static void write_attempt(int64_t fence, int64_t from, int count)
{
    mli_journal_writer w;
    mli_journal_tail at;
    mli_journal_tail_init(&at);
    at.next_n = from;
    mli_journal_writer_init(&w, NULL, F, &mli_os_system_clock, fd, fence, &at);
    for (int i = 0; i < count; i++) {
        (void)mli_journal_begin(&w, "progress");
        ASSERT_OK(mli_journal_end(&w, false, err));
    }
    mli_journal_writer_dispose(&w);
}

/* Fences of the good lines, as digits. */
static void read_fences(int64_t most, char *out, int64_t *stale, int64_t *damaged)
{
    mli_journal_reader r;
    mli_journal_line line;
    bool found = true;
    mli_journal_reader_init(&r, NULL, F, fd);
    r.most_fence = most;
    while (found) {
        ASSERT_OK(mli_journal_next(&r, &line, &found, err));
        if (found) {
            *out++ = (char)('0' + line.fence);
        }
    }
    *out = '\0';
    *stale = r.stale;
    *damaged = r.damaged;
    mli_journal_reader_dispose(&r);
}

/* An attempt that was taken for dead wakes up and writes between the lines of the next one, with
 * numbers that the next one uses too. */
static void lines_of_an_older_attempt_are_passed_over(void **state)
{
    char fences[32];
    int64_t stale = 0, damaged = 0;
    mli_journal_tail next;
    (void)state;
    write_attempt(1, 1, 2);
    ASSERT_OK(mli_journal_prepare(F, path, 0, NULL, &next, err));
    assert_int_equal(3, next.next_n);
    write_attempt(1, 3, 2); /* awake, before the next one says anything */
    write_attempt(2, next.next_n, 2);
    write_attempt(1, 5, 2);
    write_attempt(2, next.next_n + 2, 1);
    read_fences(0, fences, &stale, &damaged);
    assert_string_equal("1111222", fences);
    assert_int_equal(2, stale);
    assert_int_equal(0, damaged);
    read_fences(1, fences, &stale, &damaged); /* as the older one's own reader sees it */
    assert_string_equal("111111", fences);
    assert_int_equal(3, stale);
    ASSERT_OK(mli_journal_prepare(F, path, 0, NULL, &next, err));
    assert_int_equal(6, next.next_n);
}

/* A line of a fence that nobody has, or of a number that cannot be, is no reason to give numbers
 * again that were used: the record would pass the lines of the next attempt over. */
static void lines_that_cannot_be_change_no_numbers(void **state)
{
    char fences[32];
    int64_t stale = 0, damaged = 0;
    mli_journal_tail next;
    (void)state;
    write_attempt(1, 1, 2);
    write_attempt(999999, 3, 1);
    write_attempt(1, 3, 2);
    write_attempt(1, (int64_t)1 << 51, 1);
    ASSERT_OK(mli_journal_prepare(F, path, 2, NULL, &next, err));
    assert_int_equal(5, next.next_n);
    write_attempt(2, next.next_n, 2);
    read_fences(2, fences, &stale, &damaged);
    assert_string_equal("111122", fences);
    assert_int_equal(1, stale);
    assert_int_equal(1, damaged);
    ASSERT_OK(
        mli_journal_prepare(F, path, 0, NULL, &next, err)); /* the bug: any fence is believed */
    assert_int_equal(4, next.next_n);
}

static void a_turn_ends_within_lines_that_are_no_good(void **state)
{
    mli_journal_reader r;
    mli_journal_line line;
    bool found = true;
    (void)state;
    write_lines(F, 1, 1);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(write(fd, "not a line of a journal at all\n", 31), 31);
    }
    mli_journal_reader_init(&r, NULL, F, fd);
    r.pause_at = 5000;
    ASSERT_OK(mli_journal_next(&r, &line, &found, err));
    assert_true(found && !r.paused);
    ASSERT_OK(mli_journal_next(&r, &line, &found, err));
    assert_true(!found && r.paused);
    assert_true(r.offset >= 5000 && r.offset < 5100);
    r.pause_at = 0;
    ASSERT_OK(mli_journal_next(&r, &line, &found, err));
    assert_true(!found && !r.paused);
    assert_int_equal(r.damaged, 1000);
    mli_journal_reader_dispose(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_come_back_while_it_grows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_torn_tail_is_no_damage, set_up, tear_down),
        cmocka_unit_test_setup_teardown(moved_lines_break_the_chain, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_flipped_bit_is_damage, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failures_stick, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_lines_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lines_of_an_older_attempt_are_passed_over, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(lines_that_cannot_be_change_no_numbers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_turn_ends_within_lines_that_are_no_good, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
