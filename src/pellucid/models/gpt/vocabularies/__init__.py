"""Vocabularies: other programs' names and layouts of a GPT-2's tensors, read as ours."""
