"""Write the tables of docs/scaling.md from the models' shapes; --check only compares."""

import sys
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import NamedTuple

from torch.distributed.tensor import Shard

from pellucid.distribute.placing import placements
from pellucid.models import GPTConfig

PAGE = Path(__file__).resolve().parents[1] / "docs" / "scaling.md"
HEADING = "## The tables"

NUMBER = 4  # bytes of a float32
ROWS = 8  # texts in the batch of each group that shares matrices
WHOLE, SPLIT = 4, 12  # what a block's caches keep for a position, in widths; SPLIT over the heads

MODELS = {
    "GPT-2, 124M": GPTConfig(),
    "GPT-2, 1.5B": GPTConfig(n_layer=48, n_head=25, n_embd=1600),
    "8B": GPTConfig(n_layer=40, n_head=32, n_embd=4096, block_size=2048),
}


class Grid(NamedTuple):
    """So many processes share the batch, and so many each matrix."""

    name: str
    data: int
    tensor: int
    sharded: bool


def grids(config: GPTConfig) -> list[Grid]:
    """The layouts in the table: on one machine, and on eight of them."""
    split = 8 if config.n_head % 8 == 0 else max(n for n in range(1, 9) if config.n_head % n == 0)
    return [
        Grid("alone", 1, 1, sharded=False),
        Grid("data", 8, 1, sharded=False),
        Grid("tensor", 1, split, sharded=False),
        Grid("sharded", 8, 1, sharded=True),
        Grid("sharded", 64, 1, sharded=True),
        Grid("sharded × tensor", 8, split, sharded=True),
    ]


def parts(shape: tuple[int, ...], name: str, grid: Grid) -> tuple[int, int, bool]:
    """A parameter's numbers in a process, those when it is gathered, and whether it must be."""
    along_data, along_tensor = placements(name, len(shape), sharded=grid.sharded)
    gathered, kept = list(shape), list(shape)
    if isinstance(along_tensor, Shard):
        for sizes in (gathered, kept):
            sizes[along_tensor.dim] = -(-sizes[along_tensor.dim] // grid.tensor)
    is_sharded = isinstance(along_data, Shard)
    if is_sharded:
        kept[along_data.dim] = -(-kept[along_data.dim] // grid.data)
    return prod(kept), prod(gathered), is_sharded


class Cost(NamedTuple):
    """Bytes in one process, and bytes that it sends in a step."""

    parameters: float
    activations: float
    passing: float
    sent: float

    @property
    def peak(self) -> float:
        """The most at once: at the end of the forward, or while all is updated beside the old."""
        held = 4 * self.parameters  # parameters, gradients, and AdamW's two moments
        return held + max(self.activations + self.passing, 4 * self.parameters)


def cost(config: GPTConfig, grid: Grid) -> Cost:
    """What a process holds and sends, by the formulas that the page gives."""
    shapes = config.parameter_shapes()
    own = {name: parts(shape, name, grid) for name, shape in shapes.items()}
    positions = ROWS * config.block_size
    by_block = (WHOLE + SPLIT / grid.tensor) * config.n_embd
    activations = positions * (config.n_layer * by_block + 3 * config.n_embd)
    # The table's gradients by both its uses, their sum, which counts as a gradient, and, where
    # that is sharded, the sum itself.
    passing = (3 if grid.sharded else 2) * prod(shapes["wte.weight"])
    ring = (grid.data - 1) / grid.data
    sent = 0.0
    for name, (_, gathered, is_sharded) in own.items():
        fetched = 1 if name == "wpe.weight" else 2
        sent += ring * gathered * (fetched + 1 if is_sharded else 2)
    sums = 4 * config.n_layer * positions * config.n_embd  # four a block
    sent += 2 * (grid.tensor - 1) / grid.tensor * sums
    kept = sum(numbers for numbers, _, _ in own.values())
    return Cost(*(NUMBER * n for n in (kept, activations, passing, sent)))


def size(bytes_: float) -> str:
    """In GB of 10⁹ bytes."""
    return f"{bytes_ / 1e9:.2f}" if bytes_ < 1e10 else f"{bytes_ / 1e9:.1f}"


COLUMNS: dict[str, Callable[[Cost], float]] = {
    "parameters": lambda cost: cost.parameters,
    "gradients": lambda cost: cost.parameters,
    "moments": lambda cost: 2 * cost.parameters,
    "activations": lambda cost: cost.activations,
    "tables": lambda cost: cost.passing,
    "peak": lambda cost: cost.peak,
    "sent in a step": lambda cost: cost.sent,
}


def table(name: str, config: GPTConfig) -> str:
    """One model's rows."""
    count = sum(prod(shape) for shape in config.parameter_shapes().values())
    sizes = (
        f"{count:,} parameters: {config.n_layer} layers, {config.n_head} heads, width "
        f"{config.n_embd}, {config.vocab_size:,} tokens, context {config.block_size}."
    )
    lines = [
        f"### {name}",
        "",
        sizes,
        "",
        f"| layout | processes | {' | '.join(COLUMNS)} |",
        "|---|--:|" + "--:|" * len(COLUMNS),
    ]
    for grid in grids(config):
        found = cost(config, grid)
        cells = [size(column(found)) for column in COLUMNS.values()]
        processes = grid.data * grid.tensor
        shape = f" = {grid.data} × {grid.tensor}" if grid.data > 1 < grid.tensor else ""
        lines.append(f"| {grid.name} | {processes}{shape} | {' | '.join(cells)} |")
    return "\n".join(lines)


def page() -> str:
    """The page with the tables as they are now."""
    before, heading, _ = PAGE.read_text(encoding="utf-8").partition(HEADING)
    intro = (
        f"In GB (10⁹ bytes) for one process, all in float32, with {ROWS} texts of the whole "
        "context for each\ngroup that shares matrices. On paper: none of these models was trained "
        "here."
    )
    tables = "\n\n".join(table(name, config) for name, config in MODELS.items())
    return f"{before}{heading}\n\n{intro}\n\n{tables}\n"


if __name__ == "__main__":
    if "--check" not in sys.argv:
        PAGE.write_text(page(), encoding="utf-8")
    elif page() != PAGE.read_text(encoding="utf-8"):
        sys.exit(f"{PAGE.name} must have the tables as they are worked out: run {sys.argv[0]}")
