"""The names of a classifier: T counts its examples, I its inputs, V its outputs."""

from pellucid.walkthrough.rows import NameRow, linear

CLASSIFIER: tuple[NameRow, ...] = (
    NameRow("standardize.mean", ("I",), "μ", "mean of each column in the training part"),
    NameRow("standardize.std", ("I",), "σ", "standard deviation of each column there"),
    NameRow("standardize.out", ("T", "I"), "(x - μ)/σ", "the inputs, all columns of one size"),
    *linear("hidden.i", "I", "F"),
    NameRow("hidden.i.out", ("T", "F"), "x W + b", "the nodes of a hidden layer"),
    NameRow("hidden.i.act.out", ("T", "F"), "max(x W + b, 0)", "the nodes after the ReLU"),
    NameRow("binary_logits.out", ("T", "2"), "(x, 0)", "one output as the scores of two classes"),
    NameRow(
        "wanted", ("T", "V"), "y", "the outputs that are wanted; where the loss is a difference"
    ),
    NameRow("errors", ("T", "V"), "x W + b - y", "how far the outputs are from those wanted"),
)
"""What is not named as in a GPT or a next-token network; I is F for all layers but the first."""
