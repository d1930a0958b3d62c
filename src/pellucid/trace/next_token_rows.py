"""The names of a network for the next character; T counts its windows."""

from pellucid.trace.rows import Name, linear

NEXT_TOKEN: tuple[Name, ...] = (
    Name("windows", ("T", "W"), "u", "token ids of each window, its target one of `targets`"),
    Name("wte.out", ("T", "W", "C"), "U W_e", "the characters' vectors; none where they are ids"),
    Name("inputs", ("T", "I"), "x", "the vectors side by side, or ids over V; or a table's rows"),
    *linear("hidden", "I", "F"),
    Name("hidden.out", ("T", "F"), "x W + b", "inner values"),
    Name("act.out", ("T", "F"), "max(x W + b, 0)", "bent inner values"),
    *linear("output", "F", "V"),
    Name("output.out", ("T", "V"), "x W + b", "the logits, as the last map makes them"),
)
"""What is not named as in a GPT, in data-flow order."""
