"""Read a reference pack with nothing but Python's standard library.

    python read_pack.py PACK                      list what is in it
    python read_pack.py PACK h.0.attn.att         print one tensor, in float64
    python read_pack.py PACK loss float32         print it in float32

It is written to be translated: docs/reference-pack.md says the same in words.
"""

import json
import struct
import sys
from pathlib import Path

FORMS = {"F64": ("d", 8), "F32": ("f", 4), "BF16": ("H", 2), "I64": ("q", 8), "BOOL": ("?", 1)}


def read_manifest(pack):
    """The manifest, and its rows by name."""
    manifest = json.loads((Path(pack) / "manifest.json").read_text(encoding="utf-8"))
    if manifest.get("pellucid_reference") not in (1, 2):
        raise SystemExit(f"{pack} must be a reference pack of version 1 or 2")
    return manifest, {row["name"]: row for row in manifest["tensors"]}


def read_tensor(pack, rows, name, dtype):
    """The shape of a tensor and its numbers, row by row, as a flat list."""
    row = rows[name]
    if "same_as" in row:  # stored once, under the first of its names
        return read_tensor(pack, rows, row["same_as"], dtype)
    with (Path(pack) / row["files"][dtype]).open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))  # of the header that follows, in JSON
        entry = json.loads(file.read(length))[name]
        begin, end = entry["data_offsets"]  # counted from the end of the header
        file.seek(8 + length + begin)
        data = file.read(end - begin)
    form, size = FORMS[entry["dtype"]]
    numbers = list(struct.unpack(f"<{len(data) // size}{form}", data))
    if entry["dtype"] == "BF16":  # the upper half of a float32
        numbers = [struct.unpack("<f", struct.pack("<I", number << 16))[0] for number in numbers]
    return entry["shape"], numbers


def main(pack, name=None, dtype="float64"):
    """List the pack, or print one of its tensors."""
    manifest, rows = read_manifest(pack)
    if name is None:
        print(manifest["made_by"], manifest["model"]["source"], manifest["losses"])
        for row in rows.values():
            print(f"{row['part']:9} {row['name']:40} {row.get('kept', row['shape'])}")
        return
    shape, numbers = read_tensor(pack, rows, name, dtype)
    print(name, shape)
    width = shape[-1] if shape else 1
    for start in range(0, len(numbers), width):
        print(" ".join(f"{number:.9g}" for number in numbers[start : start + width]))


if __name__ == "__main__":
    main(*sys.argv[1:])
