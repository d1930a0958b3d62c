"""`Classifier`: a configuration and its parameters as one object, which checks what comes in."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from pellucid.errors import TextError
from pellucid.layers import IGNORE, REFERENCE, Ops, softmax, wide
from pellucid.models.checks import check_highest
from pellucid.models.classifier.config import ClassifierConfig, init_classifier_params
from pellucid.models.classifier.wiring import (
    classifier_error,
    classifier_error_backward,
    classifier_logits,
    classifier_loss,
    classifier_loss_backward,
)
from pellucid.models.model import Batch, DryRun, Spelling, short
from pellucid.models.settable import SettableModel
from pellucid.tape import NULL_TAPE, NullTape, Tape
from pellucid.text.table import read_rows
from pellucid.text.tokenizer import Tokenizer
from pellucid.tree import Tree


@dataclass(frozen=True)
class Classifier(SettableModel):
    """A feed-forward classifier: a configuration and the tree of its parameters.

    Inputs are rows of numbers (N, m), one row an example, as a tensor or as lists; classes are
    ids from 0. Every method raises `TextError` for rows of another width, for numbers that are not
    finite, and for classes that there are not.

    >>> model = Classifier.init(ClassifierConfig(inputs=4, hidden=(3,)))
    >>> model.forward([[32, 107, 56, 11.2], [237, 189, 46, 200]]).shape
    torch.Size([2, 2])
    """

    architecture: ClassVar[str] = "classifier"
    Config: ClassVar[type[ClassifierConfig]] = ClassifierConfig
    asks: ClassVar[str] = "Class of"
    writes: ClassVar[bool] = False
    inputs: ClassVar[Mapping[str, str]] = {"inputs": "The numbers that go in"}
    initial = staticmethod(init_classifier_params)

    config: ClassifierConfig

    @classmethod
    def init(
        cls,
        config: ClassifierConfig,
        *,
        seed: int = 0,
        dtype: torch.dtype = torch.float64,
        device: torch.device | str = "cpu",
    ) -> Self:
        """A model with random weights, as training begins; in float64, since it is small."""
        return super().init(config, seed=seed, dtype=dtype, device=device)

    @classmethod
    def small(cls) -> Iterator[tuple[ClassifierConfig, tuple[Tensor, Tensor], Mapping[int, str]]]:
        """See `Model.small`."""
        rows, letters = torch.randn(5, 3), {3: "I", 7: "F", 5: "T", 2: "2", 1: "1"}
        zeros, ones = (0.0,) * 3, (1.0,) * 3
        classes = torch.tensor([0, 1, 0, 1, 0])
        standard = ClassifierConfig(3, (7,), 4, mean=zeros, std=ones)
        yield standard, (rows, classes), letters | {4: "V"}
        yield ClassifierConfig(3, (7,), 1, scheme="sign"), (rows, classes), letters

    @classmethod
    def dry_runs(cls) -> Iterator[DryRun]:
        """See `Model.dry_runs`; the loss by absolute differences too."""
        yield from super().dry_runs()
        config, (rows, _), letters = next(cls.small())
        tape = Tape()
        cls.init(config).error_and_grads(rows, torch.zeros(5, 4), tape)
        yield DryRun(tape, letters)

    @classmethod
    def probe(cls, config: ClassifierConfig, lengths: Mapping[str, int]) -> tuple[Any, Batch]:
        """See `Model.probe`."""
        rows = torch.zeros(lengths["inputs"], config.inputs)
        return config, (rows, torch.zeros(len(rows), dtype=torch.long))

    def read(
        self,
        tokenizer: Tokenizer | None,  # noqa: ARG002 (it reads numbers)
        text: str,
        source: str = "",  # noqa: ARG002 (it reads one text)
    ) -> Batch:
        """The rows of a table, a line each: the numbers, and behind them the class, or none."""
        rows, classes = read_rows(text, self.config.inputs, self.config.class_names)
        return rows, [IGNORE if one is None else one for one in classes]

    def spell(
        self,
        tokenizer: Tokenizer | None,  # noqa: ARG002 (classes have names)
        token: int,
    ) -> str:
        """What a class is called."""
        return self.config.class_names[token]

    def write(
        self,
        tokenizer: Tokenizer | None,  # noqa: ARG002 (it reads numbers)
        batch: Batch,
        tokens: Sequence[int],
    ) -> str:
        """The rows, the last of them with this class."""
        rows, classes = batch
        named = [*classes[:-1], *(tokens[-1:] or classes[-1:])]
        labels = ("" if one == IGNORE else self.config.class_names[one] for one in named)
        cells = zip(rows, labels, strict=True)
        return "\n".join(" ".join([*(f"{x:g}" for x in row), end]).strip() for row, end in cells)

    def places(self, tape: Tape, spell: Spelling) -> Mapping[str, tuple[str, ...]]:
        """See `Model.places`."""
        rows = (", ".join(f"{x:g}" for x in row) for row in tape.value("inputs").tolist())
        named = {"T": tuple(rows), "V": tuple(map(spell, range(self.config.classes)))}
        return named | ({"I": self.config.features} if self.config.features else {})

    def __str__(self) -> str:
        config = self.config
        widths = (config.inputs, *config.hidden, config.outputs)
        bend = {"relu": "ReLU", "none": "no activation"}[config.activation]
        return (
            f"a classifier of {self.parameter_count:,} parameters: {' → '.join(map(str, widths))}, "
            f"{bend}, {'with' if config.bias else 'without'} biases, scheme {config.scheme}, "
            f"{short(self.dtype)}"
        )

    def forward(self, inputs: Any, tape: NullTape = NULL_TAPE, *, ops: Ops = REFERENCE) -> Tensor:
        """The score of each class (N, V); under the scheme "sign" they are (output, 0)."""
        x = self._inputs(inputs)
        ops, tape = self.begin(ops, tape, totals={"inputs": len(x)}, inputs=x)
        logits, _ = classifier_logits(x, **self.params, config=self.config, ops=ops, tape=tape)
        return logits

    def probabilities(self, inputs: Any) -> Tensor:
        """The probability of each class (N, V): the softmax of the scores."""
        probs, _ = softmax(wide(self._scores(inputs)))
        return probs

    def predict(self, inputs: Any) -> Tensor:
        """The class (N,) with the largest score; the first of those that are equal."""
        return self._scores(inputs).argmax(-1)

    def _scores(self, inputs: Any) -> Tensor:
        """The scores, where they are numbers to choose by; else `ConfigError`."""
        scores = self.forward(inputs)
        check_highest(*scores.amax(-1).tolist())
        return scores

    def accuracy(self, inputs: Any, targets: Any) -> float:
        """The part of the examples whose class is predicted."""
        x = self._inputs(inputs)
        return float((self.predict(x) == self._targets(targets, x)).double().mean())

    def loss(
        self, inputs: Any, targets: Any, tape: NullTape = NULL_TAPE, *, ops: Ops = REFERENCE
    ) -> Tensor:
        """Mean cross-entropy of the classes in nats; with scheme "sign" the logistic loss."""
        batch, shared = self._begin(inputs, targets, tape, ops)
        loss, _ = classifier_loss(*batch, **(self.params | shared))
        return loss

    def loss_and_grads(
        self, inputs: Any, targets: Any, tape: NullTape = NULL_TAPE, *, ops: Ops = REFERENCE
    ) -> tuple[Tensor, Tree]:
        """The loss and its gradient by every parameter, a tree of the parameters' shape."""
        batch, shared = self._begin(inputs, targets, tape, ops)
        loss, cache = classifier_loss(*batch, **(self.params | shared))
        _, grads = classifier_loss_backward(1.0, cache, **shared)
        return loss, grads

    def error_and_grads(
        self, inputs: Any, wanted: Any, tape: NullTape = NULL_TAPE, *, ops: Ops = REFERENCE
    ) -> tuple[Tensor, Tree]:
        """The summed absolute difference between outputs and those `wanted` (N, n), a mean over
        the examples; and its gradient by every parameter.
        """
        x, outputs = self._inputs(inputs), self._numbers("wanted outputs", wanted)
        if outputs.shape != (len(x), self.config.outputs):
            raise TextError(
                f"wanted outputs must be {self.config.outputs} numbers for each of the {len(x)} "
                f"examples, and shape {tuple(outputs.shape)} came: give one row an example"
            )
        ops, tape = self.begin(ops, tape, totals={"inputs": len(x)}, inputs=x, wanted=outputs)
        shared: dict[str, Any] = {"config": self.config, "ops": ops, "tape": tape}
        loss, cache = classifier_error(x, wanted=outputs, **self.params, **shared)
        _, grads = classifier_error_backward(1.0, cache, **shared)
        return loss, grads

    def _begin(
        self, inputs: Any, targets: Any, tape: NullTape, ops: Ops
    ) -> tuple[tuple[Tensor, Tensor], dict[str, Any]]:
        """The checked batch, and what forward and backward are both told."""
        x = self._inputs(inputs)
        wanted = self._targets(targets, x)
        own, tape = self.begin(ops, tape, totals={"inputs": len(x)}, inputs=x, targets=wanted)
        return (x, wanted), {"config": self.config, "ops": own, "tape": tape}

    def _inputs(self, inputs: Any) -> Tensor:
        x, count = self._numbers("inputs", inputs), self.config.inputs
        if x.dim() != 2 or x.shape[1] != count or not len(x):
            names = f": {', '.join(self.config.features)}" if self.config.features else ""
            raise TextError(
                f"inputs must be at least one row of {count} numbers, and shape {tuple(x.shape)} "
                f"came: give one row an example{names}"
            )
        return x

    def _numbers(self, what: str, values: Any) -> Tensor:
        try:
            numbers = torch.as_tensor(values, dtype=self.dtype, device=self.device)
        except (TypeError, ValueError, RuntimeError) as error:
            raise TextError(
                f"{what} must be rows of numbers of one length, and {type(values).__name__} came "
                f"({' '.join(str(error).split())}): give one row an example"
            ) from None
        if not bool(numbers.isfinite().all()):
            raise TextError(
                f"{what} must be finite, and an infinity or NaN came: leave its row out"
            )
        return numbers.clone()  # what the caller does with theirs later is not what ran

    def _targets(self, targets: Any, x: Tensor) -> Tensor:
        ids = torch.as_tensor(targets, device=self.device)
        whole = not (ids.is_floating_point() or ids.is_complex() or ids.dtype == torch.bool)
        if not whole or ids.shape != (len(x),):
            raise TextError(
                f"targets must be one class for each of the {len(x)} examples, and {ids.dtype} of "
                f"shape {tuple(ids.shape)} came: give the classes' numbers"
            )
        counted = ids[ids != IGNORE]
        if not counted.numel():
            raise TextError("a loss needs at least one example with a class, and none has one")
        least, most = (int(bound) for bound in counted.aminmax())
        if least < 0 or most >= self.config.classes:
            raise TextError(
                f"a class must be a number from 0 to {self.config.classes - 1}, not "
                f"{least if least < 0 else most}: was the table read with the model's labels?"
            )
        return ids.to(torch.long, copy=True)
