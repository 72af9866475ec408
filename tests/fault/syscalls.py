"""Each system call of a host and its worker fails once (strace -e inject): what was acknowledged is
there afterwards, the lab is valid, nothing crashes or hangs, a failed sync leaves a trace.

syscalls.py PROGRAM WORKER FOLDER; MODEL_LAB_TEST_SYSCALLS: how many faults (120), or "all".
Exit 77: this machine cannot trace."""
import concurrent.futures
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile

PROGRAM, WORKER, FOLDER = sys.argv[1:4]
SEED = 20261123
TIMEOUT = 300
IO = ["EIO", "ENOSPC", "EDQUOT", "EINTR"]
ERRORS = {
    "openat": ["EIO", "ENOSPC", "EMFILE", "EINTR", "EDQUOT"], "mkdirat": ["EIO", "ENOSPC", "EDQUOT"],
    "read": ["EIO", "EINTR"], "pread64": ["EIO", "EINTR"], "write": IO, "pwrite64": IO, "fsync": IO, "fdatasync": IO,
    "renameat": ["EIO", "ENOSPC", "EDQUOT"], "linkat": ["EIO", "EMLINK"], "unlink": ["EIO"], "unlinkat": ["EIO"],
    "access": ["EIO"], "fchown": ["EIO"], "fchmod": ["EIO"], "madvise": ["ENOMEM"], "signalfd4": ["EMFILE"],
    "ftruncate": ["EIO", "ENOSPC"], "fallocate": ["ENOSPC", "EOPNOTSUPP"], "flock": ["EINTR", "ENOLCK"],
    "fcntl": ["EMFILE", "ENOLCK"], "newfstatat": ["EIO"], "fstat": ["EIO"], "lseek": ["EIO"], "statfs": ["EIO"],
    "fstatfs": ["EIO"], "getdents64": ["EIO"], "mmap": ["ENOMEM"], "socketpair": ["EMFILE"], "socket": ["EMFILE"],
    "bind": ["EADDRINUSE"], "connect": ["ECONNREFUSED"], "sendto": ["ENOBUFS", "EAGAIN"], "sendmsg": ["ENOBUFS", "EINTR"],
    "recvmsg": ["EINTR", "ENOMEM"], "recvfrom": ["EINTR"], "epoll_create1": ["EMFILE"], "epoll_ctl": ["ENOMEM"],
    "epoll_wait": ["EINTR"], "eventfd2": ["EMFILE"], "timerfd_create": ["EMFILE"], "timerfd_settime": ["EINVAL"],
    "pidfd_open": ["EMFILE", "ENOSYS"], "pidfd_send_signal": ["EPERM"], "poll": ["EINTR"], "ppoll": ["EINTR"],
    "waitid": ["EINTR", "ECHILD"], "wait4": ["EINTR", "ECHILD"], "clone": ["EAGAIN"], "clone3": ["EAGAIN"],
    "vfork": ["EAGAIN"], "execve": ["ENOMEM"], "getrandom": ["EINTR"], "ioctl": ["ENOTTY"], "prctl": ["EINVAL"],
    "prlimit64": ["EPERM"], "seccomp": ["EINVAL"], "landlock_create_ruleset": ["ENOSYS", "EOPNOTSUPP"],
    "landlock_add_rule": ["EINVAL"], "landlock_restrict_self": ["EPERM"], "kill": ["EPERM"], "dup2": ["EINTR"],
}
SYNCS = {"fsync", "fdatasync"}


def run(command, **more):
    return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=TIMEOUT, **more)


def end_of(tracer):
    """A host that hangs would outlive its tracer: it is ended by its own pid, its worker follows."""
    for task in os.listdir(f"/proc/{tracer.pid}/task"):
        with open(f"/proc/{tracer.pid}/task/{task}/children", encoding="ascii") as children:
            for pid in children.read().split():
                os.kill(int(pid), signal.SIGKILL)
    tracer.kill()
    tracer.wait()


def traced(root, trace, options, plant):
    command = ["strace", "-f", "-qq", "--seccomp-bpf", "-o", trace, *options, PROGRAM, "run", root, WORKER, plant]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace") as tracer:
        try:
            out, errors = tracer.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            end_of(tracer)
            return None, "", ""
        return tracer.returncode, out, errors


def can_trace():
    if shutil.which("strace") is None:
        return "strace is not installed"
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        tried = run(["strace", "-f", "--seccomp-bpf", "-e", "trace=write", "-o", folder + "/t", "true"])
    return "" if tried.returncode == 0 else "strace may not trace here: " + tried.stderr.strip()[:200]


