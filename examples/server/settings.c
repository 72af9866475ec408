/* Reading settings: flags, then the library's configuration, each checked before anything starts.
 */
#include "settings.h"

#include "client_address.h"
#include "text.h"
#include <arpa/inet.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

settings server_settings;

static const char usage[] =
    "usage: modellab-server [options]\n"
    "The HTTP front-end of a lab, with its supervisor. SIGTERM drains it.\n\n"
    "  --root DIR          folder of the lab (MODEL_LAB_ROOT)\n"
    "  --address ADDRESS   where to listen (MODEL_LAB_HTTP_ADDRESS, 127.0.0.1)\n"
    "  --port PORT         0 = any that is free (MODEL_LAB_HTTP_PORT, 8642)\n"
    "  --keys auto|on|off  API keys (MODEL_LAB_HTTP_KEYS; auto: on unless it listens on loopback)\n"
    "  --web-root DIR      files of the web client (MODEL_LAB_HTTP_WEB_ROOT)\n"
    "  --worker PROGRAM    modellab-worker (MODEL_LAB_WORKER)\n"
    "  --drain TIME        what runs may take after SIGTERM, as 30s (default)\n"
    "  --no-supervisor     runs are executed by another process (modellab supervise)\n"
    "  --operations        print the table of operations, a line of JSON each, and end\n"
    "  --help, --version\n\n"
    "All settings: docs/environment.md.\n";

/* A number with an optional unit: bytes (KiB, MB ...) or times (ms, s, m, h) in milliseconds. */
static bool parse_amount(const char *text, bool is_time, int64_t *out)
{
    static const struct {
        const char *unit;
        int64_t factor;
        bool is_time;
    } units[] = {{"", 1000, true},         {"ms", 1, true},         {"s", 1000, true},
                 {"m", 60000, true},       {"h", 3600000, true},    {"", 1, false},
                 {"B", 1, false},          {"KiB", 1 << 10, false}, {"MiB", 1 << 20, false},
                 {"GiB", 1 << 30, false},  {"KB", 1000, false},     {"MB", 1000000, false},
                 {"GB", 1000000000, false}};
    size_t digits = strspn(text, "0123456789");
    int64_t number;
    if (!text_number(text, digits, &number))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (units[i].is_time == is_time && strcmp(units[i].unit, text + digits) == 0) {
            if (number > INT64_MAX / units[i].factor)
                return false;
            *out = number * units[i].factor;
            return true;
        }
    return false;
}

static bool configured(const char *name, char **out, char *why, size_t why_bytes)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_buffer *value = NULL;
    if (modellab_config_get(name, &value, NULL, &err) != MODELLAB_OK) {
        (void)snprintf(why, why_bytes, "%s: %s", name, err.message);
        return false;
    }
    *out = strdup(modellab_buffer_data(value));
    modellab_buffer_destroy(value);
    if (*out == NULL)
        (void)snprintf(why, why_bytes, "out of memory");
    return *out != NULL;
}

typedef enum { AS_NUMBER, AS_TIME, AS_BYTES } number_kind;

static bool configured_number(const char *name, number_kind kind, int64_t most, int64_t *out,
                              char *why, size_t why_bytes)
{
    char *text;
    if (!configured(name, &text, why, why_bytes))
        return false;
    bool good = kind == AS_NUMBER ? text_number(text, strlen(text), out)
                                  : parse_amount(text, kind == AS_TIME, out);
    good = good && *out <= most;
    if (!good)
        (void)snprintf(why, why_bytes, "%s: %s is no value for it", name, text);
    free(text);
    return good;
}

static bool address_is_loopback(const char *address, bool *valid)
{
    struct in_addr four;
    struct in6_addr six;
    if (inet_pton(AF_INET, address, &four) == 1) {
        *valid = true;
        return ntohl(four.s_addr) >> 24 == 127;
    }
    *valid = inet_pton(AF_INET6, address, &six) == 1;
    return *valid && IN6_IS_ADDR_LOOPBACK(&six);
}

