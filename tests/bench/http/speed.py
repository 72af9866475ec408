"""Parts status and list: wrk on our endpoints and on nginx with a static file of the same bytes and headers, A B A B; medians of
requests a second and of p99, and their ratios; CPU time of the servers a request, which other load of the machine moves least. Ours logs three lines a request, as it does by default; nginx logs nothing, but where the
row says so."""
import pathlib
import statistics

import kit
from lab import Client, Nginx, Wrk, cpu_seconds, has, load


class Subject:
    """One address of ours with what is sent along, and the same of nginx."""

    def __init__(self, name, server, path, headers=(), logs=False, key=None):
        self.name, self.server, self.path, self.headers, self.logs = name, server, path, list(headers), logs
        self.key = key

    def prepare(self):
        client = Client(self.server, self.key)
        status, self.body, headers = client.ask("GET", self.path)
        client.close()
        kit.equal(status, 200, f"{self.path}: {self.body[:200]!r}")
        self.reply_headers = dict(headers.items())
        self.kind = headers["Content-Type"]
        self.file = self.name.replace(" ", "-").replace(",", "")


def subjects(part, servers, runs, key):
    plain, keyed, quiet = servers
    # a run of the middle of the lab: neither the hottest nor the coldest page
    paths = {"status": [("status", f"/runs/{runs[len(runs) // 2]}/status")],
             "list": [("list of 20", "/runs?limit=20"), ("list of 50", "/runs?limit=50")]}[part]
    made = []
    for name, path in paths:
        made.append(Subject(name, plain, path))
        if name == "list of 50":
            continue
        made += [Subject(f"{name}, no keep-alive", plain, path, ["Connection: close"]),
                 Subject(f"{name}, gzip", plain, path, ["Accept-Encoding: gzip"]),
                 Subject(f"{name}, not modified", plain, path, ["If-None-Match: "]),
                 Subject(f"{name}, key", keyed, path, ["Authorization: Bearer " + key], key=key),
                 Subject(f"{name}, both log", plain, path, logs=True),
                 Subject(f"{name}, warnings only", quiet, path)]
    return made


def measure(table, folder, part, made, sizes):
    for one in made:
        one.prepare()
    peers = {}
    if has("nginx"):
        for logs in (False, True):
            files = {one.file: (one.kind, one.reply_headers, one.body) for one in made if one.logs == logs}
            peers[logs] = Nginx(folder / f"nginx-{part}-{logs}", files, logs)
    else:
        table.line("nginx is not installed: without a peer")
    table.line(f"\n{part}: wrk, 16 connections, {sizes.rounds} rounds of {sizes.seconds} s each, A B A B; load before: {load()}\n"
               f"{'':<28} {'bytes':>6} {'head':>5} {'ours/s':>9} {'p99 ms':>8} {'nginx/s':>9} {'p99 ms':>8} {'ratio':>6} {'p99':>6} {'CPU us':>7} {'nginx':>7} {'ratio':>6} {'errors':>6}")
    try:
        for one in made:
            row(table, one, peers.get(one.logs), sizes)
    finally:
        for peer in peers.values():
            peer.close()


def tagged(server, path, headers, key=None):
    """If-None-Match gets the tag that this server gives."""
    if not any(line.startswith("If-None-Match") for line in headers):
        return headers
    plain = kit.http.client.HTTPConnection(server.host, server.port, timeout=kit.PATIENCE)
    plain.request("GET", path)
    reply = plain.getresponse()
    reply.read()
    plain.close()
    return ["If-None-Match: " + reply.headers["ETag"]]


def cpu_of_all(pid):
    """CPU seconds of a process and its children."""
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return cpu_seconds(pid) + sum(cpu_seconds(child) for child in children)


def timed(pid, wrk, spent):
    """The result; microseconds of CPU time of the server a request are added to `spent`."""
    before = cpu_of_all(pid)
    got = wrk.result()
    spent.append((cpu_of_all(pid) - before) * 1e6 / max(got["count"], 1))
    return got


def row(table, one, peer, sizes):
    ours, theirs, spent, peer_spent = [], [], [], []
    path = kit.API + one.path
    headers = tagged(one.server, path, one.headers)
    peer_headers = tagged(peer, "/" + one.file, one.headers) if peer else []
    for _ in range(sizes.rounds):
        ours.append(timed(one.server.process.pid, Wrk(one.server, path, sizes.seconds, headers=headers), spent))
        if peer:
            theirs.append(timed(peer.process.pid, Wrk(peer, "/" + one.file, sizes.seconds, headers=peer_headers), peer_spent))
    middle = lambda runs, name: statistics.median(run[name] for run in runs) if runs else float("nan")  # noqa: E731
    errors = sum(run["errors"] for run in ours)
    head = sum(len(k) + len(v) + 4 for k, v in one.reply_headers.items()) + 17
    ratio = middle(ours, "rate") / middle(theirs, "rate")
    cpu, peer_cpu = statistics.median(spent), statistics.median(peer_spent) if peer else float("nan")
    table.line(f"{one.name:<28} {len(one.body):>6} {head:>5} {middle(ours, 'rate'):>9.0f} {middle(ours, 'p99'):>8.2f} {middle(theirs, 'rate'):>9.0f} "
               f"{middle(theirs, 'p99'):>8.2f} {ratio:>6.3f} {middle(ours, 'p99') / middle(theirs, 'p99'):>6.2f} {cpu:>7.1f} {peer_cpu:>7.1f} {peer_cpu / cpu:>6.3f} {errors:>6}")
    table.bar(f"{one.name}: errors", str(errors), "0", errors == 0)
    goal = {"status": 0.25, "list of 20": 0.1}.get(one.name)
    if goal and peer:
        table.goal(f"{one.name}: requests/s of nginx's", ratio, goal)
