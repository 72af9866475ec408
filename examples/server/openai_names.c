/* Names of models and voices in OpenAI's API, and which installed models they stand for: by the
 * setting, by themselves, or by the names of OpenAI's own. */
#include "openai.h"

#include "settings.h"
#include <stdio.h>
#include <string.h>

static const char *const recognisers[] = {"whisper-1", "gpt-4o-transcribe",
                                          "gpt-4o-mini-transcribe", "gpt-4o-transcribe-diarize"};
static const char *const speakers[] = {"tts-1", "tts-1-hd", "gpt-4o-mini-tts"};
static const char *const voices[] = {"alloy", "ash",  "ballad",  "coral", "echo",  "fable", "nova",
                                     "onyx",  "sage", "shimmer", "verse", "marin", "cedar"};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static bool is_among(const char *name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], name) == 0)
            return true;
    return false;
}

bool openai_is_recogniser(const char *name)
{
    return is_among(name, recognisers, COUNT(recognisers));
}

bool openai_is_speaker(const char *name)
{
    return is_among(name, speakers, COUNT(speakers));
}

bool openai_is_voice(const char *name)
{
    return is_among(name, voices, COUNT(voices));
}

/* The next "name=model" of the setting, without spaces around the two. False: there is no more. */
static bool next_pair(const char **at, char name[OPENAI_NAME_BYTES], char model[OPENAI_NAME_BYTES])
{
    while (**at != '\0') {
        const char *from = *at + strspn(*at, " ,");
        size_t bytes = strcspn(from, ","), left = strcspn(from, "=");
        *at = from + bytes;
        while (bytes > 0 && from[bytes - 1] == ' ')
            bytes--;
        if (left >= bytes)
            continue; /* not a pair */
        const char *right = from + left + 1 + strspn(from + left + 1, " ");
        while (left > 0 && from[left - 1] == ' ')
            left--;
        int right_bytes = (int)(from + bytes - right);
        if (left > 0 && left < OPENAI_NAME_BYTES && right_bytes > 0 &&
            right_bytes < OPENAI_NAME_BYTES) {
            (void)snprintf(name, OPENAI_NAME_BYTES, "%.*s", (int)left, from);
            (void)snprintf(model, OPENAI_NAME_BYTES, "%.*s", right_bytes, right);
            return true;
        }
    }
    return false;
}

void openai_alias(const char *name, char out[OPENAI_NAME_BYTES])
{
    char left[OPENAI_NAME_BYTES];
    const char *at = server_settings.openai_models;
    while (next_pair(&at, left, out))
        if (strcmp(left, name) == 0)
            return;
    (void)snprintf(out, OPENAI_NAME_BYTES, "%.*s", OPENAI_NAME_BYTES - 1, name);
}

bool openai_alias_at(size_t index, char name[OPENAI_NAME_BYTES], char model[OPENAI_NAME_BYTES])
{
    const char *at = server_settings.openai_models;
    while (next_pair(&at, name, model))
        if (index-- == 0)
            return true;
    model[0] = '\0';
    if (index >= COUNT(recognisers) + COUNT(speakers))
        return false;
    (void)snprintf(name, OPENAI_NAME_BYTES, "%s",
                   index < COUNT(recognisers) ? recognisers[index]
                                              : speakers[index - COUNT(recognisers)]);
    return true;
}

static bool load_catalog(call *c, modellab_catalog **out)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = modellab_catalog_load(NULL, out, &err);
    if (status != MODELLAB_OK)
        openai_fail(c, status, &err, NULL, "model");
    return status == MODELLAB_OK;
}

bool openai_next_of(const modellab_catalog *catalog, const char *task, size_t *index,
                    modellab_catalog_entry *out)
{
    while (*index < modellab_catalog_count(catalog)) {
        *out = (modellab_catalog_entry){.size = sizeof *out};
        if (modellab_catalog_at(catalog, (*index)++, out, NULL) == MODELLAB_OK &&
            out->state == MODELLAB_MODEL_INSTALLED && strcmp(out->task, task) == 0)
            return true;
    }
    return false;
}

