/* Cancel: a token that another thread, or a signal handler, sets to end a call that lasts. */
#include "example.h"

/* Called between blocks of audio: as another thread would, it asks the call to stop. */
static int32_t stop_soon(void *user, double seconds, double fraction)
{
    (void)fraction;
    if (seconds > 0.5) {
        modellab_cancel_set(user);
    }
    return 0;
}

int main(void)
{
    static float silence[16000 * 60];
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_audio_options options = MODELLAB_AUDIO_OPTIONS_INIT;
    modellab_cancel *cancel = NULL, *shared;
    modellab_audio *audio = NULL;

    must(modellab_cancel_create(NULL, &cancel, &err), &err, "token");
    shared = modellab_cancel_ref(cancel); /* for whoever sets it */
    options.cancel = cancel;
    options.progress = stop_soon;
    options.user = shared;
    modellab_status status =
        modellab_audio_from_samples(silence, 16000 * 60, 1, 16000, &options, &audio, &err);
    printf("%s: %s\n", modellab_status_name(status), err.message);
    int seen = status == MODELLAB_E_CANCELLED && modellab_cancel_is_set(cancel);
    modellab_cancel_unref(shared);
    modellab_cancel_unref(cancel);
    return seen && audio == NULL ? 0 : 1;
}
