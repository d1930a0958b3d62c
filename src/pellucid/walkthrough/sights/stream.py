"""The stream of vectors, from the embedding on: looked up, placed, normed, added to, bent."""

import math

from torch import Tensor

from pellucid.walkthrough.sights.scene import Scene, offers
from pellucid.words import figure


@offers("token", "id", "width", "repeated", "times", "factor")
def looked_up(scene: Scene) -> dict[str, str | None]:
    """Which row of the table a token is, and which token stands in the text more than once."""
    name = next((one for one in ("embed.out", "wte.out") if scene.name(one)), "")
    vectors, tokens = scene.value(name), scene.along(name, -2)
    if vectors is None or vectors.dim() != 2 or tokens is None:
        return {}
    width = vectors.shape[-1]
    ids = next((found for word in ("tokens", "source") if (found := _ids(scene, word, name))), [])
    place = min(scene.place, len(tokens) - 1)
    twice = next((at for at, one in enumerate(ids) if ids.count(one) > 1), None)
    return {
        "token": tokens[place],
        "width": f"{width}",
        "id": f"{ids[place]}" if ids else None,
        "repeated": None if twice is None else tokens[twice],
        "times": None if twice is None else f"{ids.count(ids[twice])}",
        "factor": f"√{width}" if scene.name("scale.out") in scene.step.names else None,
    }


def _ids(scene: Scene, word: str, name: str) -> list[int]:
    """The tokens of one of the texts, if the look-up is of that one."""
    return scene.ids(word) if scene.along(word, 0) == scene.along(name, -2) else []


@offers("token", "place", "channel", "before", "row", "after")
def placed(scene: Scene) -> dict[str, str | None]:
    """Where most is added for the last position: the token's own number, the place's, the sum."""
    name = next((one for one in ("wpe.out", "position.out") if scene.name(one)), "")
    out, rows, tokens = scene.value(name), scene.value("rows"), scene.along(name, -2)
    before = next((x for x in map(scene.value, ("scale.out", "embed.out")) if x is not None), None)
    if out is None or rows is None or before is None or tokens is None or out.dim() != 2:
        return {}
    last = out.shape[0] - 1
    channel = int(rows[last].abs().argmax())
    numbers = (before[last, channel], rows[last, channel], out[last, channel])
    found: dict[str, str | None] = {
        "token": tokens[last],
        "place": f"{last}",
        "channel": f"{channel}",
    }
    return found | _sum(numbers, ("before", "row", "after"))


@offers("fast", "slow", "turns", "place", "angle")
def turned(scene: Scene) -> dict[str, str | None]:
    """How far the first pair of channels and the last one turn from one position to the next."""
    speeds, angles = scene.value("frequencies"), scene.value("angles")
    if speeds is None or angles is None or angles.dim() != 2:
        return {}
    last = angles.shape[0] - 1
    several = len(speeds) > 1
    return {
        "turns": f"{len(speeds)}" if several else None,
        "fast": figure(float(speeds[0])),
        "slow": figure(float(speeds[-1])) if several else None,
        "place": f"{last}",
        "angle": figure(float(angles[last, 0])),
    }


@offers("token", "mean", "deviation", "shift")
def normed(scene: Scene) -> dict[str, str | None]:
    """The mean and the deviation that the last token's vector had."""
    mean, variance, tokens = scene.value("mean"), scene.value("variance"), scene.along("mean", 0)
    if mean is None or variance is None or tokens is None:
        return {}
    return {
        "token": tokens[-1],
        "mean": figure(float(mean[-1])),
        "deviation": figure(math.sqrt(float(variance[-1]))),
        "shift": scene.name("bias"),
    }


@offers("token", "size")
def scaled(scene: Scene) -> dict[str, str | None]:
    """The root of the mean square that the last token's vector had."""
    rstd, tokens = scene.value("rstd"), scene.along("rstd", 0)
    if rstd is None or tokens is None:
        return {}
    return {"token": tokens[-1], "size": figure(1 / float(rstd[-1]))}


@offers("token", "channel", "stream", "added", "sum")
def added(scene: Scene) -> dict[str, str | None]:
    """Where the last token's vector moved most: what stood in the stream, what came, the sum."""
    if len(scene.step.reads) < 3:
        return {}
    made, stream, part = map(scene.numbers, scene.step.reads[:3])
    labels = scene.labels(scene.step.reads[0])
    tokens = scene.along(scene.step.reads[0], -2) if labels else None
    if made is None or stream is None or part is None or tokens is None or made.dim() != 2:
        return {}
    channel = int(part[-1].abs().argmax())
    numbers = (stream[-1, channel], part[-1, channel], made[-1, channel])
    found: dict[str, str | None] = {"token": tokens[-1], "channel": f"{channel}"}
    return found | _sum(numbers, ("stream", "added", "sum"))


@offers("token", "nodes", "above", "node", "answer")
def bent(scene: Scene) -> dict[str, str | None]:
    """How many nodes the last token excites, and which of them most."""
    inner, outer = scene.value("c_fc.out"), scene.value("act.out")
    tokens = scene.along("c_fc.out", -2)
    if inner is None or outer is None or tokens is None or inner.dim() != 2:
        return {}
    node = int(outer[-1].argmax())
    return {
        "token": tokens[-1],
        "nodes": f"{inner.shape[-1]}",
        "above": f"{int((inner[-1] > 0).sum())}",
        "node": f"{node}",
        "answer": figure(float(outer[-1, node])),
    }


@offers("token", "nodes", "node", "gate", "passing", "product")
def gates(scene: Scene) -> dict[str, str | None]:
    """Which node the last token sends most through, and what its gate makes of it."""
    opened, passing, product = map(scene.value, ("act.out", "up_proj.out", "gated"))
    tokens = scene.along("gated", -2)
    if opened is None or passing is None or product is None or tokens is None or product.dim() != 2:
        return {}
    node = int(product[-1].abs().argmax())
    return {
        "token": tokens[-1],
        "nodes": f"{product.shape[-1]}",
        "node": f"{node}",
        "gate": figure(float(opened[-1, node])),
        "passing": _bracketed(float(passing[-1, node])),
        "product": figure(float(product[-1, node])),
    }


def _sum(numbers: tuple[Tensor, Tensor, Tensor], names: tuple[str, str, str]) -> dict[str, str]:
    """Two numbers and their sum by these names; nothing where it is not theirs alone."""
    one, other, total = map(float, numbers)
    if abs(one + other - total) > 1e-3 * max(1.0, abs(total)):
        return {}
    return dict(zip(names, (figure(one), _bracketed(other), figure(total)), strict=True))


def _bracketed(number: float) -> str:
    """A number behind a sign: in brackets where it has one of its own."""
    text = figure(number)
    return f"({text})" if text.startswith("-") else text
