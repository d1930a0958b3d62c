r"""Formulas as LaTeX, by amsmath or whatever reads its notation.

>>> latex("rstd = 1 / √(variance + ε)")
'\\mathrm{rstd} = \\frac{1}{\\sqrt{\\mathrm{variance} + \\varepsilon}}'
"""

import re

from pellucid.documents.formulas.read import formula
from pellucid.documents.formulas.tree import (
    Applied,
    Bracketed,
    Fraction,
    Gap,
    Name,
    Node,
    Number,
    Prose,
    Root,
    Row,
    Scripted,
    Sign,
    Stop,
    bare,
    spelt,
    tall,
)

_GREEK = """
    α alpha  β beta  γ gamma  δ delta  ε varepsilon  ζ zeta  η eta  θ theta  ι iota  κ kappa
    λ lambda  μ mu  ν nu  ξ xi  π pi  ρ rho  σ sigma  τ tau  υ upsilon  φ phi  χ chi  ψ psi
    ω omega  Γ Gamma  Δ Delta  Θ Theta  Λ Lambda  Ξ Xi  Π Pi  Υ Upsilon  Φ Phi  Ψ Psi
    Ω Omega  ∂ partial
"""
GREEK = dict(zip(_GREEK.split()[::2], _GREEK.split()[1::2], strict=True))

SIGNS = {
    "−": "-",
    "·": r"\cdot",
    "×": r"\times",
    "±": r"\pm",
    "←": r"\leftarrow",
    "→": r"\rightarrow",
    "≤": r"\leq",
    "≥": r"\geq",
    "≠": r"\neq",
    "≈": r"\approx",
    "Σ": r"\sum",
}
NUMBERS = {"½": r"\tfrac{1}{2}", "∞": r"\infty", "…": r"\dots"}

SPECIAL = {char: rf"\{char}" for char in "#$%&_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
}


def latex(text: str) -> str:
    """A formula in the plain notation as LaTeX for mathematics, its words as text within."""
    return maths(formula(text))


def maths(node: Node) -> str:
    """The LaTeX of one node, to be set in mathematics."""
    match node:
        case Name() | Scripted():
            return _scripted(node)
        case Number(text):
            return NUMBERS.get(text, text)
        case Prose(text):
            return rf"\text{{{escaped(text)}}}"
        case Sign("/"):
            return "/"
        case Sign(text, prefix):
            sign = SIGNS.get(text, text)
            return f"{{{sign}}}" if prefix else rf"{sign} " if text == "Σ" else f" {sign} "
        case Stop(text, wide):
            return rf"{text}\quad " if wide else rf"{text}\; " if text != ":" else r"{:}\; "
        case Gap():
            return r"\, "
        case Bracketed(left, inside, right):
            bars = {"|": r"\lvert "}, {"|": r"\rvert "}
            opening, closing = bars[0].get(left, left), bars[1].get(right, right)
            grow = (r"\left", r"\right") if tall(inside) else ("", "")
            return f"{grow[0]}{opening}{maths(inside)}{grow[1]}{closing}"
        case Applied(base, to):
            return maths(base) + maths(to)
        case Root(of):
            return rf"\sqrt{{{maths(bare(of))}}}"
        case Fraction(over, under):
            return rf"\frac{{{maths(bare(over)).strip()}}}{{{maths(bare(under)).strip()}}}"
        case Row(items):
            first = "{}" if items and isinstance(items[0], Sign) and not items[0].prefix else ""
            return (first * (items[:1] != (Sign("Σ"),)) + "".join(map(maths, items))).strip()


def escaped(text: str) -> str:
    r"""Text with the signs that LaTeX gives a meaning to written out: `c_fc` is `c\_fc`."""
    return re.sub(r"[#$%&_{}\\~^<>|'`]", lambda match: SPECIAL[match[0]], text)


def _scripted(node: Name | Scripted) -> str:
    base, hat, below, primes, above = spelt(node)
    made = _name(base.text) if isinstance(base, Name) else maths(base).strip()
    made = rf"\hat{{{made}}}" if hat else made
    high = "".join(map(_letter, above)) if isinstance(above, str) else maths(above.inside)
    low = "".join(map(_letter, below))
    return made + (f"_{{{low}}}" if low else "") + "'" * primes + (f"^{{{high}}}" if high else "")


def _name(text: str) -> str:
    """A single letter slants; a name of the code's stands upright and whole."""
    if text in GREEK:
        return rf"\{GREEK[text]} "
    return text if len(text) == 1 else rf"\mathrm{{{escaped(text)}}}"


def _letter(char: str) -> str:
    return r"\mathsf{T}" if char == "T" else char
