"""Vocabularies: what other programs call a model's tensors, and how theirs are read as ours.

`row` says what a row is, `transformer_lens` has what its names have in common; the rows stand with
each architecture, which declares them as `Model.vocabularies`.
"""
