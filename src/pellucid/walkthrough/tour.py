"""A run as a tour: about a dozen stops along its last token, each with words and one number.

The stops follow the steps of the walkthrough; the words file says what is told at each.
"""

from collections.abc import Iterator, Mapping

from pellucid.numbers import at
from pellucid.train.record import Trace
from pellucid.walkthrough.sights import Scene, seen_in
from pellucid.walkthrough.sights.update import steepest_new
from pellucid.walkthrough.stops import TensorPart, TourStop
from pellucid.walkthrough.story import Story
from pellucid.walkthrough.walkthrough import Step, Walkthrough
from pellucid.words import ENGLISH, phrasebook

NORMS = ("layer_norm", "rms_norm")
STOPS = {
    "attention": ("queries", "looks", "mix"),
    "logits": ("blocks",),
    "softmax.backward": ("gradient", "weights"),
}
"""What a kind of step is told as, where not as one stop of that name."""


class Tour:
    """The stops of one run; `settings` are those of the step of training that is to be tried."""

    def __init__(
        self, walkthrough: Walkthrough, trace: Trace, settings: Mapping[str, object]
    ) -> None:
        self.walkthrough, self.trace, self.settings = walkthrough, trace, settings
        self.story = Story(trace)
        self.tape = trace.tape
        self.book = phrasebook(ENGLISH)
        self.texts = self.story.always()

    def stops(self) -> Iterator[TourStop]:
        """All stops, in order; one that has nothing to say is left out."""
        for stop in self._all():
            if stop.says:
                yield stop

    def _all(self) -> Iterator[TourStop]:
        block, entered, met = self.story.look.block, False, set[str]()
        for part in self.walkthrough.parts:
            for step in part.steps:
                key = step.kind if part.way == "forward" else f"{step.kind}.{part.way}"
                apart = part.way == "backward" and key != "softmax.backward"
                if apart or part.way == "update" or step.layer not in {None, block}:
                    continue
                kind = "norm" if key in NORMS else key
                if kind in met or (kind == "norm" and step.layer is None):
                    continue
                met.add(kind)
                for name in STOPS.get(key, (key,)):
                    stop = self._stop(name, step, f"{step.kind}.{part.way}")
                    if step.layer is not None and not entered:
                        entered = True
                        said = self._said("tour.block.says")[:1]
                        stop = stop._replace(says=(*said, *stop.says))
                    yield stop
        if self.story.target is not None:
            yield self._update()

    def _stop(self, name: str, step: Step, key: str) -> TourStop:
        figures = self._figures(name, step, key)
        made = getattr(self, f"_{name}", self._plain)(step)
        told = self._said(f"tour.{name}.says", figures)
        (title, *_) = (*self._said(f"tour.{name}.title", figures), step.title)
        label = " ".join(self._said(f"tour.{name}.label", figures))
        return made._replace(id=name, title=title, says=told, label=label)

    def _figures(self, name: str, step: Step, key: str) -> dict[str, str]:
        """What the walk says of the step, of the token that is followed; and what the tour does."""
        story = self.story
        labels, place = self.walkthrough.labels, story.place
        beside = {"rate": f"{self.settings['learning_rate']:g}"}
        scene = Scene(step, self.tape, labels, self.trace.piece, beside, place)
        own = {
            "queries": story.looks,
            "looks": story.looks,
            "mix": story.looks,
            "blocks": story.lens,
            "loss": story.loss,
            "weights": story.gradient,
        }.get(name, dict)()
        every = {**self.texts, **own}
        before = seen_in(scene, "logits.forward") if name == "softmax" else {}
        return (
            before
            | seen_in(scene, key)
            | {key: text for key, text in every.items() if text is not None}
        )

    def _said(self, key: str, figures: Mapping[str, str] | None = None) -> tuple[str, ...]:
        known = {name: text for name, text in self.texts.items() if text is not None}
        return self.book.sentences_said(key, known if figures is None else figures)

    # -- what is looked at, and which number ------------------------------------------------------

    def _plain(self, step: Step) -> TourStop:
        """A step that makes a vector a token: of the last, its largest number."""
        name = step.names[-1]
        value = self.tape.value(name)
        if value.dim() != 2 or len(value) != len(self.trace.pieces):
            return TourStop("", "", (), TensorPart(name), (TensorPart(name),))
        row = value[self.story.place]
        return self._at(name, int(row.abs().argmax()))

    def _at(self, name: str, column: int, row: int | None = None) -> TourStop:
        place = self.story.place if row is None else row
        spots = (TensorPart(name, (), place),)
        return TourStop("", "", (), TensorPart(name), spots, at(name, (place, column)))

    def _tokens(self, _: Step) -> TourStop:
        spots = (TensorPart("tokens", (), None, self.story.place),)
        return TourStop("", "", (), TensorPart("tokens"), spots, at("tokens", (self.story.place,)))

    def _position(self, step: Step) -> TourStop:
        rows = self.tape.value(next(name for name in step.reads if name.endswith("rows")))
        return self._at("wpe.out", int(rows[self.story.place].abs().argmax()))

    def _rotary(self, _: Step) -> TourStop:
        return self._at("rope.angles", 0)

    def _attn(
        self, parts: Mapping[str, tuple[int, int | None]], number: str, *index: int
    ) -> TourStop:
        """The parts of the head that is followed, each with its row and column; and a number."""
        block, head = self.story.look.block, self.story.look.head
        path = f"h.{block}.attn"
        spots = tuple(
            TensorPart(f"{path}.{name}", (head,), row, column)
            for name, (row, column) in parts.items()
        )
        look = TensorPart(f"{path}.att", (head,))
        return TourStop("", "", (), look, spots, at(f"{path}.{number}", (head, *index)))

    def _queries(self, _: Step) -> TourStop:
        name = f"h.{self.story.look.block}.attn.q"
        head, place = self.story.look.head, self.story.place
        row = self.tape.value(name)[head, place]
        most = int(row.abs().argmax())
        made = self._attn(dict.fromkeys("qkv", (place, None)), "q", place, most)
        sums = f"h.{self.story.look.block}.attn.c_attn.out"  # of which a GPT's queries are a part
        if sums in self.tape:
            return made._replace(number=at(sums, (place, head * len(row) + most)))
        return made

    def _looks(self, _: Step) -> TourStop:
        cell = self.story.place, self._seen()
        return self._attn({"scores": cell, "att": cell}, "att", *cell)

    def _mix(self, _: Step) -> TourStop:
        block, head = self.story.look.block, self.story.look.head
        place, seen = self.story.place, self._seen()
        row = self.tape.value(f"h.{block}.attn.z")[head, place]
        parts = {"att": (place, seen), "v": (seen, None), "z": (place, None)}
        made = self._attn(parts, "z", place, int(row.abs().argmax()))
        return made._replace(tries=(TensorPart(f"h.{block}.attn.att", (head,)), 0.0))

    def _seen(self) -> int:
        """The position that is looked at hardest; its own where there is no other."""
        other = self.story.look.other
        return self.story.place if other is None else other

    def _residual(self, step: Step) -> TourStop:
        made, part = step.reads[0], step.reads[2]
        return self._at(made, int(self.tape.value(part)[self.story.place].abs().argmax()))

    def _mlp(self, _: Step) -> TourStop:
        return self._nodes("act.out")

    def _gated_mlp(self, _: Step) -> TourStop:
        return self._nodes("gated")

    def _nodes(self, inner: str) -> TourStop:
        path = f"h.{self.story.look.block}.mlp"
        row = self.tape.value(f"{path}.{inner}")[self.story.place]
        most = row.argmax() if inner == "act.out" else row.abs().argmax()
        made = self._at(f"{path}.{inner}", int(most))
        return made._replace(tries=(TensorPart(f"{path}.c_proj.out"), 0.0))

    def _blocks(self, _: Step) -> TourStop:
        last = f"h.{self.story.depth - 1}.resid_post"
        row = self.tape.value(last)[self.story.place]
        number = at(last, (self.story.place, int(row.abs().argmax())))
        return TourStop("", "", (), None, (), number)

    def _softmax(self, _: Step) -> TourStop:
        return self._at("probs", int(self.tape.value("probs")[self.story.place].argmax()))

    def _loss(self, _: Step) -> TourStop:
        if self.story.target is None:
            return TourStop("", "", (), TensorPart("losses"), (TensorPart("losses"),))
        spots = (TensorPart("losses", (), None, self.story.target), TensorPart("loss"))
        return TourStop("", "", (), TensorPart("losses"), spots, at("losses", (self.story.target,)))

    def _gradient(self, _: Step) -> TourStop:
        place = self.story.target
        if place is None:
            return TourStop("", "", (), TensorPart("logits"), ())
        wanted = int(self.tape.value("targets")[place])
        return self._at("dlogits", wanted, place)._replace(backward=True)

    def _weights(self, _: Step) -> TourStop:
        if self.story.steepest is None or self.story.nudged is None:
            return TourStop("", "", ())
        name, index = self.story.steepest
        number, tries = at(f"d{name}", index), (TensorPart(name, index), self.story.nudged)
        spots = self._weight()
        return TourStop("", "", (), TensorPart(name), spots, number, tries=tries, backward=True)

    def _weight(self) -> tuple[TensorPart, ...]:
        name, index = self.story.steepest or ("", ())
        places = dict(zip(("column", "row"), reversed(index), strict=False))
        return (TensorPart(name, index[:-2], **places),) if name else ()

    def _update(self) -> TourStop:
        """One step of the optimizer that is next, and of the steepest weight what becomes of it."""
        kind = str(self.settings["optimizer"])
        steps = [step for part in self.walkthrough.parts for step in part.steps]
        step = next((step for step in steps if step.kind == kind), Step("", kind=kind))
        figures = self._figures("update", step, f"{kind}.update")
        told = self.book.sentences_said(f"{kind}.update.first", figures)
        number = steepest_new(step.reads, self.tape)
        name, _ = self.story.steepest or ("", ())
        return TourStop(
            "update",
            self._said("tour.update.title", figures)[0],
            (*told, *self._said("tour.update.says", figures)),
            TensorPart(name) if name else None,
            self._weight(),
            number,
            " ".join(self._said("tour.update.label", figures)),
        )
