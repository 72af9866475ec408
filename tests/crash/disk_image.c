/* Replaying a record into the content of a disk. */
#include "crash/disk_image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

typedef struct image_file {
    unsigned char *data;
    size_t size, room;
} image_file;

typedef struct image_name {
    char *path;
    int inode; /* 0 = folder */
} image_name;

struct disk_image {
    image_file *files; /* by inode */
    int file_count;
    image_name *names;
    size_t name_count, name_room;
};

static uint64_t next_random(uint64_t *state) /* splitmix64 */
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static bool is_entry(disk_what what)
{
    return what == DISK_MKDIR || what == DISK_CREATE || what == DISK_RENAME || what == DISK_REMOVE;
}

static size_t folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? 0 : (size_t)(slash - path);
}

/* The folder whose entries an operation changes; a rename's is the target's. */
static bool in_folder(const disk_op *op, const char *folder)
{
    const char *path = op->what == DISK_RENAME ? op->to : op->path;
    size_t n = folder_length(path);
    return strlen(folder) == n && memcmp(path, folder, n) == 0;
}

struct disk_plan {
    const disk_log *log;
    size_t *safe_at; /* index of the first sync that makes an operation safe; count = none does */
    int *folder;     /* number of the folder whose entries an operation changes; -1 = none */
    int folders;
};

static int folder_number(disk_plan *plan, size_t i)
{
    const disk_op *op = &plan->log->ops[i];
    const char *path = op->what == DISK_RENAME ? op->to : op->path;
    for (size_t k = 0; k < i; k++) {
        const disk_op *other = &plan->log->ops[k];
        const char *name = other->what == DISK_RENAME ? other->to : other->path;
        size_t n = folder_length(path);
        if (plan->folder[k] >= 0 && folder_length(name) == n && memcmp(name, path, n) == 0) {
            return plan->folder[k];
        }
    }
    return plan->folders++;
}

static bool covers(const disk_op *sync, const disk_op *op)
{
    bool data = op->what == DISK_WRITE || op->what == DISK_TRUNCATE;
    return (sync->what == DISK_SYNC && data && op->inode == sync->inode) ||
           (sync->what == DISK_SYNC_DIR && is_entry(op->what) && in_folder(op, sync->path));
}

disk_plan *disk_plan_make(const disk_log *log, disk_forget forget, void *arg)
{
    disk_plan *plan = calloc(1, sizeof(*plan));
    assert_non_null(plan);
    plan->log = log;
    plan->safe_at = calloc(log->count + 1, sizeof(*plan->safe_at));
    plan->folder = calloc(log->count + 1, sizeof(*plan->folder));
    assert_non_null(plan->safe_at);
    assert_non_null(plan->folder);
    for (size_t i = 0; i < log->count; i++) {
        plan->folder[i] = -1;
        if (is_entry(log->ops[i].what)) {
            plan->folder[i] = folder_number(plan, i);
        }
        plan->safe_at[i] = log->count;
    }
    for (size_t s = 0; s < log->count; s++) {
        const disk_op *sync = &log->ops[s];
        bool counts = sync->what == DISK_SYNC || sync->what == DISK_SYNC_DIR;
        if (!counts || (forget != NULL && forget(log, s, arg))) {
            continue;
        }
        for (size_t i = 0; i < s; i++) {
            if (plan->safe_at[i] > s && covers(sync, &log->ops[i])) {
                plan->safe_at[i] = s;
            }
        }
    }
    return plan;
}

void disk_plan_free(disk_plan *plan)
{
    free(plan->safe_at);
    free(plan->folder);
    free(plan);
}

/* keep[i]: whether operation i is on the disk. Entries of a folder are lost from one of them on,
 * never in between. */
static void choose(const disk_plan *plan, size_t count, disk_luck luck, uint64_t seed, char *keep)
{
    char *lost = calloc((size_t)plan->folders + 1, 1);
    uint64_t state = seed;
    assert_non_null(lost);
    for (size_t i = 0; i < count; i++) {
        bool lucky = luck == DISK_ALL || (luck == DISK_SOME && (next_random(&state) & 1) != 0);
        keep[i] = plan->safe_at[i] < count || lucky;
        if (plan->folder[i] >= 0) {
            lost[plan->folder[i]] |= !keep[i];
            keep[i] = lost[plan->folder[i]] == 0;
        }
    }
    free(lost);
}

static image_name *find(const disk_image *image, const char *path)
{
    for (size_t i = 0; i < image->name_count; i++) {
        if (strcmp(image->names[i].path, path) == 0) {
            return &image->names[i];
        }
    }
    return NULL;
}

static void drop(disk_image *image, const char *path)
{
    image_name *old = find(image, path);
    if (old != NULL) {
        free(old->path);
        *old = image->names[--image->name_count];
    }
}

static void put_name(disk_image *image, const char *path, int inode)
{
    drop(image, path);
    if (image->name_count == image->name_room) {
        image->name_room = image->name_room == 0 ? 64 : image->name_room * 2;
        image->names = realloc(image->names, image->name_room * sizeof(*image->names));
        assert_non_null(image->names);
    }
    image_name *one = &image->names[image->name_count++];
    one->path = strdup(path);
    assert_non_null(one->path);
    one->inode = inode;
}

