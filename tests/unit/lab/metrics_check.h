/* A strict reader of metrics text, of both formats: what is wrong comes back as a count, with the
 * first fault as a sentence. Stricter than promtool where that is lax (order and sums of buckets).
 */
#ifndef TESTS_UNIT_LAB_METRICS_CHECK_H
#define TESTS_UNIT_LAB_METRICS_CHECK_H

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MC_SERIES 1100
#define MC_FAMILIES 128
#define MC_KEY 400

typedef struct mc_series {
    char key[MC_KEY]; /* name and labels, as written */
    double value;
    bool is_counter;
} mc_series;

typedef struct mc_text {
    bool open;
    int faults;
    char first[600];
    mc_series series[MC_SERIES];
    size_t count;
    char families[MC_FAMILIES][96];
    size_t family_count;
    /* the family at hand */
    char name[96], type[16];
    bool has_help, has_type, has_samples;
    double bucket, bound, infinite, sum;
    bool ended;
    size_t exemplars;
} mc_text;

static inline void mc_fault(mc_text *m, const char *what, const char *line)
{
    if (m->faults++ == 0) {
        (void)snprintf(m->first, sizeof m->first, "%s: %.400s", what, line);
    }
}

static inline bool mc_name(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (!(isalpha((unsigned char)text[i]) || text[i] == '_' ||
              (i > 0 && isdigit((unsigned char)text[i])))) {
            return false;
        }
    }
    return bytes > 0;
}

/* The labels from '{' on; returns what follows '}', NULL when they are not well formed. `chars`
 * counts names and values without their escapes; `le` receives the bound of a bucket. */
static inline const char *mc_labels(const char *at, size_t *chars, char le[64])
{
    char names[8][64];
    int count = 0;
    at++;
    while (*at != '}') {
        size_t n = strcspn(at, "=");
        if (!mc_name(at, n) || n >= 64 || at[n] != '=' || at[n + 1] != '"' || count == 8) {
            return NULL;
        }
        memcpy(names[count], at, n);
        names[count][n] = '\0';
        for (int i = 0; i < count; i++) {
            if (strcmp(names[i], names[count]) == 0) {
                return NULL;
            }
        }
        *chars += n;
        at += n + 2;
        size_t v = 0;
        for (; *at != '"'; at++, v++) {
            if (*at == '\0' || *at == '\n') {
                return NULL;
            }
            if (*at == '\\') {
                at++;
                if (*at != '\\' && *at != '"' && *at != 'n') {
                    return NULL;
                }
            }
            if (strcmp(names[count], "le") == 0 && v < 63) {
                le[v] = *at;
                le[v + 1] = '\0';
            }
        }
        *chars += v;
        count++;
        at++;
        if (*at == ',') {
            at++;
        } else if (*at != '}') {
            return NULL;
        }
    }
    return count > 0 ? at + 1 : NULL;
}

static inline bool mc_number(const char **at, double *out)
{
    char *end = NULL;
    if (**at == ' ' || **at == '\0') {
        return false;
    }
    *out = strtod(*at, &end);
    bool good = end != *at;
    *at = end;
    return good;
}

static inline void mc_close_family(mc_text *m)
{
    if (strcmp(m->type, "histogram") == 0 && (m->infinite < 0 || m->bucket < 0)) {
        mc_fault(m, "a histogram without buckets to +Inf", m->name);
    }
    m->bucket = m->bound = m->infinite = -1;
}

static inline void mc_meta(mc_text *m, const char *line)
{
    char kind[8], name[96], rest[400];
    rest[0] = '\0';
    if (sscanf(line, "# %7s %95s %399[^\n]", kind, name, rest) < 2 || rest[0] == '\0') {
        mc_fault(m, "not a comment that we write", line);
        return;
    }
    if (strcmp(name, m->name) != 0) {
        mc_close_family(m);
        for (size_t i = 0; i < m->family_count; i++) {
            if (strcmp(m->families[i], name) == 0) {
                mc_fault(m, "a family twice", line);
            }
        }
        if (m->family_count < MC_FAMILIES) {
            (void)snprintf(m->families[m->family_count++], 96, "%s", name);
        }
        (void)snprintf(m->name, sizeof m->name, "%s", name);
        m->has_help = m->has_type = m->has_samples = false;
        m->type[0] = '\0';
    }
    if (m->has_samples || !mc_name(name, strlen(name))) {
        mc_fault(m, "metadata after samples, or a wrong name", line);
    }
    if (strcmp(kind, "HELP") == 0) {
        if (m->has_help || m->has_type) {
            mc_fault(m, "HELP twice or after TYPE", line);
        }
        m->has_help = true;
    } else if (strcmp(kind, "TYPE") == 0) {
        if (m->has_type || !m->has_help) {
            mc_fault(m, "TYPE twice or before HELP", line);
        }
        m->has_type = true;
        (void)snprintf(m->type, sizeof m->type, "%.15s", rest);
        size_t n = strlen(name);
        bool total = n > 6 && strcmp(name + n - 6, "_total") == 0;
        if (strcmp(rest, "counter") == 0 ? total == m->open : total) {
            mc_fault(m, "the name of a counter", line);
        }
        if (strcmp(rest, "counter") != 0 && strcmp(rest, "gauge") != 0 &&
            strcmp(rest, "histogram") != 0) {
            mc_fault(m, "an unknown type", line);
        }
    } else if (strcmp(kind, "UNIT") == 0) {
        size_t n = strlen(name), u = strlen(rest);
        if (!m->open || !m->has_type || n <= u || strcmp(name + n - u, rest) != 0 ||
            name[n - u - 1] != '_') {
            mc_fault(m, "UNIT that does not fit", line);
        }
    } else {
        mc_fault(m, "an unknown comment", line);
    }
}

