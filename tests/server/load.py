"""The parts of scripts/bench http in a few seconds each: no error, memory that stays, a leak that is seen. Figures are not looked at."""
import re
import shutil
import subprocess
import sys

import kit

SHORT = ["runs=40", "rounds=1", "seconds=1", "mixed_seconds=4", "idle_clients=200", "idle_seconds=1", "idle_events=3", "livez_seconds=1",
         "flat_seconds=2", "assert_times=0"]


def bench(*arguments, code=0):
    program = kit.SOURCES / "tests" / "bench" / "http" / "main.py"
    done = subprocess.run([sys.executable, str(program), str(kit.PROGRAM), str(kit.SOURCES), *SHORT, *arguments], capture_output=True, text=True,
                          timeout=1500)
    print(done.stdout, flush=True)
    kit.equal(done.returncode, code, f"end of the bench; {done.stderr[-3000:]}")
    return done.stdout


def needs_wrk():
    if shutil.which("wrk") is None:
        raise kit.Skip("wrk is not installed")


def test_mixed_and_idle():
    kit.models()
    text = bench("idle", "mixed")
    kit.true(re.search(r"^mixed: errors +0 +0$", text, re.M) and re.search(r"^600 events came", text, re.M), "its figures")


def test_livez():
    kit.models()
    kit.true("two transcriptions, one connection" in bench("livez", "livez_repeats=40"), "its figures")


def test_speed():
    needs_wrk()
    text = bench("status", "list")
    kit.true(re.search(r"^list of 20, gzip: errors +0 +0$", text, re.M), "its figures")


def test_flat():
    needs_wrk()
    text = bench("flat", "flat_requests=8000")
    kit.true(re.search(r"^flat: growth .* <= \d+$|^memory is not compared", text, re.M), "memory stays")


def test_a_leak_is_seen():
    needs_wrk()
    with kit.Server() as server:
        if server.status("VmSize") > 10**9:
            raise kit.Skip("a sanitizer looks for leaks by itself")
    text = bench("flat", "flat_requests=8000", "leak=50", "leak_bytes=16000", code=1)
    kit.equal(re.findall(r"^flat: (\w+).*missed$", text, re.M), ["growth"], "what is missed")


if __name__ == "__main__":
    kit.main(globals())
