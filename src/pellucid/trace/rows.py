"""A row of the table of names, and the rows that a layer brings wherever it stands."""

from typing import NamedTuple


class Name(NamedTuple):
    """One row of the table."""

    pattern: str
    shape: tuple[str, ...]
    symbol: str  # as textbooks and papers write it
    meaning: str


def layer_norm(path: str, symbol: str) -> tuple[Name, ...]:
    """The rows of a layer norm at this path."""
    stream, row = ("T", "C"), ("T", "1")
    return (
        Name(f"{path}.weight", ("C",), f"γ{symbol}", "gain"),
        Name(f"{path}.bias", ("C",), f"β{symbol}", "shift"),
        Name(f"{path}.mean", row, f"μ{symbol}", "mean of the row"),
        Name(f"{path}.variance", row, f"σ²{symbol}", "mean squared deviation of the row"),
        Name(
            f"{path}.rstd",
            row,
            "1/√(σ²+ε)",
            "what the row is scaled by",
        ),
        Name(f"{path}.xhat", stream, f"x̂{symbol}", "the row with mean 0 and variance 1"),
        Name(f"{path}.out", stream, "γ x̂ + β", "output"),
    )


def linear(path: str, into: str, out: str) -> tuple[Name, ...]:
    """The rows of a linear map's parameters."""
    return (
        Name(f"{path}.weight", (into, out), "W", "weight, (in, out)"),
        Name(f"{path}.bias", (out,), "b", "bias"),
    )


LORA = ("lora_a", "lora_b", "base", "low", "learned")
"""What a linear map has under its path with LoRA alone."""


def lora(path: str, into: str, out: str) -> tuple[Name, ...]:
    """The rows of LoRA's pair beside a linear map, and of what goes through it."""
    return (
        Name(f"{path}.lora_a", (into, "r"), "A", "down to LoRA's rank, (in, r)"),
        Name(f"{path}.lora_b", ("r", out), "B", "and up again, (r, out); 0 at the start"),
        Name(f"{path}.base", ("T", out), "x W + b", "the map without its pair, with LoRA only"),
        Name(f"{path}.low", ("T", "r"), "x A", "the input brought down to LoRA's rank"),
        Name(f"{path}.learned", ("T", out), "x A B", "what LoRA's pair adds to the map"),
    )


def dropout(path: str, shape: tuple[str, ...]) -> tuple[Name, ...]:
    """The rows of dropout: its noise, and what it leaves."""
    return (
        Name(f"{path}.noise", shape, "", "0 where dropped, else 1/(1-p); only in training"),
        Name(f"{path}.out", shape, "", "what dropout leaves; only in training"),
    )
