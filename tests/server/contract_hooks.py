"""What schemathesis needs to know of this contract: files are audio now and then, and audio bodies are sent as they are."""
import os
import pathlib

import schemathesis
from hypothesis import strategies

CLIP = pathlib.Path(os.environ["CONTRACT_CLIP"]).read_bytes()
schemathesis.openapi.format("binary", strategies.sampled_from([CLIP, CLIP, CLIP[:100], b"", b"RIFF", b"\x00\xff" * 50]))


@schemathesis.serializer("audio/wav", "audio/flac", "audio/mpeg", "audio/ogg")
def audio(_context, value):
    return value if isinstance(value, bytes) else str(value).encode()
