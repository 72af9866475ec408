"""Differences of the contract that break clients are found, each kind by a planted one; additions pass; a raised version makes
breaks lawful. And the contract as it is breaks nothing of the released one.

  test_breaking.py FOLDER_OF_PIECES OPENAPI.JSON
"""
import contextlib
import copy
import io
import json
import pathlib
import sys
import tempfile
import unittest

PIECES, DOCUMENT = (pathlib.Path(argument) for argument in sys.argv[1:3])
sys.path.insert(0, str(PIECES))
import breaking  # noqa: E402

NOW = json.loads(pathlib.Path(__file__).with_name("sample.json").read_text(encoding="utf-8"))
PRESENT = json.loads(DOCUMENT.read_text(encoding="utf-8"))
RELEASED = PIECES / "released" / f"v{PRESENT['info']['x-contract']}.json"


def operation(document, name):
    method, path = name.split(" ")
    return document["paths"][path][method.lower()]


def schema(document, name):
    return document["components"]["schemas"][name]


def run(*arguments):
    out = io.StringIO()
    before, sys.argv = sys.argv, ["breaking.py", *map(str, arguments)]
    try:
        with contextlib.redirect_stdout(out):
            return breaking.main(), out.getvalue()
    finally:
        sys.argv = before


def remove(where, value):
    where.remove(value)


