"""The beginning and the end of a walk: the tokens, and what is predicted to follow them."""

import math

from pellucid.layers import IGNORE
from pellucid.walkthrough.sights.scene import Scene, offers
from pellucid.words import figure, share


@offers("count", "single", "token", "id", "after", "wanted")
def reading(scene: Scene) -> dict[str, str | None]:
    """How many tokens are read, one by its id, and what is to follow it."""
    ids, wanted = scene.ids("tokens"), scene.ids("targets")
    if not ids:
        return {}
    place = scene.answered()
    alone = len(ids) == 1
    return {
        "count": None if alone else f"{len(ids)}",
        "single": scene.token(ids[0]) if alone else None,
        "token": scene.token(ids[scene.place]),
        "id": f"{ids[scene.place]}",
        "after": None if place is None else scene.token(ids[place]),
        "wanted": None if place is None else scene.token(wanted[place]),
    }


@offers("token", "best", "score", "vocabulary", "table")
def scores(scene: Scene) -> dict[str, str | None]:
    """Which token scores best after the last one."""
    logits, tokens = scene.value("logits"), scene.along("logits", -2)
    if logits is None or tokens is None or logits.dim() != 2:
        return {}
    best = int(logits[-1].argmax())
    return {
        "token": tokens[-1],
        "best": scene.token(best),
        "score": figure(float(logits[-1, best])),
        "vocabulary": f"{logits.shape[-1]:,}",
        "table": scene.name("wte.weight"),
    }


@offers("token", "guess", "guess_share", "wanted", "wanted_share", "right", "right_share")
def chances(scene: Scene) -> dict[str, str | None]:
    """What is most likely after a token, and the chance of the true one."""
    probs, tokens = scene.value("probs"), scene.along("probs", -2)
    wanted = scene.ids("targets")
    place = scene.answered()
    if probs is None or tokens is None or probs.dim() != 2 or place is None:
        return {}
    best, true = int(probs[place].argmax()), wanted[place]
    found = {"token": tokens[place]}
    if best == true:
        return found | {"right": scene.token(true), "right_share": share(float(probs[place, true]))}
    return found | {
        "guess": scene.token(best),
        "guess_share": share(float(probs[place, best])),
        "wanted": scene.token(true),
        "wanted_share": share(float(probs[place, true])),
    }


@offers(
    *("token", "wanted", "chance", "loss", "mean", "worst_token", "worst_wanted", "worst_loss"),
    *("vocabulary", "uniform", "places", "counted", "positions"),
)
def lost(scene: Scene) -> dict[str, str | None]:
    """A token's loss from its chance, the largest, the mean, and who has no target."""
    losses, loss, tokens = scene.value("losses"), scene.value("loss"), scene.along("losses", -1)
    wanted = scene.ids("targets")
    place = scene.answered()
    if losses is None or loss is None or tokens is None or place is None:
        return {}
    first, worst = float(losses[place]), int(losses.argmax())
    found: dict[str, str | None] = {
        "token": tokens[place],
        "wanted": scene.token(wanted[place]),
        "chance": figure(math.exp(-first)),
        "loss": figure(first),
        "mean": figure(float(loss)),
    }
    if worst != place:
        found |= {
            "worst_token": tokens[worst],
            "worst_wanted": scene.token(wanted[worst]),
            "worst_loss": figure(float(losses[worst])),
        }
    probs = scene.value("probs")
    if probs is not None:
        size = probs.shape[-1]
        found |= {"vocabulary": f"{size:,}", "uniform": figure(math.log(size))}
    without = [place for place, target in enumerate(wanted) if target == IGNORE]
    if without:
        found |= {
            "places": ", ".join(map(str, without)),
            "counted": f"{len(wanted) - len(without)}",
            "positions": f"{len(wanted)}",
        }
    return found
