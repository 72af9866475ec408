#!/usr/bin/env python3
"""scripts/bench http: speed, load and memory of modellab-server. main.py SERVER SOURCES [PART...] [SIZE=VALUE...]"""
import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile
import types

from lab import kit, Table, has, load, make_runs
import flat
import idle
import livez
import mixed
import speed

PARTS = ("status", "list", "livez", "idle", "mixed")  # and flat, which takes long: only when it is named
SIZES = {"runs": 3000, "rounds": 3, "seconds": 2, "mixed_seconds": 60, "idle_clients": 1000, "idle_seconds": 20, "idle_events": 20,
         "livez_seconds": 5, "livez_repeats": 20, "flat_requests": 1000000, "flat_seconds": 5, "leak": 0, "leak_bytes": 400, "assert_times": 1}


def parse(arguments):
    sizes, parts = dict(SIZES), []
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if equals and name in SIZES and value.isdigit():
            sizes[name] = int(value)
        elif argument in (*PARTS, "flat"):
            parts.append(argument)
        else:
            sys.exit(f"{argument}: parts are {', '.join(PARTS)}, flat; sizes are {', '.join(f'{k}={v}' for k, v in SIZES.items())}")
    return types.SimpleNamespace(**sizes), parts or list(PARTS)


def key_of(root):
    made = subprocess.run([str(kit.BINARIES / "modellab"), "key", "create", "--scopes", "admin", "--name", "bench", "--lab", str(root), "--json"],
                          capture_output=True, text=True, check=True)
    return json.loads(made.stdout)["secret"]


def server_of(root, *arguments, testing=False, **settings):
    return kit.Server(*arguments, root=root, testing=testing, **settings)


def main():
    sizes, parts = parse(sys.argv[3:])
    parts_of_speed = [part for part in parts if part in ("status", "list")]
    if parts_of_speed and not has("wrk"):
        sys.exit("wrk is not installed")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 65536)), hard))
    table = Table()
    table.line(f"load of this machine: {load()}, {os.cpu_count()} cores")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mli-bench-http-", dir=os.environ.get("MODEL_LAB_BENCH_FOLDER", "/tmp")))
    try:
        root = folder / "lab"
        with server_of(root) as server:
            runs = make_runs(server, sizes.runs)
            table.line(f"lab: {len(runs)} runs, submitted over HTTP and executed")
            if parts_of_speed:
                with server_of(root, "--no-supervisor", "--keys", "on", HTTP_RATE=0) as keyed, \
                     server_of(root, "--no-supervisor", LOG_LEVEL="warn") as quiet:
                    key = key_of(root)
                    for part in parts_of_speed:
                        speed.measure(table, folder, part, speed.subjects(part, (server, keyed, quiet), runs, key), sizes)
            if "idle" in parts:
                idle.measure(table, server, sizes)
            if "mixed" in parts:
                mixed.measure(table, server, runs, sizes)
        if "livez" in parts:
            with server_of(root, MAX_WORKERS=2) as server:
                livez.measure(table, server, sizes)
        if "flat" in parts:
            flat.measure(table, root, runs[0], key_of(root), sizes, server_of)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    table.end()
    sys.exit(1 if table.failed else 0)


if __name__ == "__main__":
    main()
