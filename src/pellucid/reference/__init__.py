"""Reference packs: every number of a run as files, for those who write the same model elsewhere.

    write_pack(run, directory)   tensors as safetensors, and a manifest in JSON that lists them
    open_pack(directory)         the manifest checked, the tensors read as they are asked for

The format is docs/reference-pack.md's.
"""

from pellucid.reference.budget import bytes_of
from pellucid.reference.checksum import projections_apart
from pellucid.reference.decoding import (
    IDS,
    LOGITS,
    SAMPLED,
    UNIFORM,
    Decoded,
    Decoding,
    decode,
    padded,
    sampling_of,
)
from pellucid.reference.manifest import MANIFEST
from pellucid.reference.pack import Pack, open_pack
from pellucid.reference.recipe import RECIPES, at_step, update_of
from pellucid.reference.run import ReferenceRun
from pellucid.reference.selection import Selection
from pellucid.reference.texts import tokenizer_vectors
from pellucid.reference.write import write_pack

__all__ = [
    "IDS",
    "LOGITS",
    "MANIFEST",
    "RECIPES",
    "SAMPLED",
    "UNIFORM",
    "Decoded",
    "Decoding",
    "Pack",
    "ReferenceRun",
    "Selection",
    "at_step",
    "bytes_of",
    "decode",
    "open_pack",
    "padded",
    "projections_apart",
    "sampling_of",
    "tokenizer_vectors",
    "update_of",
    "write_pack",
]
