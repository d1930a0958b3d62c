import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.tree import add, flatten, map_leaves, present, unflatten

KEYS = st.text("ab0_", min_size=1, max_size=3)
TREES = st.dictionaries(
    KEYS,
    st.recursive(
        st.integers() | st.none() | st.lists(st.integers()),
        lambda nodes: st.dictionaries(KEYS, nodes, min_size=1, max_size=3),
        max_leaves=8,
    ),
    max_size=3,
)


@given(TREES)
def test_unflatten_undoes_flatten(tree: dict):
    flat = flatten(tree)
    assert unflatten(flat) == tree
    assert list(flatten(unflatten(flat))) == list(flat), "and keeps the order"
    assert not any(isinstance(leaf, dict) for leaf in flat.values())


@given(TREES)
def test_map_leaves_keeps_the_shape_and_leaves_the_tree_alone(tree: dict):
    before = repr(tree)
    mapped = map_leaves(lambda leaf: [leaf], tree)
    assert flatten(mapped) == {name: [leaf] for name, leaf in flatten(tree).items()}
    assert map_leaves(lambda leaf: leaf, tree) == tree
    assert repr(tree) == before


def test_names_are_the_path_with_dots():
    tree = {"h": {"0": {"w": 1}, "1": {"w": 2}}, "wte": 3}
    assert flatten(tree) == {"h.0.w": 1, "h.1.w": 2, "wte": 3}
    assert flatten(tree, "d.") == {"d.h.0.w": 1, "d.h.1.w": 2, "d.wte": 3}


def test_map_leaves_takes_several_trees():
    one, two, three = ({"a": {"x": n}, "b": 10 * n} for n in (1, 2, 3))
    joined = map_leaves(lambda *leaves: leaves, one, two, three)
    assert joined == {"a": {"x": (1, 2, 3)}, "b": (10, 20, 30)}
    with pytest.raises(KeyError, match="b"):
        map_leaves(lambda *leaves: leaves, one, {"a": {"x": 1}})


def test_add_and_present():
    assert add({"a": {"x": 1}, "b": 2}, {"b": 20, "a": {"x": 10}}) == {"a": {"x": 11}, "b": 22}
    assert present(weight=0, bias=None) == {"weight": 0}, "a zero is there"
    assert present() == {}