static inline void mc_exemplar(mc_text *m, const char *at, const char *line, double above,
                               double bound)
{
    size_t chars = 0;
    char le[64] = "";
    double value = 0;
    bool bucket = bound != 0;
    m->exemplars++;
    if (!m->open || strncmp(at, " # {", 4) != 0) {
        mc_fault(m, "an exemplar in the plain text", line);
        return;
    }
    const char *rest = mc_labels(at + 3, &chars, le);
    if (rest == NULL || chars > 128 || *rest != ' ') {
        mc_fault(m, "labels of an exemplar", line);
        return;
    }
    rest++;
    if (!mc_number(&rest, &value) || *rest != '\0') {
        mc_fault(m, "value of an exemplar", line);
    } else if (bucket && (value <= above || (bound > 0 && value > bound))) {
        mc_fault(m, "an exemplar outside of its bucket", line);
    }
}

static inline void mc_sample(mc_text *m, const char *line)
{
    size_t n = strcspn(line, "{ "), chars = 0, f = strlen(m->name);
    char le[64] = "";
    double value = 0, above = m->bound;
    const char *at = line + n, *suffix = line + f;
    bool histogram = strcmp(m->type, "histogram") == 0;
    bool counter = strcmp(m->type, "counter") == 0;
    if (!mc_name(line, n) || n < f || strncmp(line, m->name, f) != 0 || !m->has_type) {
        mc_fault(m, "a sample outside of its family", line);
        return;
    }
    m->has_samples = true;
    if (*at == '{') {
        at = mc_labels(at, &chars, le);
    }
    if (at == NULL || *at != ' ') {
        mc_fault(m, "labels", line);
        return;
    }
    size_t key = (size_t)(at - line);
    at++;
    if (!mc_number(&at, &value) || (*at != '\0' && *at != ' ')) {
        mc_fault(m, "value", line);
        return;
    }
    size_t s = n - f;
    double bound = 0;
    if (histogram && s == 7 && strncmp(suffix, "_bucket", 7) == 0) {
        bound = strcmp(le, "+Inf") == 0 ? -1 : atof(le);
        if (le[0] == '\0' || value < m->bucket || m->infinite >= 0 ||
            (bound >= 0 && bound <= m->bound)) {
            mc_fault(m, "buckets that fall, or out of order", line);
        }
        m->bucket = value;
        m->infinite = bound < 0 ? value : -1;
        m->bound = bound < 0 ? m->bound : bound;
    } else if (histogram && s == 4 && strncmp(suffix, "_sum", 4) == 0) {
        m->sum = value;
    } else if (histogram && s == 6 && strncmp(suffix, "_count", 6) == 0) {
        if (value != m->infinite) {
            mc_fault(m, "+Inf is not the count", line);
        }
    } else if (counter && m->open ? s != 6 || strncmp(suffix, "_total", 6) != 0 : s != 0) {
        mc_fault(m, "a suffix that the type does not have", line);
    }
    if ((counter || histogram) && value < 0) {
        mc_fault(m, "a counter below zero", line);
    }
    if (*at == ' ') {
        mc_exemplar(m, at, line, above, bound);
        if (!counter && bound == 0) {
            mc_fault(m, "an exemplar where none may be", line);
        }
    }
    for (size_t i = 0; i < m->count; i++) {
        if (strlen(m->series[i].key) == key && strncmp(m->series[i].key, line, key) == 0) {
            mc_fault(m, "a series twice", line);
        }
    }
    if (m->count == MC_SERIES || key >= MC_KEY) {
        mc_fault(m, "too many series", line);
        return;
    }
    memcpy(m->series[m->count].key, line, key);
    m->series[m->count].key[key] = '\0';
    m->series[m->count].value = value;
    m->series[m->count++].is_counter = counter || histogram;
}

/* New; free() it. */
static inline mc_text *mc_read(const char *text, bool open)
{
    mc_text *m = calloc(1, sizeof *m);
    char line[2048];
    if (m == NULL) {
        abort();
    }
    m->open = open;
    m->bucket = m->bound = m->infinite = -1;
    for (const char *at = text, *end; *at != '\0'; at = end + 1) {
        end = strchr(at, '\n');
        if (end == NULL || (size_t)(end - at) >= sizeof line || m->ended) {
            mc_fault(m, "a line without end, or one behind the end", at);
            break;
        }
        memcpy(line, at, (size_t)(end - at));
        line[end - at] = '\0';
        if (strcmp(line, "# EOF") == 0 && open) {
            m->ended = true;
        } else if (line[0] == '#') {
            mc_meta(m, line);
        } else {
            mc_sample(m, line);
        }
    }
    mc_close_family(m);
    if (open && !m->ended) {
        mc_fault(m, "no # EOF", "");
    }
    if (m->count > 1000) {
        mc_fault(m, "more than 1,000 series", "");
    }
    return m;
}

static inline const mc_series *mc_find(const mc_text *m, const char *key)
{
    for (size_t i = 0; i < m->count; i++) {
        if (strcmp(m->series[i].key, key) == 0) {
            return &m->series[i];
        }
    }
    return NULL;
}

/* Counters and buckets of `before` that are gone or lower in `after`. */
static inline int mc_fallen(const mc_text *before, const mc_text *after, char name[MC_KEY])
{
    int fallen = 0;
    for (size_t i = 0; i < before->count; i++) {
        const mc_series *now = mc_find(after, before->series[i].key);
        if (before->series[i].is_counter && strstr(before->series[i].key, "_process_") == NULL &&
            (now == NULL || now->value < before->series[i].value)) {
            (void)snprintf(name, MC_KEY, "%s", before->series[i].key);
            fallen++;
        }
    }
    return fallen;
}

#endif
