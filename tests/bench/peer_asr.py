"""One peer, one process: transcribes or times parts of the model, prints one JSON line.

  peer_asr.py fw MODEL_DIR COMPUTE_TYPE BEAM [--batched] FILE...     faster-whisper
  peer_asr.py cpp GGML_FILE BEAM FILE...                            whisper.cpp
  peer_asr.py vad ONNX_FILE FILE                                     Silero on onnxruntime, one thread
  peer_asr.py parts MODEL_DIR COMPUTE_TYPE                           encoder, token, 5-beam step (CTranslate2)
"""
import json
import sys
import time

import numpy as np
import soundfile

THREADS = 2


def load(path):
    samples, rate = soundfile.read(path, dtype="float32")
    assert rate == 16000, path
    return samples if samples.ndim == 1 else samples.mean(axis=1)


def peak_bytes():
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


def faster_whisper(args):
    from faster_whisper import BatchedInferencePipeline, WhisperModel
    batched = "--batched" in args
    folder, compute, beam, *files = [a for a in args if a != "--batched"]
    model = WhisperModel(folder, device="cpu", compute_type=compute, cpu_threads=THREADS)
    english = not model.model.is_multilingual
    options = {"beam_size": int(beam), "language": "en" if english else None}
    start, cpu = time.perf_counter(), time.process_time()
    texts = []
    for file in files:
        audio = load(file)
        if batched:
            segments, _ = BatchedInferencePipeline(model).transcribe(audio, batch_size=8, **options)
        else:
            segments, _ = model.transcribe(audio, **options)
        texts.append("".join(s.text for s in segments).strip())
    return {"texts": texts, "work_seconds": time.perf_counter() - start, "work_cpu_seconds": time.process_time() - cpu}


def whisper_cpp(args):
    from pywhispercpp.model import Model
    file, beam, *audio = args
    options = {"n_threads": THREADS, "print_progress": False, "print_realtime": False}
    if int(beam) > 1:
        options |= {"params_sampling_strategy": 1, "beam_search": {"beam_size": int(beam), "patience": -1.0}}
    model = Model(file, redirect_whispercpp_logs_to=None, **options)
    start = time.perf_counter()
    texts = ["".join(s.text + " " for s in model.transcribe(load(a))).strip() for a in audio]
    return {"texts": texts, "work_seconds": time.perf_counter() - start}


def parts(args):
    import ctranslate2
    folder, compute = args
    model = ctranslate2.models.Whisper(folder, device="cpu", compute_type=compute, intra_threads=THREADS)
    mels = np.random.default_rng(1).standard_normal((1, 80, 3000)).astype(np.float32)
    view = ctranslate2.StorageView.from_array(mels)
    prompt = [50258, 50259, 50359, 50363] if model.is_multilingual else [50257, 50362]
    model.encode(view)
    encoder, token, beam = [], [], []
    for _ in range(5):
        start = time.perf_counter()
        encoded = model.encode(view)
        encoder.append(time.perf_counter() - start)

        def decode(width, tokens):
            begin = time.perf_counter()
            out = model.generate(encoded, [prompt], beam_size=width, max_length=len(prompt) + tokens,
                                 suppress_tokens=[50257 if model.is_multilingual else 50256], suppress_blank=False)
            return time.perf_counter() - begin, len(out[0].sequences_ids[0])
        for width, times in ((1, token), (5, beam)):
            short, few = decode(width, 8)
            long, many = decode(width, 108)
            if many > few:
                times.append((long - short) / (many - few))
    return {"encoder_ms": 1e3 * float(np.median(encoder)), "token_ms": 1e3 * float(np.median(token)),
            "beam5_ms": 1e3 * float(np.median(beam))}


def voice_activity(args):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(args[0], options, providers=["CPUExecutionProvider"])
    audio = load(args[1])
    state, rate, context = np.zeros((2, 1, 128), np.float32), np.array(16000, np.int64), np.zeros(64, np.float32)
    start = time.perf_counter()
    for at in range(0, len(audio) - 511, 512):
        chunk = audio[at:at + 512]
        _, state = session.run(None, {"input": np.concatenate([context, chunk])[None], "state": state, "sr": rate})
        context = chunk[-64:]
    return {"work_seconds": time.perf_counter() - start}


if __name__ == "__main__":
    result = {"fw": faster_whisper, "cpp": whisper_cpp, "parts": parts, "vad": voice_activity}[sys.argv[1]](sys.argv[2:])
    result["peak_bytes"] = peak_bytes()
    print(json.dumps(result))
