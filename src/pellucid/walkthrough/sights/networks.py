"""Networks without attention: inputs of one size, nodes that add up, and how far they miss."""

from pellucid.walkthrough.sights.scene import Scene, offers
from pellucid.words import figure


@offers("feature", "given", "mean", "deviation", "standard")
def standardized(scene: Scene) -> dict[str, str | None]:
    """What becomes of the first row's first number."""
    if len(scene.step.reads) < 4:
        return {}
    out, x, mean, std = map(scene.numbers, scene.step.reads[:4])
    names = scene.along(scene.step.reads[1], -1)
    if out is None or x is None or mean is None or std is None:
        return {}
    return {
        "feature": names[0] if names else None,
        "given": figure(float(x.flatten()[0])),
        "mean": figure(float(mean.flatten()[0])),
        "deviation": figure(float(std.flatten()[0])),
        "standard": figure(float(out.flatten()[0])),
    }


@offers("nodes", "silent", "bias")
def summed(scene: Scene) -> dict[str, str | None]:
    """How many nodes there are, and how many a ReLU turns to 0 for the first row."""
    sums = next((name for name in scene.step.names if name.endswith(".out")), "")
    value, bent = scene.numbers(sums) if sums else None, scene.value("act.out")
    if value is None:
        return {}
    nodes = value.shape[-1]
    silent = 0 if bent is None else int((bent.reshape(-1, bent.shape[-1])[0] == 0).sum())
    return {
        "nodes": f"{nodes}",
        "silent": f"{silent}" if silent else None,
        "bias": scene.name("bias"),
    }


@offers("loss")
def missed(scene: Scene) -> dict[str, str | None]:
    """How far the outputs are from those wanted, all told."""
    loss = scene.value("loss")
    return {} if loss is None else {"loss": figure(float(loss))}


@offers("sharp", "lead", "loss")
def smoothed(scene: Scene) -> dict[str, str | None]:
    """The cross-entropy, what smoothing adds to it, and the loss."""
    found = {word: scene.value(word) for word in ("sharp", "lead", "loss")}
    return {word: None if one is None else figure(float(one)) for word, one in found.items()}
