"""Clients of streams that take too much: who sends without a pause, who asks and never reads, who reads nothing at all, who comes when
there is no room. The others never notice."""
import contextlib
import json
import resource
import signal
import socket
import threading

import kit
import sse
from socket_kit import CONT, PING, TEXT, Socket, frame, handshake

SETTINGS = {"HTTP_PING_SECONDS": "60"}
MANY = 64 << 20  # bytes; more than all buffers between a client and the server hold


def send_until_it_is_stopped(server, plain, data):
    """Sends a piece of frames again and again and reads nothing. How much was taken: MANY, or what fitted until the server read no more of
    it, though it answered another client a hundred times meanwhile."""
    other = Socket(server)
    plain.setblocking(False)
    sent, at, refused = 0, 0, 0
    while sent < MANY and refused < 100:
        try:
            count = plain.send(data[at:])
            sent, at, refused = sent + count, (at + count) % len(data), 0
        except BlockingIOError:
            refused += 1
            other.say(action="ping")
            kit.equal(other.heard(), {"type": "pong"})
    other.close()
    plain.setblocking(True)
    plain.settimeout(kit.PATIENCE)
    return sent, at


def test_a_fast_client_does_not_hold_the_thread(server):
    run, ends = sse.submit(server, hold=True), threading.Event()
    fast = Socket(server, f"/runs/{run}/ws")
    data = frame(TEXT, b"[" + b"1," * 8000 + b"1]") * 200  # more work for who reads it than for who sends it

    def flood():
        while not ends.is_set():
            try:
                fast.send(data)
            except OSError:
                return

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        for _ in range(20):
            other = Socket(server)
            other.plain.settimeout(60)
            other.say(action="ping")
            kit.equal(other.heard(), {"type": "pong"})
            other.close()
    finally:
        ends.set()
        fast.close()
        thread.join()


def test_pings_of_a_client_that_never_reads(server):
    deaf = Socket(server)
    data = frame(PING, b"p" * 125) * 8000
    sent, _ = send_until_it_is_stopped(server, deaf.plain, data)
    kit.true(sent < MANY, f"nothing more is read from it: {sent} bytes")
    deaf.close()


