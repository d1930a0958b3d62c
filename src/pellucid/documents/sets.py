"""What is certified of a box, in sentences: for the terminal and the page."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from pellucid.numbers import at_least, at_most
from pellucid.prove import Within


class Sentence(NamedTuple):
    """A sentence, and how it is to be taken."""

    text: str
    kind: str = ""  # proved, failed, aside, or none of them


def certified_radius(found: Within) -> str:
    """The certified ε: as it was asked for, or what was found, never rounded up."""
    return at_least(found.certified, 4) if found.asked is None else f"{found.certified}"


def within_sentences(found: Within, piece: Callable[[int], str]) -> Iterator[Sentence]:
    """What is certified, for which box, and what is known beyond it; `piece` spells a token."""
    numbers = "×".join(map(str, found.shape))
    also = f" (also {', '.join(found.also)})" if found.also else ""
    token = f"'{piece(found.token)}' (token {found.token})"
    asked, refuted = found.asked, found.refuted
    how = f"balls of {found.bits} bits" if found.bits else "affine forms"
    yield Sentence(f"the box: every number of {found.of}{also}, {numbers}, by itself within ε")
    if found.lead is not None:
        yield Sentence(
            f"proved: for every point within ε = {certified_radius(found)}, {token} is the most "
            f"likely next token; its logit leads that of '{piece(found.lead.runner_up)}' by "
            f"{at_least(found.lead.lead, 3)} or more, by {how}",
            "proved",
        )
    elif asked is not None and refuted is not None and refuted.radius <= asked:
        yield Sentence(f"FALSE for ε = {asked}: that {token} stays the most likely", "failed")
    else:
        size = "any ε" if asked is None else f"ε = {asked}"
        yield Sentence(f"NOT certified for {size}: that {token} stays the most likely", "failed")
    if refuted is None:
        yield Sentence("no change was found that makes another token the most likely", "aside")
        return
    yield Sentence(
        f"refuted from ε = {at_most(refuted.radius, 4)} on: a change of that size, which a search "
        f"found, surely makes '{piece(refuted.token)}' (token {refuted.token}) the most likely"
    )
    if found.lead is not None:
        yield Sentence(
            f"between the two, by a factor of {refuted.radius / found.certified:.3g}, nothing is "
            "known: such bounds tell less than is true",
            "aside",
        )
