/* Control groups against a tree that only looks like the kernel's, which can be anything: version 2
 * with its controllers, version 1, both, read-only, none. Then what this machine has, for real. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/cgroup.h"
#include "os/process.h"

enum { PATH = 512 };

/* A tree below a folder. New groups get these files, as the kernel would give them. */
typedef struct tree {
    char root[64], mounts[PATH], own[PATH];
    mli_os_files files;
    const char *given; /* names, space-separated */
    bool read_only;
} tree;

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void read_text(const char *path, char out[256])
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t n = fread(out, 1, 255, file);
    out[n] = '\0';
    assert_int_equal(fclose(file), 0);
}

static int fake_mkdir(void *user, const char *path, uint32_t mode)
{
    tree *t = user;
    if (t->read_only) {
        return -EROFS;
    }
    int rc = mli_os_system_files.mkdir(NULL, path, mode);
    char names[512], *rest = NULL;
    (void)snprintf(names, sizeof(names), "%s", t->given);
    for (char *name = strtok_r(names, " ", &rest); rc == 0 && name != NULL;
         name = strtok_r(NULL, " ", &rest)) {
        char file[2 * PATH];
        (void)snprintf(file, sizeof(file), "%s/%s", path, name);
        write_text(file, "");
    }
    return rc;
}

/* The kernel's files go with their folder. */
static int fake_rmdir(void *user, const char *path)
{
    tree *t = user;
    char command[2 * PATH];
    (void)snprintf(command, sizeof(command), "rm -f '%s'/*", path);
    if (t->read_only) {
        return -EROFS;
    }
    return system(command) != 0 ? -EIO : mli_os_system_files.rmdir(NULL, path);
}

#define V2_FILES                                                                                   \
    "cgroup.procs cgroup.kill cpu.stat memory.max memory.swap.max memory.events memory.peak "      \
    "memory.current"

static void make_tree(tree *t, const char *mounts, const char *own, const char *given)
{
    char path[PATH];
    memset(t, 0, sizeof(*t));
    (void)snprintf(t->root, sizeof(t->root), "/tmp/mli-cgroup-XXXXXX");
    assert_non_null(mkdtemp(t->root));
    t->given = given;
    t->files = mli_os_system_files;
    t->files.user = t;
    t->files.mkdir = fake_mkdir;
    t->files.rmdir = fake_rmdir;
    for (const char *const *name =
             (const char *const[]){"v2", "v2/app", "v2/app/supervisor", "v1", "v1/app", NULL};
         *name != NULL; name++) {
        (void)snprintf(path, sizeof(path), "%s/%s", t->root, *name);
        assert_int_equal(mli_os_system_files.mkdir(NULL, path, 0755), 0);
    }
    (void)snprintf(t->mounts, sizeof(t->mounts), "%s/mounts", t->root);
    (void)snprintf(t->own, sizeof(t->own), "%s/own", t->root);
    FILE *file = fopen(t->mounts, "w");
    assert_non_null(file);
    for (const char *at = mounts; *at != '\0'; at++) { /* @ is the tree's root */
        assert_true(*at == '@' ? fputs(t->root, file) >= 0 : fputc(*at, file) >= 0);
    }
    assert_int_equal(fclose(file), 0);
    write_text(t->own, own);
}

static void remove_tree(tree *t)
{
    assert_int_equal(mli_os_remove_tree(&mli_os_system_files, t->root), 0);
}

#define V2_MOUNT "41 31 0:38 / @/v2 rw,relatime shared:4 master:1 - cgroup2 cgroup2 rw,nsdelegate\n"
#define V1_MOUNT "35 31 0:32 / @/v1 rw,relatime - cgroup cgroup rw,memory\n"
#define OTHERS "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\nnonsense\n"

static void find(const tree *t, const char *wish, mli_os_cgroups *out)
{
    const mli_os_cgroup_sources sources = {t->mounts, t->own};
    mli_os_cgroups_find(out, &t->files, wish, &sources);
}

static void expect(const mli_os_cgroups *g, const char *words)
{
    char got[64];
    mli_os_cgroups_describe(g, got, sizeof(got));
    assert_string_equal(got, words);
}

