/* Values of the variables: environment, project file, user file, default; checked by type. */
#include "base/config.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "os/file.h"
#include <errno.h>
#include <limits.h>
#include <string.h>

#define PATH_ROOM 4096

/* A file of at most MLI_CONFIG_FILE_MAX bytes; *text NULL when there is none. */
MODELLAB_MUST_CHECK static modellab_status read_file(const modellab_allocator *alloc,
                                                     const char *path, char **text, size_t *bytes,
                                                     modellab_error *err)
{
    const mli_os_files *f = &mli_os_system_files;
    mli_os_stat st;
    *text = NULL;
    *bytes = 0;
    int fd = f->open(f->user, path, MLI_OS_READ | MLI_OS_NONBLOCK, 0);
    if (fd == -ENOENT || fd == -ENOTDIR)
        return MODELLAB_OK;
    if (fd < 0)
        return mli_fail_os(err, fd, "configuration file %s", mli_basename(path));
    modellab_status status = MODELLAB_OK;
    int rc = f->fstat(f->user, fd, &st);
    if (rc != 0)
        status = mli_fail_os(err, rc, "configuration file %s", mli_basename(path));
    else if (st.kind != MLI_OS_REGULAR || st.bytes > (int64_t)MLI_CONFIG_FILE_MAX)
        status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                          "configuration file %s is not a file of at most %u KiB",
                          mli_basename(path), MLI_CONFIG_FILE_MAX / 1024u);
    else if ((*text = mli_alloc(alloc, (size_t)st.bytes + 1)) == NULL)
        status = mli_no_memory(err);
    else if ((rc = mli_os_read_all(f, fd, *text, (size_t)st.bytes)) != 0)
        status = mli_fail_os(err, rc, "configuration file %s", mli_basename(path));
    rc = f->close(f->user, fd);
    if (status == MODELLAB_OK && rc != 0)
        status = mli_fail_os(err, rc, "configuration file %s", mli_basename(path));
    if (status != MODELLAB_OK) {
        mli_free(alloc, *text);
        *text = NULL;
        return status;
    }
    *bytes = (size_t)st.bytes;
    (*text)[*bytes] = '\0';
    return MODELLAB_OK;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static bool key_char(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* Key and value of one line; false when it is not of the form KEY=VALUE. Empty: *key_bytes = 0. */
static bool split_line(const char *line, size_t n, const char **key, size_t *key_bytes,
                       const char **value, size_t *value_bytes)
{
    while (n > 0 && is_space(*line))
        line++, n--;
    while (n > 0 && is_space(line[n - 1]))
        n--;
    *key_bytes = 0;
    if (n == 0 || *line == '#')
        return true;
    if (n > 7 && memcmp(line, "export ", 7) == 0)
        line += 7, n -= 7;
    size_t k = 0;
    while (k < n && key_char(line[k]))
        k++;
    if (k == 0 || k == n || line[k] != '=')
        return false;
    *key = line;
    *key_bytes = k;
    *value = line + k + 1;
    *value_bytes = n - k - 1;
    if (*value_bytes >= 2 && (**value == '"' || **value == '\'') &&
        (*value)[*value_bytes - 1] == **value) {
        (*value)++;
        *value_bytes -= 2;
    }
    return true;
}

modellab_status mli_config_parse_file(const modellab_allocator *alloc, const char *text,
                                      size_t bytes, const char *name, char **out,
                                      modellab_error *err)
{
    const char *found = NULL;
    size_t found_bytes = 0, name_bytes = strlen(name);
    int64_t line = 0;
    *out = NULL;
    if (bytes == 0)
        return MODELLAB_OK;
    if (!mli_utf8_valid(text, bytes) || memchr(text, '\0', bytes) != NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "a configuration file is not UTF-8 text");
    for (size_t at = 0; at < bytes;) {
        const char *end = memchr(text + at, '\n', bytes - at);
        size_t n = end != NULL ? (size_t)(end - (text + at)) : bytes - at;
        const char *key = NULL, *value = NULL;
        size_t key_bytes = 0, value_bytes = 0;
        line++;
        if (!split_line(text + at, n, &key, &key_bytes, &value, &value_bytes))
            return mli_fail_at(err, MODELLAB_E_INVALID_ARGUMENT, line,
                               "line %lld of a configuration file is not NAME=VALUE",
                               (long long)line);
        if (key_bytes > 0 && key_bytes == name_bytes && memcmp(key, name, name_bytes) == 0) {
            found = value;
            found_bytes = value_bytes;
        }
        at += n + 1;
    }
    if (found == NULL || found_bytes == 0)
        return MODELLAB_OK;
    *out = mli_strndup(alloc, found, found_bytes);
    return *out != NULL ? MODELLAB_OK : mli_no_memory(err);
}

/* `<folder of the XDG variable, or home/fallback>/<rest>`. */
MODELLAB_MUST_CHECK static modellab_status xdg_path(const modellab_allocator *alloc,
                                                    const char *variable, const char *fallback,
                                                    const char *rest, char **out,
                                                    modellab_error *err)
{
    char home[PATH_ROOM];
    const char *base = mli_os_env(variable);
    mli_buf path;
    mli_buf_init(&path, alloc);
    if (base != NULL && base[0] == '/') {
        mli_buf_printf(&path, "%s/%s", base, rest);
    } else {
        int rc = mli_os_home(home, sizeof home);
        if (rc != 0)
            return mli_fail_os(err, rc, "the home folder is not known (set HOME or %s)", variable);
        mli_buf_printf(&path, "%s/%s/%s", home, fallback, rest);
    }
    modellab_status status = mli_buf_status(&path, err);
    if (status == MODELLAB_OK)
        *out = mli_buf_take(&path, NULL);
    mli_buf_dispose(&path);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status from_file(const modellab_allocator *alloc,
                                                     const char *path, const char *name, char **out,
                                                     modellab_error *err)
{
    char *text = NULL;
    size_t bytes = 0;
    modellab_status status = read_file(alloc, path, &text, &bytes, err);
    if (status == MODELLAB_OK && text != NULL)
        status = mli_config_parse_file(alloc, text, bytes, name, out, err);
    mli_free(alloc, text);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status lookup(const modellab_allocator *alloc,
                                                  const mli_config_variable *v, char **out,
                                                  const char **source, modellab_error *err)
{
    const char *env = mli_os_env(v->name);
    modellab_status status = MODELLAB_OK;
    *out = NULL;
    if (env != NULL) {
        *source = "environment";
        *out = mli_strdup(alloc, env);
        return *out != NULL ? MODELLAB_OK : mli_no_memory(err);
    }
    if ((v->flags & (MLI_CONFIG_ENV_ONLY | MLI_CONFIG_FOREIGN)) != 0)
        return MODELLAB_OK;
    /* A folder that one happens to stand in must not choose programs or where weights come from. */
    if ((v->flags & MLI_CONFIG_TRUSTED) == 0) {
        status = from_file(alloc, MLI_CONFIG_PROJECT_FILE, v->name, out, err);
        if (status != MODELLAB_OK || *out != NULL) {
            *source = "project file";
            return status;
        }
    }
    char *path = NULL;
    modellab_error no_home = MODELLAB_ERROR_INIT;
    status = xdg_path(alloc, "XDG_CONFIG_HOME", ".config", "modellab/env", &path, &no_home);
    if (status == MODELLAB_E_NO_MEMORY)
        return mli_no_memory(err);
    if (status != MODELLAB_OK)
        return MODELLAB_OK; /* no home folder: there is no user file to read */
    status = from_file(alloc, path, v->name, out, err);
    mli_free(alloc, path);
    if (*out != NULL)
        *source = "user file";
    return status;
}

static bool is_choice(const char *choices, const char *value)
{
    size_t n = strlen(value);
    for (const char *at = choices; at != NULL && *at != '\0';) {
        size_t c = strcspn(at, "|");
        if (c == n && memcmp(at, value, n) == 0)
            return true;
        at += c + (at[c] == '|');
    }
    return false;
}

static bool parse_number(const mli_config_variable *v, const char *value, int64_t *out)
{
    switch (v->type) {
    case MLI_CONFIG_BYTES:
        return mli_parse_bytes(value, out);
    case MLI_CONFIG_SECONDS:
        return mli_parse_duration_ms(value, out);
    default:
        return mli_parse_i64(value, v->min, v->max, out);
    }
}

MODELLAB_MUST_CHECK static modellab_status check(const mli_config_variable *v, const char *value,
                                                 const char *source, modellab_error *err)
{
    int64_t number;
    switch (v->type) {
    case MLI_CONFIG_ENUM:
        if (is_choice(v->choices, value))
            return MODELLAB_OK;
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "%s (%s) must be one of %s", v->name,
                        source, v->choices);
    case MLI_CONFIG_INTEGER:
        if (parse_number(v, value, &number))
            return MODELLAB_OK;
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "%s (%s) must be a whole number from %lld to %lld", v->name, source,
                        (long long)v->min, (long long)v->max);
    case MLI_CONFIG_BYTES:
        if (parse_number(v, value, &number))
            return MODELLAB_OK;
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "%s (%s) must be a size such as 500MiB or 5GiB", v->name, source);
    case MLI_CONFIG_SECONDS:
        if (parse_number(v, value, &number))
            return MODELLAB_OK;
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "%s (%s) must be a duration such as 90, 10m or 1h30m", v->name, source);
    default:
        return MODELLAB_OK;
    }
}

