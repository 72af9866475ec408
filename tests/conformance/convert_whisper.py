#!/usr/bin/env python3
"""Converts a Whisper model from CTranslate2 (model.bin, tokenizer.json) into the other formats that are
read: ggml (f32, f16, q8_0, q5_0) and Hugging Face safetensors (f32, f16), with nothing but numpy.
Usage: convert_whisper.py SOURCE_DIR OUT_DIR [FORMAT...]    e.g. ggml-f16 hf-f32; all when none is named"""
import json
import os
import shutil
import struct
import sys

import numpy as np

GGML_TYPES = {"f32": 0, "f16": 1, "q5_0": 6, "q8_0": 8}
GGML_FILE_TYPES = {"f32": 0, "f16": 1, "q5_0": 2008, "q8_0": 2007}  # 1000 * quantisation version + type of the file
FORMATS = ["ggml-f32", "ggml-f16", "ggml-q8_0", "ggml-q5_0", "hf-f32", "hf-f16"]


def read_ct2(path):
    """name -> array, as stored (int8 is given back as float32)."""
    data = open(path, "rb").read()
    at = 0

    def take(form):
        nonlocal at
        value = struct.unpack_from("<" + form, data, at)[0]
        at += struct.calcsize("<" + form)
        return value

    def text():
        nonlocal at
        size = take("H")
        at += size
        return data[at - size:at - 1].decode()

    assert take("I") == 6 and text() == "WhisperSpec"
    take("I")
    dtypes = {0: "<f4", 1: "i1", 2: "<i2", 3: "<i4", 4: "<f2"}
    out = {}
    for _ in range(take("I")):
        name, rank = text(), take("B")
        dims = [take("I") for _ in range(rank)]
        dtype, size = take("B"), take("I")
        out[name] = np.frombuffer(data, dtypes[dtype], size // np.dtype(dtypes[dtype]).itemsize, at).reshape(dims)
        at += size
    for name in [n for n in out if n + "_scale" in out]:
        scale = out[name + "_scale"].reshape([-1] + [1] * (out[name].ndim - 1))
        out[name] = out[name].astype(np.float32) / scale
    return out


def canonical(raw):
    """The reference's names, from CTranslate2's; fused projections are divided."""
    out = {}
    for conv in ("conv1", "conv2"):
        for part in ("weight", "bias"):
            out[f"encoder.{conv}.{part}"] = raw[f"encoder/{conv}/{part}"]
    out["encoder.positional_embedding"] = raw["encoder/position_encodings/encodings"]
    out["decoder.positional_embedding"] = raw["decoder/position_encodings/encodings"]
    out["decoder.token_embedding.weight"] = raw["decoder/embeddings/weight"]
    norms = {"encoder.ln_post": "encoder/layer_norm", "decoder.ln": "decoder/layer_norm"}
    for side in ("encoder", "decoder"):
        layer = 0
        while f"{side}/layer_{layer}/ffn/layer_norm/gamma" in raw:
            here, block = f"{side}/layer_{layer}", f"{side}.blocks.{layer}"
            norms[f"{block}.attn_ln"] = f"{here}/self_attention/layer_norm"
            norms[f"{block}.mlp_ln"] = f"{here}/ffn/layer_norm"
            for part in ("weight", "bias"):
                q, k, v = np.split(raw[f"{here}/self_attention/linear_0/{part}"], 3)
                out[f"{block}.attn.query.{part}"] = q
                out[f"{block}.attn.value.{part}"] = v
                out[f"{block}.attn.out.{part}"] = raw[f"{here}/self_attention/linear_1/{part}"]
                out[f"{block}.mlp.0.{part}"] = raw[f"{here}/ffn/linear_0/{part}"]
                out[f"{block}.mlp.2.{part}"] = raw[f"{here}/ffn/linear_1/{part}"]
                if part == "weight":
                    out[f"{block}.attn.key.weight"] = k
                if side == "decoder":
                    k, v = np.split(raw[f"{here}/attention/linear_1/{part}"], 2)
                    out[f"{block}.cross_attn.query.{part}"] = raw[f"{here}/attention/linear_0/{part}"]
                    out[f"{block}.cross_attn.value.{part}"] = v
                    out[f"{block}.cross_attn.out.{part}"] = raw[f"{here}/attention/linear_2/{part}"]
                    if part == "weight":
                        out[f"{block}.cross_attn.key.weight"] = k
            if side == "decoder":
                norms[f"{block}.cross_attn_ln"] = f"{here}/attention/layer_norm"
            layer += 1
    for name, where in norms.items():
        out[f"{name}.weight"], out[f"{name}.bias"] = raw[f"{where}/gamma"], raw[f"{where}/beta"]
    return out


def shape_of(raw, weights):
    state, mels = weights["encoder.conv1.weight"].shape[:2]
    layers = [sum(n.startswith(f"{s}.blocks.") and n.endswith("mlp_ln.bias") for n in weights)
              for s in ("encoder", "decoder")]
    vocab = weights["decoder.token_embedding.weight"].shape[0]
    return dict(n_vocab=vocab, n_audio_ctx=weights["encoder.positional_embedding"].shape[0], state=state, mels=mels,
                heads=[int(raw[f"{s}/num_heads"]) for s in ("encoder", "decoder")], layers=layers,
                n_text_ctx=weights["decoder.positional_embedding"].shape[0])


def quantise(x, kind):
    """(bytes, values read back) of ggml's blocks of 32."""
    b = x.astype(np.float32).reshape(-1, 32)
    if kind == "q8_0":
        d = np.abs(b).max(1) / np.float32(127)
        inverse = np.divide(1, d, out=np.zeros_like(d), where=d != 0)
        q = np.rint(b * inverse[:, None]).astype(np.int8)
        d = d.astype("<f2")
        raw = np.concatenate([d.view(np.uint8).reshape(-1, 2), q.view(np.uint8)], 1)
        return raw.tobytes(), (q.astype(np.float32) * d.astype(np.float32)[:, None]).reshape(x.shape)
    most = b[np.arange(len(b)), np.abs(b).argmax(1)]
    d = most / np.float32(-16)
    inverse = np.divide(1, d, out=np.zeros_like(d), where=d != 0)
    q = np.clip((b * inverse[:, None] + 16.5).astype(np.int32), 0, 31)
    d = d.astype("<f2")
    high = ((q >> 4) << np.arange(32)).sum(1).astype("<u4")
    low = ((q[:, :16] & 15) | (q[:, 16:] & 15) << 4).astype(np.uint8)
    raw = np.concatenate([d.view(np.uint8).reshape(-1, 2), high.view(np.uint8).reshape(-1, 4), low], 1)
    return raw.tobytes(), ((q - 16).astype(np.float32) * d.astype(np.float32)[:, None]).reshape(x.shape)


def mel_filters(mels):
    """Slaney's triangles of 201 bins, as the reference's."""
    def to_hz(m):
        return np.where(m < 15, m * 200 / 3, 1000 * np.exp((m - 15) * np.log(6.4) / 27))
    top = 15 + np.log(8000 / 1000) * 27 / np.log(6.4)
    edges = to_hz(np.linspace(0, top, mels + 2))
    bins = np.linspace(0, 8000, 201)
    up = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    down = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    return (np.maximum(0, np.minimum(up, down)) * (2 / (edges[2:] - edges[:-2]))[:, None]).astype("<f4")


def byte_words(source, count):
    """Raw bytes of the first `count` words of tokenizer.json."""
    plain = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    table = {chr(b): b for b in plain}
    table.update({chr(256 + i): b for i, b in enumerate(b for b in range(256) if b not in plain)})
    vocab = json.load(open(os.path.join(source, "tokenizer.json"), encoding="utf-8"))["model"]["vocab"]
    by_id = {i: w for w, i in vocab.items()}
    return [bytes(table[c] for c in by_id[i]) for i in range(count)]


def ggml_type(name, value, kind):
    """Type of a tensor in a file of a kind: small ones stay f32, convolutions are not quantised."""
    if value.ndim == 1 or "positional" in name:
        return "f32"
    return "f16" if value.ndim == 3 and kind not in ("f32", "f16") else kind


def write_ggml(path, source, weights, shape, kind):
    with open(path, "wb") as f:
        enc, dec = shape["layers"]
        f.write(struct.pack("<12I", 0x67676d6c, shape["n_vocab"], shape["n_audio_ctx"], shape["state"], shape["heads"][0],
                            enc, shape["n_text_ctx"], shape["state"], shape["heads"][1], dec, shape["mels"],
                            GGML_FILE_TYPES[kind]))
        filters = mel_filters(shape["mels"])
        f.write(struct.pack("<2I", *filters.shape) + filters.tobytes())
        words = byte_words(source, shape["n_vocab"] - 1501 - 6 - (100 if shape["n_vocab"] == 51866 else 99) - 2)
        f.write(struct.pack("<I", len(words)))
        for word in words:
            f.write(struct.pack("<I", len(word)) + word)
        for name, value in weights.items():
            form = ggml_type(name, value, kind)
            dims = list(value.shape)
            if name in ("encoder.conv1.bias", "encoder.conv2.bias"):
                dims.append(1)
            f.write(struct.pack("<3I", len(dims), len(name), GGML_TYPES[form]))
            f.write(struct.pack(f"<{len(dims)}I", *reversed(dims)) + name.encode())
            f.write(quantise(value, form)[0] if form.startswith("q") else
                    value.astype("<f4" if form == "f32" else "<f2").tobytes())


def hf_name(name):
    for old, new in ((".cross_attn_ln", ".encoder_attn_layer_norm"), (".attn_ln", ".self_attn_layer_norm"),
                     (".cross_attn.", ".encoder_attn."), (".attn.", ".self_attn."), (".query.", ".q_proj."),
                     (".key.", ".k_proj."), (".value.", ".v_proj."), (".out.", ".out_proj."),
                     (".mlp_ln", ".final_layer_norm"), (".mlp.0", ".fc1"), (".mlp.2", ".fc2"), (".blocks.", ".layers."),
                     (".ln_post", ".layer_norm"), ("decoder.ln.", "decoder.layer_norm."),
                     (".token_embedding", ".embed_tokens"), (".positional_embedding", ".embed_positions.weight")):
        name = name.replace(old, new)
    return "model." + name


def write_hf(folder, source, weights, shape, kind):
    os.makedirs(folder, exist_ok=True)
    dtype, tag = ("<f4", "F32") if kind == "f32" else ("<f2", "F16")
    header, blobs, at = {"__metadata__": {"format": "pt"}}, [], 0
    for name, value in weights.items():
        blob = value.astype(dtype).tobytes()
        header[hf_name(name)] = {"dtype": tag, "shape": list(value.shape), "data_offsets": [at, at + len(blob)]}
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(folder, "model.safetensors"), "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for blob in blobs:
            f.write(blob)
    config = {"model_type": "whisper", "activation_function": "gelu", "vocab_size": shape["n_vocab"],
              "num_mel_bins": shape["mels"], "d_model": shape["state"], "encoder_attention_heads": shape["heads"][0],
              "decoder_attention_heads": shape["heads"][1], "encoder_layers": shape["layers"][0],
              "decoder_layers": shape["layers"][1], "max_source_positions": shape["n_audio_ctx"],
              "max_target_positions": shape["n_text_ctx"]}
    json.dump(config, open(os.path.join(folder, "config.json"), "w"))
    shutil.copyfile(os.path.join(source, "tokenizer.json"), os.path.join(folder, "tokenizer.json"))


def convert(source, out, formats):
    raw = read_ct2(os.path.join(source, "model.bin"))
    weights = canonical(raw)
    shape = shape_of(raw, weights)
    os.makedirs(out, exist_ok=True)
    for name in formats or FORMATS:
        family, kind = name.split("-", 1)
        if family == "ggml":
            write_ggml(os.path.join(out, f"{name}.bin"), source, weights, shape, kind)
        else:
            write_hf(os.path.join(out, name), source, weights, shape, kind)
    return weights


if __name__ == "__main__":
    if len(sys.argv) < 3 or not set(sys.argv[3:]) <= set(FORMATS):
        sys.exit(__doc__)
    convert(sys.argv[1], sys.argv[2], sys.argv[3:])
