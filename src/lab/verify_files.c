/* Files of a run against the facts about them: seal, input, artifacts, and what else lies there. */
#include "base/error.h"
#include "base/str.h"
#include "lab/verify.h"
#include "os/locale.h"
#include "store/journal.h"
#include "store/seal.h"
#include <errno.h>
#include <string.h>

#define BAD(id, pointer, ...)                                                                      \
    mli_findings_add(look->report, MODELLAB_SEVERITY_ERROR, id, pointer, __VA_ARGS__)

typedef struct files_look {
    const mli_verify_folder *folder;
    const mli_json *facts;
    mli_findings *report;
    modellab_error *err;
} files_look;

static bool was_removed(const mli_json *facts, const char *part)
{
    const mli_json *removed = mli_json_get(facts, "removed");

    for (size_t i = 0; i < mli_json_count(removed); i++) {
        if (strcmp(mli_json_string(mli_json_at(removed, i), ""), part) == 0) {
            return true;
        }
    }
    return false;
}

/* What a digest that was looked for came to: what is no file any more is missing too. */
MODELLAB_MUST_CHECK static modellab_status digest(const files_look *look, const char *path,
                                                  int64_t most, mli_seal_file *out)
{
    const mli_verify_folder *f = look->folder;
    modellab_status status =
        mli_file_digest(f->files, path, most, f->alloc, f->cancel, out, look->err);

    if (status == MODELLAB_E_NOT_FOUND || status == MODELLAB_E_STORE_CORRUPT) {
        mli_error_clear(look->err);
        memset(out, 0, sizeof *out);
        return MODELLAB_OK;
    }
    return status;
}

