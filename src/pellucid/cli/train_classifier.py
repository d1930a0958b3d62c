"""`pellucid train-classifier`: a table in, a classifier out."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from pellucid.cli.classify import print_confusion
from pellucid.cli.options import variant
from pellucid.cli.options.optimizer import CHECK_GRADIENTS, LEARNING_RATE, OPTIMIZER, WEIGHT_DECAY
from pellucid.cli.options.output import OUT, OVERWRITE
from pellucid.cli.options.sampling import SEED, seed_of
from pellucid.cli.options.text import HELD_OUT, LABEL, SEPARATOR, TABLE, separator_of
from pellucid.cli.options.training import BATCH_SIZE
from pellucid.cli.screen import console
from pellucid.errors import ConfigError
from pellucid.files import make_room

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from pellucid.models import Classifier
    from pellucid.text.table import Table

LINES = 10
"""So many epochs are reported, evenly spread, and the first."""


class Activation(StrEnum):
    """The activation of the hidden nodes."""

    RELU = "relu"
    NONE = "none"


class Scheme(StrEnum):
    """What the outputs mean."""

    LARGER = "larger"
    SIGN = "sign"


def train_classifier(
    table: Annotated[Path, TABLE],
    label: Annotated[str, LABEL],
    separator: Annotated[str, SEPARATOR] = ",",
    out: Annotated[Path | None, variant(OUT, "the classifier, a directory.")] = None,
    hidden: Annotated[
        str, Option(help="Width of the hidden layer, or of several, with commas; 0 for none.")
    ] = "16",
    activation: Annotated[
        Activation,
        Option(help="The activation of the hidden layers; without one they are one linear map."),
    ] = Activation.RELU,
    scheme: Annotated[
        Scheme,
        Option(help="Choose the class with the larger output, or one of two by an output's sign."),
    ] = Scheme.LARGER,
    bias: Annotated[bool, Option("--bias/--no-bias", help="A bias at each node.")] = True,
    epochs: Annotated[int, Option(help="How often to go through all rows.")] = 200,
    batch_size: Annotated[int, variant(BATCH_SIZE, "rows.")] = 16,
    optimizer: Annotated[str, OPTIMIZER] = "adamw",
    learning_rate: Annotated[float, LEARNING_RATE] = 3e-3,
    weight_decay: Annotated[float, WEIGHT_DECAY] = 0.1,
    held_out: Annotated[float, variant(HELD_OUT, "The same share of each class.")] = 0.33,
    seed: Annotated[int, variant(SEED, "for weights, batches and what is held out.")] = 1337,
    check_gradients: Annotated[
        bool, variant(CHECK_GRADIENTS, "Over a first batch.", default="no")
    ] = False,
    overwrite: Annotated[bool, OVERWRITE] = False,
) -> None:
    """Train a classifier on a CSV table: one row an example, numbers and a label."""
    import torch
    from rich.text import Text

    from pellucid.checkpoint import save
    from pellucid.text.table import read_table
    from pellucid.train.fit import FitRecipe, batches, begin, confusion, constant_columns, fit

    recipe = FitRecipe(epochs, batch_size, learning_rate, optimizer, weight_decay, seed_of(seed))
    if not 0 <= held_out < 1:
        raise ConfigError(f"--held-out must be at least 0 and below 1, not {held_out:g}")
    rows = read_table(table, label=label, separator=separator_of(separator))
    training, rest = rows.split(held_out, seed=seed)
    model = begin(
        training,
        seed=seed,
        hidden=_widths(hidden),
        activation=activation.value,
        scheme=scheme.value,
        bias=bias,
    )
    if out is not None:
        make_room(out, overwrite=overwrite)
    screen = console()
    screen.print(str(model))
    screen.print(
        f"{len(rows)} rows of {len(rows.features)} numbers: {len(training)} to train on, "
        f"{len(rest)} held out; {len(rows.labels)} classes"
    )
    unheard = constant_columns(training).tolist()
    for column in (name for name, same in zip(rows.features, unheard, strict=True) if same):
        screen.print(Text(f"{column!r} is the same in every row to train on: it has no say"))
    assert training.classes is not None
    if check_gradients:
        generator = torch.Generator().manual_seed(recipe.seed)
        first = next(batches(len(training), recipe.batch_size, generator))
        for line in _gradients(model, training.inputs[first], training.classes[first]):
            screen.print(Text(line))
    for epoch in fit(model, training.inputs, training.classes, recipe):
        model = epoch.model
        tenth = epoch.number * LINES // epochs > (epoch.number - 1) * LINES // epochs
        if tenth or epoch.number == 1:
            screen.print(
                f"epoch {epoch.number:>5}  loss {epoch.loss:.4f}  accuracy: "
                f"training {_accuracy(model, training)}  held out {_accuracy(model, rest)}"
            )
    judged, what = (rest, "held-out") if len(rest) else (training, "training")
    print_confusion(screen, what, model.config.class_names, confusion(model, judged))
    if out is not None:
        save(model, out)
        screen.print(Text(f"kept in {out}"), soft_wrap=True)


def _widths(text: str) -> tuple[int, ...]:
    """The widths that --hidden names."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdecimal() for part in parts):
        raise ConfigError(f"--hidden must be numbers with commas, such as 16 or 16,8, not {text!r}")
    return () if parts == ["0"] else tuple(map(int, parts))


def _accuracy(model: "Classifier", table: "Table") -> str:
    return f"{model.accuracy(table.inputs, table.classes):.3f}" if len(table) else "none"


def _gradients(model: "Classifier", inputs: "Tensor", targets: "Tensor") -> "Iterator[str]":
    """Of each parameter the weight at which the two gradients differ most, and by how much."""
    import numpy as np

    from pellucid.optim import finite_difference_gradients
    from pellucid.tree import flatten

    _, grads = model.loss_and_grads(inputs, targets)
    nudged = flatten(
        finite_difference_gradients(
            lambda params: model.with_params(params).loss(inputs, targets), model.params
        )
    )
    yield f"gradients over a first batch of {len(inputs)}; of each parameter where they differ most"
    yield f"{'':24}{'by nudging':>14}{'by formula':>14}{'difference':>14}"
    for name, formula in flatten(grads).items():
        differences = (nudged[name] - formula).abs()
        place = tuple(map(int, np.unravel_index(int(differences.argmax()), formula.shape)))
        element = f"{name}[{','.join(map(str, place))}]"
        yield (
            f"{element:<24}{float(nudged[name][place]):>14.8f}{float(formula[place]):>14.8f}"
            f"{float(differences.max()):>14.1e}"
        )