static void version_two_with_controllers(void **state)
{
    tree t;
    mli_os_cgroups g;
    mli_os_cgroup group;
    char path[PATH], text[256];
    (void)state;
    make_tree(&t, OTHERS V2_MOUNT, "0::/app\n", V2_FILES);
    find(&t, "auto", &g);
    expect(&g, "kill memory cpu");
    assert_string_equal(g.why, "");
    assert_int_equal(mli_os_cgroup_make(&group, &g, "7-9"), 0);
    assert_int_equal(mli_os_cgroup_add(&group, 4711), 0);
    (void)snprintf(path, sizeof(path), "%s/v2/app/modellab-7-9/cgroup.procs", t.root);
    read_text(path, text);
    assert_string_equal(text, "4711");
    assert_int_equal(mli_os_cgroup_limit(&group, 104857600), 0);
    (void)snprintf(path, sizeof(path), "%s/v2/app/modellab-7-9/memory.max", t.root);
    read_text(path, text);
    assert_string_equal(text, "104857600");
    assert_int_equal(mli_os_cgroup_limit(&group, -1), 0);
    /* What the kernel would have counted. */
    (void)snprintf(path, sizeof(path), "%s/v2/app/modellab-7-9/memory.events", t.root);
    write_text(path, "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n");
    (void)snprintf(path, sizeof(path), "%s/v2/app/modellab-7-9/memory.peak", t.root);
    write_text(path, "5000000\n");
    (void)snprintf(path, sizeof(path), "%s/v2/app/modellab-7-9/cpu.stat", t.root);
    write_text(path, "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\n");
    (void)snprintf(path, sizeof(path), "%s/v2/app/modellab-7-9/memory.current", t.root);
    write_text(path, "max\n"); /* no number */
    mli_os_cgroup_use use = mli_os_cgroup_read(&group);
    assert_int_equal(use.oom_kills, 2); /* not "oom", which comes first */
    assert_int_equal(use.peak_bytes, 5000000);
    assert_int_equal(use.cpu_ns, 1500000);
    assert_int_equal(use.now_bytes, -1);
    assert_int_equal(mli_os_cgroup_kill(&group), 0);
    (void)snprintf(path, sizeof(path), "%s/v2/app/modellab-7-9/cgroup.kill", t.root);
    read_text(path, text);
    assert_string_equal(text, "1");
    assert_int_equal(mli_os_cgroup_remove(&group), 0);
    assert_int_equal(mli_os_cgroup_remove(&group), 0);
    remove_tree(&t);
}

static void beside_a_supervisor_group(void **state)
{
    tree t;
    mli_os_cgroups g;
    char path[PATH], text[256];
    (void)state;
    make_tree(&t, V2_MOUNT, "0::/app/supervisor\n", V2_FILES);
    (void)snprintf(path, sizeof(path), "%s/v2/app/cgroup.subtree_control", t.root);
    write_text(path, "");
    find(&t, "auto", &g);
    expect(&g, "kill memory cpu");
    (void)snprintf(path, sizeof(path), "%s/v2/app", t.root);
    assert_string_equal(g.unified, path);
    (void)snprintf(path, sizeof(path), "%s/v2/app/cgroup.subtree_control", t.root);
    read_text(path, text);
    assert_int_equal(strncmp(text, "+cpu", 4), 0); /* the last of two writes */
    remove_tree(&t);
}

static void both_versions(void **state)
{
    tree t;
    mli_os_cgroups g;
    mli_os_cgroup group;
    char path[PATH], text[256];
    (void)state;
    make_tree(&t, V1_MOUNT V2_MOUNT, "9:name=systemd:/\n4:memory:/app\n0::/\n",
              "cgroup.procs cgroup.kill memory.oom_control memory.limit_in_bytes "
              "memory.max_usage_in_bytes memory.usage_in_bytes");
    find(&t, "auto", &g);
    expect(&g, "kill memory (version 1)");
    assert_int_equal(mli_os_cgroup_make(&group, &g, "1"), 0);
    assert_int_equal(mli_os_cgroup_add(&group, 12), 0);
    assert_int_equal(mli_os_cgroup_limit(&group, 1000), 0);
    (void)snprintf(path, sizeof(path), "%s/v1/app/modellab-1/memory.limit_in_bytes", t.root);
    read_text(path, text);
    assert_string_equal(text, "1000");
    assert_int_equal(mli_os_cgroup_limit(&group, -1), 0);
    read_text(path, text);
    assert_int_equal(strncmp(text, "-1", 2), 0);
    (void)snprintf(path, sizeof(path), "%s/v1/app/modellab-1/memory.oom_control", t.root);
    write_text(path, "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n");
    assert_int_equal(mli_os_cgroup_read(&group).oom_kills, 1);
    assert_int_equal(mli_os_cgroup_remove(&group), 0);
    remove_tree(&t);
}

