"""Clients of streams that take too much: who sends without a pause, who asks and never reads, who reads nothing at all, who comes when
there is no room. The others never notice."""
import json
import threading

import kit
import sse
from socket_kit import CONT, PING, PONG, TEXT, Socket, frame

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


if __name__ == "__main__":
    kit.main(globals())
