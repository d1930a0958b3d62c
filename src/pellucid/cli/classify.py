"""`pellucid classify`: a table and a classifier in, a label a row out."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pellucid.cli.options import variant
from pellucid.cli.options.model import MODEL
from pellucid.cli.options.text import LABEL, SEPARATOR, TABLE, separator_of
from pellucid.cli.screen import console
from pellucid.errors import CheckpointError

if TYPE_CHECKING:
    from rich.console import Console
    from torch import Tensor


def classify(
    table: Annotated[Path, TABLE],
    model: Annotated[str, variant(MODEL, "Here it must be a classifier.")],
    label: Annotated[str | None, variant(LABEL, "To count the hits.", default="none")] = None,
    separator: Annotated[str, SEPARATOR] = ",",
) -> None:
    """Give the class of each row of a table, and the probability of each class."""
    from rich.text import Text

    from pellucid.checkpoint import load
    from pellucid.models import Classifier
    from pellucid.text.table import read_table
    from pellucid.train.fit import confusion

    network = load(model)
    if not isinstance(network, Classifier):
        raise CheckpointError(
            f"{model} must hold a model of the architecture {Classifier.architecture} here, and it "
            f"holds a {network.architecture}: give another --model"
        )
    names = network.config.class_names
    known = {"features": network.config.features, "labels": names}
    rows = read_table(table, label=label, separator=separator_of(separator), **known)
    screen = console()
    width = max(map(len, names))
    for probs in network.probabilities(rows.inputs):
        shares = "  ".join(f"{name} {float(p):.4f}" for name, p in zip(names, probs, strict=True))
        screen.print(Text(f"{names[int(probs.argmax())]:<{width}}  {shares}"), soft_wrap=True)
    if rows.classes is not None:
        counts = confusion(network, rows)
        print_confusion(screen, "table's", names, counts)


def print_confusion(screen: "Console", what: str, names: Sequence[str], counts: "Tensor") -> None:
    """How many examples of each class were given each class, and the accuracy."""
    from pellucid.documents.tables import matrix_lines

    right, count = int(counts.diagonal().sum()), int(counts.sum())
    screen.print(f"\n{what} accuracy [bold]{right / count:.4f}[/], {right} of {count}")
    screen.print("a row for each class, a column for each prediction", style="dim")
    texts = [[str(cell) for cell in row] for row in counts.tolist()]
    for line in matrix_lines(texts, names, names, screen.width):
        screen.print(line, soft_wrap=True)
