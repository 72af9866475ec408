"""Speed and memory of speech recognition beside peers on the same weights: interleaved runs (A B A B), medians,
ratios ours / peer with their spread. Prints figures, asserts nothing.
  scripts/bench asr [--rounds N] [--only PART] [--seconds N]

Whole processes run cold (a new process each) with a warm page cache. CPU time is user + system of all processes; that of a
peer's work alone leaves out its interpreter and the loading of its model, ours never does."""
import argparse
import atexit
import glob
import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import soundfile

here = pathlib.Path(__file__).parent
parser = argparse.ArgumentParser()
parser.add_argument("--build", required=True, type=pathlib.Path)
parser.add_argument("--models", required=True, type=pathlib.Path)
parser.add_argument("--data", required=True, type=pathlib.Path)
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--only", choices=["parts", "clip", "meeting", "long", "memory", "vad", "batches"])
parser.add_argument("--seconds", type=int, default=600, help="length of the long recording (batches, long)")
parser.add_argument("--no-cpp", action="store_true", help="leave out whisper.cpp")
args = parser.parse_args()
clean = {k: v for k, v in os.environ.items() if not k.startswith(("OPENBLAS_", "OMP_"))}
work = pathlib.Path(tempfile.mkdtemp(prefix="asr-bench-"))
atexit.register(shutil.rmtree, work, ignore_errors=True)
modellab = str((args.build / "bin/modellab").resolve())


def children_cpu():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(command, env=None):
    start, cpu = time.perf_counter(), children_cpu()
    done = subprocess.run(command, env=env or clean, capture_output=True, text=True)
    run.cpu_seconds, wall = children_cpu() - cpu, time.perf_counter() - start
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command[:4]))} ...: {done.stderr.strip()[-400:]}")
    return wall, done.stdout


def peer(*arguments):
    wall, out = run([sys.executable, str(here / "peer_asr.py"), *map(str, arguments)])
    result = json.loads(out.strip().splitlines()[-1])
    return wall, result | {"cpu_seconds": run.cpu_seconds}


def ours(model, files, *options):
    """Whole process `modellab transcribe`; the record gives the worker's peak memory."""
    lab = work / "lab"
    env = clean | {"MODEL_LAB_ROOT": str(lab), "MODEL_LAB_MIN_FREE_BYTES": "1"}
    wall, out = run([modellab, "transcribe", *map(str, files), "--model", model, "--threads", "2", *options], env)
    cpu = run.cpu_seconds
    _, listed = run([modellab, "run", "status", "last", "--json"], env)
    return wall, {"texts": [out.strip()], "cpu_seconds": cpu, "work_cpu_seconds": cpu,
                  "peak_bytes": json.loads(listed)["measures"]["peak_memory_bytes"]}


def ggml(model):
    """The same weights for whisper.cpp, converted once."""
    target = work / f"{model}.ggml"
    if not target.exists():
        run([sys.executable, str(here.parent / "conformance/convert_whisper.py"), str(args.models / model), str(work / model), "ggml-f16"])
        target.symlink_to(work / model / "ggml-f16.bin")
    return target


def ratios(ours_, theirs):
    each = [a / b for a, b in zip(ours_, theirs)]
    return f"{statistics.median(each):5.2f} [{min(each):.2f} .. {max(each):.2f}]"


def race(title, contestants):
    """contestants: name -> function giving (wall, result). Ours is the first; rounds are interleaved."""
    walls, cpus, works, results = ({n: [] for n in contestants} for _ in range(4))
    for name, call in contestants.items():  # warm the page cache and the packed image
        results[name] = call()[1]
    for _ in range(args.rounds):
        for name, call in contestants.items():
            wall, results[name] = call()
            walls[name].append(wall)
            cpus[name].append(results[name]["cpu_seconds"])
            works[name].append(results[name].get("work_cpu_seconds", results[name]["cpu_seconds"]))
    base = next(iter(contestants))
    print(f"\n{title}")
    for name, times in walls.items():
        print(f"  {name:30s} {statistics.median(times):8.2f} s [{min(times):.2f} .. {max(times):.2f}]  ours/this "
              f"{ratios(walls[base], times)}  peak {results[name]['peak_bytes'] / 1e6:6.0f} MB")
        print(f"  {'':30s} CPU {statistics.median(cpus[name]):8.2f} s  ours/this {ratios(cpus[base], cpus[name])}"
              f"  of its work alone {statistics.median(works[name]):.2f} s {ratios(works[base], works[name])}")
    return results


def parts():
    binary = str((args.build / "bench/bench_asr").resolve())
    for model in ("whisper-tiny.en", "whisper-base"):
        rows = {}
        for _ in range(args.rounds):
            for name, call in {
                    "ours f32": lambda: json.loads(run([binary, str(args.models / model), "f32"])[1]),
                    "ours f16": lambda: json.loads(run([binary, str(args.models / model), "f16"])[1]),
                    "faster-whisper f32": lambda: peer("parts", args.models / model, "float32")[1],
                    "faster-whisper int8": lambda: peer("parts", args.models / model, "int8")[1]}.items():
                rows.setdefault(name, []).append(call())
        print(f"\nparts of {model}, 2 threads, ms (median of {args.rounds} interleaved rounds)")
        for name, results in rows.items():
            figures = [statistics.median(r[k] for r in results) for k in ("encoder_ms", "token_ms", "beam5_ms")]
            print("  {:22s} encoder {:8.1f}   token {:6.2f}   5-beam step {:6.2f}".format(name, *figures))


