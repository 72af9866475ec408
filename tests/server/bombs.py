"""Bombs: the bad audio of docs/bad-input.md by HTTP, JSON and forms made to cost memory or time, sizes that lie.
Each is refused or ends as the table says; nothing is left on the disk, and the server is as before."""
import gzip
import json
import pathlib
import subprocess
import tempfile

import files
import kit

SETTINGS = {"WORKBENCH_MAX_UPLOAD_BYTES": "40MiB"}
ANSWER_BYTES = 128 * 1024  # a report of a thousand findings, and room
JSON = "application/json"
GROWTH_KB = 200 * 1024  # beyond what the server had before its first bomb; each of them asks for far more, or for seconds

# Row of the table -> the file that make_bad_audio writes. The other rows are no matter of what is sent over HTTP: they
# spoil the lab, a model or the disk, or name something that only a command line can name.
FILES = {"empty": "empty.wav", "text": "text.wav", "truncated_flac": "truncated.flac", "claims_34_gb": "claims_34_gb.wav",
         "rate_0_hz": "rate_0_hz.wav", "rate_2_ghz": "rate_2_ghz.wav", "channels_1024": "channels_1024.wav",
         "no_samples": "no_samples.wav", "nan": "nan.wav", "one_ms": "one_ms.wav", "silence_10h_capped": "silence_10h.flac"}
NOT_OF_HTTP = {"not_closed", "silence_10h", "directory", "fifo", "unreadable", "vanished", "vanished_input", "unknown_model",
               "half_written_model", "changed_model", "corrupt_cache", "read_only_lab", "full_disk", "unknown_keys",
               "newer_schema", "two_processes"}


