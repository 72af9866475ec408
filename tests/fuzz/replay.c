/* Runs a libFuzzer harness without libFuzzer: every file of the given folders, then mutations of
 * them from a fixed seed. A crash, a sanitizer's finding or a hang is the test's failure. replay_X
 * [--mutations N] [--seed S] FOLDER...            N from MODEL_LAB_FUZZ_RUNS when not given */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LARGEST_INPUT = 1 << 20, MOST_FILES = 4096 };

static struct {
    uint8_t *data;
    size_t size;
} corpus[MOST_FILES];
static size_t corpus_count;
static uint64_t random_state = 0x9e3779b97f4a7c15ULL;

static uint64_t next_random(void) /* xorshift64*, Vigna 2016 */
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545f4914f6cdd1dULL;
}

static void run_exact(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size == 0 ? 1 : size); /* exact size: a read past the end is seen */

    if (copy == NULL) {
        exit(2);
    }
    if (size > 0) {
        memcpy(copy, data, size);
    }
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void load_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(LARGEST_INPUT);

    if (file == NULL || data == NULL || corpus_count == MOST_FILES) {
        fprintf(stderr, "cannot read a file of the corpus\n");
        exit(2);
    }
    corpus[corpus_count].size = fread(data, 1, LARGEST_INPUT, file);
    corpus[corpus_count].data = data;
    corpus_count++;
    (void)fclose(file);
}

static void load_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    char path[4096];

    if (dir == NULL) {
        fprintf(stderr, "no corpus folder: %s\n", folder);
        exit(2);
    }
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.') {
            (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
            load_file(path);
        }
    }
    (void)closedir(dir);
}

/* A few random edits: bits, bytes, interesting values, cuts, and copies within the input. */
static size_t mutate(uint8_t *data, size_t size)
{
    static const uint8_t interesting[] = {0,    1,   0x7f, 0x80, 0xff, '"',
                                          '\\', '{', '[',  '-',  '9',  '\n'};
    int edits = 1 + (int)(next_random() % 8);

    for (int i = 0; i < edits && size > 0; i++) {
        size_t at = next_random() % size, other = next_random() % size;
        size_t length = 1 + next_random() % 16;

        switch (next_random() % 6) {
        case 0:
            data[at] ^= (uint8_t)(1u << (next_random() % 8));
            break;
        case 1:
            data[at] = (uint8_t)next_random();
            break;
        case 2:
            data[at] = interesting[next_random() % sizeof interesting];
            break;
        case 3:
            size = at;
            break;
        case 4:
            length = length > size - at ? size - at : length;
            length = length > size - other ? size - other : length;
            memmove(data + at, data + other, length);
            break;
        default:
            memset(data + at, (next_random() & 1) != 0 ? 0xff : 0,
                   length > size - at ? size - at : length);
        }
    }
    return size;
}

int main(int argc, char **argv)
{
    const char *from_environment = getenv("MODEL_LAB_FUZZ_RUNS");
    long mutations = from_environment == NULL ? 100000 : strtol(from_environment, NULL, 10);
    uint8_t *work = malloc(LARGEST_INPUT);

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--mutations") == 0 && i + 1 < argc) {
            mutations = strtol(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
            random_state ^= strtoull(argv[++i], NULL, 10);
        } else {
            load_folder(argv[i]);
        }
    }
    if (corpus_count == 0 || work == NULL) {
        fprintf(stderr, "the corpus is empty\n");
        return 2;
    }
    run_exact(NULL, 0);
    for (size_t i = 0; i < corpus_count; i++) {
        run_exact(corpus[i].data, corpus[i].size);
    }
    for (long i = 0; i < mutations; i++) {
        size_t pick = next_random() % corpus_count;

        memcpy(work, corpus[pick].data, corpus[pick].size);
        run_exact(work, mutate(work, corpus[pick].size));
    }
    printf("%zu files and %ld mutations replayed\n", corpus_count, mutations);
    for (size_t i = 0; i < corpus_count; i++) {
        free(corpus[i].data);
    }
    free(work);
    return 0;
}
