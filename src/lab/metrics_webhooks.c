/* Metrics of webhooks beside the counter of their deliveries, and their check of health. */
#include "base/error.h"
#include "base/str.h"
#include "lab/health.h"
#include "lab/metrics.h"
#include "os/locale.h"
#include <string.h>

/* A delivery that waits for so long is stuck: its receiver fails again and again, or no process of
 * the lab makes deliveries. */
#define LONG_MS ((int64_t)900 * 1000)

typedef struct standing {
    int64_t working, disabled, waiting, oldest_ms; /* oldest: how long it waits; -1 = none does */
} standing;

static void read_standing(const mli_lab *lab, const mli_total_list *now, standing *out)
{
    *out = (standing){.oldest_ms = -1};
    for (size_t i = 0; i < now->count; i++) {
        const mli_total *t = &now->rows[i];
        const int64_t value = (int64_t)t->value;
        if (strcmp(t->family, "webhooks") == 0)
            *(strcmp(t->label1, "working") == 0 ? &out->working : &out->disabled) = value;
        else if (strcmp(t->family, "webhook_waiting") == 0)
            out->waiting = value;
        else if (strcmp(t->family, "webhook_oldest_ms") == 0)
            out->oldest_ms = mli_lab_now_ms(lab) > value ? mli_lab_now_ms(lab) - value : 0;
    }
}

static void put_state(mli_metrics_writer *w, const char *state, int64_t count)
{
    mli_metrics_sample(
        w, &(mli_sample){"webhooks", "", "state", state, "", "", (double)count, {NULL, 0}});
}

void mli_metrics_webhooks(mli_metrics_writer *w, const mli_lab *lab, const mli_total_list *now)
{
    standing s;

    read_standing(lab, now, &s);
    mli_metrics_head(w, "gauge", "webhooks", "", "Webhooks, by whether they work.");
    put_state(w, "working", s.working);
    put_state(w, "disabled", s.disabled);
    mli_metrics_one(w, "gauge", "webhook_deliveries_waiting", "",
                    "Deliveries to webhooks that have not arrived yet.", (double)s.waiting);
    mli_metrics_one(w, "gauge", "webhook_oldest_seconds", "seconds",
                    "How long the oldest of them waits; 0 = none does.",
                    s.oldest_ms > 0 ? (double)s.oldest_ms / 1e3 : 0);
}

void mli_health_webhooks(mli_lab *lab, mli_health_check *check)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_total_list *now = NULL;
    standing s;
    modellab_status status = mli_store_queue_depths(lab->store, &now, &err);

    if (status != MODELLAB_OK) {
        mli_health_say(check, MODELLAB_HEALTH_DEGRADED, err.message);
        return;
    }
    read_standing(lab, now, &s);
    mli_total_list_free(now);
    check->state = s.oldest_ms >= LONG_MS ? MODELLAB_HEALTH_DEGRADED : MODELLAB_HEALTH_HEALTHY;
    (void)mli_os_format(check->message, sizeof check->message,
                        "%lld webhooks work, %lld are disabled; %lld deliveries wait, the oldest "
                        "for %lld s.",
                        (long long)s.working, (long long)s.disabled, (long long)s.waiting,
                        (long long)(s.oldest_ms > 0 ? s.oldest_ms / 1000 : 0));
}
