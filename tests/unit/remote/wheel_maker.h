/* Writes a wheel (a zip file) with the given members, for tests. */
#ifndef TESTS_UNIT_REMOTE_WHEEL_MAKER_H
#define TESTS_UNIT_REMOTE_WHEEL_MAKER_H

#include "unit/unit.h"
#include <archive.h>
#include <archive_entry.h>
#include <string.h>

typedef struct wheel_member {
    const char *name;
    const char *data;
    size_t bytes;
} wheel_member;

static inline void make_wheel(const char *path, const wheel_member *members, size_t count)
{
    struct archive *a = archive_write_new();
    assert_int_equal(ARCHIVE_OK, archive_write_set_format_zip(a));
    assert_int_equal(ARCHIVE_OK, archive_write_open_filename(a, path));
    for (size_t i = 0; i < count; i++) {
        struct archive_entry *e = archive_entry_new();
        archive_entry_set_pathname(e, members[i].name);
        archive_entry_set_size(e, (la_int64_t)members[i].bytes);
        archive_entry_set_filetype(e, AE_IFREG);
        archive_entry_set_perm(e, 0644);
        assert_int_equal(ARCHIVE_OK, archive_write_header(a, e));
        assert_int_equal((la_ssize_t)members[i].bytes,
                         archive_write_data(a, members[i].data, members[i].bytes));
        archive_entry_free(e);
    }
    assert_int_equal(ARCHIVE_OK, archive_write_close(a));
    assert_int_equal(ARCHIVE_OK, archive_write_free(a));
}

#endif
