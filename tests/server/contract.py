"""The contract is true: the server's table has the operations of openapi.json and no others, and schemathesis calls each of them
on a lab that has runs, uploads, experiments, keys and webhooks: what is valid is taken, what is not is refused, and every reply has
a status, type, header and body that the contract tells.

  contract.py SERVER SOURCES [PATTERN [OPERATION...]]

MODEL_LAB_TEST_CONTRACT_EXAMPLES calls of each operation are drawn at random, from a fixed seed (MODEL_LAB_TEST_SEED).
"""
import copy
import json
import os
import pathlib
import shutil
import subprocess
import sys
import wave

import kit

EXAMPLES = int(os.environ.get("MODEL_LAB_TEST_CONTRACT_EXAMPLES") or 4)
SEED = os.environ.get("MODEL_LAB_TEST_SEED") or "1"
NOWHERE = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
# Described for clients to come, and not served yet.
NOT_SERVED = set()
# They end with the connection, or end the server: other tests look at them.
NOT_DRAWN = {"streamEvents", "connectRunEvents", "connectEvents", "connectLive", "drainServer"}
# They take away what the others need: last, by themselves.
DESTRUCTIVE = {"cleanupLab", "cancelRun", "cancelRuns", "cancelExperiment", "reconcileLab"}


def table():
    environment = {name: value for name, value in os.environ.items() if name != "MODEL_LAB_TESTING"}
    done = subprocess.run([kit.PROGRAM, "--operations"], capture_output=True, text=True, check=True, env=environment)
    return {line["id"]: line for line in map(json.loads, done.stdout.splitlines())}


def described(document):
    return {operation["operationId"]: (method.upper(), path, operation) for path, item in document["paths"].items() for method, operation in item.items()}


def test_operations(server):
    """Both ways: nothing is served that is not described, nothing described that is not served; ids, methods, paths and scopes agree."""
    served, told = table(), described(server.get(kit.API + "/openapi.json").json)
    kit.equal(sorted(set(served) - set(told)), [], "operations without a description")
    kit.equal(sorted(set(told) - set(served) - NOT_SERVED), [], "operations that are described and not served")
    for name, (method, path, operation) in told.items():
        line = served.get(name)
        if line is None:
            continue
        kit.equal((line["method"], line["path"]), (method, path), name)
        scopes = [scope for need in operation["security"] for scope in need["key"]]
        kit.equal([line["scope"]] if line["scope"] else [], scopes, f"scope of {name}")
        kit.equal(line["deprecated"], operation.get("deprecated", False), f"{name} is deprecated")
        kit.equal(line["body"], "requestBody" in operation, f"{name} has a body")
        taken = {parameter.get("$ref", "").rsplit("/", 1)[-1] for parameter in operation.get("parameters", [])}
        kit.equal((line["keyed"], line["matches"]), ("IdempotencyKey" in taken, "IfMatch" in taken), f"conditions that {name} takes")


def clip(path, seconds=3):
    """Real speech: the beginning of the sample conversation."""
    with wave.open(str(kit.models() / "sample-conversation/sample.wav")) as whole, wave.open(str(path), "wb") as part:
        part.setparams(whole.getparams())
        part.writeframes(whole.readframes(whole.getframerate() * seconds))


