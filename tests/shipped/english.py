"""The model that comes along, by name, and a text to try it on."""

NAME = "english-1M"

BRIDGE = (
    "It was some time before she could speak, and when at last she did, her voice was so low that "
    "her sister could hardly hear it. And he said unto them, Go ye into the city, and tell the "
    "king what ye have seen. What, my lord, is the matter with the people of this house?"
)
"""English of no author, to tell a model that has learnt it from one that has not."""
