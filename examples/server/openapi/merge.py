#!/usr/bin/env python3
"""Makes the contract, openapi.json, of its pieces and of the schemas that the library itself prints.

  merge.py --pieces FOLDER --schemas FILE --version X.Y.Z --json OUT [--c OUT]
  merge.py --pieces FOLDER --format

A piece is {"paths": {...}, "components": {...}}; info.json is the head of the document. FILE is what the program print_schemas
writes: {"RunRequest": JSON Schema, ...}; they become components, their $defs too (RunRequestAsr). Three directives
save repetition: in a schema {"x-extends": "RunRequest", "properties": {...}} copies a component and adds to it; "x-common" of
components.json names the answers and headers that every operation has; "x-errors": "Openai" of an operation takes those answers whose
names begin so. --format writes the pieces anew, in the one layout that reviews compare.
"""
import argparse
import json
import pathlib
import re
import sys

METHODS = ("get", "put", "post", "delete", "patch")
WIDTH = 150


class Fault(Exception):
    """What is wrong with the pieces, for the person who builds."""


def compact(value, indent=0):
    """JSON whose objects and arrays stand on one line where they fit."""
    flat = json.dumps(value, ensure_ascii=False)
    if len(flat) + indent <= WIDTH or not isinstance(value, (dict, list)) or not value:
        return flat
    pad = " " * (indent + 2)
    if isinstance(value, dict):
        items = [f"{pad}{json.dumps(k)}: {compact(v, indent + 2)}" for k, v in value.items()]
        return "{\n" + ",\n".join(items) + "\n" + " " * indent + "}"
    return "[\n" + ",\n".join(pad + compact(v, indent + 2) for v in value) + "\n" + " " * indent + "]"


def no_doubles(pairs):
    keys = [key for key, _ in pairs]
    doubles = {key for key in keys if keys.count(key) > 1}
    if doubles:
        raise Fault(f"the key {sorted(doubles)[0]!r} stands twice in one object")
    return dict(pairs)


def read(path):
    try:
        value = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=no_doubles)
        if not isinstance(value, dict):
            raise Fault("it is no JSON object")
        return value
    except (ValueError, Fault) as error:
        raise Fault(f"{path.name}: {error}") from None


def walk(value, visit):
    """Calls visit(object) for each object of the document; it may change it in place."""
    if isinstance(value, dict):
        visit(value)
        for item in value.values():
            walk(item, visit)
    elif isinstance(value, list):
        for item in value:
            walk(item, visit)


def camel(text):
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[^A-Za-z0-9]+", text))


def library_schemas(schemas):
    """A component for each schema of the library and each of its $defs."""
    made = {}
    for name, schema in schemas.items():
        def point(value, name=name):
            target = value.get("$ref", "")
            if isinstance(target, str) and target.startswith("#/$defs/"):
                value["$ref"] = "#/components/schemas/" + name + camel(target[len("#/$defs/"):])
        walk(schema, point)
        for part, definition in schema.pop("$defs", {}).items():
            made[name + camel(part)] = definition
        schema.pop("$schema", None)
        made[name] = schema
    return made


def add_piece(document, name, piece):
    """Its paths and components; whatever stands there already is a fault."""
    for key in piece:
        if key not in ("paths", "components"):
            raise Fault(f"{name}: {key!r} is neither paths nor components")
    for path, item in piece.get("paths", {}).items():
        there = document["paths"].setdefault(path, {})
        for method, operation in item.items():
            if method in there:
                raise Fault(f"{name}: {method.upper()} {path} is described in another piece too")
            there[method] = operation
    for kind, items in piece.get("components", {}).items():
        if kind == "x-common":
            document["x-common"] = items
            continue
        there = document["components"].setdefault(kind, {})
        for key, value in items.items():
            if key in there:
                raise Fault(f"{name}: component {kind}/{key} is there already")
            there[key] = value


def extend(schemas):
    """Carries out x-extends."""
    for name, schema in schemas.items():
        base = schema.pop("x-extends", None) if isinstance(schema, dict) else None
        if base is None:
            continue
        if base not in schemas or "x-extends" in schemas[base]:
            raise Fault(f"{name} extends {base}, which is no plain component")
        merged = json.loads(json.dumps(schemas[base]))
        merged.pop("title", None)
        for key, value in schema.items():
            if key == "properties":
                merged.setdefault(key, {}).update(value)
            elif key == "required":
                merged[key] = sorted(set(merged.get(key, [])) | set(value))
            else:
                merged[key] = value
        schemas[name] = merged


def resolve(document, value):
    while "$ref" in value:
        target = document
        for part in value["$ref"][2:].split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        value = target
    return value


