"""A row of the table of names, and the rows that a layer brings wherever it stands."""

from typing import NamedTuple


class NameRow(NamedTuple):
    """One row of the table."""

    pattern: str
    shape: tuple[str, ...]
    symbol: str  # as textbooks and papers write it
    meaning: str


def layer_norm(path: str, symbol: str) -> tuple[NameRow, ...]:
    """The rows of a layer norm at this path."""
    stream, row = ("T", "C"), ("T", "1")
    return (
        NameRow(f"{path}.weight", ("C",), f"γ{symbol}", "gain"),
        NameRow(f"{path}.bias", ("C",), f"β{symbol}", "shift"),
        NameRow(f"{path}.mean", row, f"μ{symbol}", "mean of the row"),
        NameRow(f"{path}.variance", row, f"σ²{symbol}", "mean squared deviation of the row"),
        NameRow(
            f"{path}.rstd",
            row,
            "1/√(σ²+ε)",
            "what the row is scaled by",
        ),
        NameRow(f"{path}.xhat", stream, f"x̂{symbol}", "the row with mean 0 and variance 1"),
        NameRow(f"{path}.out", stream, "γ x̂ + β", "output"),
    )


def linear(path: str, into: str, out: str) -> tuple[NameRow, ...]:
    """The rows of a linear map's parameters."""
    return (
        NameRow(f"{path}.weight", (into, out), "W", "weight, (in, out)"),
        NameRow(f"{path}.bias", (out,), "b", "bias"),
    )


LORA = ("lora_a", "lora_b", "base", "low", "learned")
"""What a linear map has under its path with LoRA alone."""


def lora(path: str, into: str, out: str) -> tuple[NameRow, ...]:
    """The rows of LoRA's pair beside a linear map, and of what goes through it."""
    return (
        NameRow(f"{path}.lora_a", (into, "r"), "A", "down to LoRA's rank, (in, r)"),
        NameRow(f"{path}.lora_b", ("r", out), "B", "and up again, (r, out); 0 at the start"),
        NameRow(f"{path}.base", ("T", out), "x W + b", "the map without its pair, with LoRA only"),
        NameRow(f"{path}.low", ("T", "r"), "x A", "the input brought down to LoRA's rank"),
        NameRow(f"{path}.learned", ("T", out), "x A B", "what LoRA's pair adds to the map"),
    )


def dropout(path: str, shape: tuple[str, ...]) -> tuple[NameRow, ...]:
    """The rows of dropout: its noise, and what it leaves."""
    return (
        NameRow(f"{path}.noise", shape, "", "0 where dropped, else 1/(1-p); only in training"),
        NameRow(f"{path}.out", shape, "", "what dropout leaves; only in training"),
    )
