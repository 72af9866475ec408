/* The program modellab-server: opens the lab, starts its supervisor and the HTTP front-end, and on
 * SIGTERM drains both. It sees the public headers of the library only. */
#include "route.h"
#include "server.h"
#include "settings.h"
#include "speech_warm.h"
#include "web.h"
#include <modellab/modellab.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define EXIT_USAGE 2

static volatile sig_atomic_t asked;     /* it was told to stop */
static volatile sig_atomic_t signalled; /* from outside */

static void on_signal(int number, siginfo_t *from, void *unused)
{
    (void)unused;
    asked = 1;
    if (from->si_code == SI_USER && from->si_pid == getpid())
        return; /* server_ask_to_stop(): as often as anybody asks over HTTP */
    if (signalled != 0)
        _exit(128 + number); /* once more: at once */
    signalled = 1;
}

static bool install_signals(void)
{
    struct sigaction stop = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO},
                     ignore = {.sa_handler = SIG_IGN};
    (void)sigemptyset(&stop.sa_mask);
    (void)sigemptyset(&ignore.sa_mask);
    return sigaction(SIGINT, &stop, NULL) == 0 && sigaction(SIGTERM, &stop, NULL) == 0 &&
           sigaction(SIGPIPE, &ignore, NULL) == 0;
}

/* Signals go to the main thread only, which waits for them. */
static bool block_signals(sigset_t *before)
{
    sigset_t stops;
    (void)sigemptyset(&stops);
    (void)sigaddset(&stops, SIGINT);
    (void)sigaddset(&stops, SIGTERM);
    return pthread_sigmask(SIG_BLOCK, &stops, before) == 0;
}

/* As many descriptors as it may have: each connection is one. */
static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit); /* else with those that it has */
}

static int fail(const char *what, const char *why)
{
    (void)fprintf(stderr, "modellab-server: %s%s%s\n", what, what[0] != '\0' ? ": " : "", why);
    return EXIT_FAILURE;
}

static void log_line(void *user, const modellab_log_line *line)
{
    static char end[] = "\n";
    (void)user;
    struct iovec parts[] = {{(void *)(uintptr_t)line->text, line->text_bytes}, {end, 1}};
    size_t left = line->text_bytes + 1;
    /* One call to the system for a line, so that lines of several threads do not mix. A log that
     * cannot be written is no reason to stop. */
    ssize_t written = writev(STDERR_FILENO, parts, 2);
    if (written > 0 && (size_t)written < line->text_bytes) /* a pipe that is full: its rest */
        (void)!write(STDERR_FILENO, line->text + written, line->text_bytes - (size_t)written);
    if (written > 0 && (size_t)written < left)
        (void)!write(STDERR_FILENO, end, 1);
}

static modellab_log_level level_of(const char *name)
{
    static const modellab_log_level levels[] = {MODELLAB_LOG_TRACE, MODELLAB_LOG_DEBUG,
                                                MODELLAB_LOG_INFO,  MODELLAB_LOG_WARN,
                                                MODELLAB_LOG_ERROR, MODELLAB_LOG_FATAL};
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
        if (strcmp(modellab_log_level_name(levels[i]), name) == 0)
            return levels[i];
    return name[0] == '\0' ? MODELLAB_LOG_INFO : MODELLAB_LOG_OFF;
}

/* Every request has its lines: no rate limit. */
static modellab_status open_logger(modellab_logger **out, modellab_error *err)
{
    modellab_logger_options options = MODELLAB_LOGGER_OPTIONS_INIT;
    modellab_log_sink sink = MODELLAB_LOG_SINK_INIT;
    modellab_buffer *level = NULL, *file = NULL;
    modellab_status status = modellab_config_get("MODEL_LAB_LOG_LEVEL", &level, NULL, err);
    if (status == MODELLAB_OK)
        status = modellab_config_get("MODEL_LAB_LOG_FILE", &file, NULL, err);
    if (status == MODELLAB_OK) {
        options.level = level_of(modellab_buffer_data(level));
        options.rate_per_second = -1;
        sink.write = log_line;
        sink.min_level = options.level;
        if (modellab_buffer_size(file) > 0)
            options.file = modellab_buffer_data(file);
        else
            options.sink = &sink;
        status = modellab_logger_create(&options, out, err);
    }
    modellab_buffer_destroy(level);
    modellab_buffer_destroy(file);
    return status;
}

