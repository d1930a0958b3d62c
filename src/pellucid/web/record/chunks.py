"""The files of a record: each a script that hands over its text, which is JSON and bytes, deflated.

A page that was opened from disk may load scripts, and nothing else: so a file is a line of
JavaScript that puts a text where core/record.js fetches it. The text is base64 of a raw deflate
stream of: JSON on one line, a line's end, and the bytes that the JSON speaks of.
"""

import base64
import json
import zlib
from pathlib import Path
from typing import Any

SHELF = "pellucidRecord"
"""The global object in which a script puts its text."""

LEVEL = 9
"""How hard to deflate: it is done once, and read often."""


def write_chunk(folder: Path, name: str, said: dict[str, Any], data: bytes = b"") -> int:
    """Write a file; returns its size. What it says must be JSON without NaN."""
    text = json.dumps(said, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    packing = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packing.compress(text.encode() + b"\n" + data) + packing.flush()
    code = base64.b64encode(packed).decode("ascii")
    file = folder / f"{name}.js"
    file.parent.mkdir(parents=True, exist_ok=True)
    return file.write_text(
        f'(globalThis.{SHELF} ??= {{}})[{json.dumps(name)}] = "{code}";\n', encoding="ascii"
    )


def read_chunk(folder: Path, name: str) -> tuple[dict[str, Any], bytes]:
    """What a file says, and its bytes: what `write_chunk` was given."""
    code = (folder / f"{name}.js").read_text(encoding="ascii").split('"')[-2]
    text, _, data = zlib.decompress(base64.b64decode(code), -zlib.MAX_WBITS).partition(b"\n")
    said: dict[str, Any] = json.loads(text)
    return said, data
