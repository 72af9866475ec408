/* Configuration: the one table of environment variables and their values by the order of sources
 * (environment, project file, user file, default). A caller's own flags stand above all of them. */
#ifndef MLI_BASE_CONFIG_H
#define MLI_BASE_CONFIG_H

#include "base/buf.h"
#include <modellab/alloc.h>
#include <modellab/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum mli_config_type {
    MLI_CONFIG_TEXT = 0,
    MLI_CONFIG_PATH = 1,    /* relative ones are taken from the working directory */
    MLI_CONFIG_BYTES = 2,   /* mli_parse_bytes */
    MLI_CONFIG_SECONDS = 3, /* mli_parse_duration_ms; a bare number is seconds */
    MLI_CONFIG_INTEGER = 4,
    MLI_CONFIG_ENUM = 5, /* one of `choices` */
    MLI_CONFIG_SECRET = 6,
    MLI_CONFIG_URL = 7 /* may name a user and a password: shown by mli_config_shown alone */
} mli_config_type;

enum {
    MLI_CONFIG_FOREIGN = 1, /* a name of another program, only read as an alias */
    MLI_CONFIG_TRUSTED = 2, /* names a program or where bytes come from: not from a project file */
    MLI_CONFIG_ENV_ONLY = 4 /* for tests and debugging: only from the environment */
};

typedef struct mli_config_variable {
    const char *name;
    const char *default_value; /* "" = unset or computed (the text says how) */
    mli_config_type type;
    int flags;
    const char *choices; /* ENUM: separated by '|'; else NULL */
    const char *alias;   /* variable that is read when this one is unset, or NULL */
    int64_t min, max;    /* INTEGER */
    const char *text;
} mli_config_variable;

#define MLI_CONFIG_FILE_MAX (64u * 1024u)
#define MLI_CONFIG_PROJECT_FILE ".modellab.env"

size_t mli_config_count(void);
/* Sorted by name; NULL beyond the end. */
const mli_config_variable *mli_config_at(size_t index);
const mli_config_variable *mli_config_find(const char *name);
const char *mli_config_type_name(mli_config_type type);

/* Value by the order of sources, checked against its type. `out` is new, or NULL when the variable
 * is unset and has no default. `source` (NULL accepted): "environment", "project file", "user
 * file", "default"; static. E_NOT_FOUND for a name that the table does not have. */
MODELLAB_MUST_CHECK modellab_status mli_config_get(const modellab_allocator *alloc,
                                                   const char *name, char **out,
                                                   const char **source, modellab_error *err);
/* The value as people and logs may see it: of a secret only that it is set, of an address neither
 * user and password nor query; so for every address in other texts. */
void mli_config_shown(const mli_config_variable *variable, const char *value, mli_buf *out);
/* Numbers: INTEGER as it is, BYTES in bytes, SECONDS in milliseconds. `fallback` when unset. */
MODELLAB_MUST_CHECK modellab_status mli_config_int(const char *name, int64_t fallback, int64_t *out,
                                                   modellab_error *err);
/* Folders with their XDG defaults, absolute, new. `name` is MODEL_LAB_ROOT (state), _MODELS_ROOT
 * (data) or _CACHE_ROOT (cache). Relative XDG values are ignored, as its specification says. */
MODELLAB_MUST_CHECK modellab_status mli_config_folder(const modellab_allocator *alloc,
                                                      const char *name, char **out,
                                                      modellab_error *err);
/* Finds `name` in the text of an environment file (KEY=VALUE lines, '#' comments, optional quotes
 * and "export "); the last one wins. `out` is new, NULL when absent. A line of another form is an
 * error with its number in err->detail. */
MODELLAB_MUST_CHECK modellab_status mli_config_parse_file(const modellab_allocator *alloc,
                                                          const char *text, size_t bytes,
                                                          const char *name, char **out,
                                                          modellab_error *err);
/* Text of .env.example and the table of docs/environment.md. */
void mli_config_write_example(mli_buf *out);
void mli_config_write_markdown(mli_buf *out);

#endif
