"""The core of the server: routes, ids, problems, bodies, ranges, streams, caching, and that it stops."""
import gzip
import random
import time
import zlib

import kit

T = kit.API + "/testing"


def test_live_and_headers(server):
    reply = server.get("/livez")
    kit.equal(reply.status, 200)
    kit.equal(reply.json, {"state": "healthy"})
    for name, value in {"API-Version": "1", "Accept-Version": "1", "X-Content-Type-Options": "nosniff"}.items():
        kit.equal(reply.header(name), value, name)
    kit.true(reply.header("Server-Timing").startswith("wait;dur="), "Server-Timing")
    kit.equal(len(reply.header("X-Request-Id")), 26)
    kit.wait_for(lambda: server.get("/readyz").status == 200, "it is ready")
    names = {check["name"] for check in server.get("/readyz?verbose").json["checks"]}
    kit.true({"store", "disk", "queue"} <= names, f"checks: {names}")


def test_ids_go_in_and_out(server):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    reply = server.get(f"{T}/items/x", X_Request_Id="order-17.a", traceparent=f"00-{trace}-00f067aa0ba902b7-01", tracestate="a=1")
    kit.equal(reply.header("X-Request-Id"), "order-17.a")
    kit.equal(reply.json["request_id"], "order-17.a")
    kit.equal(reply.json["trace_state"], "a=1")
    kit.true(reply.header("traceparent").startswith(f"00-{trace}-"), "the trace goes on")
    kit.true("00f067aa0ba902b7" not in reply.header("traceparent"), "with a span of its own")
    lines = kit.wait_for(lambda: [line for line in server.log_lines(request_id="order-17.a")] if
                         server.log_lines(request_id="order-17.a", event="http.end") else None, "the end in the log")
    kit.equal([line["event"] for line in lines], ["http.start", "http.decision", "http.end"])
    kit.true(all(line["trace_id"] == trace for line in lines), "each line has the trace")
    for bad in ("a b", "x" * 129, "a\x7f"):
        kit.true(server.get("/livez", X_Request_Id=bad).header("X-Request-Id") != bad, f"{bad!r} is not kept")


def test_routes(server):
    reply = server.get("/nothing/here")
    kit.equal(reply.status, 404)
    kit.equal(reply.header("Content-Type"), "application/problem+json")
    problem = reply.json
    kit.equal(problem["type"], "/api/v1/problems#not-found")
    kit.equal(problem["status"], 404)
    kit.equal(problem["request_id"], reply.header("X-Request-Id"))
    reply = server.post("/livez", {})
    kit.equal(reply.status, 405)
    kit.equal(reply.header("Allow"), "GET, HEAD, OPTIONS")
    kit.equal(server.request("OPTIONS", "/livez").status, 204)
    kit.equal(server.get(f"{T}/items/a%2Fb%20c?q=x+y%C3%A4").json["id"], "a/b c")
    kit.equal(server.get(f"{T}/items/a?q=x+y%C3%A4").json["q"], "x yä")
    for path in ("items/a%00b", "items/%ff", "items/%zz", "items/%2", "items/a?q=%00", "items/a?q=%c3%28"):
        kit.true(server.get(f"{T}/{path}").status in (400, 404), path)
    kit.equal(server.get(f"{T}/items/").status, 404)
    head = server.request("HEAD", "/livez")
    kit.equal((head.status, head.body), (200, b""))
    kit.true(int(head.header("Content-Length")) > 0, "HEAD tells the length")


def test_keep_alive(server):
    with server.connect() as plain:
        for path in (b"/livez", b"/nothing", b"/api/v1/info"):
            plain.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
            head, rest = kit.read_head(plain)
            kit.true("connection: close" not in head.lower(), f"{path} keeps the connection")
            size = int([line for line in head.splitlines() if line.lower().startswith("content-length")][0].split(":")[1])
            while len(rest) < size:
                rest += plain.recv(65536)


