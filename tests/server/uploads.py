"""Uploads: what works is kept, what does not is refused before the rest is read and leaves nothing."""
import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile

import files
import kit

SETTINGS = {"WORKBENCH_MAX_UPLOAD_BYTES": "40MiB", "UPLOAD_USER_BYTES": "60MiB"}
OCTETS = "application/octet-stream"


def upload(server, data, kind="audio/wav", name="a.wav"):
    return server.request("POST", f"{kit.API}/uploads?name={name}", body=data, headers={"Content-Type": kind})


def test_whole(server):
    data = files.wav(2.5)
    reply = upload(server, data)
    kit.equal(reply.status, 201, reply)
    facts = reply.json
    kit.equal(facts["bytes"], len(data))
    kit.equal(facts["sha256"], hashlib.sha256(data).hexdigest())
    kit.equal((facts["media_type"], facts["duration_seconds"], facts["name"]), ("audio/wav", 2.5, "a.wav"))
    kit.equal(reply.header("Location"), f"{kit.API}/uploads/{facts['id']}")
    kit.equal(server.get(reply.header("Location")).json, facts)
    kit.equal(files.on_disk(server), [facts["id"]])
    kit.equal(server.request("DELETE", reply.header("Location")).status, 204)
    kit.equal(server.get(reply.header("Location")).status, 404)
    kit.equal(server.request("DELETE", reply.header("Location")).status, 404)
    kit.equal(files.on_disk(server), [])


def test_sample_by_form_and_in_chunks(server):
    data = files.sample()
    forms = server.multipart(f"{kit.API}/uploads", [("file", "talk.wav", "audio/x-wav", data)])
    kit.equal(forms.status, 201, forms)
    kit.equal(forms.json["duration_seconds"], 30.0)
    with server.connect() as plain:
        plain.sendall(files.head(server, "/uploads?name=b.wav", OCTETS, None))
        for at in range(0, len(data), 33333):
            plain.sendall(files.chunk(data[at:at + 33333]))
        plain.sendall(b"0\r\n\r\n")
        status, _, facts = files.answer(plain)
    kit.equal((status, facts["sha256"]), (201, forms.json["sha256"]))
    for one in (forms.json, facts):
        kit.equal(server.request("DELETE", f"{kit.API}/uploads/{one['id']}").status, 204)


def test_names_are_no_paths(server):
    for name, kept in (("../../../../etc/passwd", "passwd"), ("C:\\\\fakepath\\\\talk.wav", "talk.wav"), ("/tmp/x.wav", "x.wav"),
                       ("..", ".."), ("a\u202eb.wav", "a\ufffdb.wav")):
        reply = server.multipart(f"{kit.API}/uploads", [("file", name, "audio/wav", files.wav(0.1))])
        kit.equal((reply.status, reply.json.get("name")), (201, kept), name)
        kit.equal(files.on_disk(server), [reply.json["id"]])
        server.request("DELETE", f"{kit.API}/uploads/{reply.json['id']}")
    for id in ("..", "..%2f..%2fruns", "%2e%2e", "x", "0" * 26, "01M8PVTETDVGGPB7DR73QD627K%2fdata"):
        kit.true(server.get(f"{kit.API}/uploads/{id}").status in (400, 404), id)
        kit.true(server.request("DELETE", f"{kit.API}/uploads/{id}").status in (400, 404), id)
    kit.true((server.root / "runs").is_dir(), "nothing else was deleted")


def refused_early(server, kind, body, length, status, says, path="/uploads"):
    """The head and `body` are sent, and not a byte more: the answer comes all the same."""
    with server.connect() as plain:
        plain.sendall(files.head(server, path, kind, length) + body)
        got, _, problem = files.answer(plain)
    kit.equal(got, status, f"{kind} {body[:20]!r}: {problem}")
    kit.true(says in problem["detail"], f"{problem['detail']!r} says {says!r}")
    kit.true(problem["type"].startswith("/api/v1/problems#"), "a problem")
    kit.true(str(server.root) not in str(problem), "no path in it")
    files.nothing_left(server, says)


def test_refused_before_the_rest_is_read(server):
    big = 30 * 1000 * 1000
    works = "WAV, FLAC"
    for kind in ("audio/webm", "video/webm;codecs=opus", "audio/mp4", "audio/x-m4a", "application/pdf", "text/plain"):
        refused_early(server, kind, b"", big, 415, works)
    refused_early(server, OCTETS, files.WEBM[:16], big, 415, "WebM")
    refused_early(server, "audio/wav", files.M4A[:16], big, 415, "FLAC or WAV")
    refused_early(server, OCTETS, b"", 41 << 20, 413, "")
    refused_early(server, OCTETS, b"%PDF-1.7\n" + b"x" * 70000, big, 422, "PDF")
    refused_early(server, OCTETS, b"so it is text " * 6000, big, 422, "text")
    refused_early(server, OCTETS, files.wav(4, channels=65)[:70000], big, 422, "channels")
    refused_early(server, files.FORM, files.part("file", "a.bin", OCTETS) + files.WEBM + b"\0" * 9000, big, 415, "WebM")
    refused_early(server, files.FORM, files.part("other", "a.bin", OCTETS) + b"\0" * 9000, big, 422, "part `file`")


