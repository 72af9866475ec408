#!/usr/bin/env python3
"""Compares the contract with the released one and names every difference that breaks a client.

  breaking.py RELEASED.JSON NEW.JSON            exit code 1 and a line for each break, unless the version was raised
  breaking.py --accept RELEASED.JSON NEW.JSON [--served TABLE]   after a release: what is compared with from now on; TABLE is what
                                                modellab-server --operations prints: only these are taken

What a client sends must go on being taken, what it reads must go on being there: for requests the old schema has to lie within
the new one, for replies the new one within the old one. So additions pass, and what is taken away, narrowed (requests) or widened
(replies) is a break. A higher `info.x-contract` (API-Version, docs/breaking-changes.md) makes breaks lawful.
"""
import argparse
import json
import pathlib
import sys

from merge import METHODS, compact, prune, resolve

ALL_TYPES = {"string", "number", "boolean", "null", "object", "array"}
UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
OPAQUE = ("pattern", "format", "allOf", "not", "if", "then", "else", "dependentRequired", "propertyNames", "contains", "prefixItems",
          "patternProperties", "multipleOf", "uniqueItems")
ANNOTATIONS = ("description", "title", "default", "example", "examples", "deprecated", "$comment")


class Within:
    """Why a value that fulfils schema a of one document may not fulfil schema b of the other."""

    def __init__(self, a_document, b_document, is_reply):
        self.a_document, self.b_document, self.is_reply = a_document, b_document, is_reply
        self.clean = set()  # pairs of components that were compared, or are being compared

    def misses(self, a, b, place):
        pair = (a.get("$ref"), b.get("$ref")) if isinstance(a, dict) and isinstance(b, dict) else (None, None)
        if not (pair[0] and pair[1]):
            return self.look(plain(self.a_document, a), plain(self.b_document, b), place)
        if pair in self.clean:
            return []
        self.clean.add(pair)
        found = self.look(plain(self.a_document, a), plain(self.b_document, b), place)
        if found:
            self.clean.discard(pair)
        return found

    def look(self, a, b, place):
        if a is False or b is True or b == {}:
            return []
        a = {} if a is True else a
        if b is False:
            return [f"{place}: is not taken any more"]
        if any("anyOf" in s or "oneOf" in s for s in (a, b)):
            return self.variants(a, b, place)
        found = self.types(a, b, place)
        if found:
            return found
        found += self.values(a, b, place)
        for key in UPPER:
            if key in b and (key not in a or a[key] > b[key]):
                found.append(f"{place}: {key} {self.was(a.get(key), b[key])}")
        for key in LOWER:
            if key in b and b[key] not in (0, None) and (key not in a or a[key] < b[key]):
                found.append(f"{place}: {key} {self.was(a.get(key), b[key])}")
        for key in OPAQUE:
            if key in b and a.get(key) != b[key] and b[key] is not False and not ("enum" in a and key in ("pattern", "format")):
                found.append(f"{place}: {key} {self.was(a.get(key), b[key])}")
        if "object" in types_of(a) & types_of(b):
            found += self.objects(a, b, place)
        if "items" in b:
            found += self.misses(a.get("items", {}), b["items"], place + "/*")
        return found

    def was(self, a, b):
        old, new = (b, a) if self.is_reply else (a, b)
        return f"was {json.dumps(old)}, is {json.dumps(new)}"

    def variants(self, a, b, place):
        found = []
        for one in a.get("anyOf", a.get("oneOf", [a])):
            tries = [self.misses(one, other, place) for other in b.get("anyOf", b.get("oneOf", [b]))]
            found += min(tries, key=len)
        return found

    def types(self, a, b, place):
        missing = {t for t in types_of(a) - types_of(b) if not (t == "integer" and "number" in types_of(b))}
        if not missing:
            return []
        names = ", ".join(sorted(missing))
        return [f"{place}: may be {names} now" if self.is_reply else f"{place}: {names} is not taken any more"]

    def values(self, a, b, place):
        if "enum" not in b or a.get("x-extensible") or b.get("x-extensible"):
            return []
        if "enum" not in a:
            return [f"{place}: its values are not those of a list any more" if self.is_reply else f"{place}: takes only {b['enum']} now"]
        extra = [value for value in a["enum"] if value not in b["enum"]]
        if not extra:
            return []
        return [f"{place}: may be {extra} now" if self.is_reply else f"{place}: {extra} is not taken any more"]

    def objects(self, a, b, place):
        found = []
        a_properties, b_properties = a.get("properties", {}), b.get("properties", {})
        for name in b.get("required", []):
            if name not in a.get("required", []):
                if self.is_reply and name not in a_properties:
                    continue
                found.append(f"{place}/{name}: may be absent now" if self.is_reply else f"{place}/{name}: is required now")
        old, new = (b_properties, a_properties) if self.is_reply else (a_properties, b_properties)
        for name in old:
            if name not in new:
                found.append(f"{place}/{name}: is gone")
        for name, schema in a_properties.items():
            if name in b_properties:
                found += self.misses(schema, b_properties[name], f"{place}/{name}")
            elif b.get("additionalProperties") is False and self.is_reply:
                found.append(f"{place}/{name}: is new in an object that was closed")
        if not (b.get("additionalProperties", True) is False and self.is_reply and a.get("additionalProperties", True) is False):
            found += self.misses(a.get("additionalProperties", True), b.get("additionalProperties", True), place + "/(others)")
        return found


