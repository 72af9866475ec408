/* What the receiver of a webhook does: is the message ours, whole and new?   signature */
#include "example.h"
#include <string.h>

int main(void)
{
    static const char secret[] = "whk_shared", body[] = "{\"kind\":\"run_completed\"}";
    modellab_error err = MODELLAB_ERROR_INIT;
    char header[MODELLAB_SIGNATURE_BYTES];
    unsigned char mac[32], again[32];

    must(modellab_signature_write(secret, 1767225600, body, strlen(body), header, &err), &err,
         "write");
    printf("%s\n", header);
    must(modellab_signature_check(secret, header, body, strlen(body), 1767225660, 0, &err), &err,
         "check");
    if (modellab_signature_check(secret, header, "{}", 2, 1767225660, 0, &err) != MODELLAB_OK)
        printf("another body: %s\n", err.message);
    must(modellab_hmac_sha256("key", 3, "data", 4, mac, &err), &err, "hmac");
    must(modellab_hmac_sha256("key", 3, "data", 4, again, &err), &err, "hmac");
    printf("equal: %d\n", (int)modellab_secret_equal(mac, again, sizeof mac));
    return 0;
}