class Lab:
    """A lab in which everything has happened at least once, made with the command line and over HTTP."""

    def __init__(self):
        # A server of its own with models of its own: a model may be removed.
        self.server = kit.Server(start=False, HTTP_KEYS="on", HTTP_RATE="0", MAX_WORKERS="1", REMOTE_URL="", SHORT_WORKERS="0")
        self.home = self.server.folder
        models = self.home / "models"
        for name in ("whisper-tiny.en", "sample-conversation"):
            shutil.copytree(kit.models() / name, models / name, copy_function=os.link)
        self.server.environment.update(MODEL_LAB_MODELS_ROOT=str(models), MODEL_LAB_CACHE_ROOT=os.environ.get("MODEL_LAB_CACHE_ROOT", str(self.home / "cache")))
        self.audio = self.home / "clip.wav"
        clip(self.audio)
        submit = ["run", "submit", str(self.audio), "-q"]
        self.runs = {"done": self.cli(*submit, "--word-times", "--user", "ann")}
        self.runs["cancelled"] = self.cli(*submit, "--user", "ann")
        self.cli("run", "cancel", self.runs["cancelled"])
        request = self.home / "request.json"
        request.write_text(json.dumps({"steps": ["asr", "score", "bundle"], "config": {"score": {"reference_text": "hello"}}}), encoding="utf-8")
        self.runs["scored"] = self.cli(*submit, "--request", str(request))
        for name in ("done", "scored"):
            self.cli("run", "wait", self.runs[name], "-q")
        self.runs["again"] = self.cli("run", "rerun", self.runs["done"], "-q")
        self.cli("run", "wait", self.runs["again"], "-q")
        self.runs["held"] = self.cli(*submit, "--hold")
        document = self.home / "experiment.json"
        document.write_text(json.dumps({"name": "beams", "inputs": [{"file": "clip.wav", "reference_text": "hello"}], "candidates": [
            {"name": "greedy", "request": {"priority": "low"}}, {"name": "beams", "request": {"config": {"asr": {"beam_size": 2}}}}]}), encoding="utf-8")
        self.experiment = self.cli("experiment", "create", str(document))
        self.cli("experiment", "start", self.experiment)
        pipeline = self.home / "pipeline.json"
        pipeline.write_text(json.dumps({"text": "Words.", "steps": ["asr"]}), encoding="utf-8")
        self.cli("pipeline", "save", "mine", str(pipeline))
        key = json.loads(self.cli("key", "create", "--name", "tests", "--user", "ann", "--scopes", "admin", "--json"))
        self.other_key = json.loads(self.cli("key", "create", "--name", "other", "--user", "ben", "--scopes", "runs:read", "--json"))["id"]
        self.server.start()
        self.server.key = key["secret"]
        served = table()
        self.webhook = self.upload = NOWHERE
        if "createWebhook" in served:
            self.webhook = self.post("/webhooks", {"url": "https://hooks.invalid/x", "events": ["run_completed"]})["id"]
        if "createUpload" in served:
            upload = self.server.request("POST", kit.API + "/uploads?name=clip.wav", body=self.audio.read_bytes(), headers={"Content-Type": "audio/wav"})
            kit.equal(upload.status, 201, upload.text)
            self.upload = upload.json["id"]

    def cli(self, *arguments):
        environment = dict(self.server.environment)
        done = subprocess.run([kit.BINARIES / "modellab", *arguments], capture_output=True, text=True, env=environment, cwd=self.home, check=False)
        kit.equal(done.returncode, 0, f"modellab {' '.join(arguments)}: {done.stderr}")
        return done.stdout.strip()

    def post(self, path, body):
        reply = self.server.post(kit.API + path, body)
        kit.true(reply.status in (200, 201, 202), f"POST {path}: {reply}")
        return reply.json


def with_ids(document, lab):
    """The contract with ids that there are in place of ids that there might be: random ones would only show 404."""
    document = copy.deepcopy(document)
    artifacts = json.loads(lab.cli("run", "results", lab.runs["done"], "--json"))["artifacts"]
    known = {
        "RunId": [*lab.runs.values(), NOWHERE], "UploadId": [lab.upload, NOWHERE], "ExperimentId": [lab.experiment, "0" * 64],
        "PipelineName": ["mine", "transcribe", "nothing"], "ModelName": ["sample-conversation", "nothing"], "KeyId": [lab.other_key, NOWHERE],
        "WebhookId": [lab.webhook, NOWHERE], "CapUser": ["ann", "*"]}
    for name, values in known.items():
        document["components"]["parameters"][name]["schema"] = {"enum": values}
    for _, (_, path, operation) in described(document).items():
        for parameter in operation.get("parameters", []):
            if parameter.get("name") == "artifact_id":
                parameter["schema"] = {"enum": [artifact["id"] for artifact in artifacts] + [NOWHERE]}
            if path.endswith("/compare") and parameter.get("name") in ("a", "b"):
                parameter["schema"] = {"enum": [lab.runs["done"], lab.runs["scored"]]}
    document["components"]["schemas"]["RunSubmission"]["properties"]["upload_id"] = {"enum": [lab.upload, NOWHERE]}
    document["components"]["parameters"]["IfMatch"]["schema"] = {"enum": ["*", 'W/"0000000000000000"']}
    document["components"]["parameters"]["Prefer"]["schema"] = {"type": "string", "examples": ["wait=1"]}
    # Nothing goes out: a name that there can never be, and addresses that the guard refuses.
    document["components"]["schemas"]["WebhookRequest"]["properties"]["url"] = {"enum": ["https://hooks.invalid/x", "http://127.0.0.1/x", "https://10.0.0.1/x"]}
    for item in described(document).values():
        for content in item[2].get("requestBody", {}).get("content", {}).values():
            content.pop("example", None)  # theirs are ids of nobody
    return document


