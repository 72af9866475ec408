#!/usr/bin/env python3
"""Speech synthesis beside piper-tts' onnxruntime session: the same ids, interleaved, one process
each, 5, 20 and 80 words, 1 and 2 threads, also with one core kept busy; real-time factor, first
audio, load to ready (of ours from its packed image, made before), peak memory. tts_speed.py BENCH_VITS VOICE.onnx [--rounds N]"""
import argparse
import json
import multiprocessing
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

WORDS = ("the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "and", "runs", "home")
BARS = {"rtf": 0.8, "first": 0.45}


def sentences(count):
    """Sentences of at most 20 words; one of all words last."""
    words = [WORDS[i % len(WORDS)] for i in range(count)]
    return [" ".join(words[i : i + 20]) for i in range(0, count, 20)], [" ".join(words)]


def ids_of(text, table):
    ids = list(table["^"]) + list(table["_"])
    for symbol in text + ".":
        ids += list(table.get(symbol, [])) + list(table["_"])
    return ids + list(table["$"])


def peer(path, texts, threads, queue):
    """In a process of its own: load, total, first sentence, peak memory."""
    import numpy as np
    import onnxruntime

    begin = time.perf_counter()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])
    load = time.perf_counter() - begin
    table = json.load(open(path + ".json", encoding="utf-8"))["phoneme_id_map"]

    def run(ids):
        feed = {"input": np.array([ids], dtype=np.int64),
                "input_lengths": np.array([len(ids)], dtype=np.int64),
                "scales": np.array([0.667, 1.0, 0.8], dtype=np.float32)}
        return session.run(None, feed)[0].size

    for ids in texts:
        run(ids)  # warm
    begin = time.perf_counter()
    samples = run(texts[0])
    first = time.perf_counter() - begin
    for ids in texts[1:]:
        samples += run(ids)
    total = time.perf_counter() - begin
    queue.put({"load": load, "first": first, "rtf": total / (samples / 22050),
               "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3})
    del table


def run_peer(*arguments):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=peer, args=(*arguments, queue))
    process.start()
    result = queue.get(timeout=300)
    process.join()
    return result


def model_of(path, folder):
    """An installed voice is opened by its name, with a cache of packed images; another by its path."""
    home = os.path.dirname(os.path.abspath(path))
    if not os.path.exists(os.path.join(home, "model.json")):
        return [f"model={path}"]
    return [f"model={os.path.basename(home)}", f"root={os.path.dirname(home)}",
            f"cache={os.path.join(folder, 'cache')}"]


def run_ours(program, path, texts, threads, folder):
    """Sentences one after the other; each process speaks one, loaded and warm."""
    total = samples = first = load = peak = 0
    for i, ids in enumerate(texts):
        name = os.path.join(folder, "ids")
        with open(name, "w", encoding="ascii") as f:
            f.write(" ".join(map(str, ids)))
        told = json.loads(subprocess.check_output(
            [program, *model_of(path, folder), f"ids={name}", f"threads={threads}", "rounds=3",
             "noise=0.667", "noise_w=0.8"]))
        total += told["total_ms"] / 1e3
        samples += told["samples"]
        first = told["first_ms"] / 1e3 if i == 0 else first
        load, peak = told["load_ms"] / 1e3, max(peak, told["peak_mb"])
    return {"load": load, "first": first, "rtf": total / (samples / 22050), "peak": peak}


def burn():
    while True:
        pass


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("voice")
    parser.add_argument("--rounds", type=int, default=3)
    o = parser.parse_args()
    table = json.load(open(o.voice + ".json", encoding="utf-8"))["phoneme_id_map"]
    print(f"load of this machine {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        run_ours(o.program, o.voice, [ids_of("a", table)], 2, folder)  # makes the image
        for busy in (False, True):
            burner = multiprocessing.Process(target=burn, daemon=True) if busy else None
            if burner:
                burner.start()
            for words in (5, 20, 80):
                parts, whole = sentences(words)
                for name, texts in (("", parts), (", one sentence", whole)):
                    if name and (words < 80 or busy):
                        continue
                    texts = [ids_of(t, table) for t in texts]
                    for threads in (1, 2):
                        ours, theirs = [], []
                        for _ in range(o.rounds):
                            ours.append(run_ours(o.program, o.voice, texts, threads, folder))
                            theirs.append(run_peer(o.voice, texts, threads))
                        a, b = ({k: statistics.median(r[k] for r in rows) for k in rows[0]}
                                for rows in (ours, theirs))
                        print(f"{words} words{name}, {threads} threads{', a busy core' if busy else ''}: "
                              f"rtf {a['rtf']:.4f} / {b['rtf']:.4f} = {a['rtf'] / b['rtf']:.2f}, "
                              f"first audio {a['first'] * 1e3:.0f} / {b['first'] * 1e3:.0f} ms = "
                              f"{a['first'] / b['first']:.2f}, load {a['load'] * 1e3:.0f} / "
                              f"{b['load'] * 1e3:.0f} ms, peak {a['peak']:.0f} / {b['peak']:.0f} MB",
                              flush=True)
            if burner:
                burner.kill()
    return 0


if __name__ == "__main__":
    sys.exit(main())
