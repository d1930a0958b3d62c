"""Attention: who looks at whom, and how much."""

from collections.abc import Sequence

from torch import Tensor

from pellucid.walkthrough.sights.scene import Scene, offers
from pellucid.words import share


@offers(
    *("heads", "group", "pairs", "hidden", "everyone"),
    *("head", "asking", "itself", "other", "at_other", "alone"),
    *("sharp_head", "sharp", "at_sharp", "sharp_share"),
)
def looks(scene: Scene) -> dict[str, str | None]:
    """How the last token's look is divided in the first head, and the strongest look of all."""
    att, tokens = scene.value("att"), scene.along("att", -2)
    if att is None or att.dim() != 3:
        return {}
    heads, places, seen = att.shape
    found = _heads(scene, heads)
    if places == seen > 1:
        later = int(att[0].triu(1).count_nonzero())
        if later == 0:
            found |= {"pairs": f"{places * seen}", "hidden": f"{places * (places - 1) // 2}"}
        else:
            found["everyone"] = f"{places}"
    if tokens is None or places != seen:
        return found
    if places == 1:
        return found | {"alone": tokens[0]}
    last = places - 1
    row = att[0, last].clone()
    own, row[last] = float(row[last]), -1.0
    most = int(row.argmax())
    found |= {
        "head": "0",
        "asking": tokens[last],
        "itself": share(own),
        "other": tokens[most],
        "at_other": share(float(row[most])),
    }
    return found | _sharpest(att, tokens, (0, last, most))


@offers("head", "asking", "other", "at_other", "sharp_head", "sharp", "at_sharp", "sharp_share")
def gaze(scene: Scene) -> dict[str, str | None]:
    """Where the last token of the target looks in the source, in the first head."""
    att = scene.value("att")
    asking, asked = scene.along("att", -2), scene.along("att", -1)
    if att is None or att.dim() != 3 or asking is None or asked is None:
        return {}
    last = att.shape[1] - 1
    most = int(att[0, last].argmax())
    found: dict[str, str | None] = {
        "head": "0",
        "asking": asking[last],
        "other": asked[most],
        "at_other": share(float(att[0, last, most])),
    }
    head, place, other = _largest(att)
    if (head, place) != (0, last):
        found |= _said(att, (head, place, other), asking[place], asked[other])
    return found


def _heads(scene: Scene, heads: int) -> dict[str, str | None]:
    """How many heads there are, or where they share keys and values, how many share them."""
    keys = scene.value("k_heads")
    own = heads if keys is None or keys.dim() != 3 else keys.shape[0]
    if own < heads:
        return {"group": f"{heads // own}"}
    return {"heads": f"{heads}" if heads > 1 else None}


def _sharpest(
    att: Tensor, tokens: Sequence[str], known: tuple[int, int, int]
) -> dict[str, str | None]:
    """The strongest look of all at another token.

    Looks at the first are left out where there are others: many heads of trained models rest there.
    """
    others = att.clone()
    others.diagonal(dim1=-2, dim2=-1).fill_(-1)
    if len(tokens) > 2:
        others[:, :, 0] = -1
    place = _largest(others)
    if float(others[place]) <= 0 or place == known:
        return {}
    return _said(att, place, tokens[place[1]], tokens[place[2]])


def _largest(att: Tensor) -> tuple[int, int, int]:
    """Head, query and key of the largest of all."""
    _, queries, keys = att.shape
    place = int(att.argmax())
    return place // (queries * keys), place // keys % queries, place % keys


def _said(
    att: Tensor, place: tuple[int, int, int], asking: str, asked: str
) -> dict[str, str | None]:
    return {
        "sharp_head": f"{place[0]}",
        "sharp": asking,
        "at_sharp": asked,
        "sharp_share": share(float(att[place])),
    }