modellab_status mli_config_get(const modellab_allocator *alloc, const char *name, char **out,
                               const char **source, modellab_error *err)
{
    const mli_config_variable *v = mli_config_find(name);
    const char *from = "default";
    *out = NULL;
    if (v == NULL)
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no variable %s", name);
    modellab_status status = lookup(alloc, v, out, &from, err);
    if (status == MODELLAB_OK && *out == NULL && v->alias != NULL) {
        const mli_config_variable *alias = mli_config_find(v->alias);
        status = lookup(alloc, alias, out, &from, err);
        if (status == MODELLAB_OK && *out != NULL && (alias->flags & MLI_CONFIG_FOREIGN) != 0 &&
            v->type == MLI_CONFIG_ENUM && !is_choice(v->choices, *out)) {
            mli_free(alloc, *out); /* another program's word: not an error of this one */
            *out = NULL;
            from = "default";
        }
    }
    if (status == MODELLAB_OK && *out == NULL && v->default_value[0] != '\0') {
        *out = mli_strdup(alloc, v->default_value);
        if (*out == NULL)
            return mli_no_memory(err);
        from = "default";
    }
    if (status == MODELLAB_OK && *out != NULL)
        status = check(v, *out, from, err);
    if (status != MODELLAB_OK) {
        mli_free(alloc, *out);
        *out = NULL;
    } else if (source != NULL) {
        *source = from;
    }
    return status;
}

