"""A GPT's recorded step as a walkthrough: forward, backward and update, block by block."""

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import count, islice

from pellucid.layers import IGNORE
from pellucid.models import CausalModel, trainable
from pellucid.tape import Tape
from pellucid.train.first_nonfinite import lost_weight
from pellucid.train.record import Trace
from pellucid.tree import flatten
from pellucid.walkthrough.names import describe
from pellucid.walkthrough.selection import BLOCK
from pellucid.walkthrough.steps import Steps
from pellucid.walkthrough.telling import told
from pellucid.walkthrough.updates import lines, settings_of, update_equations
from pellucid.walkthrough.walkthrough import Labels, Part, Step, Walkthrough, with_warning
from pellucid.words import quoted

LABELLED = 64
"""Of more probabilities than this, each position's most likely tokens are listed."""

POSITIONS = 24
"""How many positions of a text are listed with their tokens and predictions."""

TOP = 3
"""How many of the most likely tokens a large vocabulary's prediction shows."""


OPTIMIZER_NAMES = {
    "sgd": "gradient descent",
    "momentum": "gradient descent with momentum",
    "adam": "Adam",
    "adamw": "AdamW",
}

_TOKENS = Step(
    "Vocabulary and tokens",
    ("each token is to be predicted from those up to it",),
    ("tokens", "targets"),
    number=1,
    kind="tokens",
)


def gpt_walkthrough(
    trace: Trace, title: str, about: str, layers: Collection[int] | None = None
) -> Walkthrough:
    """The way through a recorded step.

    `layers` are the blocks that are shown in full; of the others a line each. None shows all
    blocks of a model that has at most two, and else the first.
    """
    depth = trace.model.config.n_layer
    whole = set(layers if layers is not None else range(depth if depth <= 2 else 1))
    steps = Steps(trace.tape, first=2)
    read = _TOKENS._replace(names=tuple(name for name in _TOKENS.names if name in trace.tape))
    forward = [_with_lines(trace, step) for step in (read, *steps.forward())]
    parts = [
        Part(
            "Forward: from tokens to loss",
            tuple(_shortened(forward, whole, "h.{}.resid_post")),
            "forward",
        ),
        Part(
            "Backward: the gradient of the loss, step by step in reverse",
            tuple(_shortened(steps.backward(), whole, "dh.{}.resid_pre")),
            "backward",
        ),
    ]
    if trace.update is not None:
        parts.append(_update(trace, whole))

    def again(tape: Tape) -> Walkthrough:
        return gpt_walkthrough(trace.on(tape), title, about, layers)

    said = with_warning(about, trace.tape)
    labels = trace_labels(trace)
    words = told(parts, trace.tape, labels, trace.piece, beside=_outcome(trace))
    return Walkthrough(title, said, trace.tape, words, labels, again)


def recorded_walkthrough(trace: Trace, title: str, about: str) -> Walkthrough:
    """The way through a recorded step of a model of any kind, all of it in full."""
    if isinstance(trace.model, CausalModel):
        return gpt_walkthrough(trace, title, about, range(trace.model.config.n_layer))
    steps = Steps(trace.tape, first=1 + len(trace.model.inputs))
    parts = [Part("Forward", tuple(_with_inputs(trace, steps.forward())), "forward")]
    backward = tuple(steps.backward())
    if backward:
        parts.append(Part("Backward", backward, "backward"))
    if trace.update is not None:
        parts.append(_update(trace))

    def again(tape: Tape) -> Walkthrough:
        return recorded_walkthrough(trace.on(tape), title, about)

    labels = trace_labels(trace)
    words = told(parts, trace.tape, labels, trace.piece, beside=_outcome(trace))
    return Walkthrough(title, with_warning(about, trace.tape), trace.tape, words, labels, again)


def _with_inputs(trace: Trace, steps: Sequence[Step]) -> Iterator[Step]:
    """The steps, each of the model's inputs before the stream that it begins."""
    streams = list(trace.model.streams) or [""]
    wanted = ("targets",) if "targets" in trace.tape else ()
    waiting = [
        (stream, Step(said, names=(name, *wanted) if name == last else (name,), number=number))
        for last in list(trace.model.inputs)[-1:]
        for number, (stream, (name, said)) in enumerate(
            zip(streams, trace.model.inputs.items(), strict=True), start=1
        )
    ]
    for step in steps:
        while waiting and any(name.startswith(waiting[0][0]) for name in step.names):
            yield waiting.pop(0)[1]
        yield step


def _shortened(steps: Sequence[Step], whole: Collection[int], summary: str) -> Iterator[Step]:
    """The steps, those of a block that is not shown in full replaced by a single one."""
    skipped = set()
    for step in steps:
        if step.layer is None or step.layer in whole:
            yield step
        elif step.layer not in skipped:
            skipped.add(step.layer)
            title = f"block {step.layer}, in short (--layers {step.layer} for all of it)"
            yield Step(title, names=(summary.format(step.layer),), kind=BLOCK)


