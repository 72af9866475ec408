/* Serving the files of the web client by a list of names. */
#include "web.h"

#include "reply.h"
#include "text.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES_MAX 2000
#define FILE_BYTES_MAX (32 << 20)
#define DEPTH_MAX 6

typedef struct web_file {
    char *path; /* below "/", as requests name it */
    int64_t size;
    char etag[40];
} web_file;

static struct {
    int folder;
    web_file *files;
    size_t count, room;
} web = {.folder = -1};

static const char policy[] = "default-src 'self'; img-src 'self' data: blob:; "
                             "media-src 'self' blob:; style-src 'self' 'unsafe-inline'; "
                             "worker-src 'self' blob:; connect-src 'self' ws: wss:; "
                             "frame-ancestors 'none'; base-uri 'none'";

static const char none[] =
    "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Model Lab</title>\n"
    "<h1>Model Lab</h1>\n<p>This server runs, but the web client is not built "
    "(examples/web; it needs Node 20).\n"
    "<p><a href=\"/api/v1/openapi.json\">The contract</a> &middot; "
    "<a href=\"/readyz?verbose\">health</a> &middot; <a href=\"/metrics\">metrics</a>\n";

static const char *type_of(const char *path)
{
    static const char *const types[][2] = {{".html", "text/html; charset=utf-8"},
                                           {".js", "application/javascript; charset=utf-8"},
                                           {".css", "text/css; charset=utf-8"},
                                           {".json", "application/json"},
                                           {".svg", "image/svg+xml"},
                                           {".png", "image/png"},
                                           {".ico", "image/x-icon"},
                                           {".woff2", "font/woff2"},
                                           {".webmanifest", "application/manifest+json"},
                                           {".txt", "text/plain; charset=utf-8"},
                                           {".map", "application/json"}};
    size_t bytes = strlen(path);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        size_t ending = strlen(types[i][0]);
        if (bytes > ending && strcmp(path + bytes - ending, types[i][0]) == 0)
            return types[i][1];
    }
    return "application/octet-stream";
}

static bool add(const char *path, const struct stat *st)
{
    if (web.count == web.room) {
        size_t room = web.room > 0 ? web.room * 2 : 64;
        web_file *grown = realloc(web.files, room * sizeof *grown);
        if (grown == NULL)
            return false;
        web.files = grown;
        web.room = room;
    }
    web_file *file = &web.files[web.count];
    file->path = strdup(path);
    file->size = st->st_size;
    (void)snprintf(file->etag, sizeof file->etag, "\"%llx-%llx\"", (unsigned long long)st->st_size,
                   (unsigned long long)st->st_mtim.tv_sec * 1000000000u +
                       (unsigned long long)st->st_mtim.tv_nsec);
    if (file->path == NULL)
        return false;
    web.count++;
    return true;
}

/* All regular files below `folder` (closed here); links are left out, they may lead anywhere. */
static bool walk(int folder, const char *prefix, int depth)
{
    DIR *listing = fdopendir(folder);
    bool good = true;
    if (listing == NULL) {
        (void)close(folder);
        return true; /* it cannot be read: nothing of it is served */
    }
    for (struct dirent *entry; good && (entry = readdir(listing)) != NULL;) {
        char path[1024];
        struct stat st;
        if (entry->d_name[0] == '.' || web.count >= FILES_MAX ||
            snprintf(path, sizeof path, "%s%s", prefix, entry->d_name) >= (int)sizeof path - 1 ||
            fstatat(dirfd(listing), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (S_ISREG(st.st_mode) && st.st_size <= FILE_BYTES_MAX) {
            good = add(path, &st);
        } else if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX) {
            int inner = openat(dirfd(listing), entry->d_name,
                               O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            size_t bytes = strlen(path);
            path[bytes] = '/';
            path[bytes + 1] = '\0';
            good = inner < 0 || walk(inner, path, depth + 1);
        }
    }
    (void)closedir(listing);
    return good;
}

/* Folder beside the program, or where an installation has it. */
static int find_folder(const char *folder)
{
    static const char *const places[] = {"web", "../share/modellab/web"};
    const int how = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    char program[4096], path[sizeof program + 32];
    if (folder[0] != '\0')
        return open(folder, how);
    ssize_t bytes = readlink("/proc/self/exe", program, sizeof program - 1);
    if (bytes <= 0)
        return -1;
    program[bytes] = '\0';
    char *slash = strrchr(program, '/');
    *(slash != NULL ? slash : program) = '\0';
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", program, places[i]);
        int found = open(path, how);
        if (found >= 0)
            return found;
    }
    return -1;
}

bool web_start(const char *folder)
{
    web.folder = find_folder(folder);
    int copy = web.folder >= 0 ? fcntl(web.folder, F_DUPFD_CLOEXEC, 0) : -1;
    return copy < 0 || walk(copy, "", 0);
}

void web_stop(void)
{
    for (size_t i = 0; i < web.count; i++)
        free(web.files[i].path);
    free(web.files);
    if (web.folder >= 0)
        (void)close(web.folder);
    web.files = NULL;
    web.count = web.room = 0;
    web.folder = -1;
}

static const web_file *find(const char *path)
{
    for (size_t i = 0; i < web.count; i++)
        if (strcmp(web.files[i].path, path) == 0)
            return &web.files[i];
    return NULL;
}

bool web_is_there(void)
{
    return find("index.html") != NULL;
}

/* The whole file, or NULL when it is no longer as it was. */
static char *read_whole(const web_file *file)
{
    int fd = openat(web.folder, file->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    char *bytes = fd >= 0 ? malloc((size_t)file->size + 1) : NULL;
    int64_t got = 0;
    while (bytes != NULL && got < file->size) {
        ssize_t more = read(fd, bytes + got, (size_t)(file->size - got));
        if (more <= 0)
            break;
        got += more;
    }
    if (fd >= 0)
        (void)close(fd);
    if (got == file->size)
        return bytes;
    free(bytes);
    return NULL;
}

static void send_file(call *c, const web_file *file)
{
    char *bytes = read_whole(file);
    bool hashed = strncmp(file->path, "assets/", 7) == 0; /* Vite puts a hash into these names */
    if (bytes == NULL) {
        reply_header(c, "Retry-After", "1");
        reply_empty(c, 503);
        return;
    }
    reply_header(c, "ETag", file->etag);
    reply_header(c, "Cache-Control", hashed ? "public, max-age=31536000, immutable" : "no-cache");
    reply_header(c, "Content-Security-Policy", policy);
    reply_header(c, "Referrer-Policy", "no-referrer");
    reply_bytes(c, 200, type_of(file->path), bytes, (size_t)file->size);
    free(bytes);
}

bool web_answer(call *c)
{
    const char *path = call_path(c) + 1, *last = strrchr(call_path(c), '/');
    const web_file *file = find(path[0] != '\0' ? path : "index.html");
    bool is_api = text_begins(path, "api/") || text_begins(path, "v1/");
    /* pages of the client have paths of their own: all are index.html */
    if (file == NULL && !is_api && strchr(last, '.') == NULL &&
        text_list_has(call_header(c, "Accept"), "text/html"))
        file = find("index.html");
    if (file != NULL) {
        send_file(c, file);
        return true;
    }
    if (path[0] != '\0')
        return false;
    reply_header(c, "Content-Security-Policy", policy);
    reply_bytes(c, 200, "text/html; charset=utf-8", none, sizeof none - 1);
    return true;
}