def recordings():
    """Read speech and meetings; where they are missing the sample conversation takes their place."""
    speech = sorted(glob.glob(str(args.data / "read-speech/*.flac")))
    meetings = sorted(glob.glob(str(args.data / "meetings/*.flac")))
    if speech and meetings:
        return speech, meetings
    sample = str(args.models / "sample-conversation/sample.wav")
    print("\nno recordings (MODEL_LAB_BENCH_DATA): the sample conversation takes their place")
    return [sample], [sample, sample]


def join(files, name, seconds, pause=0.0):
    target = work / name
    parts_ = []
    for f in files:
        parts_ += [soundfile.read(f, dtype="float32")[0], np.zeros(int(pause * 16000), np.float32)]
    joined = np.concatenate(parts_)[: int(seconds * 16000)]
    soundfile.write(target, joined, 16000, subtype="PCM_16")
    return target


def clip():
    speech, _ = recordings()
    file = join(speech[:1], "clip.wav", 11)
    tiny = args.models / "whisper-tiny.en"
    cases = {"ours f16 (modellab)": lambda: ours("whisper-tiny.en", [file]),
             "faster-whisper int8": lambda: peer("fw", tiny, "int8", 1, file),
             "faster-whisper f32": lambda: peer("fw", tiny, "float32", 1, file)}
    if not args.no_cpp:
        cases["whisper.cpp f16"] = lambda: peer("cpp", ggml("whisper-tiny.en"), 1, file)
    race("11 s clip, tiny.en, greedy, cold process", cases)


def meeting():
    _, meetings = recordings()
    file = join(meetings[:2], "meeting.wav", 60)
    base = args.models / "whisper-base"
    for beam in (1, 5):
        cases = {"ours f16 (modellab)": lambda: ours("whisper-base", [file], "--beam", str(beam)),
                 "faster-whisper int8": lambda: peer("fw", base, "int8", beam, file),
                 "faster-whisper f32": lambda: peer("fw", base, "float32", beam, file)}
        if not args.no_cpp:
            cases["whisper.cpp f16"] = lambda: peer("cpp", ggml("whisper-base"), beam, file)
        race(f"60 s meeting, base, beam {beam}, whole process", cases)


def plain(text):
    return " ".join("".join(c if c.isalnum() or c == "'" else " " for c in text.lower()).split())


def long_race(everyone):
    import jiwer
    speech, _ = recordings()
    if len(speech) == 1:
        print(f"{args.seconds} s of read speech: left out")
        return
    file = join(speech, "long.wav", args.seconds, pause=0.5)
    tiny = args.models / "whisper-tiny.en"
    cases = {"ours f16 --vad, batches of 8": lambda: ours("whisper-tiny.en", [file], "--vad"),
             "faster-whisper int8 batched 8": lambda: peer("fw", tiny, "int8", 1, "--batched", file)}
    if everyone:
        cases |= {"ours f16 (modellab)": lambda: ours("whisper-tiny.en", [file]),
                  "faster-whisper int8": lambda: peer("fw", tiny, "int8", 1, file),
                  "faster-whisper f32": lambda: peer("fw", tiny, "float32", 1, file)}
    results = race(f"{args.seconds} s of read speech, tiny.en, whole process", cases)
    reference = peer("fw", args.models / "whisper-base", "float32", 5, file)[1]["texts"][0]
    for name, result in results.items():
        print(f"  {len(plain(result['texts'][0]).split()):5d} words, that differ from whisper-base beam 5: {name:30s} "
              f"{100 * jiwer.wer(plain(reference), plain(result['texts'][0])):5.1f} %")


def long_form():
    long_race(True)


def batches():
    if args.only == "batches":  # `long` has them too
        long_race(False)


def memory():
    speech, _ = recordings()
    file = join(speech[:1], "clip.wav", 11)
    print("\npeak memory of a worker (VmHWM)")
    for model in ("whisper-tiny.en", "whisper-base"):
        print(f"  {model:18s} {ours(model, [file])[1]['peak_bytes'] / 1e6:6.0f} MB")


def vad():
    """Voice activity alone, one thread: seconds of work a second of audio."""
    speech, _ = recordings()
    file = join(speech, "vad.wav", 300, pause=0.5)
    binary = str((args.build / "bench/bench_vad").resolve())
    model = args.models / "silero-vad-v6/silero_vad_16k_op15.onnx"
    times, length = {"ours": [], "onnxruntime": []}, 1.0
    for i in range(args.rounds + 1):
        mine = json.loads(run([binary, str(args.models), str(file)])[1])
        theirs = peer("vad", model, file)[1]
        length = mine["audio_seconds"]
        if i > 0:  # the first warms
            times["ours"].append(mine["seconds"])
            times["onnxruntime"].append(theirs["work_seconds"])
    print(f"\nvoice activity, {length:.0f} s, one thread")
    for name, values in times.items():
        print(f"  {name:12s} real-time factor {statistics.median(values) / length:.5f}  ours/this {ratios(times['ours'], values)}")


_, info = run([modellab, "info"])
print(info.strip())
for name, part in {"parts": parts, "clip": clip, "meeting": meeting, "long": long_form, "memory": memory, "vad": vad,
                   "batches": batches}.items():
    if args.only in (None, name):
        part()
