"""A WebSocket client on a raw socket, that can also do what a client must not."""
import base64
import hashlib
import json
import os
import socket
import struct

import kit

SALT = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def frame(opcode, payload=b"", fin=True, mask=True, rsv=0, length=None, form=None):
    """Bytes of a frame; `length` lies about the payload, `form` is 7, 16 or 64 bits of length."""
    count = len(payload) if length is None else length
    form = form or (7 if count < 126 else 16 if count < 65536 else 64)
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    bit = 0x80 if mask else 0
    head += {7: lambda: bytes([bit | count]), 16: lambda: bytes([bit | 126]) + struct.pack(">H", count),
             64: lambda: bytes([bit | 127]) + struct.pack(">Q", count)}[form]()
    if not mask:
        return head + payload
    key = os.urandom(4)
    return head + key + bytes(b ^ key[i % 4] for i, b in enumerate(payload))


def handshake(server, path, protocols=None, key="dGhlIHNhbXBsZSBub25jZQ==", version="13", method="GET", more=b"", drop=(), **headers):
    """A connection after its handshake was sent, and the head of the reply."""
    lines = {"Host": f"{server.host}:{server.port}", "Upgrade": "websocket", "Connection": "keep-alive, Upgrade",
             "Sec-WebSocket-Key": key, "Sec-WebSocket-Version": version}
    if protocols:
        lines["Sec-WebSocket-Protocol"] = protocols
    if server.key:
        lines["Authorization"] = f"Bearer {server.key}"
    lines.update({name.replace("_", "-"): value for name, value in headers.items()})
    text = f"{method} {kit.API}{path} HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in lines.items() if n not in drop) + "\r\n"
    plain = server.connect()
    plain.sendall(text.encode() + more)
    head, rest = kit.read_head(plain)
    return plain, head, rest


class Socket:
    def __init__(self, server, path="/ws", **options):
        self.plain, self.head, self.data = handshake(server, path, **options)
        kit.true(" 101 " in self.head.split("\r\n")[0], self.head)

    def send(self, *frames):
        self.plain.sendall(b"".join(frames))

    def say(self, **message):
        self.send(frame(TEXT, json.dumps(message).encode()))

    def take(self, count):
        while len(self.data) < count:
            more = self.plain.recv(65536)
            if not more:
                raise EOFError(f"the connection has ended: {self.data!r}")
            self.data += more
        got, self.data = self.data[:count], self.data[count:]
        return got

    def frame(self):
        """(opcode, payload) of the next frame; the server's are whole and not masked."""
        first, second = self.take(2)
        kit.true(first & 0x80 and not first & 0x70, "server frames are whole, without reserved bits")
        kit.equal(second & 0x80, 0, "mask of the server")
        count = second & 0x7F
        if count == 126:
            count = struct.unpack(">H", self.take(2))[0]
        elif count == 127:
            count = struct.unpack(">Q", self.take(8))[0]
        return first & 15, self.take(count)

    def heard(self):
        """The next message as JSON; pings are answered."""
        while True:
            opcode, payload = self.frame()
            if opcode == PING:
                self.send(frame(PONG, payload))
            elif opcode == TEXT:
                return json.loads(payload)
            elif opcode == CLOSE:
                raise EOFError(f"closed: {payload!r}")

    def close_code(self):
        """The code of the server's close, other messages before it left out; then the connection ends."""
        while True:
            opcode, payload = self.frame()
            if opcode == PING:
                self.send(frame(PONG, payload))
            if opcode == CLOSE:
                break
        code = struct.unpack(">H", payload[:2])[0] if payload else None
        payload[2:].decode()
        try:
            self.send(frame(CLOSE, payload[:2]))
        except OSError:
            pass  # it is gone already
        kit.read_all(self.plain)
        self.plain.close()
        return code

    def close(self):
        self.plain.close()


def accept_of(key):
    return base64.b64encode(hashlib.sha1(key.encode() + SALT).digest()).decode()


def end_of_sending(plain):
    plain.shutdown(socket.SHUT_WR)
