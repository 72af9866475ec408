"""Reading runs over HTTP, on a real meeting (sample-conversation, pipeline full_meeting): lists with cursors, record, status,
results, transcript in every format with names, search, audio with ranges, waveform, log, artifacts, bundle; what a key may not see;
paths that try to leave.

  reading.py modellab-server SOURCES
"""
import hashlib
import io
import json
import os
import pathlib
import subprocess
import wave
import zipfile

import kit

API = kit.API
NOWHERE = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
SETTINGS = {"HTTP_RATE": "0", "MAX_WORKERS": "1"}
made = {}


def cli(server, *arguments):
    done = subprocess.run([kit.BINARIES / "modellab", *map(str, arguments)], capture_output=True, text=True,
                          env=dict(server.environment), check=False)
    kit.equal(done.returncode, 0, f"modellab {' '.join(map(str, arguments))}: {done.stderr}")
    return done.stdout.strip()


def source():
    return kit.models() / "sample-conversation/sample.wav"


def submit(server, request, audio=None):
    path = server.folder / "request.json"
    path.write_text(json.dumps(request), encoding="utf-8")
    return cli(server, "run", "submit", audio or source(), "--request", path, "-q")


def test_runs_are_made(server):
    """The meeting of Ann, recognised for real; small runs of Ben and of Ann beside it."""
    made["meeting"] = submit(server, {"pipeline": "full_meeting", "user": "ann", "labels": {"team": "blue"},
                                      "config": {"ingest": {"peaks": True}, "asr": {"word_times": True}}})
    made["ben"] = submit(server, {"pipeline": "ingest", "user": "ben"})
    made["plain"] = submit(server, {"pipeline": "ingest", "user": "ann"})
    made["held"] = submit(server, {"pipeline": "ingest", "user": "ann", "hold": True})
    for name in ("meeting", "ben", "plain"):
        cli(server, "run", "wait", made[name], "-q")
    kit.equal(server.get(f"{API}/runs/{made['meeting']}/status").json["status"], "COMPLETED")


def run(server, path="", name="meeting", **headers):
    return server.get(f"{API}/runs/{made[name]}{path}", **headers)


def test_record_and_status(server):
    reply = run(server)
    kit.equal(reply.status, 200)
    kit.equal(reply.json["run_id"], made["meeting"])
    kit.equal(reply.json["user"], "ann")
    kit.equal(run(server, If_None_Match=reply.header("ETag")).status, 304)
    status = run(server, "/status").json
    kit.equal((status["status"], status["progress"]["fraction"], status["queue"]), ("COMPLETED", 1.0, None))
    held = run(server, "/status", "held").json
    kit.equal((held["status"], held["queue"]["why"]), ("QUEUED", "held"))
    kit.equal(run(server, "/explain", "held").json["wait"]["reason"], "held")
    for path in ("", "/status", "/explain", "/results", "/log", "/transcript", "/speakers", "/audio", "/peaks", "/artifacts",
                 "/bundle.zip", "/transcript/search?q=you"):
        kit.equal(server.get(f"{API}/runs/{NOWHERE}{path}").status, 404, path)
        kit.equal(server.get(f"{API}/runs/nothing{path}").status, 404, path)


def test_results(server):
    results = run(server, "/results").json
    kit.true(results["provenance"]["engine"]["model_sha256"], "the sha256 of the model")
    kit.equal(results["provenance"]["input_sha256"], hashlib.sha256(source().read_bytes()).hexdigest())
    kit.true(any(m["step"] == "diarization" for m in results["provenance"]["models"]), "models of steps")
    kit.true(results["measures"]["cpu_seconds"] > 0, "CPU time")
    kit.true(results["coverage"] and "parts" in json.dumps(results["coverage"]) or results["coverage"], "the ledger of the input")
    kit.true(isinstance(results["quality_flags"], list), "quality flags")
    kit.equal(run(server, "/results", "plain").json["coverage"], None)


def pages(server, query, limit):
    ids, cursor = [], ""
    while True:
        reply = server.get(f"{API}/runs?limit={limit}{query}" + (f"&cursor={cursor}" if cursor else ""))
        kit.equal(reply.status, 200, reply.text)
        ids += [item["run_id"] for item in reply.json["items"]]
        cursor = reply.json["next_cursor"]
        if cursor is None:
            return ids