/* Without keys everybody who reaches the server may do everything: loopback only. */
static bool decide_keys(const char *keys, char *why, size_t why_bytes)
{
    bool valid;
    settings *s = &server_settings;
    s->is_loopback = address_is_loopback(s->address, &valid);
    if (!valid) {
        (void)snprintf(why, why_bytes, "%s is no IP address to listen on", s->address);
        return false;
    }
    s->keys = strcmp(keys, "on") == 0 || (strcmp(keys, "auto") == 0 && !s->is_loopback);
    if (!s->keys && strcmp(keys, "off") != 0 && strcmp(keys, "auto") != 0) {
        (void)snprintf(why, why_bytes, "--keys is auto, on or off");
        return false;
    }
    if (!s->keys && !s->is_loopback) {
        (void)snprintf(why, why_bytes,
                       "without keys the server listens on the loopback interface only");
        return false;
    }
    return true;
}

static bool check_proxies(char *why, size_t why_bytes)
{
    if (client_address_list_is_good(server_settings.proxies))
        return true;
    (void)snprintf(why, why_bytes,
                   "MODEL_LAB_HTTP_PROXIES: a list of IP addresses, separated by commas");
    return false;
}

static bool read_configuration(const char *keys_flag, char *why, size_t n)
{
    settings *s = &server_settings;
    char *keys = NULL;
    int64_t testing = 0, attempts = 1, warm = 0;
    bool good =
        (s->address != NULL || configured("MODEL_LAB_HTTP_ADDRESS", &s->address, why, n)) &&
        (s->web_root != NULL || configured("MODEL_LAB_HTTP_WEB_ROOT", &s->web_root, why, n)) &&
        configured("MODEL_LAB_HTTP_ORIGINS", &s->origins, why, n) &&
        configured("MODEL_LAB_HTTP_OPENAI_MODELS", &s->openai_models, why, n) &&
        configured("MODEL_LAB_HTTP_PROXIES", &s->proxies, why, n) && check_proxies(why, n) &&
        configured("MODEL_LAB_HTTP_KEYS", &keys, why, n) &&
        (s->port >= 0 ||
         configured_number("MODEL_LAB_HTTP_PORT", AS_NUMBER, 65535, &s->port, why, n)) &&
        configured_number("MODEL_LAB_HTTP_MAX_CONNECTIONS", AS_NUMBER, 1000000, &s->max_connections,
                          why, n) &&
        configured_number("MODEL_LAB_HTTP_STREAMS", AS_NUMBER, 1000000, &s->max_streams, why, n) &&
        configured_number("MODEL_LAB_HTTP_LIVE_STREAMS", AS_NUMBER, 10000, &s->live_streams, why,
                          n) &&
        configured_number("MODEL_LAB_HTTP_LIVE_MODELS", AS_NUMBER, 64, &s->live_models, why, n) &&
        configured_number("MODEL_LAB_HTTP_THREADS", AS_NUMBER, 1024, &s->threads, why, n) &&
        configured_number("MODEL_LAB_HTTP_RATE", AS_NUMBER, INT_MAX, &s->rate, why, n) &&
        configured_number("MODEL_LAB_HTTP_HEAD_SECONDS", AS_TIME, INT_MAX, &s->head_ms, why, n) &&
        configured_number("MODEL_LAB_HTTP_BODY_SECONDS", AS_TIME, INT_MAX, &s->body_ms, why, n) &&
        configured_number("MODEL_LAB_HTTP_SEND_SECONDS", AS_TIME, INT_MAX, &s->send_ms, why, n) &&
        configured_number("MODEL_LAB_HTTP_IDLE_SECONDS", AS_TIME, INT_MAX, &s->idle_ms, why, n) &&
        configured_number("MODEL_LAB_HTTP_PING_SECONDS", AS_TIME, INT_MAX, &s->ping_ms, why, n) &&
        configured_number("MODEL_LAB_HTTP_SOCKET_SECONDS", AS_TIME, INT_MAX, &s->socket_ms, why,
                          n) &&
        configured_number("MODEL_LAB_WORKBENCH_MAX_UPLOAD_BYTES", AS_BYTES, INT64_MAX,
                          &s->max_upload_bytes, why, n) &&
        configured_number("MODEL_LAB_MIN_FREE_BYTES", AS_BYTES, INT64_MAX, &s->min_free_bytes, why,
                          n) &&
        configured_number("MODEL_LAB_HTTP_WARM", AS_NUMBER, 1, &warm, why, n) &&
        configured_number("MODEL_LAB_HTTP_LOST_ATTEMPTS", AS_NUMBER, 20, &s->lost_attempts, why,
                          n) &&
        configured_number("MODEL_LAB_RETRY_ATTEMPTS", AS_NUMBER, 20, &attempts, why, n) &&
        configured_number("MODEL_LAB_TESTING", AS_NUMBER, 1, &testing, why, n) &&
        decide_keys(keys_flag != NULL ? keys_flag : keys, why, n);
    s->testing = testing == 1;
    s->warm = warm == 1;
    if (attempts > 1) /* the lab has a policy of its own */
        s->lost_attempts = 0;
    free(keys);
    return good;
}

