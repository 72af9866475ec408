"""SIGTERM: not ready, nothing new, what runs may end or goes back into the queue; the second one leaves at once, and whoever starts the
server again finds the run where it was."""
import json
import pathlib
import signal
import tempfile

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
