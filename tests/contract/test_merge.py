"""The contract is merged from its pieces: what comes out is whole, and what is wrong with a piece is told and fails the build.

  test_merge.py MERGE.PY PIECES OPENAPI.JSON
"""
import copy
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

MERGE, PIECES, DOCUMENT = (pathlib.Path(argument) for argument in sys.argv[1:4])
METHODS = {"get", "put", "post", "delete", "patch"}
SCHEMAS = {"RunRequest": {"$schema": "x", "type": "object", "properties": {"a": {"$ref": "#/$defs/step_a"}}, "$defs": {"step_a": {"type": "string"}}},
           "Experiment": {"type": "object"}}
PIECE = {"paths": {"/api/v1/things/{id}": {"get": {
    "operationId": "getThing", "security": [], "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
    "responses": {"200": {"description": "It.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}}}}},
    "components": {"schemas": {"Thing": {"x-extends": "RunRequest", "properties": {"b": {"type": "integer"}}, "required": ["b"]}}}}


def merge(pieces, *more):
    """Merges small pieces beside the real head and components."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name in ("info.json", "components.json"):
            (folder / name).write_text((PIECES / name).read_text(encoding="utf-8"), encoding="utf-8")
        for name, piece in pieces.items():
            (folder / name).write_text(piece if isinstance(piece, str) else json.dumps(piece), encoding="utf-8")
        (folder / "schemas").write_text(json.dumps(SCHEMAS), encoding="utf-8")
        done = subprocess.run([sys.executable, MERGE, "--pieces", folder, "--schemas", folder / "schemas", "--json", folder / "out", *more],
                              capture_output=True, text=True, check=False)
        return done, json.loads((folder / "out").read_text(encoding="utf-8")) if done.returncode == 0 else None


def walk(value, path=""):
    yield path, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from walk(item, f"{path}/{key}")


class Merging(unittest.TestCase):
    def test_small(self):
        done, document = merge({"ops_thing.json": PIECE})
        self.assertEqual(done.returncode, 0, done.stderr)
        thing = document["components"]["schemas"]["Thing"]
        self.assertEqual(thing["properties"], {"a": {"$ref": "#/components/schemas/RunRequestStepA"}, "b": {"type": "integer"}})
        self.assertEqual(thing["required"], ["b"])
        self.assertNotIn("Experiment", document["components"]["schemas"], "nothing refers to it")
        operation = document["paths"]["/api/v1/things/{id}"]["get"]
        self.assertIn("500", operation["responses"])
        self.assertNotIn("401", operation["responses"], "it needs no key")
        self.assertIn("X-Request-Id", operation["responses"]["200"]["headers"])
        self.assertNotIn("Sunset", operation["responses"]["200"]["headers"])

    def test_deprecated(self):
        piece = copy.deepcopy(PIECE)
        piece["paths"]["/api/v1/things/{id}"]["get"]["deprecated"] = True
        _, document = merge({"ops_thing.json": piece})
        self.assertLessEqual({"Deprecation", "Sunset", "Link"}, set(document["paths"]["/api/v1/things/{id}"]["get"]["responses"]["200"]["headers"]))

    def broken(self, change, told):
        piece = change
        if not isinstance(change, str):
            piece = copy.deepcopy(PIECE)
            change(piece)
        done, _ = merge({"ops_thing.json": piece})
        self.assertEqual(done.returncode, 1, "it passed")
        self.assertIn(told, done.stderr)

    def test_faults(self):
        get = lambda piece: piece["paths"]["/api/v1/things/{id}"]["get"]
        self.broken(lambda p: get(p).pop("operationId"), "operationId")
        self.broken(lambda p: get(p).pop("security"), "security")
        self.broken(lambda p: get(p).pop("parameters"), "parameters of the path")
        self.broken(lambda p: get(p)["responses"].update({"404": {"$ref": "#/components/responses/Nowhere"}}), "leads nowhere")
        self.broken(lambda p: p["components"]["schemas"].update({"Problem": {}}), "is there already")
        self.broken(lambda p: p["components"]["schemas"]["Thing"].update({"x-extends": "Nothing"}), "extends")
        self.broken(lambda p: p.update({"path": {}}), "neither paths nor components")
        self.broken(lambda p: p["paths"].update({"/api/v1/other": p["paths"]["/api/v1/things/{id}"]}), "operationId")
        self.broken(lambda p: p["paths"]["/api/v1/things/{id}"].update({"fetch": {}}), "no method")
        self.broken('{"paths": {}, "paths": {}}', "stands twice")
        self.broken('{"paths": ', "ops_thing.json")
        self.broken("[]", "no JSON object")
        done, _ = merge({"a.json": PIECE, "b.json": {"paths": copy.deepcopy(PIECE["paths"])}})
        self.assertIn("another piece", done.stderr)

    def test_layout(self):
        done = subprocess.run([sys.executable, MERGE, "--pieces", PIECES, "--check-format"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)


class Document(unittest.TestCase):
    def setUp(self):
        self.document = json.loads(DOCUMENT.read_text(encoding="utf-8"))
        self.operations = [(path, method, operation) for path, item in self.document["paths"].items() for method, operation in item.items()]

    def test_operations(self):
        self.assertGreater(len(self.operations), 80)
        for path, method, operation in self.operations:
            with self.subTest(f"{method.upper()} {path}"):
                self.assertIn(method, METHODS)
                self.assertTrue(any(status[0] == "2" for status in operation["responses"]) or "101" in operation["responses"], "no success")
                self.assertTrue(path.startswith("/api/v1/") or path.startswith("/v1/") or path in ("/", "/livez", "/readyz", "/metrics"))
                self.assertRegex(operation["operationId"], r"^[a-z][A-Za-z]+$")
                for need in operation["security"]:
                    self.assertLessEqual(set(need["key"]), {"runs:read", "runs:write", "models:write", "admin"})
                self.assertTrue(operation["summary"].endswith("."))
                if method == "get":
                    self.assertNotIn("requestBody", operation)
                errors = "application/json" if path.startswith("/v1/") else "application/problem+json"
                for status, response in operation["responses"].items():
                    if status[0] in "45" and status != "431" and "$ref" in response:
                        name = response["$ref"].rsplit("/", 1)[1]
                        self.assertIn(errors, self.document["components"]["responses"][name]["content"])

    def test_request_schemas_are_those_of_the_library(self):
        schemas = self.document["components"]["schemas"]
        self.assertFalse(schemas["RunRequest"]["additionalProperties"])
        self.assertIn("beam_size", schemas["RunRequestAsr"]["properties"])
        self.assertEqual(set(schemas["RunSubmission"]["properties"]) - set(schemas["RunRequest"]["properties"]), {"upload_id"})
        self.assertIn("candidates", schemas["Experiment"]["required"])

    def test_nothing_of_the_workshop_is_left(self):
        for place, value in walk(self.document):
            if isinstance(value, str) and place.endswith("/$ref"):
                self.assertRegex(value, r"^#/components/\w+/[A-Za-z0-9-]+$", place)
            for key in ("x-extends", "x-common", "x-errors", "$defs"):
                self.assertFalse(isinstance(value, dict) and key in value, f"{place}/{key}")

    def test_bounds(self):
        """Texts of parameters have a bound; headers that are only looked at are bounded by that of the head."""
        for path, method, operation in self.operations:
            for parameter in operation.get("parameters", []):
                while "$ref" in parameter:
                    parameter = self.document["components"]["parameters"][parameter["$ref"].rsplit("/", 1)[1]]
                schema = parameter["schema"]
                if schema.get("type") == "string" and parameter["in"] != "header":
                    self.assertTrue(set(schema) & {"maxLength", "enum", "pattern", "format"}, f"{method} {path} {parameter['name']}")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=1)
