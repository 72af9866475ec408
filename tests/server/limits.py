"""Limits of connections: slow heads and bodies, too many connections, idle streams, framing that two servers could read differently."""
import json
import resource
import socket
import time

import kit

SETTINGS = {"HTTP_HEAD_SECONDS": "1", "HTTP_BODY_SECONDS": "1"}
HOST = b"Host: localhost\r\n"


def trickle(plain, data, head=b""):
    """Sends a byte now and then until the connection ends; what came back."""
    plain.sendall(head)
    plain.settimeout(0.05)
    end = time.monotonic() + kit.PATIENCE
    answer = b""
    while time.monotonic() < end:
        try:
            plain.send(data)
        except (BrokenPipeError, ConnectionResetError):
            return answer
        try:
            more = plain.recv(65536)
            if not more:
                return answer
            answer += more
        except TimeoutError:
            pass
        except ConnectionResetError:
            return answer
    raise AssertionError("the connection did not end")


def problem_of(reply, http, slug):
    """A whole reply on the socket itself is a problem like all others, with its line in the log."""
    head, body = reply.split(b"\r\n\r\n", 1)
    lines = head.decode().split("\r\n")
    fields = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
    kit.true(lines[0].startswith(f"HTTP/1.1 {http} "), lines[0])
    kit.equal((fields["content-type"], fields["api-version"], fields["connection"]), ("application/problem+json", "1", "close"), lines)
    kit.equal(int(fields["content-length"]), len(body), "Content-Length")
    problem = json.loads(body)
    kit.equal((problem["type"], problem["status"], problem["request_id"]), (f"/api/v1/problems#{slug}", http, fields["x-request-id"]))
    return problem


def test_late_ones_are_told_so(server):
    """408 with all that a problem has, and a line in the log, or the end of the call's own lines."""
    with server.connect() as plain:
        plain.sendall(b"GET /livez HTTP/1.1\r\nHost: loc")
        problem = problem_of(kit.read_all(plain), 408, "timeout")
    line = kit.wait_for(lambda: server.log_lines(event="http.refused", request_id=problem["request_id"]), "its line")[0]
    kit.equal((line["status"], line["client"], line["why"]), (408, "127.0.0.1", "timeout"))
    with server.connect() as plain:
        plain.sendall(b"POST /api/v1/testing/count HTTP/1.1\r\n" + HOST + b"X-Request-Id: late-body\r\nContent-Length: 10\r\n\r\nabc")
        kit.equal(problem_of(kit.read_all(plain), 408, "timeout")["request_id"], "late-body")
    end = kit.wait_for(lambda: server.log_lines(event="http.end", request_id="late-body"), "its end")[0]
    kit.equal((end["status"], end["end"]), (408, "timed out"))
    kit.true('operation="testCount",method="POST",status="4xx"' in server.get("/metrics").text, "counted as what it is")


def test_between_requests():
    """A connection may idle as long as its setting says, but a head that has begun has the time of a head."""
    get = b"GET /livez HTTP/1.1\r\n" + HOST + b"\r\n"
    with kit.Server(HTTP_HEAD_SECONDS="1", HTTP_IDLE_SECONDS="600") as server:
        with server.connect() as idle, server.connect() as slow:
            for plain in (idle, slow):
                plain.sendall(get)
                kit.true(kit.read_head(plain)[0].startswith("HTTP/1.1 200"), "the first request")
            slow.sendall(b"GET /livez HTTP/1.1\r\nHost: loc")
            problem_of(kit.read_all(slow), 408, "timeout")
            idle.sendall(get)
            kit.true(kit.read_head(idle)[0].startswith("HTTP/1.1 200"), "who idles still has its connection")
    with kit.Server(HTTP_HEAD_SECONDS="600", HTTP_IDLE_SECONDS="1") as server:
        with server.connect() as plain:
            plain.sendall(get)
            kit.true(kit.read_all(plain).count(b"HTTP/1.1 200 ") == 1, "it is ended without a word")
        kit.true("modellab_http_connections_expired_total 1\n" in server.get("/metrics").text, "and counted")


def test_slow_heads_end(server):
    for head in (b"", b"GET /livez HTTP/1.1\r\n" + HOST + b"X-A: "):
        with server.connect() as plain:
            kit.true(trickle(plain, b"a", head)[:12] in (b"HTTP/1.1 408", b""), "408, or the end")
    with server.connect() as plain:
        kit.true(kit.read_all(plain)[:12] in (b"HTTP/1.1 408", b""), "a connection that says nothing")


def test_slow_bodies_end(server):
    head = b"POST /api/v1/testing/count HTTP/1.1\r\n" + HOST + b"Content-Length: 100000\r\n\r\n"
    with server.connect() as plain:
        plain.sendall(head + b"abc")
        kit.true(kit.read_all(plain).startswith(b"HTTP/1.1 408"), "a pause")
    with server.connect() as plain:
        kit.true(trickle(plain, b"a", head).startswith(b"HTTP/1.1 408"), "a body that trickles, each byte in time")
    head = b"POST /api/v1/testing/echo HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    with server.connect() as plain:
        kit.true(trickle(plain, b"1\r\n \r\n", head).startswith(b"HTTP/1.1 408"), "chunks of a byte")
    kit.wait_for(lambda: server.get("/api/v1/testing/open").json["open"] == 0, "every sink was dropped")
    kit.true("modellab_http_connections_expired_total 0\n" not in server.get("/metrics").text, "they are counted")


