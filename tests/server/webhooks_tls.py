"""Webhooks over TLS, with an authority of the test's own: a receiver that it has certified is told; one that somebody else has certified, or
whose certificate is for another name, is sent nothing, and the delivery tells why."""
import http.server
import json
import shutil
import ssl
import subprocess
import threading

import kit

HOOKS = kit.API + "/webhooks"


def openssl(*arguments, folder):
    subprocess.run(["openssl", *map(str, arguments)], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def authority(folder, name):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj", f"/CN={name}",
            "-keyout", f"{name}.key", "-out", f"{name}.pem", folder=folder)


def certificate(folder, name, signed_by, host):
    """name.both: key and certificate of `host`."""
    (folder / f"{name}.ext").write_text(f"subjectAltName={host}\n")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr",
            folder=folder)
    openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{signed_by}.pem", "-CAkey", f"{signed_by}.key", "-CAcreateserial", "-days", "30",
            "-extfile", f"{name}.ext", "-out", f"{name}.pem", folder=folder)
    both = folder / f"{name}.both"
    both.write_text((folder / f"{name}.key").read_text() + (folder / f"{name}.pem").read_text())
    return both


class Receiver:
    def __init__(self, both):
        self.got, receiver = [], self
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(both)

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802 - the name that the base class calls
                receiver.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def get_request(self):
                connection, address = self.socket.accept()
                try:
                    return context.wrap_socket(connection, server_side=True), address
                except OSError:
                    connection.close()
                    raise

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def tried(server, url):
    """Makes a webhook and a delivery; how that stands after its first attempt."""
    hook = server.post(HOOKS, {"url": url})
    kit.equal(hook.status, 201, url)
    path = f"{HOOKS}/{hook.json['id']}"
    kit.equal(server.post(path + "/test").status, 202)
    return kit.wait_for(lambda: [d for d in server.get(path + "/deliveries").json["items"] if d["message"] or d["status"] != "pending"], "an attempt")[0]


def test_who_is_trusted():
    if shutil.which("openssl") is None:
        raise kit.Skip("the program openssl is not installed")
    server = kit.Server(WEBHOOK_ALLOW="127.0.0.0/8", start=False)
    folder = server.folder
    authority(folder, "ours")
    authority(folder, "others")
    good = Receiver(certificate(folder, "good", "ours", "IP:127.0.0.1,DNS:localhost"))
    foreign = Receiver(certificate(folder, "foreign", "others", "IP:127.0.0.1,DNS:localhost"))
    misnamed = Receiver(certificate(folder, "misnamed", "ours", "DNS:elsewhere.example"))
    server.environment["MODEL_LAB_WEBHOOK_CA_FILE"] = str(folder / "ours.pem")
    server.start()
    for host in ("127.0.0.1", "localhost"):
        told = tried(server, f"https://{host}:{good.port}/hook")
        kit.equal((told["status"], told["http_status"], told["attempts"]), ("delivered", 204, 1), told["message"])
    kit.equal([body["type"] for body in good.got], ["test", "test"])
    for refused, host in ((foreign, "127.0.0.1"), (foreign, "localhost"), (misnamed, "127.0.0.1"), (misnamed, "localhost")):
        told = tried(server, f"https://{host}:{refused.port}/hook")
        kit.equal((told["status"], told["http_status"]), ("pending", None))
        kit.true("TLS" in told["message"], told["message"])
    kit.equal((foreign.got, misnamed.got), ([], []), "nothing was sent")
    server.close()
    server = kit.Server(WEBHOOK_ALLOW="127.0.0.0/8")  # the system's authorities do not know ours
    told = tried(server, f"https://127.0.0.1:{good.port}/hook")
    kit.true(told["status"] == "pending" and "TLS" in told["message"], told["message"])
    kit.equal(len(good.got), 2)
    server.close()
    for one in (good, foreign, misnamed):
        one.close()


if __name__ == "__main__":
    kit.main(globals())
