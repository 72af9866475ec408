/* The header probe: what each format declares, and what is refused, on the files of the fuzz corpus
 * (given as a folder) and on headers made here: 0 Hz, 2 GHz, 1,024 channels, 34 GB, no samples. */
#include "check/probe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *folder;

static modellab_severity probe(const unsigned char *data, size_t bytes, int64_t file_bytes,
                               mli_probe *out, char *ids, size_t capacity)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_findings findings;
    modellab_report *report = NULL;
    modellab_severity worst;

    mli_findings_begin(&findings, NULL);
    mli_probe_header(data, bytes, file_bytes, out, &findings);
    worst = findings.worst;
    assert_int_equal(mli_findings_finish(&findings, &report, &err), MODELLAB_OK);
    ids[0] = '\0';
    for (size_t i = 0; i < mli_report_count(report); i++) {
        assert_true(strlen(ids) + strlen(mli_report_finding(report, i)->id) + 2 < capacity);
        strcat(ids, mli_report_finding(report, i)->id);
        strcat(ids, ";");
    }
    mli_report_unref(report);
    return worst;
}

static size_t read_corpus(const char *name, unsigned char *data, size_t capacity)
{
    char path[1024];
    FILE *file;
    size_t bytes;

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "rb");
    assert_non_null(file);
    bytes = fread(data, 1, capacity, file);
    (void)fclose(file);
    return bytes;
}

static void test_formats(void **state)
{
    static const struct {
        const char *file, *container, *codec;
        int64_t rate, channels, frames;
        const char *ids;
    } cases[] = {{"wav", "wav", "pcm", 16000, 1, 8, ""},
                 {"wav_ext", "wav", "pcm", 48000, 2, 4, ""},
                 {"rf64", "wav", "pcm", 16000, 1, 8, ""},
                 {"w64", "w64", "pcm", 16000, 1, 8, ""},
                 {"flac", "flac", "flac", 16000, 1, 160000, ""},
                 {"opus", "ogg", "opus", 48000, 1, -1, ""},
                 {"vorbis", "ogg", "vorbis", 44100, 2, -1, ""},
                 {"mp3", "mp3", "mp3", 44100, 2, -1, ""},
                 {"mp3_id3", "mp3", "mp3", 44100, 2, -1, ""},
                 {"aiff", "aiff", "pcm", 16000, 1, 8, ""},
                 {"caf", "caf", "pcm", 16000, 1, 10, ""},
                 {"au", "au", "pcm", 16000, 1, 8, ""},
                 {"mp4", "", "", -1, -1, -1, "probe.unsupported;"},
                 {"text", "", "", -1, -1, -1, "probe.not_audio;"},
                 {"pdf", "", "", -1, -1, -1, "probe.not_audio;"}};
    static unsigned char data[4096];
    char ids[200];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t bytes = read_corpus(cases[i].file, data, sizeof data);
        mli_probe out;

        (void)probe(data, bytes, (int64_t)bytes, &out, ids, sizeof ids);
        print_message("%s: %s/%s %lld Hz, %lld channels, %lld frames %s\n", cases[i].file,
                      out.container, out.codec, (long long)out.rate_hz, (long long)out.channels,
                      (long long)out.frames, ids);
        assert_string_equal(out.container, cases[i].container);
        assert_string_equal(out.codec, cases[i].codec);
        assert_int_equal(out.rate_hz, cases[i].rate);
        assert_int_equal(out.channels, cases[i].channels);
        assert_int_equal(out.frames, cases[i].frames);
        assert_string_equal(ids, cases[i].ids);
    }
}

static void put(unsigned char *at, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        at[i] = (unsigned char)(value >> (8 * i));
    }
}

static void test_hostile_wav(void **state)
{
    static const struct {
        uint64_t channels, rate, data_bytes;
        const char *ids;
        modellab_severity worst;
    } cases[] = {{1, 0, 16, "probe.rate;", MODELLAB_SEVERITY_ERROR},
                 {1, 2147483647, 16, "probe.rate;", MODELLAB_SEVERITY_ERROR},
                 {1024, 16000, 16, "probe.channels;", MODELLAB_SEVERITY_ERROR},
                 {0, 16000, 16, "probe.channels;", MODELLAB_SEVERITY_ERROR},
                 {1, 16000, 0, "probe.not_closed;", MODELLAB_SEVERITY_ERROR},
                 {1, 16000, 0xfffffff0, "probe.truncated;", MODELLAB_SEVERITY_WARNING},
                 {1, 16000, 16, "", 0}};
    static unsigned char wav[4096];
    char ids[200];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t bytes = read_corpus("wav", wav, sizeof wav);
        mli_probe out;

        put(wav + 22, cases[i].channels, 2);
        put(wav + 24, cases[i].rate, 4);
        put(wav + 40, cases[i].data_bytes, 4);
        assert_int_equal(probe(wav, bytes, (int64_t)bytes, &out, ids, sizeof ids), cases[i].worst);
        assert_string_equal(ids, cases[i].ids);
    }
}

/* Every header cut at every byte: refused or warned, never read past its end (the copy is of exact
 * size). */
static void test_every_cut(void **state)
{
    static const char *const files[] = {"wav",    "wav_ext", "rf64", "w64", "flac", "opus",
                                        "vorbis", "mp3_id3", "aiff", "caf", "au"};
    static unsigned char data[4096];
    char ids[400];

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        size_t bytes = read_corpus(files[i], data, sizeof data);

        for (size_t cut = 0; cut < bytes; cut++) {
            unsigned char *exact = malloc(cut == 0 ? 1 : cut);
            mli_probe out;

            assert_non_null(exact);
            memcpy(exact, data, cut);
            (void)probe(exact, cut, (int64_t)cut, &out, ids, sizeof ids);
            if (cut == 0) {
                assert_string_equal(ids, "probe.empty;");
            }
            free(exact);
        }
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_formats),
                                       cmocka_unit_test(test_hostile_wav),
                                       cmocka_unit_test(test_every_cut)};

    if (argc != 2) {
        fprintf(stderr, "usage: test_check_probe FOLDER\n");
        return 2;
    }
    folder = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