def count_calls():
    """The most calls of each kind in one thread after the start of main(), and how many came before."""
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        for number in range(5):  # a machine that stands still may not end its runs in time
            trace_of = f"{folder}/trace"
            code, out, _ = traced(f"{folder}/lab{number}", trace_of,
                                  ["-e", "trace=" + ",".join("?" + name for name in ERRORS)], "none")
            if code == 0 and out.count("end ") == 2:
                break
        else:
            sys.exit(f"without a fault the program ends with {code}:\n{out}")
        with open(folder + "/trace", encoding="utf-8", errors="replace") as trace:
            lines = trace.readlines()
    counts, before, unlocks = {}, {}, set()
    for line in lines:
        match = re.match(r"(\d+) +(\w+)\(", line)
        if match is None:
            continue
        thread = counts.setdefault(match[1], {})
        thread[match[2]] = thread.get(match[2], 0) + 1
        if "F_UNLCK" in line:  # giving a lock back cannot fail
            unlocks.add(thread["fcntl"])
        if 'write(1, "start' in line:
            before = dict(thread)
    most = {name: max((thread.get(name, 0) for thread in counts.values()), default=0) for name in ERRORS}
    return most, before, unlocks


def all_faults():
    most, before, unlocks = count_calls()
    faults = [(name, error, number) for name, errors in ERRORS.items() for error in errors
              for number in range(before.get(name, 0) + 1, most[name] + 1) if name != "fcntl" or number not in unlocks]
    shorts = [("short", "write", number) for number in range(most["write"])]
    return faults, shorts, most


def check(root, out):
    known = {}
    for line in out.splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == "ack":
            known[words[1]] = words[1]
        elif len(words) > 2 and words[0] == "end":
            known[words[1]] = words[1] + "=" + words[2]
    try:
        looked = run([PROGRAM, "check", root, WORKER, *known.values()])
    except subprocess.TimeoutExpired:
        return "the look afterwards hangs"
    return "" if looked.returncode == 0 else f"exit {looked.returncode}: {looked.stdout.strip()[:400]}"


def said(root):
    """Whether a worker logged an error."""
    return any('"level":"error"' in log.read_text(errors="replace") for log in pathlib.Path(root).glob("runs/*/log.jsonl"))


def try_fault(fault, plant="none"):
    """"" when all is well; whether the fault was met at all."""
    name, error, number = fault
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        root, trace = folder + "/lab", folder + "/trace"
        if name == "short":
            plant, options = f"short={number}", ["-e", "trace=none"]
        else:
            options = ["-y", "-e", f"trace={name}", "-e", f"inject={name}:error={error}:when={number}"]
        code, out, errors = traced(root, trace, options, plant)
        with open(trace, encoding="utf-8", errors="replace") as text:
            injected = [line for line in text if "(INJECTED)" in line]
        hit = name == "short" or bool(injected)
        if injected and all("F_UNLCK" in line for line in injected):
            return "", False  # another order of calls than when they were counted
        if code is None:
            return "it hangs", hit
        if code not in (0, 1):
            return f"exit {code} {errors.strip()[-300:]}", hit
        # SQLite's own: it ignores folders; and the checkpoint at its end, which then leaves the log where it is
        # (a commit that was not synced does not: the checkpoint after it removes the log).
        kept = os.path.exists(root + "/lab.sqlite-wal")
        checkpoint = [line for line in injected if re.search(r"lab\.sqlite(-wal)?>", line)] if kept else []
        mattered = [line for line in injected if f"<{root}>" not in line and line not in checkpoint]
        if name in SYNCS and mattered and error != "EINTR" and code == 0 and "log " not in out and not said(root):
            return "a failed sync is not mentioned anywhere", hit
        return check(root, out), hit


def planted():
    """A host that acknowledges what was refused, and one that is deaf to failed syncs, are found."""
    _, _, most = all_faults()
    for plant, name in (("careless", "mkdirat"), ("deaf", "fsync")):
        found = ""
        for number in range(1, most[name] + 1):
            found, _ = try_fault((name, "EIO", number), plant)
            if found:
                break
        print(f"planted bug {plant}: {found or 'NOT found'}")
        if not found:
            return False
    return True


def main():
    reason = can_trace()
    if reason:
        print("skipped:", reason)
        return 77
    faults, shorts, _ = all_faults()
    total = len(faults) + len(shorts)
    wanted = os.environ.get("MODEL_LAB_TEST_SYSCALLS", "120")
    chosen = faults + shorts
    if wanted != "all" and int(wanted) < total:
        chosen = random.Random(SEED).sample(chosen, int(wanted))
    wrong = met = done = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for fault, (what, hit) in zip(chosen, pool.map(try_fault, chosen)):
            done += 1
            met += hit
            if what:
                wrong += 1
                print("wrong:", *fault, "-", what, flush=True)
            if done % 500 == 0:
                print(f"{done} of {len(chosen)}", flush=True)
    print(f"{len(chosen)} of {total} faults, {met} of them met: {wrong} wrong")
    sound = planted()
    return 0 if wrong == 0 and met > len(chosen) // 2 and sound else 1


sys.exit(main())
