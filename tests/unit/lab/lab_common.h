/* A lab in a folder of its own, and small inputs for it. */
#ifndef TESTS_UNIT_LAB_COMMON_H
#define TESTS_UNIT_LAB_COMMON_H

#include <sys/stat.h>

#include "lab/lab.h"
#include "unit/store/common.h"

/* A WAV file of one second of silence, 16 kHz mono 16 bit; `claimed` overrides the data size. */
static inline size_t make_wav(unsigned char *out, uint32_t rate, uint16_t channels,
                              uint32_t claimed)
{
    uint32_t data = 32000, byte_rate = rate * channels * 2;
    unsigned char header[44] = "RIFF....WAVEfmt ";
    const uint32_t words[] = {claimed != 0 ? claimed + 36 : data + 36, 16, rate, byte_rate,
                              claimed != 0 ? claimed : data};
    const size_t places[] = {4, 16, 24, 28, 40};

    for (size_t i = 0; i < 5; i++) {
        for (size_t b = 0; b < 4; b++) {
            header[places[i] + b] = (unsigned char)(words[i] >> (8 * b));
        }
    }
    header[20] = 1;
    header[22] = (unsigned char)channels;
    header[23] = (unsigned char)(channels >> 8);
    header[32] = (unsigned char)(channels * 2);
    header[33] = (unsigned char)(channels * 2 >> 8);
    header[34] = 16;
    memcpy(header + 36, "data", 4);
    memcpy(out, header, 44);
    memset(out + 44, 0, data);
    return 44 + data;
}

#define WAV_BYTES (44 + 32000)

static inline void write_file(const char *path, const void *data, size_t bytes)
{
    (void)chmod(path, 0600); /* finished files are read-only; a new one is not there yet */
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(bytes, fwrite(data, 1, bytes, file));
    assert_int_equal(0, fclose(file));
}

static inline mli_lab *open_lab(const temp_folder *folder, const modellab_allocator *alloc,
                                const mli_lab_tables *tables, int32_t flags)
{
    modellab_lab_options options = MODELLAB_LAB_OPTIONS_INIT;
    char root[512];
    mli_lab *lab = NULL;

    assert_true(snprintf(root, sizeof root, "%s/lab", folder->path) > 0);
    options.allocator = alloc;
    options.models_root = folder->path;
    options.cache_root = folder->path;
    options.flags = flags;
    ASSERT_OK(mli_lab_open(root, &options, tables, &lab, err));
    lab->settings.min_free_bytes = 0;
    return lab;
}

/* Number of run directories. */
static inline int count_one(void *arg, const char *name)
{
    (void)name;
    *(int *)arg += 1;
    return 0;
}
static inline int count_folders(const mli_lab *lab)
{
    int count = 0;

    ASSERT_OK(mli_rundir_list(&mli_os_system_files, lab->root, count_one, count_one, &count, err));
    return count;
}

static inline int count_runs(mli_lab *lab)
{
    mli_store_filter filter = {.limit = 1000};
    mli_run_row_list *list = NULL;
    int count;

    ASSERT_OK(mli_store_list(lab->store, &filter, &list, err));
    count = (int)list->count;
    mli_run_row_list_free(list);
    return count;
}

#endif
