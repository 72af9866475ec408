/* Prices and caps: what measures cost by a price sheet, a cap that is exceeded, an estimate. */
#include "example.h"

int main(void)
{
    static const char sheet_json[] =
        "{\"version\": 1, \"id\": \"example\", \"currency\": \"EUR\","
        " \"prices\": {\"cpu_second\": \"0.000012\", \"audio_minute\": \"0.006\"}}";
    static const double history[] = {0.05, 0.06, 0.055};
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_price_sheet *sheet = NULL;
    modellab_measures measures = MODELLAB_MEASURES_INIT;
    modellab_cost cost = MODELLAB_COST_INIT;
    modellab_caps caps = MODELLAB_CAPS_INIT;
    modellab_estimate estimate = MODELLAB_ESTIMATE_INIT;

    must(modellab_price_sheet_parse(sheet_json, 0, NULL, &sheet, &err), &err, "sheet");
    measures.cpu_seconds = 100.0;
    measures.audio_seconds = 600.0;
    must(modellab_price_sheet_cost(sheet, &measures, &cost, &err), &err, "cost");
    printf("%lld millionths of %s by sheet %s\n", (long long)cost.total_micros,
           modellab_price_sheet_currency(sheet), modellab_price_sheet_id(sheet));

    must(modellab_caps_set(&caps, "cpu_seconds", "1m", &err), &err, "cap");
    if (modellab_caps_check(&caps, &measures, cost.total_micros, &err) != MODELLAB_E_CAP_EXCEEDED) {
        fprintf(stderr, "the cap was not seen\n");
        return 1;
    }
    printf("%s\n", err.message);
    must(modellab_estimate_make(600.0, history, 3, sheet, 0, &estimate, &err), &err, "estimate");
    printf("ten minutes of audio: %.1f s CPU (90 %%: %.1f to %.1f)\n", estimate.cpu_seconds,
           estimate.cpu_seconds_low, estimate.cpu_seconds_high);
    modellab_price_sheet *kept = modellab_price_sheet_ref(sheet);
    modellab_price_sheet_unref(sheet);
    printf("%s\nsha256 %.12s...\n", modellab_price_sheet_json(kept),
           modellab_price_sheet_sha256(kept));
    modellab_price_sheet_unref(kept);
    return cost.total_micros == 61200 ? 0 : 1;
}