static bool copy_flag(char **to, const char *value, char *why, size_t why_bytes)
{
    free(*to);
    *to = strdup(value);
    if (*to == NULL)
        (void)snprintf(why, why_bytes, "out of memory");
    return *to != NULL;
}

/* One flag with its value. */
static bool take_flag(const char *flag, const char *value, const char **keys, char *why, size_t n)
{
    settings *s = &server_settings;
    bool known = true, good = true;
    if (strcmp(flag, "--root") == 0)
        return copy_flag(&s->root, value, why, n);
    if (strcmp(flag, "--address") == 0)
        return copy_flag(&s->address, value, why, n);
    if (strcmp(flag, "--web-root") == 0)
        return copy_flag(&s->web_root, value, why, n);
    if (strcmp(flag, "--worker") == 0)
        return copy_flag(&s->worker, value, why, n);
    if (strcmp(flag, "--port") == 0)
        good = text_number(value, strlen(value), &s->port) && s->port <= 65535;
    else if (strcmp(flag, "--drain") == 0)
        good = parse_amount(value, true, &s->drain_ms);
    else if (strcmp(flag, "--keys") == 0)
        *keys = value;
    else
        known = false;
    if (!known)
        (void)snprintf(why, n, "%s is no option; --help shows all", flag);
    else if (!good)
        (void)snprintf(why, n, "%s is no value for %s", value, flag);
    return known && good;
}

bool settings_read(int argc, char **argv, bool *done, char *why, size_t why_bytes)
{
    const char *keys = NULL;
    *done = false;
    server_settings = (settings){.port = -1, .drain_ms = 30000, .supervise = true};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "--version") == 0) {
            *done = true;
            if (argv[i][2] == 'h')
                (void)fputs(usage, stdout);
            else
                (void)printf("modellab-server %s\n", modellab_version_string());
            return true;
        }
        if (strcmp(argv[i], "--operations") == 0) {
            server_settings.list_operations = true;
            return true;
        }
        if (strcmp(argv[i], "--no-supervisor") == 0) {
            server_settings.supervise = false;
            continue;
        }
        char *equals = strchr(argv[i], '=');
        const char *value = equals != NULL ? equals + 1 : i + 1 < argc ? argv[i + 1] : NULL;
        if (equals != NULL)
            *equals = '\0';
        if (value == NULL) {
            (void)snprintf(why, why_bytes, "%s: no such option, or its value is missing", argv[i]);
            return false;
        }
        if (!take_flag(argv[i], value, &keys, why, why_bytes))
            return false;
        i += equals == NULL;
    }
    return read_configuration(keys, why, why_bytes);
}

void settings_free(void)
{
    free(server_settings.root);
    free(server_settings.address);
    free(server_settings.origins);
    free(server_settings.openai_models);
    free(server_settings.proxies);
    free(server_settings.web_root);
    free(server_settings.worker);
    server_settings = (settings){.port = -1};
}