def table():
    rows = {}
    for line in (kit.SOURCES / "docs" / "bad-input.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 6 and cells[0] != "case" and not cells[0].startswith("-"):
            rows[cells[0]] = (cells[2], cells[3], cells[5])
    return rows


def bad_audio(folder):
    maker = kit.BINARIES.parent / "tests" / "make_bad_audio"
    subprocess.run([str(maker), str(folder), "--long"], check=True, stdout=subprocess.DEVNULL)
    return folder


def submit(server, name, data, request):
    parts = [("request", None, JSON, json.dumps(request).encode()), ("file", name, "audio/wav", data)]
    return server.multipart(f"{kit.API}/runs", parts)


def ended(server, id):
    final = {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "STALE"}
    kit.wait_for(lambda: server.get(f"{kit.API}/runs/{id}/status").json["status"] in final, "the run has ended")
    return server.get(f"{kit.API}/runs/{id}").json


def test_bad_audio(server):
    kit.models()
    rows = table()
    kit.equal(set(rows) - set(FILES), NOT_OF_HTTP & set(rows), "rows of docs/bad-input.md that nobody thought of here")
    kit.true(set(FILES) <= set(rows), "the table has each row of this test")
    runs = 0
    with tempfile.TemporaryDirectory() as folder:
        bad_audio(folder)
        for case, name in FILES.items():
            status, reason, says = rows[case]
            request = {"pipeline": "transcribe"}
            if case == "silence_10h_capped":
                request["caps"] = {"audio_seconds": 3600}
            reply = submit(server, name, pathlib.Path(folder, name).read_bytes(), request)
            if status == "-":
                kit.true(reply.status in (415, 422, 429), f"{case}: {reply}")
                kit.true(says in json.dumps(reply.json), f"{case}: {says!r} is not in {reply}")
                kit.true(reply.header("Content-Type") == "application/problem+json", f"{case}: {reply.headers}")
                continue
            kit.equal(reply.status, 202, f"{case}: {reply}")
            runs += 1
            run = ended(server, reply.json["run_id"])
            kit.equal(run["status"], status, case)
            if reason != "none":
                kit.equal(run["reason"]["name"], reason, case)
                kit.true(says in run["reason"]["message"], f"{case}: {says!r} is not in {run['reason']}")
    kit.equal(len(server.get(f"{kit.API}/runs?limit=100").json["items"]), runs, "what was refused is no run")
    files.nothing_left(server, "bad audio")


def within(server, before):
    grown = server.status("VmHWM") - before
    sanitized = "libasan" in pathlib.Path(f"/proc/{server.process.pid}/maps").read_text()
    if sanitized:
        print(f"not compared under a sanitizer, which keeps what was freed: {grown} kB more")
    kit.true(sanitized or grown < GROWTH_KB, f"memory at most {GROWTH_KB} kB more, was {grown}")


def json_bombs():
    deep = 200_000
    most = (1 << 20) - 64
    keys = ",".join(f'"k{i}":0' for i in range(80_000))
    yield "arrays within arrays", b"[" * deep
    yield "objects within objects", b'{"a":' * deep
    yield "arrays that are closed, too", b"[" * deep + b"]" * deep
    yield "eighty thousand keys", ("{" + keys + "}").encode()
    yield "one key, again and again", ("{" + ",".join(['"pipeline":"transcribe"'] * 40_000) + "}").encode()
    yield "a number of a million digits", b'{"priority":' + b"9" * most + b"}"
    yield "an exponent", b'{"priority":1e999999999}'
    yield "a text of a megabyte", b'{"pipeline":"' + b"a" * most + b'"}'
    yield "escapes alone", b'{"pipeline":"' + b"\\u0061" * (most // 6) + b'"}'
    yield "a NUL in a text", b'{"pipeline":"a\\u0000b"}'
    yield "half of a pair", b'{"pipeline":"\\ud800"}'
    yield "no UTF-8", b'{"pipeline":"\xff\xfe"}'
    yield "a mark of order", b'\xef\xbb\xbf{"pipeline":"transcribe"}\xff'
    yield "a megabyte of blanks", b" " * most
    yield "more than a megabyte", b'{"pipeline":"' + b"a" * (2 << 20) + b'"}'
    yield "half a document", b'{"pipeline":"transcribe"'
    yield "two documents", b'{"pipeline":"transcribe"}{"pipeline":"transcribe"}'
    yield "nothing", b""
    yield "labels without end", json.dumps({"pipeline": "transcribe", "labels": {f"l{i}": "v" * 100 for i in range(8000)}}).encode()


def test_json(server):
    before = server.status("VmHWM")
    for name, data in json_bombs():
        for path in ("/runs/estimate", "/pipelines/validate", "/runs"):
            reply = server.request("POST", kit.API + path, body=data, headers={"Content-Type": JSON})
            if path == "/pipelines/validate" and reply.status == 200:  # its answer is what is wrong
                kit.equal(reply.json["valid"], False, f"{name} to {path}")
            else:
                kit.true(reply.status in (400, 413, 415, 422), f"{name} to {path}: {reply}")
                kit.equal(reply.header("Content-Type"), "application/problem+json", f"{name} to {path}")
            kit.true(len(reply.body) < ANSWER_BYTES, f"{name} to {path}: the answer is {len(reply.body)} bytes long")
        reply = server.multipart(f"{kit.API}/runs", [("request", None, JSON, data), ("file", "a.wav", "audio/wav", files.wav(0.1))])
        kit.true(reply.status in (400, 413, 422), f"{name} in a form: {reply}")
    within(server, before)
    kit.equal(server.get("/livez").status, 200)
    files.nothing_left(server, "bombs of JSON")


def form(parts, boundary=b"b"):
    return b"".join(b"--" + boundary + b"\r\n" + head + b"\r\n\r\n" + data + b"\r\n" for head, data in parts) + b"--" + boundary + b"--\r\n"


def disposition(name, more=b""):
    return b'Content-Disposition: form-data; name="' + name + b'"' + more


def form_bombs():
    audio = files.wav(0.1)
    request = (disposition(b"request"), b'{"pipeline":"transcribe"}')
    yield "fifty thousand fields", form([(disposition(b"f%d" % i), b"") for i in range(50_000)])
    yield "a name of 7 KiB", form([(disposition(b"n" * 7168), b"x")])
    yield "a head of 64 KiB", form([(disposition(b"file") + b"\r\nX-A: " + b"a" * 65536, audio)])
    yield "ten thousand lines in a head", form([(disposition(b"file") + b"\r\nX-A: a" * 10_000, audio)])
    yield "ten thousand parameters", form([(disposition(b"file", b"; a=b" * 1_300), b"x")])
    yield "a request of 3 MiB", form([(disposition(b"request"), b" " * (3 << 20)), (disposition(b"file", b'; filename="a.wav"'), audio)])
    yield "two requests", form([request, request, (disposition(b"file", b'; filename="a.wav"'), audio)])
    yield "two files", form([request] + [(disposition(b"file", b'; filename="a.wav"'), audio)] * 2)
    yield "a form in a form", form([(disposition(b"file") + b"\r\nContent-Type: multipart/mixed; boundary=c", form([request], b"c"))])
    yield "no end", form([request, (disposition(b"file", b'; filename="a.wav"'), audio)])[:-5]
    yield "boundaries alone", b"--b\r\n" * 100_000
    yield "a file of nearly boundaries", form([request, (disposition(b"file", b'; filename="a.wav"'), b"\r\n--" * 400_000)])


def test_forms(server):
    before = server.status("VmHWM")
    for name, data in form_bombs():
        for path in (f"{kit.API}/runs", f"{kit.API}/uploads", "/v1/audio/transcriptions"):
            reply = server.request("POST", path, body=data, headers={"Content-Type": "multipart/form-data; boundary=b"})
            kit.true(reply.status in (400, 413, 415, 422, 431), f"{name} to {path}: {reply}")
            kit.true(len(reply.body) < ANSWER_BYTES, f"{name} to {path}: the answer is {len(reply.body)} bytes long")
    within(server, before)
    kit.equal(server.get("/livez").status, 200)
    files.nothing_left(server, "bombs of forms")


def test_sizes_that_lie(server):
    """What announces more than is taken is told so before anything else is sent; packed bodies are not unpacked."""
    for length in ("41943041", "34000000000", "9223372036854775807", "9223372036854775808", "18446744073709551616"):
        for path, kind in (("/uploads?name=a.wav", "audio/wav"), ("/runs", "multipart/form-data; boundary=b")):
            if length == "41943041" and path == "/runs":
                continue  # a form has a head of its own
            answer = server.raw(f"POST {kit.API}{path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
                                f"Content-Length: {length}\r\n\r\n".encode())
            kit.true(answer[9:12] in (b"413", b"400"), f"{length} to {path}: {answer[:120]}")
    for size in (b"ffffffffffffffff", b"7fffffffffffffff", b"100000000"):
        answer = server.raw(f"POST {kit.API}/runs/estimate HTTP/1.1\r\nHost: localhost\r\nContent-Type: {JSON}\r\n"
                            "Transfer-Encoding: chunked\r\n\r\n".encode() + size + b"\r\n" + b" " * (2 << 20))
        kit.true(answer[9:10] == b"4" or answer == b"", f"a chunk of {size}: {answer[:120]}")
    packed = gzip.compress(bytes(64 << 20))
    for path, kind in (("/uploads?name=a.wav", "audio/wav"), ("/runs/estimate", JSON)):
        reply = server.request("POST", kit.API + path, body=packed, headers={"Content-Type": kind, "Content-Encoding": "gzip"})
        kit.equal(reply.status, 415, f"a packed body to {path}")
    reply = server.request("POST", f"{kit.API}/uploads?name=a.wav", body=packed, headers={"Content-Type": "audio/wav"})
    kit.equal(reply.status, 422, "what is gzip calls itself audio")
    files.nothing_left(server, "sizes that lie")


def test_queries(server):
    """Parameters without end, and codes that are none."""
    long = "a" * 7000
    for query in ("cursor=" + long, "q=" + long, "status=" + long, "limit=99999999999999999999", "limit=-1", "limit=1e3",
                  "cursor=%00", "q=%ff%fe", "q=%", "q=%zz", "&".join(f"l{i}=v" for i in range(900))):
        reply = server.get(f"{kit.API}/runs?{query}")
        kit.true(reply.status in (400, 414, 422), f"{query[:40]}: {reply}")
        kit.true(len(reply.body) < ANSWER_BYTES, f"{query[:40]}: the answer is {len(reply.body)} bytes long")
    for count, status in ((100, 200), (101, 414), (2000, 414)):
        reply = server.get(f"{kit.API}/runs?" + "&".join("a" for _ in range(count)))
        kit.equal(reply.status, status, f"{count} parameters: {reply}")


if __name__ == "__main__":
    kit.main(globals())