def test_questions_of_a_client_that_never_reads(server):
    """It is stopped; when it reads at last each question has its answer, in order."""
    slow = Socket(server)
    frames = [frame(TEXT, json.dumps({"action": "unsubscribe", "id": f"{i:08}"}).encode()) for i in range(8000)]
    data = b"".join(frames)
    sent, at = send_until_it_is_stopped(server, slow.plain, data)
    kit.true(sent < MANY, f"nothing more is read from it: {sent} bytes")
    size = len(frames[0])
    rest = threading.Thread(target=slow.plain.sendall, args=(data[at:at + (size - at % size) % size],))
    rest.start()  # of the question that was cut
    for i in range((sent + size - 1) // size):
        kit.equal(slow.heard(), {"type": "error", "id": f"{i % len(frames):08}", "message": "there is no subscription of this id"})
    rest.join()
    slow.close()


def test_questions_are_answered_in_order(server):
    """A question that takes long is not overtaken by one that takes no time."""
    one = Socket(server)
    slow = frame(TEXT, json.dumps({"action": "subscribe", "id": "a", "run": "0" * 26}).encode())
    for _ in range(10):
        one.send(*[slow, frame(TEXT, b'{"action": "ping"}')] * 50)
        kit.equal([one.heard()["type"] for _ in range(100)], ["end", "pong"] * 50)
    one.close()


def test_a_message_of_too_many_fragments(server):
    one = Socket(server)
    one.send(frame(TEXT, b" ", fin=False), *[frame(CONT, b" ", fin=False)] * 5000)
    kit.equal(one.close_code(), 1009)


def deaf(server, path, **headers):
    """A connection whose buffers hold next to nothing, and that reads nothing."""
    plain = socket.socket()
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.connect((server.host, server.port))
    lines = {"Host": f"{server.host}:{server.port}", **headers}
    plain.sendall((f"GET {kit.API}{path} HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in lines.items()) + "\r\n").encode())
    return plain


def events(server, run, until):
    """Events without end, until a sign."""
    for i in range(1_000_000):
        kit.equal(server.request("PUT", f"{kit.API}/runs/{run}/priority", json_body={"priority": i % 2}).status, 200)
        if i % 20 == 0 and until():
            return
    raise AssertionError("no sign")


def test_readers_of_nothing_are_cut_off():
    with kit.Server(HTTP_PING_SECONDS="60", HTTP_SEND_SECONDS="1", HTTP_RATE="0") as server:
        run = sse.submit(server, hold=True)
        reader = sse.Stream(server, f"/runs/{run}/events")  # one that reads is left alone
        kit.equal(reader.event()[1], "run_queued")
        plain = deaf(server, "/events", Accept="text/event-stream")
        events(server, run, lambda: server.log_lines(event="events.end", end="the client takes nothing"))
        line = server.log_lines(event="events.end", end="the client takes nothing")[0]
        ends = kit.wait_for(lambda: server.log_lines(event="http.end", request_id=line["request_id"]), "the end of its request")
        kit.equal(ends[0]["end"], "timed out")
        plain.close()
        plain = deaf(server, "/ws", **{"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
                                       "Sec-WebSocket-Version": "13"})
        for i in range(64):
            plain.sendall(frame(TEXT, json.dumps({"action": "subscribe", "id": str(i), "cursor": "e0"}).encode()))
        events(server, run, lambda: server.log_lines(event="socket.end", end="the client takes nothing"))
        plain.close()
        kit.true("modellab_http_streams_stalled_total 2" in server.get("/metrics").text, "they are counted")
        sse.cli(server, "run", "cancel", run)
        kit.equal(reader.all()[-1][1], "run_cancelled")
        kit.wait_for(lambda: server.log_lines(event="events.end", end="the run has ended"), "the end of the stream that was read")


def test_there_is_room_for_so_many():
    with kit.Server(HTTP_STREAMS="3") as server:
        run = sse.submit(server, hold=True)
        path = f"/runs/{run}/events"

        def refused():
            plain, head, _ = handshake(server, "/ws")
            plain.close()
            kit.true(head.split(" ")[1] in ("101", "503"), head)
            return " 503 " in head and "Retry-After" in head

        streams = [sse.Stream(server, path), sse.Stream(server, path)]
        one = Socket(server)
        kit.true(refused(), "no room for a socket")
        reply = sse.Stream(server, path)
        kit.equal((reply.status, reply.reply.headers["Retry-After"], json.loads(reply.reply.read())["type"]),
                  (503, "5", "/api/v1/problems#unavailable"))
        kit.equal(server.get(f"{kit.API}/runs/{run}").status, 200, "others go on")
        one.close()
        kit.wait_for(lambda: not refused(), "its place is free")
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (132, 132))  # of which streams may have two
        kit.wait_for(refused, "descriptors count")
        kit.true("modellab_http_streams_most 2" in server.get("/metrics").text, "and are told")
        for stream in streams:
            stream.close()


def test_streams_end_with_their_key():
    with kit.Server(HTTP_KEYS="on") as server:
        def key(*options):
            return json.loads(sse.cli(server, "key", "create", "--json", "--scopes", "runs:read", "--user", "ann", *options))

        def both(secret):
            server.key = secret
            return sse.Stream(server, "/events", Authorization=f"Bearer {secret}"), Socket(server)

        def end(streams):
            (number, kind, data), code = streams[0].event(), streams[1].close_code()
            kit.equal((number, kind, streams[0].event(), code), (None, "end", None, 1008))
            return data["reason"]

        def open_with_one_that_expires():
            for seconds in (3, 20, 100, 600):  # a slow machine needs more to open them
                with contextlib.suppress(AssertionError):
                    streams = both(key("--expires", f"{seconds}s")["secret"])
                    if streams[0].status == 200:
                        return streams
            raise AssertionError("the key expired before its streams were open")

        stays, revoked, rotated = key(), key(), key()
        old = {made["id"]: both(made["secret"]) for made in (stays, revoked, rotated)}
        short = open_with_one_that_expires()
        sse.cli(server, "key", "revoke", revoked["id"])
        new = both(json.loads(sse.cli(server, "key", "rotate", rotated["id"], "--overlap", "0", "--json"))["secret"])
        kit.equal(end(old[revoked["id"]]), "key_revoked")
        kit.true(end(old[rotated["id"]]) in ("key_expired", "key_unknown"), "the secret before is not good any more")
        kit.equal(end(short), "key_expired")
        run = sse.submit(server, "--user", "ann", hold=True)
        for stream, client in (old[stays["id"]], new):  # the others go on
            kit.equal(stream.event()[2]["run_id"], run)
            client.say(action="ping")
            kit.equal(client.heard(), {"type": "pong"})
        kit.true(len(server.log_lines(event="stream.key_ended")) >= 6, "each is in the log")
        for stream, client in (old[stays["id"]], new):
            stream.close()
            client.close()


def test_a_server_that_drains():
    with kit.Server("--drain", "600s", FAIL_STEP="ingest:sleep=600000") as server:
        run = sse.submit(server)
        kit.wait_for(lambda: server.get(f"{kit.API}/runs/{run}").json["status"] == "RUNNING", "the run has begun")
        stream, client, of_run = sse.Stream(server, "/events"), Socket(server), Socket(server, f"/runs/{run}/ws")
        server.process.send_signal(signal.SIGTERM)
        kit.equal((stream.event(), stream.event()), ((None, "end", {"reason": "server_stops"}), None))
        kit.equal(client.close_code(), 1001)
        kit.equal(of_run.close_code(), 1001)
        plain, head, _ = handshake(server, "/ws")  # it still answers: the run goes on
        kit.true(" 503 " in head and "Retry-After" in head, head)
        plain.close()
        late = sse.Stream(server, "/events")
        kit.equal((late.event(), late.event()), ((None, "end", {"reason": "server_stops"}), None))
        kit.true(server.post(f"{kit.API}/runs/{run}/cancel").status in (200, 202), "it is cancelled")
        kit.equal(server.process.wait(kit.PATIENCE), 0)


if __name__ == "__main__":
    kit.main(globals())
