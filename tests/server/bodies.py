"""Bodies that are taken for what they are: parts of forms without bytes, a file of exactly the cap."""
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


if __name__ == "__main__":
    kit.main(globals())
