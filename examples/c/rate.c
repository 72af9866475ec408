/* Two requests a second for each client, five at once.   rate */
#include "example.h"

int main(void)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_rate_options options = MODELLAB_RATE_OPTIONS_INIT;
    modellab_rate *rate = NULL;

    options.limit = 2;
    options.period_ms = 1000;
    options.burst = 5;
    must(modellab_rate_create(&options, &rate, &err), &err, "limiter");
    for (int i = 0; i < 7; i++) {
        modellab_rate_result r = {.size = sizeof r};
        must(modellab_rate_take(rate, "client", 1, -1, &r, &err), &err, "take");
        if (r.allowed)
            printf("RateLimit: \"default\";r=%lld;t=%lld\n", (long long)r.remaining,
                   (long long)r.reset_s);
        else
            printf("429, Retry-After: %lld\n", (long long)r.retry_after_s);
    }
    modellab_rate_unref(rate);
    return 0;
}
