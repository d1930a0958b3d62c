"""What the source of layers, models and optimizers keeps to, read as source."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import pellucid
from pellucid.tape import BACKWARD

SOURCE = Path(pellucid.__file__).parent
LAYERS = sorted((SOURCE / "layers").glob("*.py"))
TRACED = LAYERS + [path for room in ("models", "optim") for path in (SOURCE / room).glob("*.py")]
OWN_SCOPE = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Lambda, ast.FunctionDef)


def functions(path: Path) -> list[ast.FunctionDef]:
    """All functions of a file, in the order of their lines."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return sorted(found, key=lambda function: function.lineno)


def shown(function: ast.FunctionDef) -> list[ast.keyword]:
    """The keywords of every `tape(...)` and `tape.at(...)(...)` in a function."""
    keywords = []
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            place = node.func
            if isinstance(place, ast.Call) and isinstance(place.func, ast.Attribute):
                place = place.func.value  # the tape of tape.at(...)
            if isinstance(place, ast.Name) and place.id == "tape":
                assert not node.args, ast.unparse(node)
                keywords += node.keywords
    return keywords


def bound(function: ast.FunctionDef) -> Iterator[str]:
    """Every name that a function binds, as often as it does; a comprehension's are its own."""
    arguments = function.args
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        yield argument.arg
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        if not isinstance(node, OWN_SCOPE):
            waiting += ast.iter_child_nodes(node)


def parametrized(paths: list[Path]) -> pytest.MarkDecorator:
    names = [str(path.relative_to(SOURCE)) for path in paths]
    return pytest.mark.parametrize("path", paths, ids=names)


@parametrized(TRACED)
def test_a_tape_keyword_is_its_variable(path: Path):
    for function in functions(path):
        for keyword in shown(function):
            value = ast.unparse(keyword.value)
            assert keyword.arg == value, f"{path.name}:{keyword.lineno} shows {value}"


@parametrized(TRACED)
def test_a_backward_shows_gradients_only(path: Path):
    for function in functions(path):
        for keyword in shown(function):
            gradient = function.name.endswith(BACKWARD)
            assert gradient == keyword.arg.startswith("d"), f"{function.name}: {keyword.arg}"


def test_layers_and_optimizers_show_something():
    assert sum(len(shown(function)) for path in TRACED for function in functions(path)) > 80


@parametrized(LAYERS)
def test_a_name_is_bound_once(path: Path):
    for function in functions(path):
        times = Counter(name for name in bound(function) if name != "_")
        twice = [name for name, count in times.items() if count > 1]
        assert twice == [], function.name


@parametrized(TRACED)
def test_a_forward_stands_directly_above_its_backward(path: Path):
    names = [function.name for function in functions(path)]
    alone = {"table_backward"}  # the forward of using a table twice is to use it twice
    for name in names:
        if name.endswith(BACKWARD) and name not in alone:
            assert names.index(name.removesuffix(BACKWARD)) == names.index(name) - 1, name


@parametrized(LAYERS)
def test_a_layer_writes_nothing_in_place(path: Path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        assert not isinstance(node, ast.AugAssign), ast.unparse(node)
        stored = isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store)
        assert not stored, ast.unparse(node)