def test_lists(server):
    """Page by page is the same as at once, in each order, though several runs have the same priority, cost and length."""
    for order in ("newest", "oldest", "started", "ended", "priority", "duration", "cost", "audio"):
        whole = pages(server, f"&sort={order}", 1000)
        kit.equal(sorted(whole), sorted(made.values()), order)
        for limit in (1, 2, 3):
            kit.equal(pages(server, f"&sort={order}", limit), whole, f"{order} by {limit}")
    kit.equal(pages(server, "&sort=oldest", 9), list(reversed(pages(server, "", 9))))
    kit.equal(pages(server, "&user=ben", 9), [made["ben"]])
    kit.equal(pages(server, "&pipeline=full_meeting", 9), [made["meeting"]])
    kit.equal(pages(server, "&status=QUEUED", 9), [made["held"]])
    kit.equal(sorted(pages(server, "&status=QUEUED,COMPLETED", 1)), sorted(made.values()))
    kit.equal(pages(server, "&status=FAILED,STALE", 9), [])
    kit.equal(sorted(pages(server, "&q=SAMPLE", 2)), sorted(made.values()))
    kit.equal(pages(server, f"&q={made['ben']}", 2), [made["ben"]])
    record = run(server).json
    kit.equal(pages(server, f"&request_id={record['request_id']}", 9), [made["meeting"]])
    kit.true(made["meeting"] in pages(server, f"&since={record['requested_at']}", 9), "since is in")
    kit.true(made["meeting"] not in pages(server, f"&until={record['requested_at']}", 9), "until is out")
    item = server.get(f"{API}/runs?q={made['meeting']}").json["items"][0]
    kit.equal((item["labels"], item["progress"]["fraction"]), ({"team": "blue"}, 1.0))
    cursor = server.get(f"{API}/runs?limit=1&sort=cost").json["next_cursor"]
    for query in ("sort=size", "status=GONE", "since=yesterday", "since=2026-02-31T00:00:00Z", "until=2026-01-01", "limit=0", "limit=1001", "limit=x",
                  "cursor=x", f"cursor={cursor}", f"cursor={cursor}&sort=audio", f"cursor={cursor[:-1]}&sort=cost"):
        kit.equal(server.get(f"{API}/runs?{query}").status, 422, query)


def test_transcripts(server):
    heads = {"txt": "", "srt": "1\n00:0", "vtt": "WEBVTT", "tsv": "start\tend\ttext", "ctm": "", "textgrid": "File type", "srt_words": "1\n",
             "vtt_words": "WEBVTT"}
    for name, head in heads.items():
        reply = run(server, f"/transcript?format={name}")
        kit.equal(reply.status, 200, name)
        kit.true(reply.text.startswith(head) and len(reply.text) > 100, f"{name}: {reply.text[:80]!r}")
    for name in ("json", "verbose_json", "diarized_json"):
        kit.true(len(run(server, f"/transcript?format={name}").json["segments"]) > 3, name)
    kit.equal(run(server, "/transcript?format=doc").status, 422)
    kit.equal(run(server, "/transcript", "plain").status, 404)
    kit.equal(run(server, "/transcript", "held").status, 409)
    reply = run(server, "/transcript?format=vtt")
    kit.equal(run(server, "/transcript?format=vtt", If_None_Match=reply.header("ETag")).status, 304)


def test_names(server):
    put = lambda names, name="meeting": server.request("PUT", f"{API}/runs/{made[name]}/speakers", json_body=names)  # noqa: E731
    speakers = [one["speaker"] for one in run(server, "/speakers").json["speakers"]]
    kit.equal(len(speakers), 2, "speakers of the conversation")
    before = run(server).json
    reply = put({"names": {speakers[0]: "Zoe & Co"}})
    kit.equal(reply.status, 200, reply.text)
    kit.equal({one["speaker"]: one["name"] for one in reply.json["speakers"]}, {speakers[0]: "Zoe & Co", speakers[1]: None})
    kit.true("<v Zoe &amp; Co>" in run(server, "/transcript?format=vtt").text, "the name stands in the subtitles, escaped")
    kit.true("Zoe" not in run(server, "/transcript?format=vtt&names=false").text, "and not where it is not wanted")
    kit.equal(run(server).json, before, "the record stays as it is")
    for bad in ({}, {"names": []}, {"names": {"A": 1}}, {"names": {"A": ""}}, {"names": {"A": "a\nb"}}, {"names": {}, "more": 1},
                {"names": {f"s{i}": "x" for i in range(65)}}):
        kit.equal(put(bad).status, 422, str(bad)[:60])
    kit.true("Zoe" in run(server, "/transcript?format=txt").text, "what was refused changes nothing")