BREAKS = {
    "an operation is gone": (lambda d: d["paths"]["/api/v1/runs/{id}"].pop("get"), "GET /api/v1/runs/{id}: is gone"),
    "a path is gone": (lambda d: d["paths"].pop("/livez"), "GET /livez: is gone"),
    "an operation has another id": (lambda d: operation(d, "GET /api/v1/runs").update(operationId="allRuns"), "operationId was listRuns"),
    "a status has changed": (lambda d: operation(d, "POST /api/v1/runs")["responses"].update({"201": operation(d, "POST /api/v1/runs")["responses"].pop("202")}), "not answered by 202"),
    "a field of a reply is gone": (lambda d: schema(d, "Run")["properties"].pop("cost") and remove(schema(d, "Run")["required"], "cost"), "/cost: is gone"),
    "a field deep in a reply is gone": (lambda d: schema(d, "Step")["properties"].pop("key"), "/steps/*/key: is gone"),
    "a field of a reply may be absent": (lambda d: remove(schema(d, "Run")["required"], "status"), "/status: may be absent now"),
    "a field of a reply may be null": (lambda d: schema(d, "Run")["properties"].update(priority={"type": ["integer", "null"]}), "/priority: may be null now"),
    "a field of a reply has another type": (lambda d: schema(d, "Run")["properties"].update(priority={"type": "string"}), "/priority: may be string now"),
    "an integer of a reply may be a fraction": (lambda d: schema(d, "Run")["properties"].update(priority={"type": "number"}), "/priority: may be number now"),
    "a reply has a new value of a list": (lambda d: schema(d, "RunStatus")["enum"].append("PAUSED"), "may be ['PAUSED'] now"),
    "a list of a reply is open now": (lambda d: schema(d, "RunStatus").pop("enum"), "not those of a list any more"),
    "a media type of a reply is gone": (lambda d: operation(d, "GET /api/v1/runs/{id}/transcript")["responses"]["200"]["content"].pop("text/vtt"), "has no text/vtt"),
    "a header of a reply is gone": (lambda d: operation(d, "POST /api/v1/runs")["responses"]["202"]["headers"].pop("Location"), "header Location of 202 is gone"),
    "a header of all replies is gone": (lambda d: d["components"]["responses"]["NotFound"]["headers"].pop("X-Request-Id"), "header X-Request-Id of 404 is gone"),
    "a field of an error is gone": (lambda d: schema(d, "Problem")["properties"].pop("request_id"), "/request_id: is gone"),
    "a parameter is gone": (lambda d: operation(d, "GET /api/v1/runs/compare")["parameters"].pop(), "parameter b is gone"),
    "a parameter is required now": (lambda d: operation(d, "GET /api/v1/runs")["parameters"].append({"name": "lab", "in": "query", "required": True, "schema": {"type": "string"}}), "parameter lab is required"),
    "a parameter that was optional is required": (lambda d: d["components"]["parameters"]["Cursor"].update(required=True), "parameter cursor is required"),
    "a parameter takes less": (lambda d: d["components"]["parameters"]["Limit"]["schema"].update(maximum=100), "parameter limit: maximum"),
    "a parameter has a pattern": (lambda d: d["components"]["parameters"]["Cursor"]["schema"].update(pattern="^x"), "parameter cursor: pattern"),
    "a value of a parameter is gone": (lambda d: remove([p for p in operation(d, "GET /api/v1/runs")["parameters"] if p.get("name") == "sort"][0]["schema"]["enum"], "cost"), "['cost'] is not taken"),
    "a body is required now": (lambda d: operation(d, "POST /api/v1/admin/reconcile")["requestBody"].update(required=True), "a body is required"),
    "a media type of a request is gone": (lambda d: operation(d, "POST /api/v1/runs")["requestBody"]["content"].pop("multipart/form-data"), "multipart/form-data are not taken"),
    "a field of a request is required now": (lambda d: schema(d, "KeyRequest")["required"].append("user"), "/user: is required now"),
    "a field of a request is gone": (lambda d: schema(d, "RunRequestAsr")["properties"].pop("beam_size"), "/config/asr/beam_size: is gone"),
    "a number of a request may be less high": (lambda d: schema(d, "RunRequestAsr")["properties"]["beam_size"].update(maximum=8), "/beam_size: maximum was 16, is 8"),
    "a number of a request has a bound": (lambda d: schema(d, "CleanupRequest")["properties"]["keep_runs"].update(maximum=10), "/keep_runs: maximum was null, is 10"),
    "a text of a request may be less long": (lambda d: schema(d, "KeyRequest")["properties"]["name"].update(maxLength=10), "/name: maxLength was 128, is 10"),
    "a text of a request must be longer": (lambda d: schema(d, "WebhookRequest")["properties"]["secret"].update(minLength=32), "/secret: minLength was 16, is 32"),
    "a value of a request is gone": (lambda d: remove(schema(d, "KeyRequest")["properties"]["scopes"]["items"]["enum"], "admin"), "['admin'] is not taken any more"),
    "a type of a request is gone": (lambda d: schema(d, "CapChange")["properties"].update(value={"type": "string", "maxLength": 32}), "number is not taken any more"),
    "a request is closed now": (lambda d: schema(d, "OpenaiSpeechRequest").update(additionalProperties=False), "(others): is not taken any more"),
    "a number of a request must be an integer": (lambda d: schema(d, "CleanupRequest")["properties"]["older_than_days"].update(type="integer"), "number is not taken any more"),
    "another scope is needed": (lambda d: operation(d, "GET /api/v1/runs").update(security=[{"key": ["admin"]}]), "needs admin now"),
    "a key is needed": (lambda d: operation(d, "GET /livez").update(security=[{"key": []}]), "needs a key now"),
}
ADDITIONS = {
    "a path": lambda d: d["paths"].update({"/api/v1/new": {"get": {"operationId": "new", "security": [], "responses": {"200": {"description": ""}}}}}),
    "a field of a reply": lambda d: schema(d, "Run")["properties"].update(mood={"type": "string"}),
    "a field of a reply that is always there": lambda d: (schema(d, "Run")["properties"].update(mood={"type": "string"}), schema(d, "Run")["required"].append("mood")),
    "a field of a reply is never null any more": lambda d: schema(d, "Run")["properties"].update(failure_step={"type": "string"}),
    "a value of a reply does not come any more": lambda d: schema(d, "RunStatus")["enum"].remove("STALE") or operation(d, "GET /api/v1/runs")["parameters"][0]["schema"].update(items={"enum": ["QUEUED", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "STALE"]}),
    "an optional field of a request": lambda d: schema(d, "KeyRequest")["properties"].update(note={"type": "string"}),
    "a value of a request": lambda d: schema(d, "KeyRequest")["properties"]["scopes"]["items"]["enum"].append("logs:read"),
    "an optional parameter": lambda d: operation(d, "GET /api/v1/runs")["parameters"].append({"name": "lab", "in": "query", "schema": {"type": "string"}}),
    "a request takes more": lambda d: schema(d, "KeyRequest")["properties"]["name"].update(maxLength=1000),
    "a request takes null, too": lambda d: schema(d, "KeyRequest")["properties"]["user"].update(type=["string", "null"]),
    "a field of a request is optional now": lambda d: schema(d, "KeyRequest")["required"].remove("name"),
    "an error status": lambda d: operation(d, "GET /livez")["responses"].update({"451": {"description": ""}}),
    "a media type of a reply": lambda d: operation(d, "GET /livez")["responses"]["200"]["content"].update({"text/csv": {}}),
    "a header": lambda d: operation(d, "POST /api/v1/runs")["responses"]["202"]["headers"].update({"X-New": {"schema": {}}}),
    "no key is needed any more": lambda d: operation(d, "GET /api/v1/runs").update(security=[]),
    "words for people": lambda d: schema(d, "Run").update(description="Another text."),
    "a deprecated operation": lambda d: operation(d, "GET /api/v1/runs").update(deprecated=True),
}


