"""`modellab run list --watch` on a terminal (a pty) and into a pipe; `run events --follow`.

watch.py MODELLAB: a lab of its own; prints what fails and exits 1.
"""

import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

PROGRAM = sys.argv[1]
WORK = tempfile.mkdtemp(prefix="modellab-watch-")
ENV = dict(
    os.environ,
    MODEL_LAB_ROOT=os.path.join(WORK, "canary-lab"),
    MODEL_LAB_MODELS_ROOT=os.path.join(WORK, "models"),
    MODEL_LAB_CACHE_ROOT=os.path.join(WORK, "cache"),
    MODEL_LAB_MIN_FREE_BYTES="1M",
    MODEL_LAB_TESTING="1",
    OPENBLAS_NUM_THREADS="1",
    LC_ALL="C.UTF-8",
)
ENV.pop("MODEL_LAB_LOG_FILE", None)
FAILURES = []
PATIENCE = 600


def check(name, good, detail=""):
    if not good:
        FAILURES.append(name)
        print("FAILED:", name, str(detail)[:2000])


def submit(milliseconds):
    request = os.path.join(WORK, "request.json")
    with open(request, "w", encoding="utf-8") as file:
        json.dump({"steps": ["noop"], "labels": {"noop_ms": str(milliseconds)}}, file)
    done = subprocess.run(
        [PROGRAM, "run", "submit", "--request", request, "--quiet"],
        env=ENV, capture_output=True, text=True, check=False)
    check("submit", done.returncode == 0, done.stderr)
    return done.stdout.strip()


def read_until(fd, wanted, seen=b""):
    """Reads until `wanted` (a function of all bytes) is true, at most PATIENCE seconds."""
    end = time.monotonic() + PATIENCE
    while not wanted(seen) and time.monotonic() < end:
        if select.select([fd], [], [], 0.2)[0]:
            try:
                more = os.read(fd, 65536)
            except OSError:  # the other side of a pty is gone
                break
            if not more:
                break
            seen += more
    return seen


def on_terminal(rows, columns):
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    before = termios.tcgetattr(slave)
    watching = subprocess.Popen(
        [PROGRAM, "run", "list", "--watch"], env=ENV, stdin=slave, stdout=slave, stderr=slave,
        start_new_session=True)
    seen = read_until(master, lambda text: text.count(b"STATUS") >= 2)
    check("the table is drawn again", seen.count(b"STATUS") >= 2, seen)
    check("in place", re.search(rb"\x1b\[\d+A\r", seen), seen)
    run = submit(1)
    seen = read_until(master, lambda text: run.encode()[:20] in text, seen)
    check("a new run appears", run.encode()[:20] in seen, seen)
    check("as queued", b"QUEUED" in seen, seen)
    os.kill(watching.pid, signal.SIGINT)
    watching.wait(PATIENCE)
    seen = read_until(master, lambda text: text.endswith(b"\x1b[?25h"), seen)
    check("Ctrl-C: exit code", watching.returncode == 130, watching.returncode)
    check("the cursor is back", seen.endswith(b"\x1b[?25h"), seen[-80:])
    check("and was hidden once", seen.count(b"\x1b[?25l") == 1, seen)
    check("the terminal's settings", termios.tcgetattr(slave) == before)
    plain = re.sub(rb"\x1b\[[0-9?]*[A-Za-z]", b"", seen).decode().replace("\r", "")
    lines = plain.split("\n")
    check("no line is wider", max(len(line) for line in lines) <= columns, lines)
    drawn = [int(n) for n in re.findall(rb"\x1b\[(\d+)A", seen)]
    check("no table is taller", max(drawn) < rows, drawn)
    check("no path", b"canary-lab" not in seen)
    os.close(master)
    os.close(slave)


def into_pipe():
    watching = subprocess.Popen([PROGRAM, "run", "list", "--watch"], env=ENV,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    records = subprocess.Popen([PROGRAM, "run", "list", "--watch", "--json"], env=ENV,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    run = submit(1500).encode()
    seen = read_until(watching.stdout.fileno(), lambda text: run in text)
    waiting = subprocess.run([PROGRAM, "run", "wait", run.decode(), "--quiet"], env=ENV,
                             capture_output=True, check=False)
    check("wait", waiting.returncode == 0, waiting.stderr)

    def over(text):
        return re.search(run + rb"\s+COMPLETED", text) is not None

    seen = read_until(watching.stdout.fileno(), over, seen)
    lines = [line for line in seen.decode().splitlines() if run.decode() in line]
    check("a line a change", any("QUEUED" in l for l in lines) and "COMPLETED" in lines[-1], lines)
    check("no line twice", len(lines) == len({tuple(l.split()[:3]) for l in lines}), lines)
    check("no escapes", b"\x1b" not in seen, seen)
    json_seen = read_until(records.stdout.fileno(),
                           lambda text: b'"COMPLETED"' in text and text.endswith(b"\n"))
    for line in json_seen.decode().splitlines():
        record = json.loads(line)
        check("a record a line", "run_id" in record and "request_id" in record, line)
    for process in (watching, records):
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
        check("pipe: exit code", process.returncode == 130, process.returncode)
    return run.decode()


def follow(run):
    done = subprocess.run([PROGRAM, "run", "events", run, "--follow", "--json"], env=ENV,
                          capture_output=True, text=True, check=False, timeout=PATIENCE)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    status = subprocess.run([PROGRAM, "run", "status", run, "--json"], env=ENV,
                            capture_output=True, text=True, check=False)
    record = json.loads(status.stdout)
    check("follow ends", done.returncode == 0 and len(events) >= 3, done.stderr)
    check("request ids", {e["request_id"] for e in events} == {record["request_id"]}, events)
    check("trace ids", {e["trace_id"] for e in events} == {record["trace_id"]}, events)
    check("numbers", [e["number"] for e in events] == list(range(1, len(events) + 1)), events)
    done = subprocess.run([PROGRAM, "run", "events", run], env=ENV, capture_output=True, text=True,
                          check=False)
    check("for people too",
          all("request_id=" + record["request_id"] in line for line in done.stdout.splitlines()),
          done.stdout)


def main():
    try:
        submit(1)
        on_terminal(8, 60)
        on_terminal(30, 160)
        follow(into_pipe())
    finally:
        shutil.rmtree(WORK, ignore_errors=True)
    if FAILURES:
        sys.exit(1)
    print("watched on two terminals and in two pipes")


main()
