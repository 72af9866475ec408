"""WebSockets: handshakes, frames as a client must and must not send them (each case on a connection of its own), and
events over them: subscriptions, filters, resumption, ends."""
import json
import struct

import kit
import sse
from socket_kit import BINARY, CLOSE, CONT, PING, PONG, TEXT, Socket, accept_of, end_of_sending, frame, handshake

SETTINGS = {"HTTP_PING_SECONDS": "20"}
PING_JSON = b'{"action": "ping"}'


def status(reply):
    plain, head, _ = reply
    plain.close()
    return int(head.split(" ")[1])


def header(head, name):
    for line in head.split("\r\n")[1:]:
        if line.lower().startswith(name.lower() + ":"):
            return line.split(":", 1)[1].strip()
    return None


def test_handshake(server):
    plain, head, _ = handshake(server, "/ws")
    kit.true(head.startswith("HTTP/1.1 101 "), head)
    kit.equal(header(head, "Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")  # the example of RFC 6455
    kit.equal(header(head, "Upgrade").lower(), "websocket")
    kit.true("upgrade" in header(head, "Connection").lower(), "Connection")
    kit.equal(header(head, "Sec-WebSocket-Protocol"), None)
    plain.close()
    key = "AAAAAAAAAAAAAAAAAAAAAA=="
    plain, head, _ = handshake(server, "/ws", key=key, protocols="other, modellab.v1")
    kit.equal(header(head, "Sec-WebSocket-Accept"), accept_of(key))
    kit.equal(header(head, "Sec-WebSocket-Protocol"), "modellab.v1")
    plain.close()
    plain, head, _ = handshake(server, "/ws", protocols="other")
    kit.equal(header(head, "Sec-WebSocket-Protocol"), None)
    plain.close()


def test_handshakes_that_are_none(server):
    kit.equal(server.get(kit.API + "/ws").status, 426)
    kit.equal(server.get(kit.API + "/ws").header("Upgrade"), "websocket")
    kit.equal(server.get(kit.API + "/live").status, 426)
    kit.equal(status(handshake(server, "/ws", drop=("Connection",))), 426)
    kit.equal(status(handshake(server, "/ws", Upgrade="h2c")), 426)
    plain, head, _ = handshake(server, "/ws", version="12")
    kit.equal((int(head.split(" ")[1]), header(head, "Sec-WebSocket-Version")), (426, "13"))
    plain.close()
    kit.equal(status(handshake(server, "/ws", drop=("Sec-WebSocket-Version",))), 426)
    for key in ("", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ=A", "dGhlIHNhbXBsZSBub25jZR==", "dGhl!HNhbXBsZSBub25jZQ==",
                "dGhlIHNhbXBsZSBub25jZQ==dGhlIHNhbXBsZSBub25jZQ=="):
        kit.equal(status(handshake(server, "/ws", key=key)), 400, key)
    kit.equal(status(handshake(server, "/ws", drop=("Sec-WebSocket-Key",))), 400)
    kit.equal(status(handshake(server, "/ws", method="DELETE")), 405)
    kit.equal(status(handshake(server, "/ws", Origin="https://elsewhere.example")), 403)
    kit.equal(status(handshake(server, "/ws", Origin=f"http://{server.host}:{server.port}")), 101)


def test_keys():
    with kit.Server(HTTP_KEYS="on") as server:
        made = json.loads(sse.cli(server, "key", "create", "--json", "--scopes", "runs:read", "--user", "ann"))
        run = sse.submit(server, "--user", "bob", hold=True)
        kit.equal(status(handshake(server, "/ws")), 401)
        kit.equal(status(handshake(server, "/ws", protocols="modellab.v1, modellab.key.mlk_wrong")), 401)
        key = made["secret"]
        plain, head, _ = handshake(server, "/ws", protocols=f"modellab.v1, modellab.key.{key}")
        kit.true(" 101 " in head, head)
        kit.equal(header(head, "Sec-WebSocket-Protocol"), "modellab.v1")
        kit.true(key not in head and key not in server.log_text(), "the key is told to nobody")
        plain.close()
        kit.equal(status(handshake(server, "/live", protocols=f"modellab.key.{key}")), 403)
        server.key = key  # of ann: the runs of bob are not there for her
        kit.equal(Socket(server, f"/runs/{run}/ws").close_code(), 4004)
        kit.equal(server.get(f"{kit.API}/runs/{run}/events").status, 404)
        client = Socket(server)
        client.say(action="subscribe", id="a", run=run)
        kit.equal(client.heard(), {"type": "end", "id": "a", "reason": "unknown"})
        client.say(action="subscribe", id="b", cursor="e0")
        kit.equal(client.heard()["type"], "subscribed")
        mine = sse.submit(server, "--user", "ann", hold=True)
        kit.equal(client.heard()["event"]["run_id"], mine)
        stream = sse.Stream(server, "/events?cursor=e0", Authorization=f"Bearer {key}")
        kit.equal(stream.event()[2]["run_id"], mine)
        stream.close()
        client.close()


# (name, what is sent, what comes back: a code of a close, or a payload of a pong, or the type of an answer)
GOOD = [
    ("a whole text", [frame(TEXT, PING_JSON)], "pong"),
    ("two in one piece", [frame(TEXT, PING_JSON), frame(TEXT, PING_JSON)], "pong"),
    ("fragments of one byte", [frame(TEXT, PING_JSON[:1], fin=False), *[frame(CONT, PING_JSON[i:i + 1], fin=False) for i in range(1, len(PING_JSON))],
                               frame(CONT)], "pong"),
    ("empty fragments", [frame(TEXT, fin=False), frame(CONT, fin=False), frame(CONT, PING_JSON)], "pong"),
    ("a ping between fragments", [frame(TEXT, PING_JSON[:5], fin=False), frame(PING, b"x"), frame(CONT, PING_JSON[5:])], b"x"),
    ("an empty ping", [frame(PING)], b""),
    ("the largest ping", [frame(PING, b"p" * 125)], b"p" * 125),
    ("a pong that nobody asked for", [frame(PONG, b"x"), frame(TEXT, PING_JSON)], "pong"),
    ("the largest message", [frame(TEXT, PING_JSON.ljust(16384))], "pong"),
    ("a character in two fragments", [frame(TEXT, b'{"action": "p\xc3', fin=False), frame(CONT, b'\xa4"}')], "error"),
    ("an empty text", [frame(TEXT)], "error"),
    ("no JSON", [frame(TEXT, b"{")], "error"),
    ("a list", [frame(TEXT, b"[1]")], "error"),
    ("a key twice", [frame(TEXT, b'{"action": "ping", "action": "ping"}')], "error"),
    ("an unknown action", [frame(TEXT, b'{"action": "dance"}')], "error"),
    ("an action that is a number", [frame(TEXT, b'{"action": 1}')], "error"),
    ("a subscription without id", [frame(TEXT, b'{"action": "subscribe"}')], "error"),
    ("a bad cursor", [frame(TEXT, b'{"action": "subscribe", "id": "a", "cursor": "12"}')], "error"),
    ("a bad after", [frame(TEXT, b'{"action": "subscribe", "id": "a", "run": "x", "after": -1}')], "error"),
    *[(f"a text of {n} bytes", [frame(TEXT, PING_JSON.ljust(n))], "pong") for n in (125, 126, 127, 128)],
    ("a large text in fragments of 64 bytes", [frame(TEXT, PING_JSON.ljust(64), fin=False), *[frame(CONT, b" " * 64, fin=False)] * 254, frame(CONT, b" " * 64)],
     "pong"),
    ("a large text in fragments of 1,300 bytes", [frame(TEXT, PING_JSON.ljust(1300), fin=False), *[frame(CONT, b" " * 1300, fin=False)] * 11, frame(CONT)],
     "pong"),
    ("a ping that is no UTF-8", [frame(PING, b"\xff\x00\xfe")], b"\xff\x00\xfe"),
    ("a ping behind a pong of other words", [frame(PONG, b"other"), frame(PING, b"x")], b"x"),
    ("pongs between fragments", [frame(TEXT, PING_JSON[:5], fin=False), frame(PONG), frame(CONT, PING_JSON[5:9], fin=False), frame(PONG, b"y"),
                                 frame(CONT, PING_JSON[9:])], "pong"),
    *[(f"a character that is allowed, {c!a}", [frame(TEXT, f'"{c}"'.encode())], "error")
      for c in ("\u0080", "\u07ff", "\u0800", "\ud7fe", "\ue000", "\ufffd", "\ufffe", "\uffff", "\U00010000", "\U0010ffff", "\ufeff")],
    ("no such subscription", [frame(TEXT, b'{"action": "unsubscribe", "id": "a"}')], "error"),
]
BAD = [
    ("not masked", [frame(TEXT, PING_JSON, mask=False)], 1002),
    ("a ping that is not masked", [frame(PING, b"x", mask=False)], 1002),
    ("a reserved bit 1", [frame(TEXT, PING_JSON, rsv=4)], 1002),
    ("a reserved bit 2", [frame(TEXT, PING_JSON, rsv=2)], 1002),
    ("a reserved bit 3", [frame(TEXT, PING_JSON, rsv=1)], 1002),
    *[(f"opcode {code}", [frame(code, b"x")], 1002) for code in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)],
    ("a ping of 126 bytes", [frame(PING, b"p" * 126)], 1002),
    ("a ping in fragments", [frame(PING, b"p", fin=False)], 1002),
    ("a close in fragments", [frame(CLOSE, b"\x03\xe8", fin=False)], 1002),
    ("a continuation of nothing", [frame(CONT, b"x")], 1002),
    ("a text within a text", [frame(TEXT, b"x", fin=False), frame(TEXT, b"y")], 1002),
    ("a longer form of a length, 16 bits", [frame(TEXT, PING_JSON, form=16)], 1002),
    ("a longer form of a length, 64 bits", [frame(TEXT, PING_JSON, form=64)], 1002),
    ("a length beyond 63 bits", [frame(TEXT, b"", length=1 << 63, form=64)], 1002),
    ("no UTF-8", [frame(TEXT, b"\xff\xfe")], 1007),
    ("half a character", [frame(TEXT, b'"\xc3')], 1007),
    ("no UTF-8 in fragments", [frame(TEXT, b'"\xc3', fin=False), frame(CONT, b"x")], 1007),
    ("a surrogate", [frame(TEXT, b"\xed\xa0\x80")], 1007),
    ("an overlong NUL", [frame(TEXT, b"\xc0\x80")], 1007),
    ("beyond Unicode", [frame(TEXT, b"\xf4\x90\x80\x80")], 1007),
    ("too large", [frame(TEXT, b" " * 16385)], 1009),
    ("too large in fragments", [frame(TEXT, b" " * 16000, fin=False), frame(CONT, b" " * 385)], 1009),
    ("much too large, announced", [frame(TEXT, b"", length=1 << 40, form=64)], 1009),
    ("binary", [frame(BINARY, b"x")], 1003),
    ("a close without a code", [frame(CLOSE)], None),
    ("a close", [frame(CLOSE, struct.pack(">H", 1000) + b"bye")], 1000),
    ("a close of an application", [frame(CLOSE, struct.pack(">H", 4321))], 4321),
    ("a close of one byte", [frame(CLOSE, b"\x03")], 1002),
    *[(f"a close of {code}", [frame(CLOSE, struct.pack(">H", code))], 1002) for code in (0, 999, 1004, 1005, 1006, 1015, 2999, 5000)],
    ("three reserved bits of a ping", [frame(PING, b"x", rsv=7)], 1002),
    ("a reserved bit of a continuation", [frame(TEXT, b"x", fin=False), frame(CONT, b"y", rsv=4)], 1002),
    ("an unknown opcode within a text", [frame(TEXT, b"x", fin=False), frame(3, b"y")], 1002),
    ("a pong in fragments", [frame(PONG, b"p", fin=False)], 1002),
    ("a pong of 126 bytes", [frame(PONG, b"p" * 126)], 1002),
    ("a close of 126 bytes", [frame(CLOSE, b"\x03\xe8" + b"r" * 124)], 1002),
    ("a continuation of nothing, behind a text", [frame(TEXT, b"x", fin=False), frame(CONT, b"y"), frame(CONT, b"z")], 1002),
    ("a continuation of nothing that goes on", [frame(CONT, b"x", fin=False)], 1002),
    ("a binary within a text", [frame(TEXT, b"x", fin=False), frame(BINARY, b"y")], 1002),
    ("a close within a text", [frame(TEXT, b"x", fin=False), frame(CLOSE, struct.pack(">H", 1000))], 1000),
    ("the longest reason", [frame(CLOSE, struct.pack(">H", 1000) + b"r" * 123)], 1000),
    ("no UTF-8, before the text has ended", [frame(TEXT, b"\xce\xba\xff", fin=False)], 1007),
    ("no UTF-8, before its frame has ended", [frame(TEXT, b"\xff" * 10)[:10]], 1007),
    *[(f"no UTF-8, {data.hex()}", [frame(TEXT, data)], 1007)
      for data in (b"\x80", b"\xbf", b"\xc0\xaf", b"\xc1\xbf", b"\xe0\x9f\xbf", b"\xf0\x8f\xbf\xbf", b"\xed\xbf\xbf", b"\xf5\x80\x80\x80", b"\xf8\x88\x80\x80\x80",
                   b"\xfc\x84\x80\x80\x80\x80", b"\xfe", b"\xe2\x82", b"\xf0\x9f\x98", b"\xc3(")],
    *[(f"a close of {code}", [frame(CLOSE, struct.pack(">H", code))], code)
      for code in (1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)],
    *[(f"a close of {code}", [frame(CLOSE, struct.pack(">H", code))], 1002) for code in (1016, 1100, 2000, 65535)],
    ("a close with bad UTF-8", [frame(CLOSE, b"\x03\xe8\xff")], 1007),
]