def test_json_bodies(server):
    kit.equal(server.post(f"{T}/echo", {"a": [1, 2]}).json, {"got": {"a": [1, 2]}})
    for body, kind, status in ((b'{"a":1', "application/json", 400), (b"", "application/json", 400),
                               (b'{"a":1,"a":2}', "application/json", 400), (b"{}", "text/plain", 415),
                               (b"[" * 100000, "application/json", 400), (b" " * (1 << 20) + b"{}", "application/json", 413)):
        reply = server.request("POST", f"{T}/echo", body=body, headers={"Content-Type": kind})
        kit.equal(reply.status, status, f"{body[:20]!r} as {kind}")
    deep = b"[" * 2000 + b"]" * 2000
    kit.equal(server.request("POST", f"{T}/echo", body=deep, headers={"Content-Type": "application/json"}).body, b'{"got":' + deep + b"}")
    coded = server.request("POST", f"{T}/echo", body=gzip.compress(b"{}"), headers={
        "Content-Type": "application/json", "Content-Encoding": "gzip"})
    kit.equal(coded.status, 415)
    kit.equal(server.request("GET", "/livez", body=b"x").status, 400)


def test_streamed_bodies(server):
    data = random.Random(7).randbytes(1 << 20)
    whole = server.request("POST", f"{T}/count", body=data, headers={"Content-Type": "audio/wav"}).json
    kit.equal((whole["bytes"], whole["crc"]), (len(data), zlib.crc32(data)))
    for size in (999, 8191, 50000, len(data)):  # chunks of several sizes: nothing is moved while it is read
        pieces = iter([data[at:at + size] for at in range(0, len(data), size)])
        reply = server.request("POST", f"{T}/count", body=pieces, headers={"Transfer-Encoding": "chunked"})
        kit.equal((reply.status, reply.json["bytes"], reply.json["crc"]), (200, len(data), zlib.crc32(data)), f"chunks of {size}")
    reply = server.multipart(f"{T}/count", [("file", "talk ä.wav", "audio/wav", data), ("request", None, None, b'{"a":1}'),
                                            ("empty", "none.txt", None, b"")])
    kit.equal(reply.status, 200)
    kit.equal(reply.json["names"], "file|talk ä.wav|audio/wav;request||;empty|none.txt|;")
    kit.equal(reply.json["bytes"], len(data) + 7)
    broken = b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nno end'
    reply = server.request("POST", f"{T}/count", body=broken, headers={"Content-Type": "multipart/form-data; boundary=x"})
    kit.equal(reply.status, 400)


def test_the_rest_comes_while_a_piece_is_at_work(server):
    """And nothing behind it: the server must not wait for a sign of the client that never comes."""
    for first, rest in ((1, 5999), (2000, 4000), (5999, 1)):
        with server.connect() as plain:
            plain.sendall(f"POST {T}/count?nap_ms=200 HTTP/1.1\r\nHost: {server.host}\r\nContent-Type: audio/wav\r\n"
                          "Content-Length: 6000\r\nConnection: close\r\n\r\n".encode())
            plain.sendall(b"a" * first)
            time.sleep(0.1)
            plain.sendall(b"b" * rest)
            reply = kit.read_all(plain)
            kit.true(reply.startswith(b"HTTP/1.1 200") and b'"bytes":6000' in reply.replace(b" ", b""), f"{first} and {rest}: {reply[:300]!r}")


def test_refusal_in_the_middle(server):
    """The reply reaches a client that is still sending, and what the sink had is given back."""
    big = b"x" * (8 << 20)
    for query, status in (("?refuse_at=0", 415), ("?refuse_at=1", 415), ("?refuse_at=100000", 415), ("?refuse_at=no", 422)):
        reply = server.request("POST", f"{T}/count{query}", body=big)
        kit.equal(reply.status, status, query)
        kit.equal(reply.header("Connection"), "close", query)
    reply = server.raw(b"POST /api/v1/testing/count HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000000\r\n\r\n")
    kit.true(reply.startswith(b"HTTP/1.1 413 "), f"an announced size: {reply[:60]}")
    kit.wait_for(lambda: server.get(f"{T}/open").json["open"] == 0, "every sink was dropped")


