/* make_bad_audio FOLDER [--long]: writes the bad audio files of bad_audio.c, one line a file on
 * stdout: name, status of decoding it. --long adds ten hours of silence. */
#include "fault/bad_audio.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int save(const char *folder, const char *name, const unsigned char *data, size_t bytes)
{
    char path[4096];
    int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (data == NULL || length < 0 || (size_t)length >= sizeof path)
        return -1;
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        return -1;
    int failed = fwrite(data, 1, bytes, file) != bytes;
    return fclose(file) != 0 || failed ? -1 : 0;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fputs("usage: make_bad_audio FOLDER [--long]\n", stderr);
        return 2;
    }
    size_t bytes = 0;
    for (size_t i = 0; i < bad_audio_count; i++) {
        const bad_audio *bad = &bad_audio_files[i];
        unsigned char *data = bad->make(&bytes);
        int failed = save(argv[1], bad->name, data, bytes);
        free(data);
        if (failed != 0) {
            fprintf(stderr, "make_bad_audio: %s was not written\n", bad->name);
            return 1;
        }
        printf("%s %d\n", bad->name, (int)bad->status);
    }
    if (argc > 2 && strcmp(argv[2], "--long") == 0) {
        unsigned char *data = bad_audio_long_silence(&bytes);
        int failed = save(argv[1], "silence_10h.flac", data, bytes);
        free(data);
        if (failed != 0) {
            fputs("make_bad_audio: silence_10h.flac was not written\n", stderr);
            return 1;
        }
        puts("silence_10h.flac 0");
    }
    return 0;
}
