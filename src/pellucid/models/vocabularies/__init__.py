"""Vocabularies: what other programs call a model's tensors, and how theirs are read as ours.

`row` says what a row is, and `transformer_lens` has what its names have in common. The rows stand
with each architecture, and `pellucid.models.VOCABULARIES` lists them all.
"""
