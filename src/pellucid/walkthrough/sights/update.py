"""The optimizer's step: what it makes of one weight, and of the loss."""

from pellucid.numbers import at
from pellucid.tape import Tape
from pellucid.walkthrough.sights.gradients import unravelled
from pellucid.walkthrough.sights.scene import Scene, offers
from pellucid.words import figure

OUTCOME = ("rate", "before", "after", "lost", "adapters")
"""What a step's words are told beside the tape: its rate, and what it did to the loss."""


@offers("weight", "was", "slope", "moved", "new", *OUTCOME)
def moved(scene: Scene) -> dict[str, str | None]:
    """The parameter with the largest gradient: what it was, how it moved, what it is."""
    found: dict[str, str | None] = {name: scene.beside.get(name) for name in OUTCOME}
    best, place = _steepest(scene.step.reads, scene.tape)
    if not best:
        return found
    weight, slopes, change, new = (
        float(scene.tape.value(name).flatten()[place])
        for name in (best, f"d{best}", f"{best}.update", f"{best}.new")
    )
    return found | {
        "weight": at(best, unravelled(place, scene.tape.value(best))),
        "was": f"{weight:.4g}",
        "slope": figure(slopes),
        "moved": figure(change),
        "new": f"{new:.4g}",
    }


def steepest_new(names: tuple[str, ...], tape: Tape) -> str | None:
    """The name of the new number of that parameter; None where no update was worked out."""
    best, place = _steepest(names, tape)
    return at(f"{best}.new", unravelled(place, tape.value(best))) if best else None


def _steepest(names: tuple[str, ...], tape: Tape) -> tuple[str, int]:
    """Of these parameters that whose gradient is largest anywhere, and where it is."""
    best, place, largest = "", 0, 0.0
    for name in names:
        gradient = f"d{name}"
        if gradient in tape and f"{name}.new" in tape:
            sizes = tape.value(gradient).abs().flatten()
            if bool(sizes.isfinite().all()) and float(sizes.max()) > largest:
                best, place, largest = name, int(sizes.argmax()), float(sizes.max())
    return best, place
