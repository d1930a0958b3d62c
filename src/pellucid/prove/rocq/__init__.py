"""A run as a development for Rocq (Coq), whose kernel checks it: `rocq_files` writes it."""

from pellucid.prove.rocq.files import Development, rocq_files
from pellucid.prove.rocq.part import rocq_parts

__all__ = ["Development", "rocq_files", "rocq_parts"]
