"""Output that is not UTF-8: what cannot be written there is spelt in ASCII."""

import codecs
import io
import re
import sys
import unicodedata

ERRORS = "pellucid.readable"
"""The name of this way with what cannot be written, as `open(errors=…)` takes it."""

LENIENT = {"strict", "surrogateescape", "backslashreplace"}
"""What Python sets by itself; another way is the user's choice, by PYTHONIOENCODING, and stays."""

_SPELT = (
    "→-> ←<- ↑^ ↓v ⇒=> …... –- —- −- ×x ·* ⊙* •* ∞inf ∂d Σsum ∑sum ≠!= ≤<= ≥>= ≈~ ≡== ∈in ½1/2 "
    '±+- ‖|| ‹< ›> “" ”" „" ‘\' ’\' «<< »>> ░. ▒: ▓+ █# ＿_ \ufffd? \u0302hat \u0304bar \u0303tilde'
)
SIGNS = {pair[0]: pair[1:] for pair in _SPELT.split()} | {"√": "sqrt ", "\u00a0": " "}
"""Signs of formulas, tables and bars, and accents that stand above a letter, in ASCII."""

_PARTS = re.compile(
    r"[\u0370-\u03ff]{2,}|(?P<raised>[\u00b2\u00b3\u00b9\u2070-\u207f\u1d2c-\u1d6a]+)|.", re.DOTALL
)


def make_readable() -> None:
    """Let standard output and errors take any text, whatever their encoding."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors in LENIENT:
            stream.reconfigure(errors=ERRORS)


def spelt(text: str) -> str:
    r"""A text in ASCII; a letter of another script is given by its code.

    >>> spelt("∂L/∂γ ≈ β₁ᵗ · x̂² → ∞, a 漢")
    'dL/dgamma ~ beta1^t * xhat^2 -> inf, a \\u6f22'
    """
    return "".join(_spelt(part) for part in _PARTS.finditer(text))


def _spelt(part: re.Match[str]) -> str:
    sign = part[0]
    if sign.isascii():
        return sign
    if sign in SIGNS:
        return SIGNS[sign]
    if part["raised"]:
        return f"^{spelt(unicodedata.normalize('NFKC', sign))}"
    own = _by_name(sign) if len(sign) == 1 else ""
    return own or sign.encode("ascii", "backslashreplace").decode("ascii")


def _by_name(sign: str) -> str:
    """A Greek letter as a word, a line of a box, or a digit that is set low; else nothing."""
    name = unicodedata.name(sign, "")
    greek = re.fullmatch(r"GREEK (SMALL|CAPITAL) LETTER (\w+)", name)
    if greek:
        return greek[2].lower() if greek[1] == "SMALL" else greek[2].capitalize()
    if name.startswith("BOX DRAWINGS"):
        level = re.search(r"HORIZONTAL|LEFT|RIGHT", name)
        upright = re.search(r"VERTICAL|UP|DOWN", name)
        return "+" if level and upright else "|" if upright else "-"
    if unicodedata.decomposition(sign).startswith("<sub>"):
        return spelt(unicodedata.normalize("NFKC", sign))
    return "*" if name.startswith("BRAILLE") else ""


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return spelt(error.object[error.start : error.end]), error.end


codecs.register_error(ERRORS, _replace)
