"""What the learning-rate finder found, in the terminal: a row for every so many iterations."""

from rich.console import Console

from pellucid.terminal.lines import Hanging, bar
from pellucid.train.finder import Tried, suggested

ROWS = 20

BAR = 30
"""Characters of the longest bar, where there is room."""


def print_rates(console: Console, tried: list[Tried]) -> None:
    """The mean loss at ever larger learning rates, a bar a row, and the rate to take."""
    rate = suggested(tried)
    shown = tried[:: max(1, len(tried) // ROWS)]
    lowest, highest = min(row.loss for row in shown), max(row.loss for row in shown)
    for row in shown:
        line = f"{row.learning_rate:9.1e}  {row.loss:8.4f}  "
        share = (row.loss - lowest) / ((highest - lowest) or 1.0)
        console.print(Hanging(line + bar(share, BAR, console.width - len(line))), highlight=False)
    if len(shown) and tried[-1].learning_rate < 1:
        console.print(f"beyond {tried[-1].learning_rate:.1e} the loss runs away")
    console.print(
        f"the mean loss is lowest at {10 * rate:.1e}; a tenth of it is a good highest rate: "
        f"--learning-rate {rate:.1e}"
    )