def test_framing():
    """Each is refused and the connection ends, so that nothing behind it is taken for a request."""
    with kit.Server() as server:
        framing(server)


def framing(server):
    smuggled = b"GET /api/v1/testing/items/smuggled HTTP/1.1\r\n" + HOST + b"\r\n"
    post = b"POST /api/v1/testing/echo HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
    cases = {
        "two equal lengths": post + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        "two lengths": post + b"Content-Length: 2\r\nContent-Length: 60\r\n\r\n{}",
        "a list of lengths": post + b"Content-Length: 2, 2\r\n\r\n{}",
        "length and chunked": post + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "chunked and length": post + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "another encoding": post + b"Transfer-Encoding: gzip\r\n\r\n",
        "two encodings": post + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "chunked twice": post + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "chunked, oddly": post + b"Transfer-Encoding: xchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "chunked with a tab": post + b"Transfer-Encoding:\x0bchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        "a negative length": post + b"Content-Length: -2\r\n\r\n{}",
        "a plus length": post + b"Content-Length: +2\r\n\r\n{}",
        "a hex length": post + b"Content-Length: 0x2\r\n\r\n{}",
        "a huge length": post + b"Content-Length: 99999999999999999999\r\n\r\n{}",
        "an empty length": post + b"Content-Length: \r\n\r\n{}",
        "a length with a blank": post + b"Content-Length: 2 2\r\n\r\n{}",
        "a blank before the colon": post + b"Content-Length : 2\r\n\r\n{}",
        "a name with a slash": post + b"X/Y: 1\r\nContent-Length: 2\r\n\r\n{}",
        "a name with a brace": post + b"X(Y): 1\r\nContent-Length: 2\r\n\r\n{}",
        "no host": b"GET /livez HTTP/1.1\r\n\r\n",
        "two hosts": b"GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: other\r\n\r\n",
        "a version that is none": b"GET /livez HTTP/9.9\r\n" + HOST + b"\r\n",
        "chunked in 1.0": b"POST /api/v1/testing/echo HTTP/1.0\r\n" + HOST + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "a body of a GET": b"GET /livez HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\nhello",
        "a bad chunk size": post + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        "a negative chunk size": post + b"Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n",
        "a huge chunk size": post + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff2\r\n{}\r\n0\r\n\r\n",
        "a chunk that is longer": post + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}xxxx\r\n0\r\n\r\n",
        "a head of 20 KiB": b"GET /livez HTTP/1.1\r\n" + HOST + b"X-A: " + b"a" * 20000 + b"\r\n\r\n",
        "200 headers": b"GET /livez HTTP/1.1\r\n" + HOST + b"".join(b"X-%d: 1\r\n" % i for i in range(200)) + b"\r\n",
        "a path of 20 KiB": b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
        "control characters": b"GET /livez HTTP/1.1\r\n" + HOST + b"X-A: a\x01b\r\n\r\n",
    }
    for name, data in cases.items():
        reply = server.raw(data + smuggled)
        kit.true(reply[:9] == b"HTTP/1.1 " or reply == b"", f"{name}: {reply[:80]}")
        kit.true(reply == b"" or reply[9:10] == b"4" or reply[9:12] in (b"501", b"505"), f"{name}: {reply[:80]}")
        kit.true(b"smuggled" not in reply, f"{name}: what came behind was taken for a request")
    kit.equal(server.get("/livez").status, 200)


def raise_descriptors(wanted):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise kit.Skip(f"only {hard} descriptors may be open")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


def test_many_half_open():
    """2,000 connections that send half a head leave everybody else in peace, also beyond the limit of connections."""
    raise_descriptors(5000)
    for settings in ({}, {"HTTP_MAX_CONNECTIONS": "200"}):
        with kit.Server(HTTP_HEAD_SECONDS="600", **settings) as server:
            half = []
            for _ in range(2000):
                plain = socket.socket()
                plain.setblocking(False)
                plain.connect_ex((server.host, server.port))
                half.append(plain)
            for plain in half[::2]:
                try:
                    plain.send(b"GET /livez HTTP/1.1\r\nHost: loc")
                except OSError:
                    pass  # not taken yet, or ended already
            kit.equal(server.get("/livez").status, 200)
            kit.wait_for(lambda: server.get("/readyz").status == 200, "it is ready")
            for plain in half:
                plain.close()


def test_idle_streams():
    """1,000 idle streams take at most 30 MB; when their clients go, everything is given back."""
    raise_descriptors(3000)
    clients = 1000
    with kit.Server() as server:
        kit.wait_for(lambda: server.get("/readyz").status == 200, "it is ready")
        before, descriptors = server.status("VmRSS"), server.descriptors()
        streams = []
        for _ in range(clients):
            plain = server.connect()
            plain.sendall(b"GET /api/v1/testing/events HTTP/1.1\r\n" + HOST + b"\r\n")
            streams.append(plain)
        for plain in streams:
            kit.true(kit.read_head(plain)[0].startswith("HTTP/1.1 200"), "a stream")
        grown = server.status("VmRSS") - before
        print(f"        {clients} idle streams: {grown / 1024:.1f} MB")
        if b"__asan_init" not in kit.PROGRAM.read_bytes():
            kit.true(grown <= 30 * 1024, f"{clients} idle streams take {grown} kB")
        kit.equal(server.get("/livez").status, 200)
        for plain in streams:
            plain.close()
        kit.wait_for(lambda: server.descriptors() <= descriptors + 4, "their connections were closed")


if __name__ == "__main__":
    kit.main(globals())
