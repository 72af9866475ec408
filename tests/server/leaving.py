"""Clients that leave at a bad moment give back what they held; those that only end their side after a whole request get their answer."""
import socket
import struct

import kit
from socket_kit import Socket

T = kit.API + "/testing"
RUDE = 40  # more than there may be live streams


def leave(plain):
    """Without a farewell: what the server sends meets a reset."""
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    plain.close()


def rude_handshake(server, path, number):
    plain = server.connect()
    name = f"rude{path.strip('/').replace('/', '-')}{number}"
    plain.sendall(f"GET {kit.API}{path} HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: {name}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
    kit.wait_for(lambda: server.log_lines(event="http.start", request_id=name), "the request has begun")
    leave(plain)
    return name


def test_before_the_handshake_is_answered(server):
    """Whether the 101 has gone out or not: the end of each is in the log, and no descriptor stays."""
    before = server.descriptors()
    names = [rude_handshake(server, "/ws", number) for number in range(RUDE)]
    for name in names:
        kit.wait_for(lambda: server.log_lines(event="http.end", request_id=name), f"the end of {name}")
    kit.wait_for(lambda: server.descriptors() <= before + 2, "their descriptors")
    Socket(server).close()


def test_live_streams_are_given_back(server):
    if not (kit.models() / "whisper-tiny.en").is_dir():
        raise kit.Skip("whisper-tiny.en is not installed")
    for number in range(RUDE):
        name = rude_handshake(server, "/live", number)
        kit.wait_for(lambda: server.log_lines(event="http.end", request_id=name), f"the end of {name}")

    def opens():
        try:
            client = Socket(server, "/live")
        except AssertionError as error:
            kit.true(" 503 " in str(error), error)  # the last one is about to be given back
            return False
        kit.equal(client.heard()["type"], "ready")
        client.close()
        return True
    kit.wait_for(opens, "a live stream can be opened", patience=60)


def half_closed(server, request):
    """What comes back for a request behind which the client ends its side."""
    with server.connect() as plain:
        plain.sendall(request)
        plain.shutdown(socket.SHUT_WR)
        return kit.read_all(plain)


def head(method, path, *more):
    return "\r\n".join((f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close", *more, "", "")).encode()


def final(reply):
    """Without the interim reply that a long wait may bring."""
    while reply.startswith(b"HTTP/1.1 100 "):
        reply = reply.split(b"\r\n\r\n", 1)[1]
    return reply


def test_half_closed_after_a_request(server):
    """Its side is ended, not the connection: at once, after a wait, with a body that is read in pieces."""
    for path in ("/livez", f"{T}/items/a", f"{T}/wait?ms=100", f"{T}/wait?ms=3000", f"{T}/file?size=3000000"):
        reply = half_closed(server, head("GET", path))
        kit.true(final(reply).startswith(b"HTTP/1.1 200 "), f"{path}: {reply[:200]}")
        kit.true(b'"gone":true' not in reply.replace(b" ", b""), f"{path}: {reply[-200:]}")
    for body in (b"abc", b"x" * 5000, b"x" * 1000000):
        for nap in (0, 100):
            reply = half_closed(server, head("POST", f"{T}/count?nap_ms={nap if len(body) < 9999 else 0}", f"Content-Length: {len(body)}") + body)
            kit.true(final(reply).startswith(b"HTTP/1.1 200 ") and f'"bytes":{len(body)}'.encode() in reply.replace(b" ", b""),
                     f"{len(body)} bytes, naps of {nap}: {reply[:300]}")
    reply = half_closed(server, head("POST", f"{T}/echo", "Content-Type: application/json", "Content-Length: 2") + b"{}")
    kit.true(reply.startswith(b"HTTP/1.1 200 "), reply[:200])
    reply = half_closed(server, head("POST", f"{T}/count", "Transfer-Encoding: chunked") + b"3\r\nabc\r\n0\r\n\r\n")
    kit.true(reply.startswith(b"HTTP/1.1 200 "), reply[:200])


def test_half_closed_streams_end(server):
    """Nobody can tell who has only ended his side from who is gone while nothing is written: a stream ends."""
    reply = half_closed(server, head("GET", f"{T}/events", "X-Request-Id: half-stream"))
    kit.true(reply.startswith(b"HTTP/1.1 200 "), reply[:200])
    kit.wait_for(lambda: server.log_lines(event="http.end", request_id="half-stream"), "its end in the log")


def test_who_is_gone_is_noticed(server):
    """Though nobody writes to it: what works for it is told."""
    for number, leaves in enumerate((socket.socket.close, leave)):
        plain = server.connect()
        plain.sendall(head("GET", f"{T}/wait?ms=600000", f"X-Request-Id: gone{number}"))
        kit.wait_for(lambda: server.log_lines(event="http.decision", request_id=f"gone{number}"), "it waits")
        leaves(plain)
        kit.wait_for(lambda: server.log_lines(event="http.end", request_id=f"gone{number}"), "its end in the log")


if __name__ == "__main__":
    kit.main(globals())
