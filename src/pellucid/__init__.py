"""Pellucid: a transformer that you can see through."""
