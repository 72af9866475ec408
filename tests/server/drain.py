"""SIGTERM: not ready, nothing new, what runs may end or goes back into the queue; the second one leaves at once, and whoever starts the
server again finds the run where it was."""
import json
import pathlib
import signal
import tempfile
import threading
import time

import files
import kit

LONG = {"FAIL_STEP": "ingest:sleep=600000"}


def submit(server):
    reply = server.multipart(f"{kit.API}/runs", [("request", None, "application/json", b'{"pipeline": "ingest"}'), ("file", "a.wav", "audio/wav", files.wav(0.5))])
    kit.equal(reply.status, 202, reply)
    return reply.json["run_id"]


def status(server, run_id):
    try:
        return json.loads((server.root / "runs" / run_id / "manifest.json").read_text())["status"]
    except OSError:
        return None


def test_a_long_drain_and_a_second_signal():
    with tempfile.TemporaryDirectory(prefix="modellab-drain-") as folder:
        root = pathlib.Path(folder) / "lab"
        root.mkdir()
        server = kit.Server("--drain", "600s", root=root, **LONG)
        try:
            run_id = submit(server)
            kit.wait_for(lambda: status(server, run_id) == "RUNNING", "the run has begun")
            server.process.send_signal(signal.SIGTERM)
            ready = kit.wait_for(lambda: [r for r in [server.get("/readyz")] if r.status == 503 and r.json["draining"]], "it is not ready any more")[0]
            kit.equal((ready.json["ready"], ready.header("Retry-After")), (False, "5"))
            kit.equal(server.get("/livez").status, 200, "it lives")
            kit.equal(server.get(f"{kit.API}/info").json["features"]["draining"], True)
            refused = server.multipart(f"{kit.API}/runs", [("file", "a.wav", "audio/wav", b"x" * 100000)])
            kit.equal((refused.status, refused.json["type"], refused.header("Retry-After")), (503, "/api/v1/problems#draining", "5"))
            kit.equal(server.process.poll(), None, "it waits for the run")
            server.process.send_signal(signal.SIGTERM)
            kit.equal(server.process.wait(kit.PATIENCE), 128 + signal.SIGTERM, "the second signal")
            kit.equal(status(server, run_id), "RUNNING", "its worker goes on")
            server.process.stdout.close()
            server.start()
            kit.true(server.post(f"{kit.API}/runs/{run_id}/cancel").status in (200, 202), "it is cancelled")
            kit.wait_for(lambda: status(server, run_id) == "CANCELLED", "the run was found again")
        finally:
            server.close()


def test_asked_twice_over_http():
    """The second one is told the same, and ends nothing; nor does the first signal of a service manager behind them."""
    with kit.Server("--drain", "600s", **LONG) as server:
        run_id = submit(server)
        kit.wait_for(lambda: status(server, run_id) == "RUNNING", "the run has begun")
        for _ in range(3):
            reply = server.post(f"{kit.API}/admin/drain")
            kit.equal((reply.status, reply.json), (202, {"draining": True}))
        kit.wait_for(lambda: server.get("/readyz").status == 503, "it drains")
        reply = server.post(f"{kit.API}/admin/drain")
        kit.equal((reply.status, reply.json), (202, {"draining": True}), "while it drains")
        server.process.send_signal(signal.SIGTERM)
        kit.equal(server.get("/livez").status, 200, "it lives")
        kit.true(server.post(f"{kit.API}/runs/{run_id}/cancel").status in (200, 202), "the run is cancelled")
        kit.equal(server.process.wait(kit.PATIENCE), 0, "it ends when nothing runs")


def ask(server):
    """Status of a request on a connection of its own, or "refused"; a reset or an end without a reply is a failure."""
    try:
        plain = server.connect()
    except ConnectionRefusedError:
        return "refused"
    with plain:
        plain.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        data = b""
        while more := plain.recv(65536):
            data += more
    head, body = data.split(b"\r\n\r\n", 1)
    code = int(head.split(b" ")[1])
    if code == 503:
        kit.true(b"\r\nRetry-After: 5" in head and b"\r\nX-Request-Id: " in head, head)
        kit.equal(json.loads(body)["type"], "/api/v1/problems#draining")
    return code


def test_who_comes_while_it_stops():
    """Is served, or told so, or finds the door shut; nobody is cut off without a word."""
    server = kit.Server()
    try:
        waiting = [server.connect() for _ in range(2)]
        for plain in waiting:
            plain.sendall(b"GET /api/v1/testing/wait?ms=600000 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        kit.wait_for(lambda: len(server.log_lines(event="http.decision")) >= 2, "they wait")
        heard = [[] for _ in range(4)]

        def keep_asking(own):
            try:
                while "refused" not in own:
                    own.append(ask(server))
                    time.sleep(0.01)
            except Exception as error:  # noqa: BLE001 - told below
                own.append(repr(error))
        threads = [threading.Thread(target=keep_asking, args=(own,)) for own in heard]
        for thread in threads:
            thread.start()
        kit.wait_for(lambda: all(heard), "all ask")
        kit.equal(server.stop(), 0, "exit code")
        for thread in threads:
            thread.join(kit.PATIENCE)
        seen = {answer for own in heard for answer in own}
        kit.true(seen <= {200, 503, "refused"}, f"answers: {seen}")
        kit.true(503 in seen, "some came while it stopped")
        for plain in waiting:
            kit.true(kit.read_all(plain).startswith(b"HTTP/1.1 503 "), "who waited has an answer")
            plain.close()
    finally:
        server.close()


def test_a_drain_without_patience():
    with kit.Server("--drain", "0s", **LONG) as server:
        run_id = submit(server)
        kit.wait_for(lambda: status(server, run_id) == "RUNNING", "the run has begun")
        kit.equal(server.stop(), 0, "exit code")
        kit.equal(status(server, run_id), "QUEUED", "it is back in the queue")
        lines = server.log_lines(event="http.drain") + server.log_lines(event="http.drained")
        kit.equal(len(lines), 2, "both ends of the drain are in the log")


if __name__ == "__main__":
    kit.main(globals())
