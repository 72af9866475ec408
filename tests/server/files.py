"""Files for the tests of uploads and submissions: sound that is made, the sample of the catalog, and
bodies that stop where a test says."""
import json
import struct

import kit

BOUNDARY = "files-boundary-11"


def wav(seconds=1.0, rate=16000, channels=1):
    """A quiet saw, so that no two lengths have the same bytes."""
    frames = int(seconds * rate)
    samples = struct.pack(f"<{frames}h", *((i % 200) - 100 for i in range(frames))) * channels
    return (b"RIFF" + struct.pack("<I", 36 + len(samples)) + b"WAVEfmt " +
            struct.pack("<IHHIIHH", 16, 1, channels, rate, rate * channels * 2, channels * 2, 16) +
            b"data" + struct.pack("<I", len(samples)) + samples)


def sample():
    """The conversation of the catalog; Skip without models."""
    path = kit.models() / "sample-conversation" / "sample.wav"
    if not path.is_file():
        raise kit.Skip("the sample is not installed")
    return path.read_bytes()


WEBM = b"\x1a\x45\xdf\xa3" + b"\x01" * 60
M4A = b"\x00\x00\x00\x20ftypM4A " + b"\x00" * 60


def part(name, filename=None, kind=None):
    """Head of a part of a form."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"'
    head += f'; filename="{filename}"' if filename is not None else ""
    head += f"\r\nContent-Type: {kind}" if kind is not None else ""
    return head.encode() + b"\r\n\r\n"


def head(server, path, kind, length, **headers):
    """Head of a POST whose body is `length` bytes (None: chunked)."""
    lines = [f"POST {kit.API}{path} HTTP/1.1", f"Host: {server.host}:{server.port}", f"Content-Type: {kind}",
             "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


FORM = f"multipart/form-data; boundary={BOUNDARY}"


def answer(plain):
    """The reply on a raw socket: (status, headers as text, body as JSON); nothing more is sent meanwhile."""
    text, rest = kit.read_head(plain)
    length = next((int(line.split(":")[1]) for line in text.split("\r\n") if line.lower().startswith("content-length:")), 0)
    while len(rest) < length:
        more = plain.recv(65536)
        kit.true(more, "the whole reply comes")
        rest += more
    return int(text.split()[1]), text, json.loads(rest[:length]) if length else None


def chunk(data):
    return b"%x\r\n" % len(data) + data + b"\r\n"


def on_disk(server):
    """Names of the uploads that lie in the lab."""
    folder = server.root / "uploads"
    return sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []


def runs_on_disk(server):
    folder = server.root / "runs"
    return sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []


def nothing_left(server, what):
    kit.wait_for(lambda: not on_disk(server), f"nothing lies in the lab after {what}")
