"""Other kinds of numbers that the layers' own code runs on: balls, and terms.

`real` is what balls are made of and `ball` an array of them, kept as `arrays` has it; large
`products` of such matrices are made of `slices`, which `sliced` multiplies. `term` is a number that
remembers how it was made, by one of the `operations`, and `term_array` an array of those,
`elementwise` its operators and `views` its shapes. `decimal` works a term out from rounded figures.
`rounded` are floats with how far rounding may have brought them, and `affine` all that is made of
the points of a box, by `slopes`. All kinds of array answer like tensors:

>>> import torch
>>> from pellucid.layers import softmax
>>> out, _ = softmax(Ball.exact(torch.tensor([0.0, 1.0])))
>>> out
<Ball of shape (2,), radius at most 3e-16>
"""

from pellucid.numbers.affine import Affine
from pellucid.numbers.ball import REAL, Ball
from pellucid.numbers.decimal import Written, figures, shortest
from pellucid.numbers.operations import OPERATIONS, Operation
from pellucid.numbers.reader import reader
from pellucid.numbers.real import at_least, at_most, decimal_ends, distance, is_finite
from pellucid.numbers.rounded import Rounded
from pellucid.numbers.slopes import new_group
from pellucid.numbers.term import Term, apply, at, number
from pellucid.numbers.term_array import TermArray
from pellucid.numbers.turns import Stop, breathe, precision, stoppable

__all__ = [
    "OPERATIONS",
    "REAL",
    "Affine",
    "Ball",
    "Operation",
    "Rounded",
    "Stop",
    "Term",
    "TermArray",
    "Written",
    "apply",
    "at",
    "at_least",
    "at_most",
    "breathe",
    "decimal_ends",
    "distance",
    "figures",
    "is_finite",
    "new_group",
    "number",
    "precision",
    "reader",
    "shortest",
    "stoppable",
]
