/* Allocation, buffers and sized structs, also when memory runs out. */
#include "base/alloc.h"
#include "base/buf.h"
#include "base/checked.h"
#include "base/sized.h"
#include "unit/failing_alloc.h"
#include "unit/unit.h"
#include <string.h>

static void sizes_are_checked(void **state)
{
    failing_alloc f = {.fail_at = -1};
    modellab_allocator a = failing_alloc_table(&f);
    (void)state;
    assert_null(mli_alloc_array(&a, SIZE_MAX / 2, 3));
    assert_null(mli_realloc_array(&a, NULL, SIZE_MAX, 2));
    assert_null(mli_alloc_aligned(&a, SIZE_MAX - 8, 64));
    assert_null(mli_alloc_aligned(&a, 8, 48));
    assert_int_equal(f.calls, 0);
    char *zero = mli_alloc(&a, 0), *other = mli_alloc(&a, 0);
    assert_non_null(zero);
    assert_ptr_not_equal(zero, other);
    mli_free(&a, zero);
    mli_free(&a, other);
    mli_free(&a, NULL);
    unsigned char *items = mli_alloc_array(&a, 100, 7);
    for (int i = 0; i < 700; i++)
        assert_int_equal(items[i], 0);
    items = mli_realloc_array(&a, items, 200, 7);
    assert_non_null(items);
    mli_free(&a, items);
    for (size_t align = 1; align <= 4096; align *= 2) {
        char *p = mli_alloc_aligned(&a, 33, align);
        assert_int_equal((uintptr_t)p & (align - 1), 0);
        memset(p, 1, 33);
        mli_free_aligned(&a, p);
    }
    char *copy = mli_strdup(&a, "text");
    assert_string_equal(copy, "text");
    mli_free(&a, copy);
    assert_int_equal(f.live, 0);
}

static void large_blocks(void **state)
{
    static const size_t sizes[] = {0, 33, 1000000, (size_t)2 << 20, 5000001};
    failing_alloc f = {.fail_at = -1};
    modellab_allocator given = failing_alloc_table(&f);
    const modellab_allocator *tables[] = {NULL, &given};
    (void)state;
    for (size_t t = 0; t < 2; t++) {
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            size_t align = sizes[i] < (size_t)2 << 20 ? 64 : (size_t)2 << 20;
            char *p = mli_alloc_large(tables[t], sizes[i]);
            assert_non_null(p);
            assert_int_equal((uintptr_t)p & (align - 1), 0);
            memset(p, 1, sizes[i]);
            mli_free_aligned(tables[t], p);
        }
    }
    assert_int_equal(f.calls, 5);
    assert_int_equal(f.live, 0);
    assert_null(mli_alloc_large(&given, SIZE_MAX - 8));
    f = (failing_alloc){.fail_at = 0};
    assert_null(mli_alloc_large(&given, (size_t)2 << 20));
}

static void allocator_taken(void **state)
{
    failing_alloc f = {.fail_at = -1};
    modellab_allocator given = failing_alloc_table(&f), out;
    modellab_error err = MODELLAB_ERROR_INIT;
    (void)state;
    assert_int_equal(mli_allocator_take(&given, &out, &err), MODELLAB_OK);
    assert_ptr_equal(out.user, &f);
    assert_int_equal(mli_allocator_take(NULL, &out, &err), MODELLAB_OK);
    assert_null(out.alloc);
    given.realloc = NULL;
    assert_int_equal(mli_allocator_take(&given, &out, &err), MODELLAB_E_INVALID_ARGUMENT);
    given.size = 8;
    assert_int_equal(mli_allocator_take(&given, &out, &err), MODELLAB_E_ABI_TOO_SMALL);
}

static void buffers_grow(void **state)
{
    failing_alloc f = {.fail_at = -1};
    modellab_allocator a = failing_alloc_table(&f);
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_buf b;
    size_t bytes;
    (void)state;
    mli_buf_init(&b, &a);
    assert_string_equal(mli_buf_text(&b), "");
    mli_buf_append_text(&b, "a");
    mli_buf_printf(&b, "%d %s", 7, "x");
    char big[1001];
    memset(big, 'q', 1000);
    big[1000] = '\0';
    mli_buf_printf(&b, "[%s]", big);
    assert_int_equal(b.size, 1 + 3 + 1002);
    assert_int_equal(strlen(mli_buf_text(&b)), b.size);
    char *taken = mli_buf_take(&b, &bytes);
    assert_int_equal(bytes, 1006);
    mli_free(&a, taken);
    taken = mli_buf_take(&b, &bytes); /* an empty one gives an empty text */
    assert_string_equal(taken, "");
    mli_free(&a, taken);
    b.limit = 10;
    mli_buf_append(&b, "12345", 5);
    mli_buf_append(&b, "123456", 6);
    mli_buf_append(&b, "1", 1); /* stays failed */
    assert_int_equal(b.size, 5);
    assert_int_equal(mli_buf_status(&b, &err), MODELLAB_E_LIMIT);
    mli_buf_clear(&b);
    assert_int_equal(mli_buf_status(&b, &err), MODELLAB_OK);
    mli_buf_dispose(&b);
    assert_int_equal(f.live, 0);
}