static bool is_multilingual(const modellab_catalog_entry *entry)
{
    return strcmp(entry->languages, "en") != 0;
}

/* The default recogniser of the catalog, or the first multilingual one. */
static void choose(const modellab_catalog *catalog, bool foreign, char out[OPENAI_NAME_BYTES])
{
    modellab_catalog_entry entry;
    out[0] = '\0';
    for (size_t i = 0; foreign && openai_next_of(catalog, "asr", &i, &entry);)
        if (is_multilingual(&entry)) {
            if (!entry.is_default)
                (void)snprintf(out, OPENAI_NAME_BYTES, "%s", entry.name);
            return;
        }
}

/* The installed model of a task with this name. */
static bool take_installed(const modellab_catalog *catalog, const char *task, const char *asked,
                           char out[OPENAI_NAME_BYTES])
{
    modellab_catalog_entry entry;
    for (size_t i = 0; openai_next_of(catalog, task, &i, &entry);)
        if (strcmp(entry.name, asked) == 0) {
            (void)snprintf(out, OPENAI_NAME_BYTES, "%s", entry.name);
            return true;
        }
    return false;
}

static bool refuse_model(call *c, const char *asked)
{
    openai_refuse(c, 404, "model", "model_not_found",
                  "The model '%.100s' does not exist or is not installed.", asked);
    return false;
}

bool openai_recogniser(call *c, const char *asked, const char *language, bool translates,
                       char out[OPENAI_NAME_BYTES])
{
    bool foreign = translates || (language != NULL && strcmp(language, "en") != 0 &&
                                  strcmp(language, "english") != 0);
    modellab_catalog *catalog = NULL;
    char name[OPENAI_NAME_BYTES];
    openai_alias(asked, name);
    if (!load_catalog(c, &catalog))
        return false;
    bool found = openai_is_recogniser(name);
    if (found)
        choose(catalog, foreign, out);
    else
        found = take_installed(catalog, "asr", name, out);
    modellab_catalog_unref(catalog);
    return found || refuse_model(c, name);
}

bool openai_voice_of_model(call *c, const char *asked, char out[OPENAI_NAME_BYTES])
{
    modellab_catalog *catalog = NULL;
    if (!load_catalog(c, &catalog))
        return false;
    bool found = take_installed(catalog, "tts", asked, out);
    modellab_catalog_unref(catalog);
    return found || refuse_model(c, asked);
}

size_t openai_voice_among(const modellab_catalog *catalog, const char *asked,
                          char out[OPENAI_NAME_BYTES])
{
    modellab_catalog_entry entry;
    char name[OPENAI_NAME_BYTES];
    size_t installed = 0, alias = 0, at = 0;
    openai_alias(asked, name);
    out[0] = '\0';
    for (size_t i = 0; openai_next_of(catalog, "tts", &i, &entry);)
        installed++;
    if (take_installed(catalog, "tts", name, out))
        return installed;
    while (alias < COUNT(voices) && strcmp(voices[alias], name) != 0)
        alias++;
    for (size_t i = 0; alias < COUNT(voices) && openai_next_of(catalog, "tts", &i, &entry); at++)
        if (at == alias % installed) {
            (void)snprintf(out, OPENAI_NAME_BYTES, "%s", entry.name);
            break;
        }
    return installed;
}

bool openai_voice(call *c, const char *asked, char out[OPENAI_NAME_BYTES])
{
    modellab_catalog *catalog = NULL;
    if (!load_catalog(c, &catalog))
        return false;
    size_t installed = openai_voice_among(catalog, asked, out);
    modellab_catalog_unref(catalog);
    if (out[0] != '\0')
        return true;
    if (installed == 0)
        openai_refuse(c, 404, "model", "model_not_found",
                      "No voice is installed (modellab models pull piper-en_US-joe-medium).");
    else
        openai_refuse(
            c, 400, "voice", "invalid_value",
            "There is no voice '%.100s': use a name of OpenAI's or of an installed voice.", asked);
    return false;
}