/* Compares a file with what is known of it. `noun` makes the ids and the pointer. */
MODELLAB_MUST_CHECK static modellab_status compare(files_look *look, const char *path,
                                                   const char *noun, const char *pointer,
                                                   int64_t bytes, const char *sha256)
{
    mli_seal_file now;
    char id[64];
    modellab_status status = digest(look, path, bytes, &now);

    if (status != MODELLAB_OK) {
        return status;
    }
    if (!now.present) {
        (void)mli_os_format(id, sizeof id, "%s.missing", noun); /* nouns are short */
        BAD(id, pointer, "it is not there");
    } else if (now.bytes < bytes) {
        (void)mli_os_format(id, sizeof id, "%s.cut", noun);
        BAD(id, pointer, "it has %lld bytes and had %lld", (long long)now.bytes, (long long)bytes);
    } else if (strcmp(now.sha256, sha256) != 0) {
        (void)mli_os_format(id, sizeof id, "%s.changed", noun);
        BAD(id, pointer, "its bytes are not those that were recorded");
    } else if (now.bytes > bytes) {
        (void)mli_os_format(id, sizeof id, "%s.longer", noun);
        /* a log may get a last line after the record of the end is made */
        mli_findings_add(
            look->report,
            strcmp(noun, "log") == 0 ? MODELLAB_SEVERITY_WARNING : MODELLAB_SEVERITY_ERROR, id,
            pointer, "it has %lld bytes and had %lld", (long long)now.bytes, (long long)bytes);
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status path_of(const files_look *look, mli_run_file what,
                                                   char out[MLI_PATH_BYTES])
{
    return mli_run_path(look->folder->root, look->folder->run_id, what, out, look->err);
}

MODELLAB_MUST_CHECK static modellab_status compare_sealed(files_look *look, mli_run_file what,
                                                          const char *noun, const char *pointer,
                                                          const mli_seal_file *then)
{
    char path[MLI_PATH_BYTES], id[64];
    const mli_os_files *f = look->folder->files;
    mli_os_stat facts;
    modellab_status status = path_of(look, what, path);

    if (status != MODELLAB_OK) {
        return status;
    }
    if (then->present) {
        return compare(look, path, noun, pointer, then->bytes, then->sha256);
    }
    if (f->stat(f->user, path, false, &facts) == 0) {
        (void)mli_os_format(id, sizeof id, "%s.unrecorded", noun);
        BAD(id, pointer, "it was not there when the run ended");
    }
    return MODELLAB_OK;
}

/* Tells where the journal is wrong, by its own checksums and chain. */
MODELLAB_MUST_CHECK static modellab_status walk_journal(files_look *look, const mli_seal *seal)
{
    char path[MLI_PATH_BYTES];
    const mli_os_files *f = look->folder->files;
    mli_journal_reader r;
    mli_journal_line line;
    bool found = true;
    modellab_status status = path_of(look, MLI_RUN_JOURNAL, path);
    int fd = status != MODELLAB_OK
                 ? -1
                 : f->open(f->user, path, MLI_OS_READ | MLI_OS_NOFOLLOW | MLI_OS_NONBLOCK, 0);

    if (fd < 0) {
        return status; /* that it is missing was said by its digest */
    }
    mli_journal_reader_init(&r, look->folder->alloc, f, fd);
    while (status == MODELLAB_OK && found) {
        status = mli_cancelled(look->folder->cancel)
                     ? mli_fail(look->err, MODELLAB_E_CANCELLED, "cancelled")
                     : mli_journal_next(&r, &line, &found, look->err);
    }
    if (status == MODELLAB_E_STORE_CORRUPT || status == MODELLAB_E_IO) {
        mli_error_clear(look->err);
        status = MODELLAB_OK;
        BAD("journal.damaged", "/journal", "a line without end begins at byte %lld",
            (long long)r.offset);
    }
    if (r.damaged > 0) {
        BAD("journal.damaged", "/journal", "%lld lines are damaged or missing, first at byte %lld",
            (long long)r.damaged, (long long)r.damaged_at);
    }
    if (r.breaks > 0) {
        BAD("journal.chain", "/journal", "the chain of lines breaks at byte %lld",
            (long long)r.broken_at);
    }
    if (seal != NULL && r.last_n < seal->journal_lines) {
        BAD("journal.lines_lost", "/journal", "its last line is %lld and was %lld",
            (long long)r.last_n, (long long)seal->journal_lines);
    } else if (seal != NULL && seal->journal.present && strcmp(r.chain, seal->journal_chain) != 0) {
        BAD("journal.chain", "/journal", "the chain ends with another value");
    }
    mli_journal_reader_dispose(&r);
    int rc = f->close(f->user, fd);
    return status == MODELLAB_OK && rc != 0
               ? mli_fail_os(look->err, -rc, "cannot close the journal")
               : status;
}

MODELLAB_MUST_CHECK static modellab_status look_at_sealed(files_look *look)
{
    mli_seal seal;
    const mli_json *sealed = mli_json_get(look->facts, "seal");
    bool known = mli_run_seal_read(sealed, &seal);
    modellab_status status;

    if (!known) {
        mli_findings_add(look->report, MODELLAB_SEVERITY_INFO, "run.unsealed", "/seal",
                         "nothing was kept about journal, log and request when it ended");
        return walk_journal(look, NULL);
    }
    status = compare_sealed(look, MLI_RUN_JOURNAL, "journal", "/journal", &seal.journal);
    if (status == MODELLAB_OK) {
        status = walk_journal(look, &seal);
    }
    if (status == MODELLAB_OK) {
        status = compare_sealed(look, MLI_RUN_LOG, "log", "/log", &seal.log);
    }
    return status == MODELLAB_OK
               ? compare_sealed(look, MLI_RUN_REQUEST, "request", "/request", &seal.request)
               : status;
}

MODELLAB_MUST_CHECK static modellab_status look_at_input(files_look *look)
{
    char path[MLI_PATH_BYTES];
    const mli_json *input = mli_json_get(look->facts, "input_metadata");
    const char *sha256 = mli_json_string(mli_json_get(input, "sha256"), "");
    int64_t bytes = mli_json_int(mli_json_get(input, "bytes"), -1);

    if (sha256[0] == '\0' || bytes < 0 || was_removed(look->facts, "input")) {
        return MODELLAB_OK;
    }
    if (path_of(look, MLI_RUN_INPUT, path) != MODELLAB_OK) {
        return MODELLAB_E_LIMIT;
    }
    return compare(look, path, "input", "/input", bytes, sha256);
}

modellab_status mli_verify_artifact_file(const mli_json *facts, const mli_json *artifact,
                                         char out[96], modellab_error *err)
{
    bool recorded = mli_json_bool(mli_json_get(facts, "recorded"), false);
    const char *name = mli_json_string(mli_json_get(artifact, "filename"), "");
    const char *id = mli_json_string(mli_json_get(artifact, "id"), "");
    int64_t fence = mli_json_int(mli_json_get(artifact, "fence"), -1);

    if (!recorded) {
        return mli_artifact_file(fence, name, out, err);
    }
    if (fence < 0 || !mli_ulid_valid(id)) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "not an artifact");
    }
    (void)mli_os_format(out, 96, "%lld-%s", (long long)fence, id); /* always fits */
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status look_at_artifact(files_look *look,
                                                            const mli_json *artifact, size_t index)
{
    char path[MLI_PATH_BYTES], file[96], pointer[48];
    size_t end;
    modellab_status status = path_of(look, MLI_RUN_ARTIFACTS, path);
    int n;

    if (status != MODELLAB_OK) {
        return status;
    }
    (void)mli_os_format(pointer, sizeof pointer, "/artifacts/%zu", index); /* always fits */
    if (mli_verify_artifact_file(look->facts, artifact, file, NULL) != MODELLAB_OK) {
        mli_findings_add(look->report, MODELLAB_SEVERITY_INFO, "artifact.unchecked", pointer,
                         "its file is not known: the manifest is of an older version");
        return MODELLAB_OK;
    }
    end = strlen(path);
    n = mli_os_format(path + end, sizeof path - end, "/%s", file);
    if (n < 0 || (size_t)n >= sizeof path - end) {
        return mli_fail(look->err, MODELLAB_E_LIMIT, "the lab's path is too long");
    }
    return compare(look, path, "artifact", pointer,
                   mli_json_int(mli_json_get(artifact, "size_bytes"), -1),
                   mli_json_string(mli_json_get(artifact, "sha256"), ""));
}

static int look_at_name(void *arg, const char *name)
{
    static const char *const known[] = {"lock",          "input", "request.json", "journal.jsonl",
                                        "manifest.json", "page",  "log.jsonl",    "artifacts"};
    files_look *look = arg;

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(name, known[i]) == 0) {
            return 0;
        }
    }
    mli_findings_add(look->report, MODELLAB_SEVERITY_WARNING, "file.unrecorded", "",
                     "something that is not of the run lies in its folder");
    return 0;
}

