"""A term in Rocq: what its operation is called there, and what a score of -∞ makes of it."""

from collections.abc import Sequence

from linking.exact import written
from pellucid.numbers.term import Index, Term

HIDDEN = "-∞"

FORMS = {
    "add": "{} + {}",
    "sub": "{} - {}",
    "mul": "{} * {}",
    "div": "{} / {}",
    "neg": "- {}",
    "exp": "exp {}",
    "log": "ln {}",
    "sqrt": "sqrt {}",
    "rsqrt": "/ sqrt {}",
    "square": "{} ^ 2",
    "tanh": "tanh {}",
    "erf": "erf {}",
    "abs": "Rabs {}",
    "sign": "sign {}",
    "above": "if Rlt_dec {1} {0} then 1 else 0",
}
"""How operations are written; what is not here has no place in a theorem."""

WHOLE = {"equal", "unequal", "above", "not", "and", "sum"}


def constant(term: Term) -> float | None:
    """A number that stands in the code, or that comparisons of such make; else nothing."""
    if term.tape_name is not None:
        return None
    if not term.operation:
        return term.value
    if term.operation in {"at", "if", "unless"}:
        found = [constant(one) for one in term.operands]
        return None if None in found or not isinstance(term.value, (bool, int)) else term.value
    if term.operation in WHOLE and all(
        isinstance(constant(one), (bool, int)) for one in term.operands
    ):
        return int(term.value)
    return None


def operation(term: Term, texts: list[str]) -> str:
    """What a term's operation makes of its operands."""
    name = term.operation
    if HIDDEN in texts:
        return hidden(name, texts)
    if name in {"max", "sum"}:
        return folded("Rmax {} {}" if name == "max" else "{} + {}", texts)
    if name == "pow":
        return f"({texts[0]} ^ {int(term.operands[1].value)})"
    return f"({FORMS[name].format(*texts)})"


def hidden(name: str, texts: list[str]) -> str:
    """What an operation makes of a score of -∞."""
    if name == "max":
        rest = [text for text in texts if text != HIDDEN]
        return folded("Rmax {} {}", rest) if rest else HIDDEN
    if name == "sub" and texts[1] != HIDDEN:
        return HIDDEN
    if name == "exp":
        return "0"
    raise ValueError(f"{name} of -∞")


def number(value: float) -> str:
    """A number that stands in the code."""
    return HIDDEN if value == float("-inf") else written(value)


def folded(form: str, texts: Sequence[str]) -> str:
    """One text of many, from the first on."""
    whole = texts[0]
    for text in texts[1:]:
        whole = f"({form.format(whole, text)})"
    return whole


def applied(name: str, index: Index) -> str:
    """An array at a place."""
    places = " ".join(f"{at}%nat" for at in index)
    return f"({name} {places})" if index else name