def schemathesis(lab, document, operations, examples, quiet=False):
    """One run of the program; its findings, as it tells them."""
    path = lab.home / "openapi.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    (lab.home / "schemathesis.toml").write_text("""
[checks]
# What is valid by its schema may still name what there is not, or be no audio.
positive_data_acceptance.expected-statuses = ["2xx", 304, 404, 409, 412, 413, 415, 422, 426, 429, 501, 507]
negative_data_rejection.expected-statuses = ["4xx"]
[warnings]
enabled = false
[[operations]]
# OpenAI's dialect says 400 where the rest says 422.
include-tag = "openai"
checks.positive_data_acceptance.expected-statuses = ["2xx", 400, 404, 409, 413, 415, 422, 429, 501, 507]
""", encoding="utf-8")
    program = pathlib.Path(sys.executable).with_name("st")
    if not program.exists():
        raise kit.Skip("schemathesis is not installed (tests/requirements.txt)")
    command = [program, "run", path, "--url", lab.server.url, "--checks", "all", "--phases", "examples,coverage,fuzzing", "--max-examples", str(examples),
               "--seed", SEED, "--generation-deterministic", "--no-shrink", "--continue-on-failure", "--no-color", "--workers", "1", "--request-timeout", "900",
               "--suppress-health-check", "all", "--generation-allow-x00", "false", "--header", f"Authorization: Bearer {lab.server.key}"]
    for name in operations:
        command += ["--include-operation-id", name]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "contract_hooks", "PYTHONPATH": str(pathlib.Path(__file__).parent), "CONTRACT_CLIP": str(lab.audio)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=lab.home, check=False)
    if not quiet:
        lines = [line[:400] for line in done.stdout.splitlines()]
        print("\n".join(lines[-1000:] if done.returncode else lines[-12:]), done.stderr[-2000:], flush=True)
    return done.returncode


# A contract that lies must be found out.
LIES = {
    "a field has another type": ("getDisk", lambda operation, components: components["schemas"]["Disk"]["properties"].update(runs={"type": "string"})),
    "a field is not there": ("getDisk", lambda operation, components: components["schemas"]["Disk"]["required"].append("colour")),
    "a status is not told": ("getInfo", lambda operation, components: operation["responses"].update({"201": operation["responses"].pop("200")})),
    "a reply has another media type": ("getInfo", lambda operation, components: operation["responses"]["200"].update(content={"text/csv": {"schema": {"type": "string"}}})),
    "a parameter is told to be needed that is not": ("getReady", lambda operation, components: operation["parameters"][0].update(required=True, schema={"enum": ["perhaps"]})),
}


def test_every_operation():
    lab = Lab()
    with lab.server:
        served = set(table())
        document = lab.server.get(kit.API + "/openapi.json").json
        told = described(document)
        names = [name for name in told if name in served - NOT_DRAWN and name in (sys.argv[4:] or told)]
        last = [name for name in names if name in DESTRUCTIVE or told[name][0] == "DELETE"]
        document = with_ids(document, lab)
        codes = [schemathesis(lab, document, some, EXAMPLES) for some in ([name for name in names if name not in last], last) if some]
        kit.equal(codes, [0] * len(codes), "exit codes of schemathesis")
        kit.equal(lab.server.process.poll(), None, "the server is gone")
        for what, (name, lie) in LIES.items():
            planted = copy.deepcopy(document)
            lie(described(planted)[name][2], planted["components"])
            kit.true(schemathesis(lab, planted, [name], 1, quiet=True) != 0, f"not found: {what}")


if __name__ == "__main__":
    kit.main(globals())
