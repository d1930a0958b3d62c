"""Trees: nested dicts whose leaves are tensors, and their dotted names.

Parameters, gradients, optimizer moments and updates are all trees of the same shape:

>>> tree = {"h": {"0": {"ln_1": {"weight": 1.0, "bias": 2.0}}}, "wte": {"weight": 3.0}}
>>> flatten(tree)
{'h.0.ln_1.weight': 1.0, 'h.0.ln_1.bias': 2.0, 'wte.weight': 3.0}
>>> unflatten(flatten(tree)) == tree
True

The names are those of GPT-2's checkpoints, so loading one is a copy.
"""

from collections.abc import Callable, Mapping
from typing import Any

Tree = dict[str, Any]
"""A nested dict with string keys; anything that is not a dict is a leaf."""


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The leaves under their dotted names, in the tree's own order."""
    flat: dict[str, Any] = {}
    for key, node in tree.items():
        if isinstance(node, Mapping):
            flat.update(flatten(node, f"{prefix}{key}."))
        else:
            flat[prefix + key] = node
    return flat


def unflatten(flat: Mapping[str, Any]) -> Tree:
    """The tree whose leaves have these dotted names; the inverse of `flatten`."""
    tree: Tree = {}
    for name, leaf in flat.items():
        *path, last = name.split(".")
        node = tree
        for key in path:
            node = node.setdefault(key, {})
        node[last] = leaf
    return tree


def map_leaves(function: Callable[..., Any], tree: Tree, *others: Tree) -> Tree:
    """A tree of `function(leaf, *leaves of the others at the same place)`.

    >>> map_leaves(lambda a, b: a + b, {"w": {"x": 1}}, {"w": {"x": 2}})
    {'w': {'x': 3}}

    Raises `KeyError` where another tree lacks a leaf of the first.
    """
    return {
        key: map_leaves(function, node, *(other[key] for other in others))
        if isinstance(node, dict)
        else function(node, *(other[key] for other in others))
        for key, node in tree.items()
    }


def add(tree: Tree, other: Tree) -> Tree:
    """The sum, leaf by leaf, of two trees of the same shape."""
    return map_leaves(lambda leaf, addend: leaf + addend, tree, other)


def replaced(tree: Tree, leaves: Tree) -> Tree:
    """The tree with these leaves in the place of its own; they may be some of them.

    >>> replaced({"a": 1, "b": {"c": 2}}, {"b": {"c": 3}})
    {'a': 1, 'b': {'c': 3}}
    """
    return unflatten(flatten(tree) | flatten(leaves))


def matching(tree: Tree, other: Tree) -> Tree:
    """The leaves of a tree at the places where another has some.

    >>> matching({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"c": 0}})
    {'b': {'c': 2}}

    Raises `KeyError` where the tree lacks a leaf of the other.
    """
    return {
        key: matching(tree[key], node) if isinstance(node, dict) else tree[key]
        for key, node in other.items()
    }


def present(**leaves: Any) -> Tree:
    """The leaves that are there: a layer without a bias has no gradient for one.

    >>> present(weight=1.0, bias=None)
    {'weight': 1.0}
    """
    return {key: leaf for key, leaf in leaves.items() if leaf is not None}
