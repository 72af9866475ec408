/* What the doctor looks at without a lab: configuration and machine. */
#include "base/alloc.h"
#include "base/config.h"
#include "base/error.h"
#include "kernels/isa.h"
#include "lab/doctor.h"
#include "os/process.h"
#include "os/sandbox.h"
#include <string.h>

#define OURS                                                                                       \
    "MODEL"                                                                                        \
    "_LAB_" /* in two, since it is no variable */
#define NAME_MAX_BYTES 64
#define NEAR 4 /* edits that a slip of the hand may take */

/* Edits between two names; NAME_MAX_BYTES when one is too long. */
static int distance(const char *a, const char *b)
{
    int row[NAME_MAX_BYTES + 1];
    size_t n = strlen(a), m = strlen(b);

    if (n >= NAME_MAX_BYTES || m >= NAME_MAX_BYTES) {
        return NAME_MAX_BYTES;
    }
    for (size_t j = 0; j <= m; j++) {
        row[j] = (int)j;
    }
    for (size_t i = 1; i <= n; i++) {
        int diagonal = row[0];

        row[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            int best = diagonal + (a[i - 1] != b[j - 1]);

            diagonal = row[j];
            best = row[j] + 1 < best ? row[j] + 1 : best;
            row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
        }
    }
    return row[m];
}

const char *mli_doctor_suggest(const char *name)
{
    const char *nearest = NULL;
    int best = NEAR + 1;

    for (size_t i = 0; i < mli_config_count(); i++) {
        const mli_config_variable *v = mli_config_at(i);
        int d = (v->flags & MLI_CONFIG_FOREIGN) != 0 ? NEAR + 1 : distance(name, v->name);

        if (d < best) {
            best = d;
            nearest = v->name;
        }
    }
    return nearest;
}

/* A setting that nobody reads is a wish that nobody heard. */
static int look_at_name(void *arg, const char *setting)
{
    mli_findings *report = arg;
    char name[NAME_MAX_BYTES];
    size_t bytes = strcspn(setting, "=");
    const char *meant;

    if (strncmp(setting, OURS, sizeof OURS - 1) != 0 || bytes >= sizeof name ||
        strspn(setting, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != bytes) {
        return 0;
    }
    memcpy(name, setting, bytes);
    name[bytes] = '\0';
    if (mli_config_find(name) != NULL) {
        return 0;
    }
    meant = mli_doctor_suggest(name);
    mli_findings_add(report, MODELLAB_SEVERITY_WARNING, "config.unknown", "",
                     meant == NULL ? "%s is not read by anything; `modellab env` lists what is"
                                   : "%s is not read by anything; did you mean %s?",
                     name, meant);
    return 0;
}

void mli_doctor_configuration(const modellab_allocator *alloc, mli_findings *report)
{
    int wrong = 0;

    for (size_t i = 0; i < mli_config_count(); i++) {
        const mli_config_variable *v = mli_config_at(i);
        modellab_error err = MODELLAB_ERROR_INIT;
        const char *source = "";
        char *value = NULL;
        modellab_status status = (v->flags & MLI_CONFIG_FOREIGN) != 0
                                     ? MODELLAB_OK
                                     : mli_config_get(alloc, v->name, &value, &source, &err);

        mli_free(alloc, value);
        if (status != MODELLAB_OK) {
            wrong++;
            mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "config.value", "", "%s",
                             err.message);
        }
    }
    if (wrong == 0) {
        mli_findings_add(report, MODELLAB_SEVERITY_INFO, "config.values", "",
                         "all settings have valid values");
    }
    if (mli_os_env_each(look_at_name, report) != 0) {
        mli_findings_add(report, MODELLAB_SEVERITY_WARNING, "config.unknown", "",
                         "the environment could not be read");
    }
}

/* Whether the text of a small file of the kernel has this word. */
static bool kernel_says(const mli_os_files *f, const char *path, const char *word)
{
    char text[1024] = "";
    int fd = f->open(f->user, path, MLI_OS_READ | MLI_OS_NONBLOCK, 0);
    int64_t got;

    if (fd < 0) {
        return false;
    }
    got = f->read(f->user, fd, text, sizeof text - 1);
    mli_os_fd_close(fd);
    text[got > 0 ? got : 0] = '\0';
    return got > 0 && strstr(text, word) != NULL;
}

static void tell(mli_findings *report, bool there, const char *id, const char *yes, const char *no)
{
    mli_findings_add(report, there ? MODELLAB_SEVERITY_INFO : MODELLAB_SEVERITY_WARNING, id, "",
                     "%s", there ? yes : no);
}

void mli_doctor_machine(const mli_os_files *files, mli_findings *report)
{
    mli_findings_add(report, MODELLAB_SEVERITY_INFO, "machine.instructions", "",
                     "the kernels use %s", mli_isa_name(mli_isa_current()));
    tell(report, mli_os_has_pidfd(), "machine.pidfd", "the kernel has pidfds",
         "the kernel has no pidfds: the death of workers is seen later");
    tell(report, mli_os_landlock_version() > 0, "machine.landlock", "the kernel has landlock",
         "the kernel has no landlock, or it is off: workers are confined less (see "
         "docs/operations.md)");
    tell(report, kernel_says(files, "/proc/sys/kernel/seccomp/actions_avail", "kill_process"),
         "machine.seccomp", "the kernel has seccomp",
         "seccomp is not known to be there: workers are confined less");
    tell(report, kernel_says(files, "/sys/fs/cgroup/cgroup.controllers", "memory"),
         "machine.cgroup", "cgroup v2 is there",
         "there is no cgroup v2: memory caps go by sampling, with some overshoot");
}