modellab_status mli_config_int(const char *name, int64_t fallback, int64_t *out,
                               modellab_error *err)
{
    char *value = NULL;
    *out = fallback;
    modellab_status status = mli_config_get(NULL, name, &value, NULL, err);
    if (status == MODELLAB_OK && value != NULL) {
        const mli_config_variable *v = mli_config_find(name);
        if (!parse_number(v, value, out))
            status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "%s is not a number", name);
    }
    mli_free(NULL, value);
    return status;
}

modellab_status mli_config_folder(const modellab_allocator *alloc, const char *name, char **out,
                                  modellab_error *err)
{
    static const struct {
        const char *name, *xdg, *fallback, *leaf;
    } folders[] = {{"MODEL_LAB_ROOT", "XDG_STATE_HOME", ".local/state", "modellab"},
                   {"MODEL_LAB_MODELS_ROOT", "XDG_DATA_HOME", ".local/share", "modellab/models"},
                   {"MODEL_LAB_CACHE_ROOT", "XDG_CACHE_HOME", ".cache", "modellab"}};
    char absolute[PATH_ROOM], *value = NULL;
    size_t i = 0;
    *out = NULL;
    while (i < sizeof folders / sizeof folders[0] && strcmp(folders[i].name, name) != 0)
        i++;
    if (i == sizeof folders / sizeof folders[0])
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "%s is not a folder", name);
    modellab_status status = mli_config_get(alloc, name, &value, NULL, err);
    if (status != MODELLAB_OK)
        return status;
    if (value == NULL)
        return xdg_path(alloc, folders[i].xdg, folders[i].fallback, folders[i].leaf, out, err);
    int rc = mli_os_absolute(value, absolute, sizeof absolute);
    mli_free(alloc, value);
    if (rc != 0)
        return mli_fail_os(err, rc, "the folder of %s", name);
    *out = mli_strdup(alloc, absolute);
    return *out != NULL ? MODELLAB_OK : mli_no_memory(err);
}