static void resize(image_file *file, size_t size)
{
    if (size > file->room) {
        file->room = size * 2;
        file->data = realloc(file->data, file->room);
        assert_non_null(file->data);
    }
    if (size > file->size) {
        memset(file->data + file->size, 0, size - file->size);
    }
    file->size = size;
}

static void apply(disk_image *image, const disk_op *op)
{
    image_file *file = &image->files[op->inode];
    image_name *from;
    switch (op->what) {
    case DISK_MKDIR:
        put_name(image, op->path, 0);
        return;
    case DISK_CREATE:
        put_name(image, op->path, op->inode);
        return;
    case DISK_WRITE:
        if ((size_t)op->offset + op->bytes > file->size) {
            resize(file, (size_t)op->offset + op->bytes);
        }
        memcpy(file->data + op->offset, op->data, op->bytes);
        return;
    case DISK_TRUNCATE:
        resize(file, (size_t)op->offset);
        return;
    case DISK_RENAME:
        from = find(image, op->path);
        if (from != NULL) {
            int inode = from->inode;
            drop(image, op->path);
            put_name(image, op->to, inode);
        }
        return;
    case DISK_REMOVE:
        drop(image, op->path);
        return;
    default:
        return;
    }
}

disk_image *disk_image_make(const disk_plan *plan, size_t count, disk_luck luck, uint64_t seed)
{
    const disk_log *log = plan->log;
    disk_image *image = calloc(1, sizeof(*image));
    char *keep = calloc(count + 1, 1);
    assert_non_null(image);
    assert_non_null(keep);
    for (size_t i = 0; i < count; i++) {
        if (log->ops[i].what != DISK_ACK && log->ops[i].inode >= image->file_count) {
            image->file_count = log->ops[i].inode + 1;
        }
    }
    image->files = calloc((size_t)image->file_count + 1, sizeof(*image->files));
    assert_non_null(image->files);
    choose(plan, count, luck, seed, keep);
    for (size_t i = 0; i < count; i++) {
        if (keep[i] && log->ops[i].what != DISK_ACK) {
            apply(image, &log->ops[i]);
        }
    }
    free(keep);
    return image;
}

/* What stands in a folder that was lost is lost with it. */
static bool is_reached(const disk_image *image, const char *path)
{
    char folder[512];
    for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        assert_true((size_t)(slash - path) < sizeof(folder));
        memcpy(folder, path, (size_t)(slash - path));
        folder[slash - path] = '\0';
        const image_name *one = find(image, folder);
        if (one == NULL || one->inode != 0) {
            return false;
        }
    }
    return true;
}

static uint64_t mix(uint64_t hash, const void *data, size_t bytes)
{
    const unsigned char *p = data;
    uint64_t word;
    for (; bytes >= 8; bytes -= 8, p += 8) {
        memcpy(&word, p, 8);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }
    for (; bytes > 0; bytes--, p++) {
        hash = (hash ^ *p) * 0x100000001b3u;
    }
    return hash;
}

uint64_t disk_image_hash(const disk_image *image)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < image->name_count; i++) { /* names have no order */
        const image_name *one = &image->names[i];
        if (!is_reached(image, one->path)) {
            continue;
        }
        uint64_t hash = mix(0xcbf29ce484222325u, one->path, strlen(one->path) + 1);
        const image_file *file = &image->files[one->inode];
        if (one->inode != 0) {
            hash = mix(hash ^ file->size, file->data, file->size);
        }
        sum += hash * 0x9e3779b97f4a7c15u;
    }
    return sum;
}

/* A folder before what is in it. */
static void write_folders(const disk_image *image, const char *folder, const char *parent)
{
    char full[1024];
    size_t n = strlen(parent);
    for (size_t i = 0; i < image->name_count; i++) {
        const image_name *one = &image->names[i];
        if (one->inode == 0 && folder_length(one->path) == n && memcmp(one->path, parent, n) == 0) {
            (void)snprintf(full, sizeof(full), "%s/%s", folder, one->path);
            assert_int_equal(mkdir(full, 0700), 0);
            write_folders(image, folder, one->path);
        }
    }
}

void disk_image_write(const disk_image *image, const char *folder)
{
    char full[1024];
    write_folders(image, folder, "");
    for (size_t i = 0; i < image->name_count; i++) {
        const image_name *one = &image->names[i];
        if (one->inode == 0 || !is_reached(image, one->path)) {
            continue;
        }
        (void)snprintf(full, sizeof(full), "%s/%s", folder, one->path);
        const image_file *file = &image->files[one->inode];
        FILE *out = fopen(full, "wb");
        assert_non_null(out);
        assert_int_equal(
            fwrite(file->data == NULL ? (const void *)"" : file->data, 1, file->size, out),
            file->size);
        assert_int_equal(fclose(out), 0);
    }
}

void disk_image_free(disk_image *image)
{
    for (int i = 0; i < image->file_count; i++) {
        free(image->files[i].data);
    }
    for (size_t i = 0; i < image->name_count; i++) {
        free(image->names[i].path);
    }
    free(image->files);
    free(image->names);
    free(image);
}
