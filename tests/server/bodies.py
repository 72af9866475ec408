"""Bodies that are taken for what they are: parts of forms without bytes, a file of exactly the cap, time that is the server's own."""
import signal
import time

import kit

T = kit.API + "/testing"
SETTINGS = {"WORKBENCH_MAX_UPLOAD_BYTES": "65536"}


def test_parts_without_bytes(server):
    """Each is told of by its own name, and takes nothing of the next one."""
    for first, second in (("alpha", "gamma"), ("a", "b"), ("language", "question"), ("x" * 100, "y" * 100)):
        for parts in ([(first, None, None, b""), (second, None, None, b"1")], [(first, None, None, b""), (second, None, None, b"")],
                      [(first, "one.wav", "audio/wav", b""), (second, "two.wav", "audio/ogg", b"2")],
                      [(first, "one.wav", "audio/wav", b""), (first, "two.wav", "audio/wav", b"3")],
                      [(first, "one.wav", "audio/wav", b""), (first, "one.wav", "audio/ogg", b"4")],
                      [(first, None, None, b"5"), (second, None, None, b""), (first, "z", None, b""), (second, None, None, b"6")]):
            reply = server.multipart(f"{T}/count", parts)
            names = "".join(f"{name}|{filename or ''}|{kind or ''};" for name, filename, kind, _ in parts)
            kit.equal((reply.status, reply.json["names"]), (200, names))
            kit.equal(reply.json["bytes"], sum(len(part[3]) for part in parts), names)


def test_a_part_that_comes_byte_by_byte(server):
    """A value that has not come yet is no part of its own."""
    body = (b'--x\r\nContent-Disposition: form-data; name="alpha"\r\n\r\nvalue\r\n--x\r\nContent-Disposition: form-data; name="gamma"\r\n\r\n'
            b'\r\n--x\r\nContent-Disposition: form-data; name="delta"\r\n\r\n\r\n\r\n--x--\r\n')
    for size in (1, 2, 7):
        pieces = iter([body[at:at + size] for at in range(0, len(body), size)])
        reply = server.request("POST", f"{T}/count", body=pieces, headers={"Content-Type": "multipart/form-data; boundary=x", "Transfer-Encoding": "chunked"})
        kit.equal((reply.status, reply.json["names"], reply.json["bytes"]), (200, "alpha||;gamma||;delta||;", 7), f"pieces of {size}")


def test_a_form_with_a_file_of_the_cap(server):
    """The cap is the file's: what a form has around it does not count."""
    cap = int(SETTINGS["WORKBENCH_MAX_UPLOAD_BYTES"])
    whole = b"RIFF" + (cap - 8).to_bytes(4, "little") + b"WAVEfmt " + bytes([16, 0, 0, 0, 1, 0, 1, 0, 128, 62, 0, 0, 0, 125, 0, 0, 2, 0, 16, 0]) + b"data" + (cap - 44).to_bytes(4, "little") + bytes(cap - 44)
    kit.equal(len(whole), cap)
    kit.equal(server.request("POST", f"{kit.API}/uploads", body=whole, headers={"Content-Type": "audio/wav"}).status, 201, "as the body")
    kit.equal(server.multipart(f"{kit.API}/uploads", [("file", "a.wav", "audio/wav", whole)]).status, 201, "in a form")
    for reply in (server.multipart(f"{kit.API}/uploads", [("file", "a.wav", "audio/wav", whole + b"1")]),
                  server.request("POST", f"{kit.API}/uploads", body=whole + b"1", headers={"Content-Type": "audio/wav"}),
                  server.multipart(f"{kit.API}/uploads", [("file", "a.wav", "audio/wav", whole * 300)])):
        kit.equal((reply.status, reply.json["type"]), (413, "/api/v1/problems#too-large"), reply)


def begin_body(server, name, size, query=""):
    """A body of which nothing has been sent, and which the server waits for."""
    plain = server.connect()
    plain.sendall(f"POST {T}/count{query} HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: {name}\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n".encode())
    kit.wait_for(lambda: server.log_lines(event="http.decision", request_id=name), "the head was looked at")
    return plain


def test_our_time_is_not_the_clients():
    """The server works on a piece for longer than a body may take: then the client has all its time still."""
    with kit.Server(HTTP_BODY_SECONDS="4") as server:
        with begin_body(server, "patient", 2, "?nap_ms=9000") as plain:
            plain.sendall(b"a")
            kit.wait_for(lambda: server.log_lines(event="testing.piece", request_id="patient"), "the first piece was taken")
            time.sleep(0.6)  # the server looks for who is late four times a second
            plain.sendall(b"b")
            reply = kit.read_all(plain)
            kit.true(reply.startswith(b"HTTP/1.1 200 ") and b'"bytes":2' in reply.replace(b" ", b""), reply[:300])


def test_what_lies_unread_is_not_late():
    """The process was stopped while all came, and the time of the body ran out: it is read, not refused."""
    with kit.Server(HTTP_BODY_SECONDS="1") as server:
        for number in range(8):
            with begin_body(server, f"unread{number}", 60000) as plain:
                server.process.send_signal(signal.SIGSTOP)
                plain.sendall(b"x" * 60000)
                time.sleep(1.3)
                server.process.send_signal(signal.SIGCONT)
                reply = kit.read_all(plain)
                kit.true(reply.startswith(b"HTTP/1.1 200 "), reply[:100])


if __name__ == "__main__":
    kit.main(globals())
