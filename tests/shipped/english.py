"""The models of English that come along, by name, and texts to try them on."""

NAME = "english-1M"
WRITER = "english-4M"

BRIDGE = (
    "It was some time before she could speak, and when at last she did, her voice was so low that "
    "her sister could hardly hear it. And he said unto them, Go ye into the city, and tell the "
    "king what ye have seen. What, my lord, is the matter with the people of this house?"
)
"""English of no author, to tell a model that has learnt it from one that has not."""

MODERN = (
    "The government said that it would lower taxes on small companies next year. Many people "
    "still worry about jobs and about the price of energy, and they want to know what the plan "
    "will cost. If you change this setting, the program reads the file again when it starts; the "
    "default is to keep the old values, which is what most users want."
)
"""English of today and of no author."""
