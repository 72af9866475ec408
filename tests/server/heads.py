"""Heads that two servers could read differently, or that are too large: each is refused with a problem, as the first request of a
connection and behind a good one; good heads of all sizes, cut anywhere, are taken."""
import json
import random

import kit

HOST = b"Host: localhost\r\n"
GOOD = b"GET /livez HTTP/1.1\r\n" + HOST + b"\r\n"


def get(*lines, end=b"\r\n"):
    return b"GET /livez HTTP/1.1\r\n" + b"".join(lines) + end


REFUSED = {
    "a bare LF behind the request line": (400, b"GET /livez HTTP/1.1\n" + HOST + b"\r\n"),
    "a bare LF behind a header": (400, get(b"Host: localhost\n", b"X-A: 1\r\n")),
    "a bare LF behind the last header": (400, get(HOST, b"X-A: 1\n")),
    "a bare LF at the end": (400, get(HOST, end=b"\n")),
    "bare LFs only": (400, b"GET /livez HTTP/1.1\nHost: localhost\n\n"),
    "a folded line": (400, get(HOST, b"X-A: 1\r\n", b" 2\r\n", b"X-B: 3\r\n")),
    "a folded line with a tab": (400, get(HOST, b"X-A: 1\r\n", b"\t2\r\n")),
    "a folded Content-Length": (400, b"POST /api/v1/testing/echo HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\nContent-Length:\r\n 2\r\n\r\n{}"),
    "a bare CR in a value": (400, get(HOST, b"X-A: 1\r2\r\n")),
    "a bare CR in the target": (400, b"GET /li\rvez HTTP/1.1\r\n" + HOST + b"\r\n"),
    "a NUL in a value": (400, get(HOST, b"X-A: 1\x002\r\n")),
    "a blank in the path": (400, b"GET /li vez HTTP/1.1\r\n" + HOST + b"\r\n"),
    "a blank in the query": (400, b"GET /livez?a=b c HTTP/1.1\r\n" + HOST + b"\r\n"),
    "no Host": (400, get(b"X-A: 1\r\n")),
    "two lengths": (400, b"POST /api/v1/testing/echo HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}"),
    "length and chunked": (400, b"POST /api/v1/testing/echo HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "a target of 10 KiB": (414, b"GET /" + b"a" * 10240 + b" HTTP/1.1\r\n" + HOST + b"\r\n"),
    "a query of 12 KiB": (414, b"GET /livez?a=" + b"a" * 12288 + b" HTTP/1.1\r\n" + HOST + b"\r\n"),
    "a head of 20 KiB": (431, get(HOST, b"X-A: " + b"a" * 20000 + b"\r\n")),
    "a head of 20 KiB of headers": (431, get(HOST, *(b"X-%d: %s\r\n" % (i, b"a" * 400) for i in range(50)))),
    "101 headers": (431, get(HOST, *(b"X-%d: 1\r\n" % i for i in range(100)))),
}


def check_problem(name, http, reply):
    head, body = reply.split(b"\r\n\r\n", 1)
    fields = {field.lower(): value for field, value in (line.split(": ", 1) for line in head.decode("latin-1").split("\r\n")[1:])}
    kit.equal(head[9:12], str(http).encode(), name)
    kit.equal((fields["content-type"], fields["api-version"], fields["connection"].lower()), ("application/problem+json", "1", "close"), name)
    problem = json.loads(body)  # one reply and nothing behind it
    kit.equal((problem["status"], problem["request_id"]), (http, fields["x-request-id"]), name)
    return problem


def test_refused(server):
    ids = []
    for name, (http, data) in REFUSED.items():
        ids.append(check_problem(name, http, server.raw(data + GOOD))["request_id"])
        with server.connect() as plain:
            plain.sendall(GOOD)
            head, rest = kit.read_head(plain)
            size = int([line for line in head.splitlines() if line.lower().startswith("content-length")][0].split(":")[1])
            while len(rest) < size:
                rest += plain.recv(65536)
            plain.sendall(data + GOOD)
            ids.append(check_problem(name + ", behind a good one", http, kit.read_all(plain))["request_id"])
    kit.wait_for(lambda: {line["request_id"] for line in server.log_lines(event="http.end")} >= set(ids), "the end of each in the log")


def test_good_heads_of_all_sizes(server):
    """Kept connections, heads up to the limit, cut into pieces anywhere: none is taken for a malformed one."""
    dice = random.Random(11)
    for _ in range(6):
        with server.connect() as plain:
            for number in range(6):
                limit = dice.choice((50, 300, 3000, 15000))
                lines, left = [], dice.randrange(limit)
                while left > 0 and len(lines) < 95:
                    size = min(left, dice.choice((1, 10, 200, 4000)))
                    lines.append(f"X-{len(lines)}:{' ' * dice.randrange(3)}{'v' * size}{' ' * dice.randrange(2)}\r\n".encode())
                    left -= size + 12
                target = b"/livez?a=" + b"b" * dice.choice((0, 10, 1000)) + b"&c=d+e"
                data = dice.choice((b"", b"\r\n")) + b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"Cookie: a=b; c=d\r\n" + b"".join(lines) + b"\r\n"
                at = 0
                while at < len(data):
                    piece = dice.choice((1, 300, 5000, len(data)))
                    plain.sendall(data[at:at + piece])
                    at += piece
                head, rest = kit.read_head(plain)
                kit.true(head.startswith("HTTP/1.1 200 "), f"request {number} with {len(lines)} headers, {len(data)} bytes: {head[:200]} {rest[:300]}")
                size = int([line for line in head.splitlines() if line.lower().startswith("content-length")][0].split(":")[1])
                while len(rest) < size:
                    rest += plain.recv(65536)
    many = b"".join(b"GET /livez HTTP/1.1\r\n" + HOST + b"X-A: %d\r\n\r\n" % i for i in range(50))
    kit.equal(server.raw(many + b"GET /livez HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n").count(b"HTTP/1.1 200 "), 51, "one behind the other")


def test_what_is_no_request_is_in_the_log(server):
    """libmicrohttpd answers these itself, or ends the connection: the log has a line all the same."""
    cases = (b"GET\r\n\r\n", b"GET /livez HTTP/1.1\r\nno colon\r\n\r\n", b"GET /livez HTTP/x\r\n" + HOST + b"\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
             get(HOST, b"X-A: " + b"a" * 60000 + b"\r\n"))
    for data in cases:
        before = len(server.log_lines(event="http.unfinished"))
        reply = server.raw(data)
        kit.true(reply == b"" or reply[9:10] in (b"4", b"5"), f"{data[:40]}: {reply[:100]}")
        kit.wait_for(lambda: len(server.log_lines(event="http.unfinished")) > before, f"a line for {data[:40]}")


if __name__ == "__main__":
    kit.main(globals())