static void buffers_without_memory(void **state)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    (void)state;
    long n = 0;
    for (modellab_status status = MODELLAB_E_NO_MEMORY; status != MODELLAB_OK; n++) {
        failing_alloc f = {.fail_at = n};
        modellab_allocator a = failing_alloc_table(&f);
        mli_buf b;
        mli_buf_init(&b, &a);
        for (int i = 0; i < 100; i++)
            mli_buf_append_text(&b, "0123456789");
        status = mli_buf_status(&b, &err);
        assert_true(status == MODELLAB_OK || status == MODELLAB_E_NO_MEMORY);
        mli_buf_dispose(&b);
        assert_int_equal(f.live, 0);
    }
    assert_true(n > 3);
}

typedef struct today {
    size_t size;
    int32_t first, second;
    int64_t added;
} today;

static void sized_structs(void **state)
{
    const size_t full = sizeof(today), first = offsetof(today, added);
    modellab_error err = MODELLAB_ERROR_INIT;
    (void)state;
    today old = {first, 1, 2, 99}, dst = {0, 7, 8, 9};
    assert_int_equal(mli_sized_in(&dst, full, first, &old, &err), MODELLAB_OK);
    assert_true(dst.size == full && dst.first == 1 && dst.second == 2 && dst.added == 9);
    old.size = first - 1;
    assert_int_equal(mli_sized_in(&dst, full, first, &old, &err), MODELLAB_E_ABI_TOO_SMALL);
    old.size = 0; /* never set */
    assert_int_equal(mli_sized_in(&dst, full, first, &old, &err), MODELLAB_E_ABI_TOO_SMALL);
    struct {
        today t;
        int64_t future;
    } newer = {{sizeof newer, 3, 4, 5}, 0};
    assert_int_equal(mli_sized_in(&dst, full, first, &newer, &err), MODELLAB_OK);
    assert_true(dst.added == 5 && dst.size == full);
    newer.future = 1;
    assert_int_equal(mli_sized_in(&dst, full, first, &newer, &err), MODELLAB_E_ABI_NEWER);
    newer.t.size = SIZE_MAX;
    assert_int_equal(mli_sized_in(&dst, full, first, &newer, &err), MODELLAB_E_ABI_NEWER);
    /* out: an older caller's struct is not overrun, a newer one's tail is zeroed */
    today src = {full, 10, 20, 30}, out = {first, 0, 0, -1};
    assert_int_equal(mli_sized_out(&out, &src, full, first, &err), MODELLAB_OK);
    assert_true(out.first == 10 && out.added == -1 && out.size == first);
    newer.t.size = sizeof newer;
    assert_int_equal(mli_sized_out(&newer, &src, full, first, &err), MODELLAB_OK);
    assert_true(newer.future == 0 && newer.t.added == 30 && newer.t.size == sizeof newer);
    assert_int_equal(mli_sized_out(NULL, &src, full, first, &err), MODELLAB_E_INVALID_ARGUMENT);
}

static void checked_arithmetic(void **state)
{
    size_t s;
    int64_t i;
    (void)state;
    assert_true(mli_add_overflow(SIZE_MAX, (size_t)1, &s));
    assert_true(mli_mul_overflow((size_t)1 << 40, (size_t)1 << 30, &s));
    assert_true(mli_sub_overflow(INT64_MIN, (int64_t)1, &i));
    assert_false(mli_add_overflow((size_t)2, (size_t)3, &s));
    assert_int_equal(s, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_checked),      cmocka_unit_test(large_blocks),
        cmocka_unit_test(allocator_taken),        cmocka_unit_test(buffers_grow),
        cmocka_unit_test(buffers_without_memory), cmocka_unit_test(sized_structs),
        cmocka_unit_test(checked_arithmetic)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
