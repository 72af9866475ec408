/* Reader of the catalog's sources: where each file of a model can be had. */
#include "base/error.h"
#include "models/catalog_read.h"

#include <string.h>

#define MAX_SOURCES 16u
#define MAX_PARTS 64u

static bool all_of(const char *text, const char *allowed)
{
    size_t n = strlen(text);
    return n > 0 && n <= 200 && strspn(text, allowed) == n;
}

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

bool mli_catalog_plain_valid(const char *text)
{
    size_t n = strlen(text);
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)text[i] < 32 || text[i] == 127) {
            return false;
        }
    }
    return n > 0 && n <= 200;
}

bool mli_catalog_file_valid(const char *text)
{
    return all_of(text, LETTERS "._-") && text[0] != '.' && text[0] != '-';
}

bool mli_catalog_member_valid(const char *text)
{
    if (!all_of(text, LETTERS "._-/+@") || text[0] == '/' || text[0] == '-') {
        return false;
    }
    for (const char *part = text; part != NULL;) {
        const char *slash = strchr(part, '/');
        size_t n = slash != NULL ? (size_t)(slash - part) : strlen(part);
        if (n == 0 || (n == 1 && part[0] == '.') || (n == 2 && memcmp(part, "..", 2) == 0)) {
            return false;
        }
        part = slash != NULL ? slash + 1 : NULL;
    }
    return true;
}

bool mli_catalog_requirement_valid(const char *text)
{
    const char *equals = strstr(text, "==");
    return equals != NULL && equals != text && equals[2] != '\0' && text[0] != '-' &&
           equals[2] != '=' && all_of(text, LETTERS "._-=") && strchr(equals + 2, '=') == NULL &&
           memchr(text, '=', (size_t)(equals - text)) == NULL;
}

static bool repo_valid(const char *text)
{
    const char *slash = strchr(text, '/');
    return mli_catalog_member_valid(text) && slash != NULL && strchr(slash + 1, '/') == NULL;
}

MODELLAB_MUST_CHECK static modellab_status read_kind(const mli_catalog_model *m,
                                                     const mli_json *item, mli_catalog_source *s,
                                                     modellab_error *err)
{
    const char *kind = mli_json_string(mli_json_get(item, "kind"), "");
    modellab_status status = MODELLAB_OK;
    if (strcmp(kind, "hub") == 0) {
        s->kind = MLI_SOURCE_HUB;
        status = mli_catalog_text(m, item, "repo", repo_valid, &s->repo, err);
        if (status == MODELLAB_OK) {
            status =
                mli_catalog_text(m, item, "revision", mli_catalog_file_valid, &s->revision, err);
        }
    } else if (strcmp(kind, "package") == 0) {
        s->kind = MLI_SOURCE_PACKAGE;
    } else if (strcmp(kind, "path") == 0) {
        s->kind = MLI_SOURCE_PATH;
        status = mli_catalog_text(m, item, "directory", mli_catalog_plain_valid, &s->repo, err);
    } else {
        status = mli_catalog_bad(m, "kind", err);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status
read_requirements(mli_catalog *c, const mli_catalog_model *m, const mli_json *list,
                  mli_catalog_source *s, modellab_error *err)
{
    size_t count = mli_json_count(list);
    if (s->kind != MLI_SOURCE_PACKAGE) {
        return list == NULL ? MODELLAB_OK : mli_catalog_bad(m, "requirements", err);
    }
    if (list == NULL || mli_json_typeof(list) != MLI_JSON_ARRAY || count == 0 ||
        count > MAX_SOURCES) {
        return mli_catalog_bad(m, "requirements", err);
    }
    const char **names = mli_catalog_take(c, count, sizeof *names);
    if (names == NULL) {
        return mli_no_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        names[i] = mli_json_string(mli_json_at(list, i), "");
        if (!mli_catalog_requirement_valid(names[i])) {
            return mli_catalog_bad(m, "requirements", err);
        }
    }
    s->requirements = names;
    s->requirement_count = count;
    return MODELLAB_OK;
}

/* The part's package: named, or the only one of the source. */
static const char *requirement_of(const mli_catalog_source *s, const mli_json *part)
{
    const mli_json *named = mli_json_get(part, "requirement");
    if (named == NULL) {
        return s->requirement_count == 1 ? s->requirements[0] : NULL;
    }
    for (size_t i = 0; i < s->requirement_count; i++) {
        if (strcmp(s->requirements[i], mli_json_string(named, "")) == 0) {
            return s->requirements[i];
        }
    }
    return NULL;
}

MODELLAB_MUST_CHECK static modellab_status read_parts(mli_catalog *c, const mli_catalog_model *m,
                                                      const mli_catalog_source *s,
                                                      const mli_json *list, const char *file_name,
                                                      mli_catalog_source_file *out,
                                                      modellab_error *err)
{
    bool implied = list == NULL && s->kind != MLI_SOURCE_PACKAGE; /* same name as the file */
    size_t count = implied ? 1 : mli_json_count(list);
    if (!implied && (list == NULL || mli_json_typeof(list) != MLI_JSON_ARRAY || count == 0 ||
                     count > MAX_PARTS)) {
        return mli_catalog_bad(m, "members", err);
    }
    mli_catalog_part *parts = mli_catalog_take(c, count, sizeof *parts);
    if (parts == NULL) {
        return mli_no_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        const mli_json *item = implied ? NULL : mli_json_at(list, i);
        parts[i].member = implied ? file_name : mli_json_string(mli_json_get(item, "member"), "");
        if (!mli_catalog_member_valid(parts[i].member)) {
            return mli_catalog_bad(m, "member", err);
        }
        if (s->kind == MLI_SOURCE_PACKAGE) {
            parts[i].requirement = requirement_of(s, item);
            if (parts[i].requirement == NULL) {
                return mli_catalog_bad(m, "requirement", err);
            }
        }
    }
    out->parts = parts;
    out->part_count = count;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status read_source(mli_catalog *c, const mli_catalog_model *m,
                                                       const mli_json *item, mli_catalog_source *s,
                                                       modellab_error *err)
{
    modellab_status status = read_kind(m, item, s, err);
    if (status == MODELLAB_OK) {
        status = read_requirements(c, m, mli_json_get(item, "requirements"), s, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    const mli_json *members = mli_json_get(item, "members");
    mli_catalog_source_file *files = mli_catalog_take(c, m->file_count, sizeof *files);
    if (files == NULL) {
        return mli_no_memory(err);
    }
    for (size_t i = 0; status == MODELLAB_OK && i < m->file_count; i++) {
        const char *name = m->files[i].name;
        files[i].file = i;
        status = read_parts(c, m, s, mli_json_get(members, name), name, &files[i], err);
    }
    s->files = files;
    s->file_count = m->file_count;
    return status;
}

modellab_status mli_catalog_read_sources(mli_catalog *c, mli_catalog_model *m, const mli_json *list,
                                         modellab_error *err)
{
    size_t count = mli_json_count(list);
    if (list == NULL || mli_json_typeof(list) != MLI_JSON_ARRAY || count > MAX_SOURCES) {
        return mli_catalog_bad(m, "sources", err);
    }
    mli_catalog_source *sources = mli_catalog_take(c, count, sizeof *sources);
    if (sources == NULL) {
        return mli_no_memory(err);
    }
    m->sources = sources;
    for (size_t i = 0; i < count; i++) {
        modellab_status status = read_source(c, m, mli_json_at(list, i), &sources[i], err);
        if (status != MODELLAB_OK) {
            return status;
        }
        m->source_count++;
    }
    return MODELLAB_OK;
}
