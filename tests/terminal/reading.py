"""How printed text is read again, whatever the width of the terminal."""

import re

NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?![\w.])")
"""A number, whole or with decimals or an exponent."""


def squeezed(text: str) -> str:
    """The text without its spaces and line breaks."""
    return "".join(text.split())