def test_frames_that_are_right(server):
    kit.true(len(GOOD) + len(BAD) >= 40, "cases")
    for name, frames, want in GOOD:
        one = Socket(server)
        one.send(*frames)
        if isinstance(want, bytes):
            kit.equal(one.frame(), (PONG, want), name)
        else:
            kit.equal(one.heard()["type"], want, name)
        one.send(frame(CLOSE, struct.pack(">H", 1000)))
        kit.equal(one.close_code(), 1000, name)


def test_frames_that_are_wrong(server):
    wrong = []
    for name, frames, want in BAD:
        one = Socket(server)
        one.send(*frames)
        try:
            code = one.close_code()
        except (EOFError, OSError) as error:
            code = str(error)
        if code != want:
            wrong.append((name, code, want))
    kit.equal(wrong, [], "codes of closes")


def test_pings_and_their_order(server):
    one = Socket(server)
    for byte in frame(PING, b"in pieces"):
        one.send(bytes([byte]))
    kit.equal(one.frame(), (PONG, b"in pieces"))
    one.send(*[frame(PING, str(i).encode()) for i in range(10)])
    kit.equal([one.frame() for _ in range(10)], [(PONG, str(i).encode()) for i in range(10)])
    one.send(frame(TEXT, PING_JSON[:4], fin=False), frame(PING, b"a"), frame(CONT, PING_JSON[4:8], fin=False), frame(PING, b"b"), frame(CONT, PING_JSON[8:]))
    kit.equal([one.frame() for _ in range(2)], [(PONG, b"a"), (PONG, b"b")])
    kit.equal(one.heard()["type"], "pong")
    one.send(frame(CLOSE, struct.pack(">H", 1000)), frame(PING, b"late"))  # nothing is answered after a close
    kit.equal(one.frame()[0], CLOSE)
    one.close()


