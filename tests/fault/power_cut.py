"""The power is cut on a real file system: a host submits and executes runs on ext4 in a loop device, is
stopped at a random moment, and the file system is shut down without writing what it has in memory
(FS_IOC_SHUTDOWN). After the next mount everything that was acknowledged must be there.

power_cut.py PROGRAM WORKER FOLDER; MODEL_LAB_TEST_POWER_CUTS: how many (20). Exit 77: this machine
does not allow it (root, loop devices, mkfs.ext4)."""
import array
import fcntl
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PROGRAM, WORKER, FOLDER = sys.argv[1:4]
FS_IOC_SHUTDOWN = 0x8004587D
WITHOUT_LOG = 2
SEED = 20261123


class NotHere(Exception):
    """This machine does not allow the test."""


def run(*command, check=True):
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=600, check=False)
    if check and done.returncode != 0:
        raise NotHere(f"{command[0]}: {done.stderr.strip()[:200]}")
    return done


class Disk:
    """ext4 in a file; mounted while inside `with`."""

    def __init__(self, folder):
        self.image, self.place, self.device = folder + "/image", folder + "/mount", ""
        with open(self.image, "wb") as image:
            image.truncate(96 << 20)
        os.mkdir(self.place)
        self.device = run("losetup", "--find", "--show", self.image).stdout.strip()
        try:
            run("mkfs.ext4", "-q", "-F", self.device)
        except NotHere:
            self.close()
            raise

    def __enter__(self):
        run("mount", "-t", "ext4", self.device, self.place)
        return self.place

    def __exit__(self, *_):
        for _ in range(1200):  # a worker that was just killed may still have files open
            if run("umount", self.place, check=False).returncode == 0:
                return
            time.sleep(0.05)
        run("umount", "--lazy", self.place, check=False)

    def close(self):
        run("losetup", "--detach", self.device, check=False)

    def cut(self):
        folder = os.open(self.place, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.ioctl(folder, FS_IOC_SHUTDOWN, array.array("i", [WITHOUT_LOG]))
        os.close(folder)


def state(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as text:
        return text.read().rpartition(")")[2].split()[0]


def write_until_cut(disk, plant, seconds, begun):
    """What the host said until it was stopped; `begun`: the time counts from its first acknowledged run."""
    with subprocess.Popen([PROGRAM, "stream", disk.place + "/lab", WORKER, plant], stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.DEVNULL) as host:
        out = ""
        while begun and "ack " not in out:
            line = host.stdout.readline()
            if not line:
                break
            out += line
        time.sleep(seconds)
        host.send_signal(signal.SIGSTOP)  # no sync may be under way when the power goes
        while host.poll() is None and state(host.pid) != "T":
            time.sleep(0.0005)
        ended = host.poll()
        disk.cut()
        host.kill()
        out += host.stdout.read()
    if ended is not None:
        sys.exit(f"the host ended by itself with {ended}: {out[-400:]}")
    return out


def known(out):
    runs = {}
    for line in out.splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == "ack":
            runs[words[1]] = words[1]
        elif len(words) > 2 and words[0] == "end":
            runs[words[1]] = words[1] + "=" + words[2]
    return list(runs.values())


def one_cut(folder, plant, seconds, begun):
    """How many runs were acknowledged, and what is wrong with them."""
    disk = Disk(folder)
    try:
        with disk:
            runs = known(write_until_cut(disk, plant, seconds, begun))
        with disk as place:
            looked = run(PROGRAM, "check", place + "/lab", WORKER, *runs, check=False)
    finally:
        disk.close()
    # The log of a run is not synced and may have lost its end: a verification says so, as it should.
    wrong = [line for line in looked.stdout.splitlines() if line.startswith("wrong ") and "log.cut" not in line]
    crashed = looked.returncode not in (0, 1)
    return len(runs), f"exit {looked.returncode}: {'; '.join(wrong)[:400]}" if wrong or crashed else ""


def cuts(count, plant, source):
    total = wrong = 0
    for number in range(count):
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
            # Each fourth cut may also hit the start.
            runs, what = one_cut(folder, plant, source.uniform(0.05, 0.8), plant != "none" or number % 4 != 0)
        total += runs
        if what:
            wrong += 1
            if plant == "none":
                print(f"wrong: cut {number}: {what}", flush=True)
        if wrong and plant != "none":
            print(f"planted bug {plant}: found at cut {number + 1}: {what[:160]}")
            break
    return total, wrong


def main():
    if os.geteuid() != 0 or shutil.which("mkfs.ext4") is None or shutil.which("losetup") is None:
        print("skipped: needs root, losetup and mkfs.ext4")
        return 77
    count = int(os.environ.get("MODEL_LAB_TEST_POWER_CUTS", "20"))
    try:
        total, wrong = cuts(count, "none", random.Random(SEED))
        print(f"{count} power cuts on ext4 under {total} acknowledged runs: {wrong} wrong", flush=True)
        _, found = cuts(20, "no-sync", random.Random(SEED + 1))
    except (NotHere, OSError) as reason:
        print("skipped: this machine does not allow it:", reason)
        return 77
    return 0 if wrong == 0 and total > 0 and found else 1


sys.exit(main())
