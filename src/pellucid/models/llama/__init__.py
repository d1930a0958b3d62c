"""Llama and its relatives: RMS norms, rotary positions, shared keys, gated feed-forward networks.

`config` has the sizes and choices, `wiring` the trunk, `model` the model, and a file for each
family that other programs write how its settings and tensors are read.
"""
