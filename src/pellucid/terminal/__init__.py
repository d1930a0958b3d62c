"""The terminal: printed tables, and progress while something runs.

Each module is imported by its own name, so that showing tokens does not wait for PyTorch.
"""