def common_answers(document):
    """The answers that can come to any request, and the headers of every reply."""
    common = document.pop("x-common")
    for item in document["paths"].values():
        for method in METHODS:
            operation = item.get(method)
            if operation is None:
                continue
            groups = ["all"]
            groups += ["secured"] if operation.get("security") else []
            groups += ["body"] if "requestBody" in operation else []
            prefix = operation.pop("x-errors", "")
            for group in groups:
                for status, name in common["responses"][group].items():
                    operation["responses"].setdefault(status, {"$ref": f"#/components/responses/{prefix}{name}"})
            operation["responses"] = dict(sorted(operation["responses"].items()))
            for status, response in operation["responses"].items():
                if "$ref" not in response:
                    headers = response.setdefault("headers", {})
                    for header in common["headers"] + (common["deprecated"] if operation.get("deprecated") else []):
                        headers.setdefault(header, {"$ref": f"#/components/headers/{header}"})
    for response in document["components"]["responses"].values():
        headers = response.setdefault("headers", {})
        for header in common["headers"]:
            headers.setdefault(header, {"$ref": f"#/components/headers/{header}"})


def check(document):
    """Ids, references and parameters of paths."""
    seen = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method not in METHODS:
                raise Fault(f"{path}: {method!r} is no method of the contract")
            name = operation.get("operationId")
            if not name or name in seen:
                raise Fault(f"{method.upper()} {path}: operationId {name!r} is missing or that of {seen.get(name)}")
            seen[name] = f"{method.upper()} {path}"
            if "security" not in operation:
                raise Fault(f"{name}: says nothing of security ([] = open to everybody)")
            named = {p["name"] for p in (resolve(document, q) for q in operation.get("parameters", [])) if p["in"] == "path"}
            wanted = set(re.findall(r"\{(\w+)\}", path))
            if named != wanted:
                raise Fault(f"{name}: parameters of the path are {sorted(wanted)}, described are {sorted(named)}")

    def exists(value):
        target = value.get("$ref")
        if isinstance(target, str):
            try:
                resolve(document, {"$ref": target})
            except (KeyError, TypeError):
                raise Fault(f"$ref {target} leads nowhere") from None
    walk(document, exists)


def prune(document, schemas, kinds=("schemas", "responses", "headers")):
    """Takes away what stands in stock and is not used: of the schemas those of this set (the library's), common answers and headers.
    Other schemas that nothing refers to are told by the linter."""
    components = document["components"]
    while True:
        used = set()
        walk(document, lambda value: used.add(value.get("$ref")) if isinstance(value.get("$ref"), str) else None)
        idle = [(kind, name) for kind in kinds for name in components[kind]
                if f"#/components/{kind}/{name}" not in used and (kind != "schemas" or name in schemas)]
        if not idle:
            return
        for kind, name in idle:
            del components[kind][name]


def merge(folder, schemas, version):
    document = read(folder / "info.json")
    document["info"]["version"] = version
    document.update({"paths": {}, "components": {"schemas": library_schemas(schemas)}})
    library = set(document["components"]["schemas"])
    for path in sorted(folder.glob("*.json")):
        if path.name != "info.json":
            add_piece(document, path.name, read(path))
    extend(document["components"]["schemas"])
    common_answers(document)
    check(document)
    prune(document, library)
    document["paths"] = dict(sorted(document["paths"].items()))
    for kind, items in document["components"].items():
        document["components"][kind] = dict(sorted(items.items()))
    return document


def as_c(text):
    """The document as a C array: literals of that size are beyond what compilers have to take."""
    data = text.encode("utf-8")
    lines = [",".join(str(byte) for byte in data[at:at + 32]) for at in range(0, len(data), 32)]
    return ("/* The contract, merged from examples/server/openapi by merge.py. */\n#include \"openapi.h\"\n\n"
            "const unsigned char openapi_document[] = {\n" + ",\n".join(lines) +
            "};\nconst size_t openapi_document_bytes = sizeof openapi_document;\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pieces", required=True, type=pathlib.Path)
    parser.add_argument("--schemas", type=pathlib.Path)
    parser.add_argument("--version", default="0.0.0")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--c", type=pathlib.Path)
    parser.add_argument("--format", action="store_true")
    parser.add_argument("--check-format", action="store_true")
    options = parser.parse_args()
    try:
        if options.format or options.check_format:
            for path in sorted(options.pieces.glob("*.json")):
                text = compact(read(path)) + "\n"
                if text != path.read_text(encoding="utf-8"):
                    if options.check_format:
                        raise Fault(f"{path.name} is not formatted: merge.py --pieces examples/server/openapi --format")
                    path.write_text(text, encoding="utf-8")
            return 0
        document = merge(options.pieces, read(options.schemas), options.version)
    except Fault as fault:
        print(f"contract: {fault}", file=sys.stderr)
        return 1
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    options.json.write_text(text, encoding="utf-8")
    if options.c:
        options.c.write_text(as_c(text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
