"""Which pictures a chapter shows: numbers of its run, as drawings or as tinted tables."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from markupsafe import Markup

from pellucid.documents.build import value
from pellucid.documents.formulas import mathml
from pellucid.lessons import OpenLesson
from pellucid.site.drawings import bars, curves, network, pieces
from pellucid.site.pages import templates
from pellucid.tape import select
from pellucid.walkthrough import Walkthrough

Drawing = Callable[[OpenLesson], Markup]

MINUS = "\N{MINUS SIGN}"

WAVES = 41
"""So many positions of the sines are drawn."""


class Illustration(NamedTuple):
    """A picture and the key of its caption; `shows` names the value that it is of."""

    caption: str
    draw: Drawing
    shows: str = ""


def table(walkthrough: Walkthrough, name: str) -> Markup:
    """A value or a part of one as tables of tinted numbers, with what stands for its places."""
    shown = value(walkthrough, name)
    text = templates().get_template("value.html").render(
        value=shown, figure=lambda text: text.replace("-", MINUS)
    )  # fmt: skip
    return Markup(text)


def formulas(walkthrough: Walkthrough, name: str) -> list[Markup]:
    """The formulas by which the walk makes a value, as MathML; none where it has no such step."""
    steps = [step for part in walkthrough.parts for step in part.steps if name in step.names]
    lines = steps[0].formulas if steps else ()
    own = [line for line in lines if f"{name.rpartition('.')[2]} = " in line]
    return [Markup(mathml(line)) for line in own or (lines if len(lines) == 1 else ())]


def _table(name: str) -> Drawing:
    return lambda lesson: table(lesson.run.walkthrough, name)


def _bars(name: str, labels: Sequence[str] = ()) -> Drawing:
    """Bars of a row; each under the label of its place, or where facts name it under these."""

    def draw(lesson: OpenLesson) -> Markup:
        shown = value(lesson.run.walkthrough, name)
        own = [str(lesson.run.facts[one]) for one in labels] or list(shown.labels[-1] or ())
        return bars(own, shown.tensor.reshape(-1).tolist())

    return draw


def _network(run: str, row: int) -> Drawing:
    """The classifier with one input: its numbers and its weights."""

    def draw(lesson: OpenLesson) -> Markup:
        walk = lesson.run.walkthrough
        names = (f"{run}.inputs", f"{run}.hidden.0.out", f"{run}.output.out")
        layers = []
        for name in names:
            numbers = select(walk.tape, name)[row].tolist()
            labels = walk.labels(name)
            own = labels[-1] if labels and labels[-1] else None
            told = own or [f"node {place + 1}" for place in range(len(numbers))]
            layers.append(list(zip(told, numbers, strict=True)))
        weights = [
            select(walk.tape, f"{run}.{layer}.weight").tolist() for layer in ("hidden.0", "output")
        ]
        return network(layers, weights)

    return draw


def _losses(lesson: OpenLesson) -> Markup:
    walk = lesson.run.walkthrough
    names = {"numbers.curve": "a number each", "vectors.curve": "a vector each"}
    series = [select(walk.tape, name).tolist() for name in names]
    places = walk.labels("numbers.curve")[0]
    return curves(list(names.values()), series, list(places or ()))


def _waves(lesson: OpenLesson) -> Markup:
    rows = select(lesson.run.tape, "paired_table")[:WAVES].T.tolist()
    shown = (0, 2, 4)
    return curves(
        [f"number {place}" for place in shown],
        [rows[place] for place in shown],
        [str(place) for place in range(WAVES)],
    )


def _pieces(lesson: OpenLesson) -> Markup:
    return pieces(str(lesson.run.facts["several_pieces"]).split(" | "))


PICTURES: Mapping[str, Sequence[Illustration]] = {
    "sums": (Illustration("sums", _network("plain", 0), "plain.hidden.0.out"),),
    "network": (
        Illustration("network", _network("bent", 1), "bent.hidden.0.out"),
        Illustration("network_relu", _table("bent.hidden.0.act.out"), "bent.hidden.0.act.out"),
    ),
    "training": (
        Illustration("training", _table("network.standardize.out"), "network.standardize.out"),
        Illustration(
            "training_gradient", _table("dnetwork.output.weight"), "dnetwork.output.weight"
        ),
    ),
    "letters": (
        Illustration("letters", _bars("numbers.probs"), "numbers.probs"),
        Illustration("letters_losses", _losses, "numbers.curve"),
    ),
    "embeddings": (Illustration("embeddings", _table("vectors.wte.weight[0:9,:]")),),
    "subwords": (Illustration("subwords", _pieces),),
    "attention": (
        Illustration("attention", _bars("u.out"), "u.out"),
        Illustration("attention_values", _table("values.out"), "values.out"),
    ),
    "softmax": (Illustration("softmax", _table("softmax.out"), "softmax.out"),),
    "norm": (Illustration("norm", _table("ln.out"), "ln.out"),),
    "heads": (Illustration("heads", _table("h.0.attn.att"), "h.0.attn.att"),),
    "positions": (Illustration("positions", _waves),),
    "gpt": (
        Illustration("gpt", _table("h.0.attn.att"), "h.0.attn.att"),
        Illustration("gpt_probs", _table("probs"), "probs"),
    ),
    "learning": (Illustration("learning", _table("dlogits"), "dlogits"),),
    "sampling": (
        Illustration("sampling", _bars("temperatures[1,:]")),
        Illustration("sampling_cool", _bars("temperatures[0,:]")),
    ),
    "translation": (Illustration("translation", _table("h.0.attn.att[0,:,:]"), "h.0.attn.att"),),
    "transformer": (Illustration("transformer", _table("dec.h.0.cross.att"), "dec.h.0.cross.att"),),
    "llama": (Illustration("llama", _table("h.0.mlp.gated"), "h.0.mlp.gated"),),
    "inside": (Illustration("inside", _table("h.1.attn.att[2:4,:,:]")),),
    "copying": (Illustration("copying", _table("h.0.attn.att[0,:,:]"), "h.0.attn.att"),),
    "induction": (
        Illustration("induction", _table("h.0.attn.att[0,:,:]"), "h.0.attn.att"),
        Illustration("induction_second", _table("h.1.attn.att[0,:,:]"), "h.1.attn.att"),
    ),
}
"""The pictures of each lesson."""