def test_pieces(server):
    one = Socket(server)
    for byte in frame(TEXT, PING_JSON):  # byte by byte
        one.send(bytes([byte]))
    kit.equal(one.heard()["type"], "pong")
    one.send(frame(CLOSE, struct.pack(">H", 1000)), frame(TEXT, PING_JSON))  # nothing is answered after a close
    kit.equal(one.close_code(), 1000)
    one = Socket(server, more=frame(TEXT, PING_JSON))  # sent with the handshake
    kit.equal(one.heard()["type"], "pong")
    end_of_sending(one.plain)
    kit.equal(kit.read_all(one.plain), b"", "a client that is gone")
    one.close()
    one = Socket(server)
    one.send(frame(TEXT, PING_JSON)[:4])
    one.close()  # within a frame
    kit.equal(server.get("/livez").status, 200)


def test_events_of_a_run(server):
    run = sse.submit(server)
    items = sse.finished(server, run)
    one = Socket(server, f"/runs/{run}/ws")
    kit.equal([one.heard() for _ in items], [{"type": "event", "event": e} for e in items])
    kit.equal(one.close_code(), 1000)
    one = Socket(server, f"/runs/{run}/ws?after={len(items) - 1}")
    kit.equal(one.heard()["event"], items[-1])
    kit.equal(one.close_code(), 1000)
    kit.equal(Socket(server, f"/runs/{'0' * 26}/ws").close_code(), 4004)
    kit.equal(status(handshake(server, f"/runs/{run}/ws?after=x")), 422)