def test_search(server):
    word = next(w for w in run(server, "/transcript").json["words"] if len(w["word"].strip(" .,?!")) > 5)
    text = word["word"].strip(" .,?!")
    found = run(server, f"/transcript/search?q={text.upper()}&limit=1").json
    kit.true(found["count"] >= 1 and len(found["items"]) == 1, f"{text}: {found}")
    kit.equal(found["items"][0]["match"], text)
    kit.equal(found["items"][0]["start"], word["start"])
    kit.equal(run(server, "/transcript/search?q=xylophonist").json["count"], 0)
    for query in ("", "?q=", "?q=%20", "?q=" + "x" * 300, "?q=you&limit=0", "?q=you&accents=maybe"):
        kit.equal(run(server, f"/transcript/search{query}").status, 422, query)


def test_audio_ranges(server):
    """Every kind of range against the bytes of the file."""
    data = source().read_bytes()
    size = len(data)
    whole = run(server, "/audio")
    kit.equal((whole.status, whole.header("Content-Type"), whole.header("Accept-Ranges")), (200, "audio/wav", "bytes"))
    kit.true(whole.body == data, "all bytes")
    tag = whole.header("ETag")
    kit.equal(tag, f'"{hashlib.sha256(data).hexdigest()}"')
    ranges = [(f"bytes={a}-{b}", a, min(b, size - 1)) for a in (0, 1, 65535, 65536, size - 2) for b in (a, a + 1, a + 65536, size - 1, size, size + 999)]
    ranges += [("bytes=0-", 0, size - 1), (f"bytes={size - 1}-", size - 1, size - 1), ("bytes=-1", size - 1, size - 1), ("bytes=-70000", size - 70000, size - 1),
               (f"bytes=-{size + 9}", 0, size - 1)]
    for text, first, last in ranges:
        reply = run(server, "/audio", Range=text)
        kit.equal((reply.status, reply.header("Content-Range")), (206, f"bytes {first}-{last}/{size}"), text)
        kit.true(reply.body == data[first:last + 1], f"bytes of {text}")
    for text in (f"bytes={size}-", f"bytes={size + 1}-{size + 2}", "bytes=-0"):
        reply = run(server, "/audio", Range=text)
        kit.equal((reply.status, reply.header("Content-Range")), (416, f"bytes */{size}"), text)
    for text in ("bytes=2-1", "bytes=", "bytes=a-b", "lines=0-1", "bytes=0-1,4-5", "bytes=18446744073709551616-"):
        kit.true(run(server, "/audio", Range=text).status in (200, 416), text)
    kit.equal(run(server, "/audio", Range="bytes=0-9", If_Range='"other"').status, 200)
    kit.equal(run(server, "/audio", Range="bytes=0-9", If_Range=tag).status, 206)
    kit.equal(run(server, "/audio", If_None_Match=tag).status, 304)
    head = server.request("HEAD", f"{API}/runs/{made['meeting']}/audio")
    kit.equal((head.status, head.header("Content-Length"), head.body), (200, str(size), b""))


def test_waveform(server):
    drawn = run(server, "/peaks?points=300").json
    kit.equal((drawn["points"], len(drawn["min"]), len(drawn["max"])), (300, 300, 300))
    kit.true(abs(drawn["duration_seconds"] - 30) < 0.1, "its length")
    kit.true(max(drawn["max"]) > 0.1 and all(-1 <= low <= high <= 1 for low, high in zip(drawn["min"], drawn["max"])), "its shape")
    one = run(server, "/peaks?points=1").json
    kit.equal((one["min"][0], one["max"][0]), (min(drawn["min"]), max(drawn["max"])))
    kit.equal(run(server, "/peaks?points=0").status, 422)
    kit.equal(run(server, "/peaks", "plain").status, 404)


