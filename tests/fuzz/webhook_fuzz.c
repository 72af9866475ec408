/* What webhooks read of strangers: the header of a signature, and addresses that users give. No
 * address that passes may lead into a special network by the numbers that it is written with. */
#include "base/signature.h"
#include "remote/address_rule.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at_signature(const char *text)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    const modellab_status status =
        mli_signature_check("whk_secret", text, "body", 4, 1767225600, 300, &err);

    /* Nobody guesses a signature; the one of the corpus is for another body. */
    if (status != MODELLAB_E_PERMISSION && status != MODELLAB_E_INVALID_ARGUMENT)
        abort();
    if (err.message[0] == '\0')
        abort();
}

static void look_at_address(const char *text)
{
    static const char *const networks[] = {NULL, "127.0.0.0/8, fd00::/8"};
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_address_rule rule;
    mli_os_address address;
    char host[256];

    if (mli_address_rule_parse(text, &rule, &err) == MODELLAB_OK &&
        rule.count > MLI_ADDRESS_NETWORKS)
        abort();
    for (int i = 0; i < 2; i++) {
        if (mli_address_rule_parse(networks[i], &rule, &err) != MODELLAB_OK)
            abort();
        if (mli_address_check_url(&rule, text, &err) != MODELLAB_OK || i == 1)
            continue;
        const char *at = strstr(text, "://") + 3;
        if (*at == '[')
            at++;
        const size_t n = strcspn(at, "]/?#");
        if (strncmp(text, "https://", 8) != 0 || n == 0)
            abort();
        if (n >= sizeof host)
            continue;
        memcpy(host, at, n);
        host[n] = '\0';
        if (text[8] != '[')
            host[strcspn(host, ":")] = '\0';
        if (mli_os_address_parse(host, &address) && mli_address_is_special(&address))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    if (text == NULL)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    look_at_signature(text);
    look_at_address(text);
    free(text);
    return 0;
}
