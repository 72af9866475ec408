/* The bar: what is done, how fast, how long it will take. */
#include "cli/progress.h"
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define BAR 20
#define NAME_MOST 30
#define NAME_LEAST 4

double cli_seconds(void)
{
    struct timespec t;
    if (clock_gettime(CLOCK_MONOTONIC, &t) != 0)
        return 0;
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void cli_progress_begin(cli_progress *p, const cli_call *call, const char *title)
{
    *p = (cli_progress){.on = isatty(STDERR_FILENO) == 1 && !cli_has(call, CLI_OPT_QUIET),
                        .title = title};
}

/* At most ten times a second. */
static bool due(cli_progress *p)
{
    double now = cli_seconds();
    if (!p->on || now - p->last_draw < 0.1)
        return false;
    p->last_draw = now;
    return true;
}

static int columns_of_terminal(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/* One line: what does not fit would stay on the screen at every drawing. The name gives way first.
 */
static void draw(cli_progress *p, const char *text)
{
    cli_text line = CLI_TEXT_INIT;
    int room = columns_of_terminal() - 1, name = room - (int)strlen(text) - 1;
    if (name > NAME_MOST)
        name = NAME_MOST;
    if (name >= NAME_LEAST && cli_text_add_columns(&line, p->title, name) > 0)
        cli_text_add(&line, " ");
    else
        name = 0;
    cli_text_add_columns(&line, text, room - (name > 0 ? name + 1 : 0));
    fprintf(stderr, "\r%s\033[K", cli_text_get(&line));
    fflush(stderr);
    cli_text_free(&line);
    p->drawn = true;
}

static void bar(char out[BAR + 1], double fraction)
{
    int full = (int)(fraction * BAR);
    for (int i = 0; i < BAR; i++)
        out[i] = i < full ? '#' : '-';
    out[BAR] = '\0';
}

static void clock_text(char *out, size_t room, double seconds)
{
    int s = seconds > 0 && seconds < 360000 ? (int)(seconds + 0.5) : 0;
    if (s >= 3600)
        snprintf(out, room, "%d:%02d:%02d", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(out, room, "%d:%02d", s / 60, s % 60);
}

void cli_progress_audio(cli_progress *p, double done, double total)
{
    char text[128], graph[BAR + 1], eta[24] = "-:--";
    if (!due(p))
        return;
    if (total <= 0) {
        draw(p, "reading");
        return;
    }
    if (p->started <= 0)
        p->started = cli_seconds();
    double fraction = done < total ? done / total : 1, elapsed = cli_seconds() - p->started;
    double speed = elapsed > 0.2 ? done / elapsed : 0;
    bar(graph, fraction);
    if (speed > 0)
        clock_text(eta, sizeof eta, (total - done) / speed);
    snprintf(text, sizeof text, "[%s] %3.0f %%  %.1f/%.1f s  %.1fx  ETA %s", graph, fraction * 100,
             done, total, speed, eta);
    draw(p, text);
}

void cli_progress_bytes(cli_progress *p, const char *what, int64_t done, int64_t total)
{
    char text[160], graph[BAR + 1], eta[24] = "-:--";
    if (!due(p))
        return;
    double mib = (double)done / 1048576, elapsed;
    if (p->started <= 0)
        p->started = cli_seconds();
    elapsed = cli_seconds() - p->started;
    if (total <= 0) {
        snprintf(text, sizeof text, "%.40s  %.1f MiB", what, mib);
        draw(p, text);
        return;
    }
    double fraction = (double)done / (double)total;
    double speed = elapsed > 0.2 ? mib / elapsed : 0;
    bar(graph, fraction);
    if (speed > 0)
        clock_text(eta, sizeof eta, ((double)total / 1048576 - mib) / speed);
    snprintf(text, sizeof text, "[%s] %3.0f %%  %.24s  %.1f/%.1f MiB  ETA %s", graph,
             fraction * 100, what, mib, (double)total / 1048576, eta);
    draw(p, text);
}

void cli_progress_text(cli_progress *p, const char *text)
{
    if (due(p))
        draw(p, text);
}

void cli_progress_end(cli_progress *p)
{
    if (p->drawn) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
    p->drawn = false;
}