static int look_at_result(void *arg, const char *name)
{
    files_look *look = arg;
    const mli_json *artifacts = mli_json_get(look->facts, "artifacts");

    for (size_t i = 0; i < mli_json_count(artifacts); i++) {
        char file[96];

        if (mli_verify_artifact_file(look->facts, mli_json_at(artifacts, i), file, NULL) ==
                MODELLAB_OK &&
            strcmp(file, name) == 0) {
            return 0;
        }
    }
    mli_findings_add(look->report, MODELLAB_SEVERITY_WARNING, "artifact.unrecorded", "/artifacts",
                     "a file without a record lies among the artifacts");
    return 0;
}

MODELLAB_MUST_CHECK static modellab_status list(files_look *look, mli_run_file what,
                                                int (*each)(void *arg, const char *name))
{
    char path[MLI_PATH_BYTES];
    const mli_os_files *f = look->folder->files;
    modellab_status status = path_of(look, what, path);
    int rc = status == MODELLAB_OK ? f->list(f->user, path, each, look) : 0;

    return rc >= 0 || rc == -ENOENT || rc == -ENOTDIR
               ? status
               : mli_fail_os(look->err, -rc, "the run's folder cannot be listed");
}

modellab_status mli_verify_files(const mli_verify_folder *folder, const mli_json *facts,
                                 mli_findings *report, modellab_error *err)
{
    files_look look = {.folder = folder, .facts = facts, .report = report, .err = err};
    const mli_json *artifacts = mli_json_get(facts, "artifacts");
    bool removed = was_removed(facts, "artifacts");
    modellab_status status = look_at_sealed(&look);

    if (status == MODELLAB_OK) {
        status = look_at_input(&look);
    }
    for (size_t i = 0; status == MODELLAB_OK && !removed && i < mli_json_count(artifacts); i++) {
        status = look_at_artifact(&look, mli_json_at(artifacts, i), i);
    }
    if (status == MODELLAB_OK) {
        status = list(&look, MLI_RUN_FOLDER, look_at_name);
    }
    return status == MODELLAB_OK ? list(&look, MLI_RUN_ARTIFACTS, look_at_result) : status;
}
