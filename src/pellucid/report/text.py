"""A walk in the terminal: every step with its name, formula, shapes and numbers."""

from collections.abc import Iterator, Sequence
from itertools import count, islice, product

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.rule import Rule
from rich.text import Text
from torch import Tensor

from pellucid.report.numbers import DIGITS, first_elements, rows, statistics
from pellucid.report.steps import Step, backward_steps, forward_steps, update_step
from pellucid.report.tables import beside, matrix_lines
from pellucid.trace import Trace, describe, select
from pellucid.tree import flatten

WIDTH = 100
"""Columns of a walk, or fewer where the terminal has fewer."""

INDENT = " " * 6

PRINTED = 64
"""Up to this many elements a tensor is printed whole; larger ones by statistics."""

POSITIONS = 24
"""How many positions of a text are listed with their tokens and predictions."""

TOP = 3
"""How many of the most likely tokens a large vocabulary's prediction shows."""


class Walk:
    """One trace, gone through step by step.

    `layers` are the blocks that are shown in full; of the others a line each. None shows all
    blocks of a model that has at most two, and else the first.
    """

    def __init__(
        self,
        trace: Trace,
        *,
        digits: int = DIGITS,
        layers: Sequence[int] | None = None,
        width: int = WIDTH,
    ) -> None:
        self.trace = trace
        self.config = trace.model.config
        self.digits = digits
        self.width = width
        depth = self.config.n_layer
        self.layers = set(layers if layers is not None else range(depth if depth <= 2 else 1))
        self._shown: dict[int, str] = {}

    def forward(self) -> Iterator[RenderableType]:
        """Tokens to loss."""
        yield _heading("Forward: from tokens to loss")
        yield from self._steps(forward_steps(self.config), "resid_post")

    def backward(self) -> Iterator[RenderableType]:
        """Loss to gradients, through the same steps in reverse."""
        yield _heading("Backward: the gradient of the loss, step by step in reverse")
        yield from self._steps(backward_steps(self.config), "resid_pre")

    def update(self) -> Iterator[RenderableType]:
        """One step of the optimizer: every update and new weight; nothing where none was taken."""
        update = self.trace.update
        if update is None or self.trace.loss_after is None:
            return
        title, formulas = update_step(update)
        yield _heading(f"Update: one step of {title}")
        yield from _formulas(formulas)
        for name in flatten(self.trace.model.params):
            if not self._hidden(name):
                yield from self._values([f"{name}.update", f"{name}.new"])
        before, after = float(self.trace.tape["loss"]), self.trace.loss_after
        yield Text.assemble(
            ("  loss before the step ", ""),
            (f"{before:.6f}", "bold"),
            (", after it ", ""),
            (f"{after:.6f}", "bold green" if after < before else "bold red"),
        )

    def show(self, name: str) -> Iterator[RenderableType]:
        """One value, or with `[0,5]` behind the name a part of it, in full."""
        value = select(self.trace.tape, name)
        whole, _, index = name.partition("[")
        row = describe(whole)
        yield self._title(name, value, row.meaning if row else "")
        yield from self._table(value, [None] * value.dim() if index else self._labels(name))

    # -- one step -----------------------------------------------------------------------------

    def _steps(self, steps: Sequence[Step], summary: str) -> Iterator[RenderableType]:
        skipped: list[int] = []
        for step in steps:
            if step.layer is not None and step.layer not in self.layers:
                if step.layer not in skipped:
                    skipped.append(step.layer)
                    yield from self._skipped(step, summary)
                continue
            block = "" if step.layer is None else f"   h.{step.layer}"
            yield Text.assemble(
                (f"\n{step.number:>2}  ", "bold magenta"), (step.title, "bold"), (block, "dim")
            )
            yield from _formulas(step.formulas)
            if step.names[:1] == ("tokens",):
                yield from self._tokens()
            elif step.names == ("probs",) and self.trace.tape["probs"].numel() > PRINTED:
                yield from self._predictions()
            else:
                yield from self._values(step.names)

    def _skipped(self, step: Step, summary: str) -> Iterator[RenderableType]:
        name = (
            f"dh.{step.layer}.{summary}" if summary == "resid_pre" else f"h.{step.layer}.{summary}"
        )
        yield Text(
            f"\n    block {step.layer}, in short (--layers {step.layer} for all of it)", "dim"
        )
        yield from self._values([name])

    def _hidden(self, name: str) -> bool:
        """Whether a parameter belongs to a block that is not shown in full."""
        head, _, rest = name.partition(".")
        return head == "h" and int(rest.split(".")[0]) not in self.layers

    def _values(self, names: Sequence[str]) -> Iterator[RenderableType]:
        tape = self.trace.tape
        for name in names:
            if name not in tape and not name.endswith(".x"):
                continue
            value = tape[name]
            known = self._shown.setdefault(id(value), name)
            row = describe(name)
            note = row.symbol if row else ""
            if known != name:
                yield self._title(name, value, f"= {known}")
            elif value.numel() <= PRINTED:
                yield self._title(name, value, note)
                yield from self._table(value, self._labels(name))
            else:
                yield self._title(name, value, note)
                yield Text(f"      {statistics(value)}  {first_elements(value)}")

    def _title(self, name: str, value: Tensor, note: str) -> Text:
        shape = "×".join(map(str, value.shape)) if value.dim() else "number"
        gradient = name.startswith("d") and describe(name[1:]) is not None
        colour = "yellow" if gradient else "cyan"
        return Text.assemble((f"    {name}", colour), (f"  {shape}", "dim"), (f"  {note}", "dim"))

    # -- tables -------------------------------------------------------------------------------

    def _labels(self, name: str) -> list[Sequence[str] | None]:
        """The labels of each axis: pieces of the text, of the vocabulary, or none."""
        row = describe(name)
        shape = row.shape if row else ()
        by_letter = {
            "T": self.trace.pieces,
            "S": self.trace.pieces,
            "V": self.trace.vocabulary or None,
            "maxT": None,
        }
        labels: list[Sequence[str] | None] = [by_letter.get(letter) for letter in shape]
        value = self.trace.tape[name]
        if len(labels) != value.dim():  # a layer's own x has the shape of its input
            labels = [None] * value.dim()
            if value.dim() == 2 and value.shape[0] == len(self.trace.pieces):
                labels[0] = self.trace.pieces
        return labels

    def _table(
        self, value: Tensor, labels: Sequence[Sequence[str] | None]
    ) -> Iterator[RenderableType]:
        """The numbers of a tensor, a row a line; heads stand side by side where they fit."""
        if value.dim() == 0:
            yield Text(f"      {rows(value.reshape(1, 1), self.digits)[0][0]}", "bold")
            return
        if value.dim() == 2 and value.shape[1] == 1 and labels[0]:
            yield from self._table(value[:, 0], labels[:1])
            return
        matrix = value.reshape(-1, value.shape[-1])
        texts = rows(matrix, self.digits)
        height = value.shape[-2] if value.dim() > 1 else 1
        names = (labels[-2] if value.dim() > 1 else None) or [""] * height
        room = self.width - len(INDENT)
        blocks = [
            matrix_lines(texts[start : start + height], names, labels[-1], room)
            for start in range(0, len(texts), height)
        ]
        if value.dim() > 2:
            for place, block in zip(product(*map(range, value.shape[:-2])), blocks, strict=True):
                title = f"head {place[0]}" if value.dim() == 3 else str(list(place))
                block.insert(0, Text(title, "dim"))
        for line in beside(blocks, room):
            yield Text(INDENT) + line

    def _tokens(self) -> Iterator[RenderableType]:
        ids = self.trace.tape["tokens"].tolist()
        wanted = self.trace.tape["targets"].tolist()
        if self.trace.vocabulary:
            listed = "   ".join(f"{piece} {i}" for i, piece in enumerate(self.trace.vocabulary))
            yield Text.assemble(("    vocabulary  ", "cyan"), listed)
        pieces = zip(count(), ids, self.trace.pieces, wanted, self.trace.targets, strict=False)
        for place, token, piece, target, target_piece in islice(pieces, POSITIONS):
            yield Text(
                f"      t = {place:<3} token {token:>6} {_quoted(piece):<16} target {target:>6} "
                f"{_quoted(target_piece)}"
            )
        yield from _more(len(ids), "tokens")

    def _predictions(self) -> Iterator[RenderableType]:
        """The most likely next tokens at each position, and how likely the target was."""
        probs = self.trace.tape["probs"]
        wanted = self.trace.tape["targets"]
        yield self._title("probs", probs, "most likely next tokens; then the target's probability")
        for place, row in enumerate(probs[:POSITIONS]):
            top = row.topk(TOP)
            guesses = "  ".join(
                f"{_quoted(self.trace.piece(int(token)))} {float(p):.4f}"
                for p, token in zip(top.values, top.indices, strict=True)
            )
            target = float(row[wanted[place]])
            yield Text(
                f"      {_quoted(self.trace.pieces[place]):<14} → {guesses}   "
                f"target {_quoted(self.trace.targets[place])} {target:.3g}",
                no_wrap=True,
                overflow="ellipsis",
            )
        yield from _more(len(probs), "probs")


def _heading(title: str) -> RenderableType:
    return Group(Text(), Rule(Text(title, "bold"), align="left"))


def _more(positions: int, name: str) -> Iterator[RenderableType]:
    """A line for the positions of a long text that are not listed."""
    if positions > POSITIONS:
        yield Text(f"      … {positions - POSITIONS} more positions: --show {name}", "dim")


def _quoted(piece: str) -> str:
    """A piece, escaped already, between quotes that show its spaces."""
    return f"'{piece}'"


def _formulas(formulas: Sequence[str]) -> Iterator[RenderableType]:
    for formula in formulas:
        yield Text(f"    {formula}", "italic green")


def print_walk(console: Console, title: str, about: str, walk: Walk) -> None:
    """Print all of a walk."""
    console.print(Panel(Text(about), title=title, title_align="left", width=walk.width))
    for part in (walk.forward(), walk.backward(), walk.update()):
        for line in part:
            console.print(line, width=walk.width)
    console.print(
        "\nAny value, or a part of one: --show h.0.attn.att[0,1]   its gradient: --show "
        "dh.0.attn.att[0,1]\nEvery name: docs/names.md",
        style="dim",
        markup=False,
    )
