/* Every format that libsndfile writes is let through by the header probe, so that the decoder gets
 * to see it; the few without a magic are named here. And recordings that were never closed. */
#include "check/probe.h"
#include "unit/temp_folder.h"

#include <sndfile.h>

enum { RATE = 16000, FRAMES = 4000, ROOM = 65536 };

static modellab_severity probe(const unsigned char *data, size_t bytes, mli_probe *out)
{
    mli_findings findings;
    modellab_report *report = NULL;
    mli_findings_begin(&findings, NULL);
    mli_probe_header(data, bytes, (int64_t)bytes, out, &findings);
    modellab_severity worst = findings.worst;
    assert_int_equal(mli_findings_finish(&findings, &report, NULL), MODELLAB_OK);
    mli_report_unref(report);
    return worst;
}

/* Writes a tone's worth of samples; the bytes of the file, 0 when the format has no such codec. */
static size_t write_file(const char *path, int format, unsigned char *data)
{
    static short samples[FRAMES];
    SF_INFO info = {.samplerate = RATE, .channels = 1, .format = format};
    for (int i = 0; i < FRAMES; i++)
        samples[i] = (short)(i * 37 % 8000);
    if (!sf_format_check(&info))
        return 0;
    SNDFILE *out = sf_open(path, SFM_WRITE, &info);
    if (out == NULL)
        return 0;
    assert_int_equal(sf_write_short(out, samples, FRAMES), FRAMES);
    assert_int_equal(sf_close(out), 0);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t bytes = fread(data, 1, ROOM, file);
    assert_int_equal(fclose(file), 0);
    return bytes;
}

static bool has_magic(int major)
{
    return major != SF_FORMAT_RAW && major != SF_FORMAT_SD2 && major != SF_FORMAT_HTK &&
           major != SF_FORMAT_MAT4 && major != SF_FORMAT_XI && major != SF_FORMAT_WVE &&
           major != SF_FORMAT_MPC2K && major != SF_FORMAT_SDS;
}

static void test_what_the_decoder_reads(void **state)
{
    static const int codecs[] = {SF_FORMAT_PCM_16,        SF_FORMAT_PCM_24,  SF_FORMAT_FLOAT,
                                 SF_FORMAT_ULAW,          SF_FORMAT_G721_32, SF_FORMAT_IMA_ADPCM,
                                 SF_FORMAT_MS_ADPCM,      SF_FORMAT_GSM610,  SF_FORMAT_NMS_ADPCM_32,
                                 SF_FORMAT_PCM_S8,        SF_FORMAT_VORBIS,  SF_FORMAT_OPUS,
                                 SF_FORMAT_MPEG_LAYER_III};
    static unsigned char data[ROOM];
    temp_folder folder;
    char path[300];
    int majors = 0, tried = 0;
    (void)state;
    temp_folder_make(&folder);
    (void)snprintf(path, sizeof path, "%s/a", folder.path);
    (void)sf_command(NULL, SFC_GET_FORMAT_MAJOR_COUNT, &majors, sizeof majors);
    for (int m = 0; m < majors; m++) {
        SF_FORMAT_INFO about = {.format = m};
        (void)sf_command(NULL, SFC_GET_FORMAT_MAJOR, &about, sizeof about);
        if (!has_magic(about.format)) {
            print_message("without a magic, not let through: %s\n", about.name);
            continue;
        }
        for (size_t c = 0; c < sizeof codecs / sizeof codecs[0]; c++) {
            mli_probe out;
            size_t bytes = write_file(path, about.format | codecs[c], data);
            if (bytes > 0 && probe(data, bytes, &out) >= MODELLAB_SEVERITY_ERROR)
                fail_msg("%s with codec %x is refused", about.name, (unsigned)codecs[c]);
            tried += bytes > 0;
        }
    }
    print_message("%d kinds of files\n", tried);
    assert_true(tried >= 30);
    temp_folder_remove(&folder);
}

static void test_not_closed(void **state)
{
    static unsigned char data[ROOM];
    temp_folder folder;
    char path[300];
    mli_probe out;
    (void)state;
    temp_folder_make(&folder);
    (void)snprintf(path, sizeof path, "%s/a.wav", folder.path);
    size_t bytes = write_file(path, SF_FORMAT_WAV | SF_FORMAT_PCM_16, data);
    assert_int_equal(bytes, 44 + 2 * FRAMES);
    memset(data + 40, 0, 4); /* no length of the samples */
    assert_int_equal(probe(data, bytes, &out), MODELLAB_SEVERITY_ERROR);
    memcpy(data + 4, "\x08\0\0", 4); /* nor of the file: as a recorder leaves it */
    assert_int_equal(probe(data, bytes, &out), MODELLAB_SEVERITY_WARNING);
    assert_int_equal(out.frames, -1);                                 /* told by decoding */
    assert_int_equal(probe(data, 44, &out), MODELLAB_SEVERITY_ERROR); /* with nothing behind */
    SF_INFO info = {0}; /* the decoder reads what the probe lets through */
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, bytes, file), bytes);
    assert_int_equal(fclose(file), 0);
    SNDFILE *in = sf_open(path, SFM_READ, &info);
    assert_non_null(in);
    assert_int_equal(info.frames, FRAMES);
    assert_int_equal(sf_close(in), 0);
    temp_folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_the_decoder_reads),
                                       cmocka_unit_test(test_not_closed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