def test_waveform_of_what_is_submitted_here(server):
    """Who submits over HTTP gets a waveform without asking, unless the request says no."""
    for name, config, status in (("asked", None, 200), ("declined", {"ingest": {"peaks": False}}, 404)):
        request = {"pipeline": "ingest", "user": "ann", **({"config": config} if config else {})}
        reply = server.multipart(f"{API}/runs", [("request", None, "application/json", json.dumps(request).encode()),
                                                 ("file", "talk.wav", "audio/wav", source().read_bytes())])
        kit.equal(reply.status, 202, reply.text)
        made[name] = reply.json["run_id"]
        cli(server, "run", "wait", made[name], "-q")
        kit.equal(run(server, "/peaks?points=10", name).status, status, name)


def test_logs(server):
    lines, cursor = [], ""
    while True:
        page = run(server, f"/log?limit=2&after={cursor}").json
        lines += page["items"]
        cursor = page["next_cursor"]
        if not page["more"]:
            break
    record = run(server).json
    kit.true(len(lines) > 4 and all(line["run_id"] == made["meeting"] and line["request_id"] == record["request_id"] for line in lines), "lines with ids")
    kit.equal(run(server, f"/log?after={cursor}").json["items"], [])
    kit.equal(run(server, "/log?limit=1000").json["items"], lines)
    kit.equal(server.get(f"{API}/logs?request_id={record['request_id']}&limit=1000").json["items"], lines)
    kit.equal(run(server, "/log?level=error").json["items"], [line for line in lines if line["level"] in ("error", "fatal")])
    for path in (f"{API}/logs", f"{API}/logs?request_id=a%20b", f"{API}/logs?request_id=x&after=1"):
        kit.equal(server.get(path).status, 422, path)
    kit.equal(run(server, "/log?after=3").status, 422)
    kit.equal(run(server, "/log?level=loud").status, 422)


def test_compare(server):
    reply = server.get(f"{API}/runs/compare?a={made['meeting']}&b={made['plain']}")
    kit.equal((reply.status, reply.json["a"] if "a" in reply.json else made["meeting"]), (200, made["meeting"]))
    kit.equal(server.get(f"{API}/runs/compare?a={made['meeting']}").status, 422)
    kit.equal(server.get(f"{API}/runs/compare?a={made['meeting']}&b={NOWHERE}").status, 404)


def test_artifacts(server):
    items = run(server, "/artifacts").json["items"]
    names = {item["filename"]: item for item in items}
    kit.true({"audio.json", "peaks.json", "transcript.json", "summary.md"} <= set(names), sorted(names))
    for item in items:
        reply = run(server, f"/artifacts/{item['id']}")
        kit.equal(reply.status, 200, item["filename"])
        kit.equal((len(reply.body), hashlib.sha256(reply.body).hexdigest()), (item["size_bytes"], item["sha256"]), item["filename"])
        kit.true("attachment" in reply.header("Content-Disposition"), "it is saved, not shown")
    kit.equal(run(server, f"/artifacts/{names['summary.md']['id']}?preview=true").header("Content-Type"), "text/plain; charset=utf-8")
    kit.equal(run(server, "/artifacts/input?preview=true").status, 415)
    kit.equal(server.get(f"{API}/runs/{made['ben']}/artifacts/{names['audio.json']['id']}").status, 404, "of another run")
    text = json.dumps(items) + run(server).text + run(server, "/results").text
    kit.true(str(server.root) not in text and "/tmp" not in text, "no path in any reply")