def test_broken_off(server):
    with server.connect() as plain:
        plain.sendall(b"POST /api/v1/testing/count HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nabc")
        kit.wait_for(lambda: server.get(f"{T}/open").json["open"] == 1, "the body has begun")
    kit.wait_for(lambda: server.get(f"{T}/open").json["open"] == 0, "and was dropped")


def test_who_went_is_no_error_of_ours(server):
    """A client that goes before its reply counts in a class of its own."""
    before = server.get("/metrics").text
    with server.connect() as plain:
        plain.sendall(b"POST /api/v1/testing/count HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: went\r\nContent-Length: 1000000\r\n\r\nabc")
        kit.wait_for(lambda: server.log_lines(event="http.decision", request_id="went"), "the body has begun")
    end = kit.wait_for(lambda: server.log_lines(event="http.end", request_id="went"), "its end")[0]
    kit.equal((end["status"], end["end"]), (0, "broken off"))

    def errors(text):
        return [line for line in text.splitlines() if 'operation="testCount"' in line and 'status="5xx"' in line]
    text = server.get("/metrics").text
    kit.true('modellab_http_requests_total{operation="testCount",method="POST",status="gone"}' in text, "its class")
    kit.equal(errors(text), errors(before), "no error of the server")


def test_ranges(server):
    whole = server.get(f"{T}/file?size=300000")
    kit.equal((whole.status, len(whole.body), whole.header("Accept-Ranges")), (200, 300000, "bytes"))
    kit.equal(whole.body, bytes(i % 251 for i in range(300000)))
    for asked, status, first, last in (("bytes=0-0", 206, 0, 0), ("bytes=100000-200000", 206, 100000, 200000), ("bytes=299999-", 206, 299999, 299999),
                                       ("bytes=-5", 206, 299995, 299999), ("bytes=-999999", 206, 0, 299999), ("bytes=5-999999999", 206, 5, 299999),
                                       ("bytes=0-1,5-6", 200, 0, 299999), ("items=0-1", 200, 0, 299999), ("bytes=9-5", 200, 0, 299999)):
        reply = server.get(f"{T}/file?size=300000", Range=asked)
        kit.equal(reply.status, status, asked)
        kit.equal(reply.body, whole.body[first:last + 1], asked)
        if status == 206:
            kit.equal(reply.header("Content-Range"), f"bytes {first}-{last}/300000", asked)
    for asked in ("bytes=300000-", "bytes=-0", "bytes=99999999999999999999-"):
        reply = server.get(f"{T}/file?size=300000", Range=asked)
        kit.equal((reply.status, reply.header("Content-Range")), (416, "bytes */300000"), asked)
    kit.equal(server.get(f"{T}/file?size=300000", Range="bytes=0-0", If_Range='"other"').status, 200)
    kit.equal(server.get(f"{T}/file?size=300000", Range="bytes=0-0", If_Range='"pattern"').status, 206)
    kit.equal(server.get(f"{T}/file?size=300000", If_None_Match='"x", "pattern"').status, 304)
    kit.equal(server.get(f"{T}/file?size=10&name=a%22%0d%0aX%3A%20b%C3%A4.wav").header("Content-Disposition"),
              "attachment; filename*=UTF-8''a%22%0D%0AX%3A%20b%C3%A4.wav")
    kit.equal(server.request("HEAD", f"{T}/file?size=300000").header("Content-Length"), "300000")


