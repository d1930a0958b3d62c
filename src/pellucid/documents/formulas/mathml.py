"""Formulas as MathML Core, which browsers set without help.

>>> mathml("dW = xᵀ dout")[:48]
'<math displaystyle="true"><mrow><mi>dW</mi><mo f'
"""

from html import escape

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
    in_words,
    pieces,
    plain,
    spelt,
    tall,
)

SIGNS = {"-": "−", "Σ": "∑"}

GAP = '<mspace width="0.22em"></mspace>'


def mathml(text: str) -> str:
    """A formula in the plain notation as HTML: formulas of its line, and the words between them.

    A line may break between any two parts; each `<math>` is set at full size.
    """
    return " ".join(
        escape(plain(piece).strip(), quote=False)
        if in_words(piece)
        else f'<math displaystyle="true">{element(piece)}</math>'
        for piece in pieces(formula(text))
    )


def element(node: Node) -> str:
    """The element of one node."""
    match node:
        case Name(text) if len(text) == 1:
            return f"<mi>{text}</mi>"
        case Name() | Scripted():
            return _scripted(node)
        case Number("½"):
            return '<mfrac displaystyle="false"><mn>1</mn><mn>2</mn></mfrac>'
        case Number(text):
            return f"<mn>{text}</mn>"
        case Prose(text):
            return f"<mtext>{escape(text, quote=False)}</mtext>"
        case Sign("/"):
            return '<mo lspace="0" rspace="0">/</mo>'
        case Sign(text, prefix):
            form = "prefix" if prefix or text == "Σ" else "infix"
            return f'<mo form="{form}">{escape(SIGNS.get(text, text))}</mo>'
        case Stop(text):
            return f'<mo lspace="0" rspace="0.3em">{text}</mo>'
        case Gap():
            return GAP
        case Bracketed(left, inside, right):
            grows = str(tall(inside)).lower()
            opening, closing = (
                f'<mo form="{form}" stretchy="{grows}" lspace="0" rspace="0">{sign}</mo>'
                for form, sign in (("prefix", left), ("postfix", right))
            )
            return f"<mrow>{opening}{element(inside)}{closing}</mrow>"
        case Applied(base, to):
            return f"<mrow>{element(base)}{element(to)}</mrow>"
        case Root(of):
            return f"<msqrt>{element(bare(of))}</msqrt>"
        case Fraction(over, under):
            return f"<mfrac>{element(bare(over))}{element(bare(under))}</mfrac>"
        case Row((item,)):
            return element(item)
        case Row(items):
            return f"<mrow>{''.join(map(element, items))}</mrow>"


def _scripted(node: Name | Scripted) -> str:
    """A base with what stands below and above it; a Σ has its index under it."""
    base, hat, below, primes, above = spelt(node)
    made = f"<mi>{base.text}</mi>" if isinstance(base, Name) else element(base)
    if hat:
        made = f'<mover accent="true">{made}<mo stretchy="false">^</mo></mover>'
    low = "".join(map(_letter, below))
    high = '<mo lspace="0" rspace="0">′</mo>' * primes
    high += "".join(map(_letter, above)) if isinstance(above, str) else element(above.inside)
    low, high = (f"<mrow>{script}</mrow>" if script else "" for script in (low, high))
    if low and high:
        return f"<msubsup>{made}{low}{high}</msubsup>"
    if low:
        tag = "munder" if base == Sign("Σ") else "msub"
        return f"<{tag}>{made}{low}</{tag}>"
    return f"<msup>{made}{high}</msup>" if high else made


def _letter(char: str) -> str:
    """One sign of an index or an exponent; the T of a transposed matrix stands upright."""
    if char == "T":
        return '<mi mathvariant="normal">T</mi>'
    tag = "mn" if char.isdecimal() else "mi" if char.isalpha() else "mo"
    return f"<{tag}>{char}</{tag}>"