def plain(document, schema):
    """Without references and words for people; const is an enum of one."""
    if not isinstance(schema, dict):
        return schema
    while "$ref" in schema:
        schema = resolve(document, schema)
    schema = {key: value for key, value in schema.items() if key not in ANNOTATIONS}
    if "const" in schema:
        schema["enum"] = [schema.pop("const")]
    return schema


def types_of(schema):
    types = schema.get("type")
    if types is None:
        names = {type(None): "null", bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
        return {names[type(value)] for value in schema["enum"]} if "enum" in schema else set(ALL_TYPES)
    return {types} if isinstance(types, str) else set(types)


def parameters(document, operation):
    found = {}
    for parameter in operation.get("parameters", []):
        parameter = resolve(document, parameter)
        found[parameter["in"], parameter["name"].lower() if parameter["in"] == "header" else parameter["name"]] = parameter
    return found


def scopes(operation):
    return {scope for need in operation.get("security", []) for scope in need.get("key", [])}


def requests(within, old, new, name):
    old_document, new_document = within.a_document, within.b_document
    found = []
    before, after = parameters(old_document, old), parameters(new_document, new)
    for key, parameter in after.items():
        if parameter.get("required") and not before.get(key, {}).get("required"):
            found.append(f"{name}: parameter {key[1]} is required now")
    for key, parameter in before.items():
        if key not in after:
            found.append(f"{name}: parameter {key[1]} is gone")
        else:
            found += within.misses(parameter["schema"], after[key]["schema"], f"{name} parameter {key[1]}")
    old_body, new_body = (resolve(d, o["requestBody"]) if "requestBody" in o else None for d, o in ((old_document, old), (new_document, new)))
    if new_body and new_body.get("required") and not (old_body or {}).get("required"):
        found.append(f"{name}: a body is required now")
    for media, content in (old_body or {}).get("content", {}).items():
        if media not in (new_body or {}).get("content", {}):
            found.append(f"{name}: bodies of type {media} are not taken any more")
        else:
            found += within.misses(content.get("schema", {}), new_body["content"][media].get("schema", {}), f"{name} body ({media})")
    added = scopes(new) - scopes(old)
    if added or (not old.get("security") and new.get("security")):
        found.append(f"{name}: needs {', '.join(sorted(added)) or 'a key'} now")
    return found


def replies(within, old, new, name):
    old_document, new_document = within.b_document, within.a_document
    found = []
    for status, response in old["responses"].items():
        response = resolve(old_document, response)
        if status not in new["responses"]:
            if status[0] in "123":
                found.append(f"{name}: is not answered by {status} any more")
            continue
        after = resolve(new_document, new["responses"][status])
        for header in response.get("headers", {}):
            if header not in after.get("headers", {}):
                found.append(f"{name}: header {header} of {status} is gone")
        for media, content in response.get("content", {}).items():
            if media not in after.get("content", {}):
                found.append(f"{name}: {status} has no {media} any more")
            else:
                found += within.misses(after["content"][media].get("schema", {}), content.get("schema", {}), f"{name} {status} ({media})")
    return found


def breaks(old_document, new_document):
    found = []
    sent, read = Within(old_document, new_document, is_reply=False), Within(new_document, old_document, is_reply=True)
    for path, item in old_document["paths"].items():
        for method in METHODS:
            if method not in item:
                continue
            old, new = item[method], new_document["paths"].get(path, {}).get(method)
            name = f"{method.upper()} {path}"
            if new is None:
                found.append(f"{name}: is gone")
                continue
            if old["operationId"] != new["operationId"]:
                found.append(f"{name}: operationId was {old['operationId']}, is {new['operationId']}")
            found += requests(sent, old, new, name)
            found += replies(read, old, new, name)
    return sorted(set(found))


def only_served(document, table):
    """Takes away operations that no server has: nobody can depend on them."""
    served = {(line["method"].lower(), line["path"]) for line in map(json.loads, table.read_text(encoding="utf-8").splitlines())}
    document["paths"] = {path: kept for path, item in document["paths"].items()
                         if (kept := {method: operation for method, operation in item.items() if (method, path) in served})}
    prune(document, set(document["components"]["schemas"]), ("schemas", "responses", "headers", "parameters"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("released", type=pathlib.Path)
    parser.add_argument("new", type=pathlib.Path)
    parser.add_argument("--accept", action="store_true")
    parser.add_argument("--served", type=pathlib.Path)
    options = parser.parse_args()
    new = json.loads(options.new.read_text(encoding="utf-8"))
    if options.accept:
        if options.served:
            only_served(new, options.served)
        options.released.parent.mkdir(exist_ok=True)
        options.released.write_text(compact(new) + "\n", encoding="utf-8")
        return 0
    old = json.loads(options.released.read_text(encoding="utf-8"))
    found = breaks(old, new)
    print("\n".join(found))
    versions = [document["info"]["x-contract"] for document in (old, new)]
    if found and versions[1] > versions[0]:
        print(f"{len(found)} breaks, lawful by version {versions[1]} (released: {versions[0]})")
        return 0
    print(f"{len(found)} breaks against the released contract" + (": docs/breaking-changes.md tells what to do" if found else ""))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