def test_caching_and_gzip(server):
    reply = server.get(f"{T}/text?size=5000", Accept_Encoding="gzip, br")
    kit.equal(reply.header("Content-Encoding"), "gzip")
    kit.equal(gzip.decompress(reply.body), b"a" * 5000)
    tag = reply.header("ETag")
    kit.equal(server.get(f"{T}/text?size=5000").header("ETag"), tag)
    again = server.get(f"{T}/text?size=5000", If_None_Match=f'"no", {tag}')
    kit.equal((again.status, again.body), (304, b""))
    kit.equal(server.get(f"{T}/text?size=5001", If_None_Match=tag).status, 200)
    for accept, size in (("gzip;q=0", 5000), ("br", 5000), ("gzip", 100)):
        kit.equal(server.get(f"{T}/text?size={size}", Accept_Encoding=accept).header("Content-Encoding"), None, accept)


def test_streams(server):
    reply = server.get(f"{T}/events?count=3&end=1", Accept_Encoding="gzip")
    kit.equal(reply.text.count("id: "), 3)
    kit.equal(reply.header("Content-Encoding"), None)
    kit.equal(reply.header("X-Accel-Buffering"), "no")
    with server.connect() as plain:  # the client goes, nobody writes: the server sees it
        plain.sendall(b"GET /api/v1/testing/events HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: goes\r\n\r\n")
        kit.read_head(plain)
    kit.wait_for(lambda: server.log_lines(request_id="goes", event="http.end"), "the end of a stream whose client went")


def test_waiting_holds_no_thread(server):
    """More calls that wait than there are threads; /livez and others are answered meanwhile."""
    waiting = []
    for number in range(40):
        plain = server.connect()
        plain.sendall(b"GET /api/v1/testing/wait?ms=600000 HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: w%d\r\n\r\n" % number)
        waiting.append(plain)
    kit.wait_for(lambda: len(server.log_lines(event="http.decision", decision="allowed")) >= 40, "all wait")
    kit.equal(server.get("/livez").status, 200)
    kit.equal(server.get(f"{kit.API}/info").status, 200)
    for plain in waiting:
        plain.close()
    kit.wait_for(lambda: all(server.log_lines(event="http.end", request_id=f"w{number}") for number in range(40)), "their cancel words were set")


def test_post_without_waiting_for_100(server):
    with server.connect() as plain:
        plain.sendall(b"POST /api/v1/testing/count HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        head, rest = kit.read_head(plain)
        kit.true(head.startswith("HTTP/1.1 100 "), head)
        plain.sendall(b"abc")
        head = rest.decode() + plain.recv(65536).decode()
        kit.true(head.startswith("HTTP/1.1 200 "), head)


def test_stops_with_everything_open():
    with kit.Server() as own:
        open_sockets = [own.connect() for _ in range(4)]
        open_sockets[0].sendall(b"GET /api/v1/testing/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        open_sockets[1].sendall(b"GET /api/v1/testing/wait?ms=600000 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        open_sockets[2].sendall(b"POST /api/v1/testing/count HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nabc")
        half = own.connect()
        half.sendall(b"GET /livez HTTP/1.1\r\nHost: lo")
        kit.wait_for(lambda: len(own.log_lines(event="http.decision")) >= 3, "all have begun")
        kit.wait_for(lambda: "modellab_http_connections 6\n" in own.get("/metrics").text, "all are open")
        kit.equal(own.stop(), 0, "exit code")
        kit.true(b"retry: 1000" in kit.read_all(open_sockets[0]), "a stream has its last words")
        for name, plain in {"a call that waits": open_sockets[1], "a body": open_sockets[2], "half a head": half}.items():
            reply = kit.read_all(plain)
            kit.true(reply.startswith(b"HTTP/1.1 503 ") and b"X-Request-Id: " in reply, f"{name}: {reply[:200]}")
        half.close()
        for plain in open_sockets[2:3]:
            plain.close()
        kit.equal(len(own.log_lines(event="http.refused", status=503)), 3, "in the log: half a head, a body, and who had said nothing")
        for plain in open_sockets:
            plain.close()


if __name__ == "__main__":
    kit.main(globals())