static modellab_status open_lab(modellab_logger *log, modellab_lab **lab,
                                modellab_supervisor **supervisor, modellab_error *err)
{
    modellab_lab_options options = MODELLAB_LAB_OPTIONS_INIT;
    modellab_supervisor_options supervising = MODELLAB_SUPERVISOR_OPTIONS_INIT;
    options.logger = log;
    modellab_status status = modellab_lab_open(server_settings.root, &options, lab, err);
    if (status != MODELLAB_OK || !server_settings.supervise)
        return status;
    supervising.worker_program = server_settings.worker;
    supervising.keep_on_host_death = 1; /* a server that is started again adopts them */
    status = modellab_supervisor_create(*lab, &supervising, supervisor, err);
    if (status == MODELLAB_OK)
        status = modellab_supervisor_start(*supervisor, err);
    return status;
}

/* No new work, what runs may end, then the supervisor puts back what has not. */
static int drain(modellab_supervisor *supervisor, modellab_logger *log)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_drain_result result = {.size = sizeof result};
    modellab_logger_write(log, MODELLAB_LOG_INFO, "http.drain", "the server drains");
    server_drain();
    int code = EXIT_SUCCESS;
    if (supervisor != NULL && modellab_supervisor_drain(supervisor, server_settings.drain_ms,
                                                        &result, &err) != MODELLAB_OK)
        code = fail("drain", err.message);
    server_stop(2000);
    modellab_logger_write(log, MODELLAB_LOG_INFO, "http.drained", "the server has stopped");
    return code;
}

/* The table of operations for those who compare it with the contract. */
static int list_operations(void)
{
    int code = EXIT_SUCCESS;
    for (size_t i = 0; i < route_count(); i++) {
        const operation *op = route_at(i);
        json_t *line = json_pack(
            "{s:s, s:s, s:s, s:s, s:b, s:b, s:b, s:b, s:b}", "id", op->id, "method", op->method,
            "path", op->path, "scope", op->scope, "body", op->body != BODY_NONE, "deprecated",
            op->deprecation != NULL, "keyed", (op->flags & OP_KEYED) != 0, "repeatable",
            (op->flags & OP_REPEATABLE) != 0, "matches", (op->flags & OP_MATCHES) != 0);
        char *text = json_dumps(line, JSON_COMPACT);
        if (text == NULL || puts(text) < 0)
            code = fail("", "the table of operations could not be written");
        free(text);
        json_decref(line);
    }
    return code;
}

static int serve(const sigset_t *before)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_logger *log = NULL;
    modellab_lab *lab = NULL;
    modellab_supervisor *supervisor = NULL;
    char why[256];
    int port, code = EXIT_FAILURE;
    if (open_logger(&log, &err) != MODELLAB_OK)
        return fail("log", err.message);
    if (open_lab(log, &lab, &supervisor, &err) != MODELLAB_OK) {
        (void)fail("lab", err.message);
    } else if (!server_start(lab, log, &port, why, sizeof why)) {
        (void)fail("", why);
    } else {
        const char *address = server_settings.address;
        bool is_six = strchr(address, ':') != NULL;
        (void)printf("modellab-server: http://%s%s%s:%d/\n", is_six ? "[" : "", address,
                     is_six ? "]" : "", port);
        (void)fflush(stdout); /* who waits for this line reads it at once */
        speech_warm_start(log);
        while (asked == 0)
            (void)sigsuspend(before);                        /* returns after each signal */
        if (pthread_sigmask(SIG_SETMASK, before, NULL) != 0) /* for the one that ends the drain */
            modellab_logger_write(log, MODELLAB_LOG_WARN, "http.drain",
                                  "a second signal will not end the drain");
        code = drain(supervisor, log);
    }
    modellab_supervisor_destroy(supervisor);
    modellab_lab_unref(lab);
    modellab_logger_unref(log);
    return code;
}

int main(int argc, char **argv)
{
    char why[256];
    bool done;
    sigset_t before;
    if (!settings_read(argc, argv, &done, why, sizeof why)) {
        (void)fail("", why);
        settings_free();
        return EXIT_USAGE;
    }
    int code = EXIT_SUCCESS;
    if (!done) {
        raise_descriptors();
        if (!install_signals() || !block_signals(&before))
            code = fail("", "signal handlers cannot be installed");
        else if (!route_init(server_settings.testing, why, sizeof why))
            code = fail("", why);
        else if (server_settings.list_operations)
            code = list_operations();
        else if (!web_start(server_settings.web_root))
            code = fail("", "out of memory");
        else
            code = serve(&before);
    }
    web_stop();
    route_free();
    settings_free();
    return fflush(stdout) == 0 ? code : EXIT_FAILURE;
}