def test_preview_of_what_is_large(server):
    """A waveform of more than 1 MiB of JSON is refused, also when it says it is text."""
    long = server.folder / "long.wav"
    with wave.open(str(long), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        noise = os.urandom(16000)
        for _ in range(2400):
            file.writeframesraw(noise)
    made["long"] = submit(server, {"pipeline": "ingest", "user": "ann", "config": {"ingest": {"peaks": True}}}, long)
    cli(server, "run", "wait", made["long"], "-q")
    large = next(item for item in run(server, "/artifacts", "long").json["items"] if item["filename"] == "peaks.json")
    kit.true(large["size_bytes"] > 1 << 20, f"{large['size_bytes']} bytes")
    kit.equal(run(server, f"/artifacts/{large['id']}?preview=true", "long").status, 413)
    kit.equal(run(server, f"/artifacts/{large['id']}", "long").status, 200)
    kit.equal(run(server, "/peaks?points=5", "long").json["points"], 5)


def test_damaged_coverage(server):
    """The rest of the results does not depend on the ledger."""
    whole = run(server, "/results").json
    kit.equal((whole["warnings"], whole["coverage"] is not None), ([], True))
    file = next(server.root.glob(f"runs/{made['meeting']}/**/*coverage.json*"))
    kept = file.read_bytes()
    for damaged in (b"{" + kept[1:-1] + b"!", b""):
        file.write_bytes(damaged)
        reply = run(server, "/results")
        kit.equal(reply.status, 200, f"results: {reply}")
        kit.equal((reply.json["coverage"], [one["id"] for one in reply.json["warnings"]]), (None, ["coverage.damaged"]))
        kit.equal(reply.json["measures"], whole["measures"])
        kit.true(str(server.root) not in reply.text, "no path")
    file.write_bytes(kept)
    kit.equal(run(server, "/results").json, whole)


def test_what_q_finds(server):
    """Names of inputs, labels by key and value, a whole id, the sha256 of an input."""
    digest = hashlib.sha256(source().read_bytes()).hexdigest()

    def found(text, more=""):
        return [item["run_id"] for item in server.get(f"{API}/runs?q={text}{more}&limit=100").json["items"]]
    for text in ("blue", "BLUE", "team%3Dblue", "team", "am%3Dbl"):
        kit.equal(found(text), [made["meeting"]], text)
    kit.equal(found("blue", "&sort=oldest"), [made["meeting"]])
    kit.equal(found("blue", "&sort=cost"), [made["meeting"]])
    for text in ("red", "team%3Dred", "%7B", "%22", "%25", "blue_", digest[:63]):
        kit.equal(found(text), [], text)
    kit.equal(found(digest.upper()), found(digest))
    kit.true({made["meeting"], made["plain"]} <= set(found(digest)), "runs of an input")
    kit.equal(found(made["ben"]), [made["ben"]])


def test_labels_of_speech(server):
    """STM and RTTM, read back by this project's own scorer: of itself it has no errors."""
    stm, rttm = run(server, "/transcript?format=stm"), run(server, "/transcript?format=rttm")
    kit.equal((stm.status, rttm.status, stm.header("Content-Type")), (200, 200, "text/plain; charset=utf-8"))
    whole = run(server, "/transcript").json
    lines = [line.split(" ", 6) for line in stm.text.splitlines()]
    kit.equal([line[6] for line in lines], [segment["text"].strip() for segment in whole["segments"]])
    kit.true(all(line[1] == "1" and line[5] == "<NA>" and float(line[3]) < float(line[4]) for line in lines), stm.text)
    kit.equal({line[2] for line in lines}, {segment["speaker"].replace(" ", "_") for segment in whole["segments"]})
    turns = [line.split() for line in rttm.text.splitlines()]
    kit.true(turns and all(len(turn) == 10 and turn[0] == "SPEAKER" and float(turn[4]) > 0 for turn in turns), rttm.text)
    paths = {}
    for name, reply in (("stm", stm), ("rttm", rttm)):
        paths[name] = server.folder / f"labels.{name}"
        paths[name].write_bytes(reply.body)
    score = json.loads(cli(server, "score", "wer", paths["stm"], paths["stm"], "--json"))
    kit.equal(score["wer"]["rate"] if isinstance(score.get("wer"), dict) else score["wer"], 0)
    kit.equal(server.get(f"{API}/runs/{made['plain']}/transcript?format=stm").status, 404, "a run without a transcript")


def test_bundle(server):
    reply = run(server, "/bundle.zip")
    kit.equal((reply.status, reply.header("Content-Type")), (200, "application/zip"))
    with zipfile.ZipFile(io.BytesIO(reply.body)) as bundle:
        kit.equal(bundle.testzip(), None)
        kit.true({"record.json", "manifest.json", "input", "journal.jsonl"} <= set(bundle.namelist()), bundle.namelist())
        kit.equal(json.loads(bundle.read("record.json"))["notes"][0]["name"], "speakers")
    kit.equal(run(server, "/bundle.zip", If_None_Match=reply.header("ETag")).status, 304)
    part = run(server, "/bundle.zip", Range="bytes=100-199")
    kit.true(part.status == 206 and part.body == reply.body[100:200], "a range of it")
    kit.true(len(run(server, "/bundle.zip?input=false").body) < len(reply.body) / 2, "without the input")
    kit.equal(run(server, "/bundle.zip", "held").status, 409)
    kit.equal([path.name for path in server.folder.glob("modellab-bundle-*")], [], "nothing is left of it")
    (server.folder / "again.zip").write_bytes(reply.body)
    environment = {**server.environment, "MODEL_LAB_ROOT": str(server.folder / "other")}
    subprocess.run([kit.BINARIES / "modellab", "run", "import", server.folder / "again.zip"], env=environment, check=True, capture_output=True)


TRAVERSALS = [
    "..", "../..", "../../etc/passwd", "..%2f", "..%2F..%2Fetc%2Fpasswd", "%2e%2e", "%2e%2e%2f", "%2e%2e/%2e%2e/etc/passwd", ".%2e/", "%2e./",
    "..%5c", "..%5c..%5cwindows", "..\\..", "%252e%252e%252f", "%25%32%65%25%32%65", "..;/", "..;", ";..", "./", ".", "%2e", "%2f", "%2fetc%2fpasswd",
    "//etc/passwd", "/etc/passwd", "%5c", "..%00", "%00", "input%00.wav", "input%2f..", "input/..", "input/../request.json", "request.json", "journal.jsonl",
    "manifest.json", "lock", "page", "log.jsonl", "artifacts", "artifacts%2f1-audio.json", "1-audio.json", "1-transcript.json", "%c0%ae%c0%ae%c0%af", "%c0%af",
    "%e0%80%af", "%uff0e%uff0e", "..%c0%af", "..%ef%bc%8f", "%ef%bc%8e%ef%bc%8e", "~", "~root", "file:%2f%2f%2fetc%2fpasswd", "C:%5c", "C:", "NUL", "%7e", "*", "%2a",
    "..%2f..%2f..%2flab.sqlite", "lab.sqlite", "....//", "....%2f%2f", "..%0d%0a", "%0a", "a" * 300, "a" * 4000, "%", "%zz", "%2", "'%20OR%201=1--", "%27%3b"]


def packed(server, name):
    return len(server.log_lines(run_id=made[name], event="bundle.started"))


def test_a_bundle_is_made_once(server):
    """For all its ranges and readers, as long as the run and its notes are what they were; HEAD tells its size."""
    path = f"{API}/runs/{made['plain']}/bundle.zip"
    before = packed(server, "plain")
    whole = server.get(path)
    kit.wait_for(lambda: packed(server, "plain") == before + 1, "it is made")
    parts = [server.get(path, Range=f"bytes={at}-{at + 999}", If_Range=whole.header("ETag")) for at in range(0, 5000, 1000)]
    kit.equal([part.status for part in parts], [206] * 5)
    kit.equal(b"".join(part.body for part in parts), whole.body[:5000])
    head = server.request("HEAD", path)
    kit.equal((head.status, head.header("Content-Length"), head.header("ETag")), (200, str(len(whole.body)), whole.header("ETag")))
    kit.equal(server.get(path, If_None_Match=whole.header("ETag")).status, 304)
    kit.equal(packed(server, "plain"), before + 1, "made once")
    kit.true(server.get(path + "?input=false").header("ETag") != whole.header("ETag"), "without the input it is another one")


def test_a_bundle_leaves_the_disk_its_rest():
    with kit.Server() as server:
        run_id = submit(server, {"pipeline": "ingest"})
        cli(server, "run", "wait", run_id, "-q")
        kit.equal(server.get(f"{API}/runs/{run_id}/bundle.zip").status, 200)
        server.stop()
        server.environment["MODEL_LAB_MIN_FREE_BYTES"] = str(1 << 60)
        server.start()
        reply = server.get(f"{API}/runs/{run_id}/bundle.zip")
        kit.equal((reply.status, reply.json["type"]), (507, "/api/v1/problems#no-space"))
        kit.equal([path.name for path in server.folder.glob("modellab-bundle-*")], [])


def test_traversals(server):
    """In the place of a run, of an artifact, and behind both: an error, never a file, never a redirection, never a path in the answer."""
    kit.true(len(TRAVERSALS) >= 60, f"{len(TRAVERSALS)} cases")
    known = [source().read_bytes()[:16], (server.root / f"runs/{made['meeting']}/request.json").read_bytes()[:40], b"root:", b"SQLite format"]
    for place in ("{}", "{}/audio", f"{made['meeting']}/artifacts/{{}}", f"{made['meeting']}/{{}}", "compare?a={0}&b={0}"):
        for case in TRAVERSALS:
            path = f"{API}/runs/" + place.format(case)
            data = server.raw(f"GET {path} HTTP/1.1\r\nHost: {server.host}\r\nConnection: close\r\n\r\n".encode())
            status = int(data.split()[1]) if data.startswith(b"HTTP/1.1 ") else 0
            if path.rstrip("/").endswith(("/artifacts", "artifacts/.", f"{made['meeting']}/.", "runs/.", "runs/./")) and status == 200:
                continue  # an address of a list, in another spelling
            kit.true(400 <= status < 500, f"{path[:120]} gives {data[:120]!r}")
            kit.true(not any(secret in data for secret in known), f"{path[:120]} gives away a file")
            kit.true(str(server.root).encode() not in data, f"{path[:120]} tells a path")


def test_what_a_key_may_not_see():
    """Ann's key sees Ann's runs: in lists, by id, in comparisons and in logs; what is not hers looks as if it were not there."""
    with kit.Server(HTTP_KEYS="on", HTTP_RATE="0", MAX_WORKERS="1") as server:
        ids = {user: submit(server, {"pipeline": "ingest", "user": user}) for user in ("ann", "ben")}
        for one in ids.values():
            cli(server, "run", "wait", one, "-q")
        keys = {user: json.loads(cli(server, "key", "create", "--json", "--lab", server.root, "--scopes", scopes, "--name", user, "--user", user))["secret"]
                for user, scopes in (("ann", "runs:read"), ("root", "admin"))}
        kit.equal(server.get(f"{API}/runs").status, 401)
        server.key = keys["root"]
        request = server.get(f"{API}/runs/{ids['ben']}").json["request_id"]
        kit.equal(len(server.get(f"{API}/runs").json["items"]), 2)
        artifact = server.get(f"{API}/runs/{ids['ben']}/artifacts").json["items"][0]["id"]
        kit.true(server.get(f"{API}/logs?request_id={request}").json["items"], "the log of Ben's run")
        server.key = keys["ann"]
        kit.equal([item["run_id"] for item in server.get(f"{API}/runs").json["items"]], [ids["ann"]])
        for query in ("user=ben", f"q={ids['ben']}", f"request_id={request}"):
            kit.equal(server.get(f"{API}/runs?{query}").json["items"], [], query)
        there, none = (server.get(f"{API}/runs/{one}") for one in (ids["ben"], NOWHERE))
        kit.equal((there.status, there.json["detail"]), (none.status, none.json["detail"]), "somebody else's run and none")
        for path in ("", "/status", "/explain", "/results", "/log", "/transcript", "/speakers", "/audio", "/peaks", "/artifacts",
                     f"/artifacts/{artifact}", "/artifacts/input", "/bundle.zip", "/transcript/search?q=you"):
            kit.equal(server.get(f"{API}/runs/{ids['ben']}{path}").status, 404, path)
        kit.equal(server.get(f"{API}/runs/{ids['ann']}/artifacts/{artifact}").status, 404, "his artifact by her run")
        for a, b in (("ann", "ben"), ("ben", "ann")):
            kit.equal(server.get(f"{API}/runs/compare?a={ids[a]}&b={ids[b]}").status, 404)
        kit.equal(server.get(f"{API}/logs?request_id={request}").json["items"], [])
        kit.equal(server.request("PUT", f"{API}/runs/{ids['ann']}/speakers", json_body={"names": {}}).status, 403, "her key only reads")


if __name__ == "__main__":
    kit.main(globals())