class Breaking(unittest.TestCase):
    def test_nothing(self):
        self.assertEqual(breaking.breaks(NOW, copy.deepcopy(NOW)), [])
        self.assertEqual(breaking.breaks(PRESENT, copy.deepcopy(PRESENT)), [])

    def test_breaks(self):
        for what, (change, told) in BREAKS.items():
            with self.subTest(what):
                planted = copy.deepcopy(NOW)
                change(planted)
                found = breaking.breaks(NOW, planted)
                self.assertTrue(any(told in line for line in found), f"not told {told!r}, but {found}")

    def test_additions(self):
        for what, change in ADDITIONS.items():
            with self.subTest(what):
                planted = copy.deepcopy(NOW)
                change(planted)
                self.assertNotEqual(planted, NOW)
                self.assertEqual(breaking.breaks(NOW, planted), [])

    def test_version(self):
        """A planted break fails the build until the version is raised."""
        with tempfile.TemporaryDirectory() as folder:
            released, new = pathlib.Path(folder, "v1.json"), pathlib.Path(folder, "new.json")
            planted = copy.deepcopy(NOW)
            new.write_text(json.dumps(planted), encoding="utf-8")
            self.assertEqual(run("--accept", released, new)[0], 0)
            self.assertEqual(run(released, new)[0], 0)
            table = pathlib.Path(folder, "table")
            table.write_text(json.dumps({"method": "GET", "path": "/livez"}) + "\n", encoding="utf-8")
            self.assertEqual(run("--accept", pathlib.Path(folder, "v2.json"), new, "--served", table)[0], 0)
            self.assertEqual(list(json.loads(pathlib.Path(folder, "v2.json").read_text(encoding="utf-8"))["paths"]), ["/livez"])
            del planted["paths"]["/livez"]
            new.write_text(json.dumps(planted), encoding="utf-8")
            code, told = run(released, new)
            self.assertEqual(code, 1)
            self.assertIn("GET /livez: is gone", told)
            planted["info"]["x-contract"] += 1
            new.write_text(json.dumps(planted), encoding="utf-8")
            self.assertEqual(run(released, new)[0], 0)

    @unittest.skipUnless(RELEASED.exists(), "no contract of this version was released")
    def test_released(self):
        code, told = run(RELEASED, DOCUMENT)
        self.assertEqual(code, 0, told)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