def test_subscriptions(server):
    one, other = sse.submit(server, "--user", "ann", hold=True), sse.submit(server, "--user", "bob", hold=True)
    client = Socket(server)
    client.say(action="subscribe", id="a", run=one)
    kit.equal(client.heard(), {"type": "subscribed", "id": "a"})
    first = client.heard()
    kit.equal((first["id"], first["event"]["type"], first["event"]["run_id"]), ("a", "run_queued", one))
    client.say(action="subscribe", id="b", user="bob", cursor="e0", types="run_cancelled,run_queued")
    kit.equal(client.heard(), {"type": "subscribed", "id": "b"})
    second = client.heard()
    kit.equal((second["id"], second["event"]["run_id"]), ("b", other))
    client.say(action="subscribe", id="b")
    kit.equal(client.heard()["type"], "error")
    client.say(action="subscribe", id="c", run="0" * 26)
    kit.equal(client.heard(), {"type": "end", "id": "c", "reason": "unknown"})
    sse.move(server, other, "high")  # not one of the types
    sse.cli(server, "run", "cancel", other)
    heard = client.heard()
    kit.equal((heard["id"], heard["event"]["type"]), ("b", "run_cancelled"))
    client.say(action="unsubscribe", id="b")
    kit.equal(client.heard(), {"type": "unsubscribed", "id": "b"})
    sse.cli(server, "run", "cancel", one)
    kit.equal(client.heard()["event"]["type"], "run_cancelled")
    kit.equal(client.heard(), {"type": "end", "id": "a", "reason": "final"})
    again = Socket(server)
    again.say(action="subscribe", id="x", cursor=second["cursor"], user="bob")
    kit.equal(again.heard()["type"], "subscribed")
    kit.equal([again.heard()["event"]["number"] for _ in range(2)], [2, 3])
    for i in range(63):
        again.say(action="subscribe", id=str(i))
        kit.equal(again.heard()["type"], "subscribed")
    again.say(action="subscribe", id="too many")
    kit.equal(again.heard()["type"], "error")
    again.close()
    client.close()


def test_resumption_and_stop():
    with kit.Server() as server:
        run = sse.submit(server, hold=True)
        client = Socket(server, f"/runs/{run}/ws")
        kit.equal(client.heard()["event"]["number"], 1)
        sse.move(server, run, "high")
        kit.equal(client.heard()["event"]["number"], 2)
        server.kill()
        client.close()
        sse.move(server, run, "low")
        server.start()
        client = Socket(server, f"/runs/{run}/ws?after=2")
        kit.equal(client.heard()["event"]["number"], 3)
        server.process.terminate()
        kit.equal(client.close_code(), 1001)
        server.process.wait(kit.PATIENCE)  # a second signal would end the drain at once


def test_signs_of_life_and_the_longest_life():
    with kit.Server(HTTP_PING_SECONDS="1") as server:
        deaf = Socket(server)
        kit.equal(deaf.frame(), (PING, b""))
        try:
            while True:  # it answers none
                kit.equal(deaf.frame()[0], PING)
        except (EOFError, OSError):
            pass
    with kit.Server(HTTP_PING_SECONDS="60", HTTP_SOCKET_SECONDS="2") as server:
        kit.equal(Socket(server).close_code(), 4008)  # nobody lives for ever


if __name__ == "__main__":
    kit.main(globals())