def test_small_things_that_are_wrong(server):
    for data, status in ((b"", 422), (b"R", 422), (files.wav(0), 422), (files.WEBM, 415), (files.M4A, 415)):
        reply = upload(server, data, OCTETS)
        kit.equal(reply.status, status, reply)
    reply = server.multipart(f"{kit.API}/uploads", [("file", "a", None, files.wav(0.1)), ("file", "b", None, files.wav(0.1))])
    kit.equal((reply.status, reply.json["errors"][0]["pointer"]), (422, "/file"))
    files.nothing_left(server, "small things")


def test_share_of_a_user(server):
    kept = [upload(server, files.wav(900)) for _ in range(2)]  # 28.8 MB each
    kit.equal([reply.status for reply in kept], [201, 201])
    reply = upload(server, files.wav(200))
    kit.equal(reply.status, 429, reply)
    kit.true("uploads" in reply.json["detail"], reply.json["detail"])
    kit.equal(len(files.on_disk(server)), 2)
    for one in kept:
        kit.equal(server.request("DELETE", f"{kit.API}/uploads/{one.json['id']}").status, 204)


def begun(server, plain, length=None, kind="audio/wav"):
    """An upload of which more than the first 64 KiB are on disk."""
    plain.sendall(files.head(server, "/uploads", kind, length))
    data = files.wav(100)
    plain.sendall(data[:300000] if length else files.chunk(data[:300000]))
    return kit.wait_for(lambda: [name for name in files.on_disk(server) if (server.root / "uploads" / name / "data").is_file()
                                 and (server.root / "uploads" / name / "data").stat().st_size >= 65536], "data on disk")[0]


def test_broken_off_in_the_middle(server):
    for length in (3200044, None):
        with server.connect() as plain:
            name = begun(server, plain, length)
            kit.equal(server.get(f"{kit.API}/uploads/{name}").status, 404, "one that is being received")
        files.nothing_left(server, "a connection that broke")
    kit.equal(server.get("/livez").status, 200)


def test_killed_in_the_middle():
    with kit.Server() as server:
        whole = upload(server, files.wav(1))
        with server.connect() as plain:
            left = begun(server, plain, 3200044)
            server.kill()
        kit.equal(files.on_disk(server), sorted([left, whole.json["id"]]))
        server.start()
        kit.equal(files.on_disk(server), [whole.json["id"]])
        kit.true(server.log_lines(event="reconcile.finding", finding="upload.unfinished"), "it is a finding")
        kit.equal(server.get(f"{kit.API}/uploads/{whole.json['id']}").json, whole.json)
        with server.connect() as plain:  # and by hand, while the server lives
            begun(server, plain, 3200044)
            found = subprocess.run([kit.BINARIES / "modellab", "admin", "reconcile", "--json"], env=server.environment, capture_output=True)
            kit.equal(found.returncode, 0, found.stderr)
            kit.true(b"upload" not in found.stdout, found.stdout)
            kit.equal(len(files.on_disk(server)), 2, "one that is being received is nobody's prey: uploads")
        kit.wait_for(lambda: len(files.on_disk(server)) == 1, "nothing but the whole one")


def test_guard_of_the_disk():
    with kit.Server(MIN_FREE_BYTES=str(1 << 60)) as server:
        refused_early(server, "audio/wav", b"", 1000000, 507, "free")


def test_full_disk():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="modellab-full-"))
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "none", folder], capture_output=True).returncode:
        shutil.rmtree(folder)
        raise kit.Skip("this user cannot mount a file system")
    try:
        with kit.Server(root=folder / "lab") as server:
            with server.connect() as plain:
                begun(server, plain)
                filler = open(folder / "filler", "wb", buffering=0)
                try:
                    while filler.write(b"\0" * 4096) == 4096:
                        pass
                except OSError:
                    pass
                filler.close()
                rest = files.chunk(b"\0" * 65536)
                try:
                    for _ in range(200):
                        plain.sendall(rest)
                except (BrokenPipeError, ConnectionResetError):
                    pass  # answered
                status, _, problem = files.answer(plain)
            kit.equal((status, problem["type"]), (507, "/api/v1/problems#no-space"), problem)
            files.nothing_left(server, "a full disk")
            (folder / "filler").unlink()
            kit.equal(upload(server, files.wav(1)).status, 201)
    finally:
        subprocess.run(["umount", folder], check=True)
        shutil.rmtree(folder)


if __name__ == "__main__":
    kit.main(globals())
