"""The names of a network for the next character; T counts its windows."""

from pellucid.walkthrough.rows import NameRow, linear

NEXT_TOKEN: tuple[NameRow, ...] = (
    NameRow("windows", ("T", "W"), "u", "token ids of each window, its target one of `targets`"),
    NameRow(
        "wte.out", ("T", "W", "C"), "U W_e", "the characters' vectors; none where they are ids"
    ),
    NameRow(
        "inputs", ("T", "I"), "x", "the vectors side by side, or ids over V; or a table's rows"
    ),
    *linear("hidden", "I", "F"),
    NameRow("hidden.out", ("T", "F"), "x W + b", "inner values"),
    NameRow("act.out", ("T", "F"), "max(x W + b, 0)", "bent inner values"),
    *linear("output", "F", "V"),
    NameRow("output.out", ("T", "V"), "x W + b", "the logits, as the last map makes them"),
)
"""What is not named as in a GPT, in data-flow order."""
