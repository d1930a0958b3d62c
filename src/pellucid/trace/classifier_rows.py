"""The names of a classifier: T counts its examples, I its inputs, V its outputs."""

from pellucid.trace.rows import Name, linear

CLASSIFIER: tuple[Name, ...] = (
    Name("standardize.mean", ("I",), "μ", "mean of each column in the training part"),
    Name("standardize.std", ("I",), "σ", "standard deviation of each column there"),
    Name("standardize.out", ("T", "I"), "(x - μ)/σ", "the inputs, all columns of one size"),
    *linear("hidden.i", "I", "F"),
    Name("hidden.i.out", ("T", "F"), "x W + b", "the nodes of a hidden layer"),
    Name("hidden.i.act.out", ("T", "F"), "max(x W + b, 0)", "the nodes after the ReLU"),
    Name("two_way.out", ("T", "2"), "(x, 0)", "one output as the scores of two classes"),
    Name("wanted", ("T", "V"), "y", "the outputs that are wanted; where the loss is a difference"),
    Name("errors", ("T", "V"), "x W + b - y", "how far the outputs are from those wanted"),
)
"""What is not named as in a GPT or a next-token network; I is F for all layers but the first."""
