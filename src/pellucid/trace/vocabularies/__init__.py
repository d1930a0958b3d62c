"""Vocabularies: other programs' names and layouts of a GPT-2's tensors, read as ours.

`translate` finds what is ours among the names of a dump: our own names, those of a map that a user
gives, and those of Hugging Face's transformers, of TransformerLens and of llm.c. A gradient is the
name with `.grad` behind it, `grad.` or `d` before it.
"""

from pellucid.trace.vocabularies.row import Row, Source
from pellucid.trace.vocabularies.translate import VOCABULARIES, Translation, Unknown, translate

__all__ = ["VOCABULARIES", "Row", "Source", "Translation", "Unknown", "translate"]