def _update(trace: Trace, whole: Collection[int] | None = None) -> Part:
    """Every update and new weight of the blocks in full, which None are all."""
    names = []
    for name in flatten(trainable(trace.model.params)):
        head, _, rest = name.partition(".")
        if head != "h" or whole is None or int(rest.split(".")[0]) in whole:
            names += [f"{name}.update", f"{name}.new"]
    kind = (trace.update or {}).get("optimizer", "adamw")
    moved = [name.removesuffix(".new") for name in names if name.endswith(".new")]
    step = Step(
        "",
        tuple(_update_lines(trace.tape)),
        tuple(names),
        kind=kind,
        rules=tuple(_update_lines(trace.tape, ("update", "new"))),
        reads=tuple(one for name in moved for one in (name, f"d{name}")),
    )
    return Part(f"Update: one step of {OPTIMIZER_NAMES[kind]}", (step,), "update")


def _outcome(trace: Trace) -> dict[str, str]:
    """What no tape holds of an update, as its words say it: its rate, and what it led to."""
    found = {} if trace.update is None else {"rate": f"{trace.update['learning_rate']:g}"}
    if trace.loss_after is not None:
        found["before"] = f"{float(trace.tape.value('loss')):.6f}"
        found["after"] = f"{trace.loss_after:.6f}"
    if trace.after is not None and (lost := lost_weight(trace.after.params)):
        found["lost"] = lost
    moving, params = flatten(trainable(trace.model.params)), flatten(trace.model.params)
    return found | ({"adapters": f"{len(moving)}"} if len(moving) < len(params) else {})


def _update_lines(tape: Tape, made: Collection[str] = ()) -> Iterator[str]:
    """The rule that moved the weights, or its equations of what is `made`, and its settings."""
    yield from lines(
        written.text
        for written in update_equations(tape)
        if not made or written.made.rpartition(".")[2] in made
    )
    settings = {key: value for key, value in settings_of(tape).items() if key != "t"}
    if not settings.get("λ"):
        settings.pop("λ", None)
    text = ",   ".join(f"{symbol} = {value:g}" for symbol, value in settings.items())
    yield text + (", for vectors 0" if "λ" in settings else "")


def _with_lines(trace: Trace, step: Step) -> Step:
    """The step with what it shows beside its values: tokens by name, the likeliest predictions."""
    if step.kind == "tokens" and "targets" in trace.tape:
        return step._replace(lines=tuple(_tokens(trace)), spelt=True)
    if step.kind == "softmax" and trace.tape.value("probs").numel() > LABELLED:
        return step._replace(lines=tuple(_predictions(trace)))
    return step


def _tokens(trace: Trace) -> Iterator[str]:
    ids, wanted = trace.tape.value("tokens").tolist(), trace.tape.value("targets").tolist()
    if trace.vocabulary:
        yield "vocabulary  " + "   ".join(f"{p} {i}" for i, p in enumerate(trace.vocabulary))
    rows = zip(count(), ids, trace.pieces, wanted, trace.targets, strict=False)
    for place, token, piece, target, wanted_piece in islice(rows, POSITIONS):
        follows = "none" if target == IGNORE else f"{target:>6} '{wanted_piece}'"
        yield f"t = {place:<3} token {token:>6} {quoted(piece):<16} target {follows}"
    yield from _more(len(ids), "tokens")


def _predictions(trace: Trace) -> Iterator[str]:
    """How likely the target was at each position, and the most likely next tokens."""
    probs = trace.tape.value("probs")
    wanted = trace.tape.value("targets").tolist() if "targets" in trace.tape else None
    yield "the target and its probability; then the most likely next tokens"
    for place, row in enumerate(probs[:POSITIONS]):
        if not bool(row.isfinite().all()):
            yield f"{quoted(trace.pieces[place]):<14} its probabilities are not finite numbers"
            continue
        top = row.topk(TOP)
        guesses = "  ".join(
            f"{quoted(trace.piece(int(token)))} {float(p):.3g}"
            for p, token in zip(top.values, top.indices, strict=True)
        )
        target = "none"
        if wanted is not None and wanted[place] != IGNORE:
            target = f"{quoted(trace.targets[place])} {float(row[wanted[place]]):.3g}"
        yield f"{quoted(trace.pieces[place]):<14} target {target:<22} → {guesses}"
    yield from _more(len(probs), "probs")


def _more(positions: int, name: str) -> Iterator[str]:
    """A line for the positions of a long text that are not listed."""
    if positions > POSITIONS:
        yield f"… {positions - POSITIONS} more positions: --show {name}"


def trace_labels(trace: Trace) -> Callable[[str], Sequence[Labels]]:
    """The labels of each axis: pieces of the text, of the vocabulary, or none."""
    by_letter = trace.places

    def labels(name: str) -> Sequence[Labels]:
        row = describe(name, trace.tape)
        shape = row.shape if row else ()
        value = trace.tape.value(name)
        if len(shape) == value.dim():
            return [
                _fitting(by_letter.get(letter), size)
                for letter, size in zip(shape, value.shape, strict=True)
            ]
        # A layer's own x has the shape of its input.
        by_token = value.dim() == 2 and value.shape[0] == len(trace.pieces)
        return [trace.pieces, None] if by_token else []

    return labels


def _fitting(labels: Labels, size: int) -> Labels:
    """The labels of an axis of that size, where they are for one; two kinds may share a letter."""
    return labels if labels is not None and len(labels) == size else None
