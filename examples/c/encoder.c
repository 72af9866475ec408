/* Samples to the bytes of a FLAC file, in pieces as they are made.   encoder [FILE] */
#include "example.h"

#include <math.h>

static int32_t write_to(void *user, const void *data, size_t bytes)
{
    return fwrite(data, 1, bytes, user) == bytes ? 0 : 1;
}

int main(int argc, char **argv)
{
    static float samples[16000]; /* a second of a tone */
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_encoder_options options = MODELLAB_ENCODER_OPTIONS_INIT;
    modellab_encoder *encoder = NULL;
    FILE *file = argc > 1 ? fopen(argv[1], "wb") : tmpfile();

    if (file == NULL)
        return 1;
    modellab_encoder_options_init(&options, sizeof options);
    options.format = "flac";
    options.rate_hz = 16000;
    options.write = write_to;
    options.user = file;
    must(modellab_encoder_create(&options, &encoder, &err), &err, "encoder");
    for (int i = 0; i < 16000; i++)
        samples[i] = 0.3f * sinf(0.17f * (float)i);
    for (int at = 0; at < 16000; at += 4000)
        must(modellab_encoder_write(encoder, samples + at, 4000, &err), &err, "write");
    must(modellab_encoder_finish(encoder, &err), &err, "finish");
    modellab_encoder_destroy(encoder);
    printf("%ld bytes of %s\n", ftell(file), modellab_encoder_media_type("flac"));
    return fclose(file) == 0 ? 0 : 1;
}
