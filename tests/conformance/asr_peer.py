"""faster-whisper made to follow the reference where it does not: the audio, not the mel plane, is padded with
30 s of silence. Records what the model was asked and what it answered, window by window."""
import faster_whisper
import faster_whisper.transcribe as peer
import numpy as np
import soundfile

RATE = 16000


def load(path):
    samples, rate = soundfile.read(path, dtype="float32")
    if rate != RATE:
        raise SystemExit(f"{path}: the peer needs {RATE} Hz")
    return samples if samples.ndim == 1 else samples.mean(axis=1, dtype=np.float32)


class Padding:
    """Mel of the audio followed by 30 s of zeros; windows that run past the audio see those frames."""

    def __init__(self, extractor):
        self.extractor, self.full = extractor, None

    def __getattr__(self, name):
        return getattr(self.extractor, name)

    def __call__(self, waveform, *args, **kwargs):
        frames = len(waveform) // self.extractor.hop_length
        self.full = np.ascontiguousarray(self.extractor(waveform, padding=30 * RATE), dtype=np.float32)
        return self.full[:, :frames + 1]

    def pad_or_trim(self, part, length=3000, *, axis=-1):
        """`part` is a view of `full`: where it begins follows from its address."""
        start = (part.__array_interface__["data"][0] - self.full.__array_interface__["data"][0]) // self.full.itemsize
        if not np.shares_memory(part, self.full) or not 0 <= start < self.full.shape[1]:
            raise AssertionError("the peer padded something else than its features")
        return self.full[:, start:start + length]


class Peer:
    def __init__(self, folder, threads):
        self.model = faster_whisper.WhisperModel(folder, device="cpu", compute_type="float32", cpu_threads=threads)
        self.padding = self.model.feature_extractor = Padding(self.model.feature_extractor)
        peer.pad_or_trim = self.padding.pad_or_trim
        self.windows = []
        self.generate = self.model.generate_with_fallback
        self.model.generate_with_fallback = self.record

    def record(self, encoder_output, prompt, tokenizer, options):
        result = self.generate(encoder_output, prompt, tokenizer, options)
        answer, avg_logprob = result[0], result[1]
        self.windows.append({"prompt": list(prompt), "tokens": list(answer.sequences_ids[0]),
                             "avg_logprob": avg_logprob, "no_speech_prob": answer.no_speech_prob})
        return result

    def transcribe(self, path, beam, language, task, words):
        peer.pad_or_trim = self.padding.pad_or_trim
        self.windows = []
        segments, info = self.model.transcribe(
            load(path), language=language, task=task, beam_size=max(beam, 1), patience=1, temperature=0.0,
            word_timestamps=words, condition_on_previous_text=True)
        segments = list(segments)
        return {"text": "".join(s.text for s in segments).strip(), "language": info.language,
                "language_probability": info.language_probability, "windows": self.windows,
                "words": [(w.word, w.start, w.end) for s in segments for w in s.words or []]}
