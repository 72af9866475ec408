/* A folder of its own for a test, removed with everything in it. */
#ifndef TESTS_UNIT_TEMP_FOLDER_H
#define TESTS_UNIT_TEMP_FOLDER_H

#include "os/file.h"
#include "unit/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct temp_folder {
    char path[256];
} temp_folder;

static inline void temp_folder_make(temp_folder *folder)
{
    const char *base = getenv("TMPDIR");
    int length = snprintf(folder->path, sizeof folder->path, "%s/modellab-test-XXXXXX",
                          base != NULL && base[0] != '\0' ? base : "/tmp");

    assert_true(length > 0 && (size_t)length < sizeof folder->path);
    assert_non_null(mkdtemp(folder->path));
}

static inline void temp_folder_remove(temp_folder *folder)
{
    assert_int_equal(0, mli_os_remove_tree(&mli_os_system_files, folder->path));
}

#endif
