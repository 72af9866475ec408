"""What schemathesis needs to know of this contract: files are audio now and then, and audio bodies are sent as they are."""
import os
import pathlib

import schemathesis
from hypothesis import strategies

CLIP = pathlib.Path(os.environ["CONTRACT_CLIP"]).read_bytes()
schemathesis.openapi.format("binary", strategies.sampled_from([CLIP, CLIP, CLIP[:100], b"", b"RIFF", b"\x00\xff" * 50]))


@schemathesis.hook
def filter_case(_context, case):
    """In a path everything is text, also what was drawn as another type: a user may be called null,null."""
    return "{user}" not in case.operation.path or len(str(case.path_parameters.get("user", ""))) > 128 or not any(
        place.value == "path" and part.mode.is_negative for place, part in case.meta.components.items())


@schemathesis.serializer("audio/wav", "audio/flac", "audio/mpeg", "audio/ogg")
def audio(_context, value):
    return value if isinstance(value, bytes) else str(value).encode()


def has_nul_name(value):
    if isinstance(value, dict):
        return any("\0" in name or has_nul_name(more) for name, more in value.items())
    return isinstance(value, list) and any(map(has_nul_name, value))


@schemathesis.hook
def filter_body(_context, body):
    """Names with a NUL are refused as malformed, whatever a schema says: no value of theirs could be told."""
    return not has_nul_name(body)