static void less_is_no_error(void **state)
{
    static const struct {
        const char *mounts, *own, *given, *wish, *words;
        bool read_only;
    } cases[] = {
        {V2_MOUNT, "0::/app\n", "cgroup.procs cgroup.kill", "auto", "kill", false},
        {V2_MOUNT, "0::/app\n", "cgroup.procs", "auto", "none", false}, /* before 5.14 */
        {V2_MOUNT, "0::/app\n", V2_FILES, "off", "none", false},
        {V2_MOUNT, "0::/app\n", V2_FILES, "auto", "none", true},
        {V2_MOUNT, "0::/gone\n", V2_FILES, "auto", "none", false},
        {OTHERS, "0::/app\n", V2_FILES, "auto", "none", false},
        {V2_MOUNT, "", V2_FILES, "auto", "none", false},
        {"41 31 0:38 /other @/v2 rw - cgroup2 cgroup2 rw\n", "0::/app\n", V2_FILES, "auto", "none",
         false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        tree t;
        mli_os_cgroups g;
        mli_os_cgroup group = {.groups = &g, .name = "x"};
        make_tree(&t, cases[i].mounts, cases[i].own, cases[i].given);
        t.read_only = cases[i].read_only;
        find(&t, cases[i].wish, &g);
        expect(&g, cases[i].words);
        assert_true(g.why[0] != '\0');
        if (!g.kill) {
            assert_int_equal(mli_os_cgroup_kill(&group), -ENOSYS);
        }
        remove_tree(&t);
    }
}

/* For real: whoever left the session of its parent is found by its group alone. */
static void a_real_group_ends_all(void **state)
{
    mli_os_cgroups g;
    mli_os_cgroup group, same;
    char words[64], name[32];
    int status = 0, gate[2];
    (void)state;
    mli_os_cgroups_find(&g, &mli_os_system_files, "auto", NULL);
    mli_os_cgroups_describe(&g, words, sizeof(words));
    print_message("control groups here: %s%s%s\n", words, g.why[0] != '\0' ? "; " : "", g.why);
    if (!g.kill) {
        print_message("skipped: no group can be killed here\n");
        return;
    }
    (void)snprintf(name, sizeof(name), "test-%d", (int)getpid());
    assert_int_equal(mli_os_cgroup_make(&group, &g, name), 0);
    assert_int_equal(pipe(gate), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)raise(SIGSTOP); /* until it is in the group */
        pid_t grandchild = fork();
        if (grandchild == 0) {
            (void)setsid();
            (void)signal(SIGTERM, SIG_IGN);
            (void)close(gate[0]);
            for (;;) {
                (void)pause();
            }
        }
        _exit(grandchild > 0 ? 0 : 1);
    }
    (void)close(gate[1]);
    assert_int_equal(waitpid(child, &status, WUNTRACED), child);
    assert_int_equal(mli_os_cgroup_add(&group, child), 0);
    assert_int_equal(mli_os_cgroup_of(&same, &g, child), 0);
    assert_string_equal(same.name, group.name);
    assert_int_equal(kill(child, SIGCONT), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    /* Planted: the process group, which the grandchild has left. */
    assert_int_equal(kill(-child, SIGKILL), -1);
    assert_int_equal(fcntl(gate[0], F_SETFL, O_NONBLOCK), 0);
    char byte;
    assert_int_equal(read(gate[0], &byte, 1), -1); /* it lives: it holds the other end */
    assert_int_equal(mli_os_cgroup_remove(&group), -EBUSY);
    assert_int_equal(mli_os_cgroup_kill(&group), 0);
    assert_int_equal(fcntl(gate[0], F_SETFL, 0), 0);
    assert_int_equal(read(gate[0], &byte, 1), 0); /* the end: nobody holds it any more */
    int rc = -EBUSY;
    for (int i = 0; i < 60000 && rc == -EBUSY; i++) {
        rc = mli_os_cgroup_remove(&group);
        (void)usleep(1000);
    }
    assert_int_equal(rc, 0);
    (void)close(gate[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_two_with_controllers),
        cmocka_unit_test(beside_a_supervisor_group),
        cmocka_unit_test(both_versions),
        cmocka_unit_test(less_is_no_error),
        cmocka_unit_test(a_real_group_ends_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
