/* An address that is told when runs end, and what became of its deliveries.   webhook FOLDER */
#include "example.h"

int main(int argc, char **argv)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_webhook_options options = MODELLAB_WEBHOOK_OPTIONS_INIT;
    modellab_webhook_sender *sender = NULL;
    modellab_webhook_list *hooks = NULL;
    modellab_delivery_list *deliveries = NULL;
    modellab_buffer *secret = NULL;
    modellab_lab *lab = NULL;
    char id[MODELLAB_KEY_ID_BYTES], delivery[MODELLAB_KEY_ID_BYTES];

    must(modellab_lab_open(argc > 1 ? argv[1] : NULL, NULL, &lab, &err), &err, "lab");
    options.url = "https://169.254.169.254/latest/meta-data"; /* not of the internet */
    if (modellab_webhook_create(lab, &options, id, &secret, &err) != MODELLAB_OK)
        printf("refused: %s\n", err.message);
    options.url = "https://hooks.example.invalid/modellab"; /* a name that nobody has */
    options.events = "run_completed run_failed";
    must(modellab_webhook_create(lab, &options, id, &secret, &err), &err, "webhook");
    must(modellab_webhook_test(lab, id, delivery, &err), &err, "test");
    must(modellab_webhook_sender_start(lab, &sender, &err), &err, "sender");
    modellab_webhook_sender_stop(sender); /* a host goes on, and stops it at its end */
    must(modellab_webhook_enable(lab, id, &err), &err, "enable");
    must(modellab_webhook_list_load(lab, id, &hooks, &err), &err, "webhooks");
    for (size_t i = 0; i < modellab_webhook_list_count(hooks); i++) {
        modellab_webhook_info w = {.size = sizeof w};
        must(modellab_webhook_list_at(hooks, i, &w, &err), &err, "webhook");
        printf("%s: %s %s\n", w.url, w.events, w.disabled_why);
    }
    must(modellab_delivery_list_load(lab, id, NULL, NULL, 0, &deliveries, &err), &err, "list");
    for (size_t i = 0; i < modellab_delivery_list_count(deliveries); i++) {
        modellab_delivery_info d = {.size = sizeof d};
        must(modellab_delivery_list_at(deliveries, i, &d, &err), &err, "delivery");
        printf("%s: %s\n", d.event, d.state);
    }
    modellab_delivery_list_unref(deliveries);
    modellab_webhook_list_unref(hooks);
    modellab_buffer_destroy(secret);
    must(modellab_webhook_delete(lab, id, &err), &err, "delete");
    modellab_lab_unref(lab);
    return 0;
}
