/* Reads pip's output for the cause of a failure. Only fixed sentences leave this file: the output
 * itself holds paths, hosts and sometimes credentials. */
#include "remote/pip_words.h"
#include "base/error.h"
#include <string.h>

static bool word_char(char c, const char *extra)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           strchr(extra, c) != NULL;
}

bool mli_pip_requirement_valid(const char *requirement)
{
    const char *at = requirement;
    if (*at == '-' || *at == '.')
        return false;
    while (*at != '\0' && word_char(*at, "._-"))
        at++;
    if (at == requirement || at[0] != '=' || at[1] != '=' || at[2] == '\0')
        return false;
    for (at += 2; *at != '\0'; at++)
        if (!word_char(*at, "._!+-"))
            return false;
    return strlen(requirement) <= 128;
}

/* In order: a network failure also makes pip say that it found no version. */
static const struct cause {
    const char *words;
    modellab_status status;
    const char *sentence;
} causes[] = {
    {"No module named pip", MODELLAB_E_UNSUPPORTED, "python3 has no pip"},
    {"No space left on device", MODELLAB_E_NO_SPACE, "the disk is full"},
    {"Disk quota exceeded", MODELLAB_E_NO_SPACE, "the disk quota is used up"},
    {"NameResolutionError", MODELLAB_E_NETWORK, "the package index could not be reached"},
    {"Temporary failure in name resolution", MODELLAB_E_NETWORK,
     "the package index could not be reached"},
    {"Name or service not known", MODELLAB_E_NETWORK, "the package index could not be reached"},
    {"NewConnectionError", MODELLAB_E_NETWORK, "the package index could not be reached"},
    {"Connection refused", MODELLAB_E_NETWORK, "the package index could not be reached"},
    {"ConnectTimeoutError", MODELLAB_E_NETWORK, "the package index did not answer in time"},
    {"ReadTimeoutError", MODELLAB_E_NETWORK, "the package index did not answer in time"},
    {"Read timed out", MODELLAB_E_NETWORK, "the package index did not answer in time"},
    {"ProxyError", MODELLAB_E_NETWORK, "the proxy of the package index failed"},
    {"SSLError", MODELLAB_E_NETWORK, "no trusted connection to the package index (TLS)"},
    {"Connection aborted", MODELLAB_E_NETWORK, "the connection to the package index broke off"},
    {"Connection broken", MODELLAB_E_NETWORK, "the connection to the package index broke off"},
    {"401 Client Error", MODELLAB_E_PERMISSION, "the package index refused the credentials"},
    {"403 Client Error", MODELLAB_E_PERMISSION, "the package index refused access"},
    {"No matching distribution found", MODELLAB_E_NOT_FOUND,
     "the package index does not have this package"},
    {"Could not find a version", MODELLAB_E_NOT_FOUND,
     "the package index does not have this version"},
    {"DO NOT MATCH THE HASHES", MODELLAB_E_HASH_MISMATCH,
     "the package is not the one that the index announced"},
    {"unknown command \"download\"", MODELLAB_E_UNSUPPORTED, "this pip is too old"},
    {"no such option", MODELLAB_E_UNSUPPORTED, "this pip is too old"},
    {"Permission denied", MODELLAB_E_PERMISSION, "pip was denied access to a file"},
};

modellab_status mli_pip_explain(const char *output, int exit_code, modellab_error *err)
{
    for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++)
        if (strstr(output, causes[i].words) != NULL)
            return mli_fail(err, causes[i].status, "%s", causes[i].sentence);
    if (exit_code < 0)
        return mli_fail(err, MODELLAB_E_REMOTE, "pip was killed by a signal");
    return mli_fail(err, MODELLAB_E_REMOTE, "pip failed with exit code %d", exit_code);
}
