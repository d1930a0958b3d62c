"""How far one tensor may be off in each dtype, as a table."""

from collections.abc import Iterable, Iterator

from rich.table import Table
from rich.text import Text

from pellucid.compare import Tolerance
from pellucid.compare.wording import dtype_name
from pellucid.terminal.lines import columns


def tolerance_lines(name: str, found: Iterable[Tolerance]) -> Iterator[Text | Table]:
    """What is allowed at the tensor's largest number, and as a part of it."""
    every = list(found)
    yield Text(f"{name}: how far off its largest number, {every[0].largest:.6g}, may be")
    table = columns("dtype", "all before it shown", "only parameters shown")
    for one in every:
        figures = (f"{far:.1e} ({_part(far, one.largest)})" for far in (one.shown, one.behind))
        table.add_row(dtype_name(one.dtype), *figures)
    yield table


def _part(far: float, largest: float) -> str:
    return f"{far / abs(largest):.1e} of it" if largest else "it is 0"
