"""What the source of layers, models and optimizers keeps to, read as source."""

import ast
import inspect
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import pellucid
from pellucid import layers
from pellucid.tape import BACKWARD

SOURCE = Path(pellucid.__file__).parent
LAYERS = sorted((SOURCE / "layers").glob("*.py"))
TRACED = LAYERS + [path for room in ("models", "optim") for path in (SOURCE / room).rglob("*.py")]
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
                # A residual connection is shown in its block's words, held to below.
                in_words_of_its_block = function.name.startswith("residual")
                keywords += [] if in_words_of_its_block else node.keywords
    return keywords


def bound(function: ast.FunctionDef) -> Iterator[str]:
    """Every name that a function binds, as often as it does."""
    arguments = function.args
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        yield argument.arg
    for line in function.body:
        yield from bound_by(line)


def bound_by(node: ast.AST) -> Iterator[str]:
    """What a line binds; a comprehension's names are its own, and of an if one half runs."""
    if isinstance(node, ast.If):
        halves = [
            Counter(name for line in half for name in bound_by(line))
            for half in (node.body, node.orelse)
        ]
        yield from (halves[0] | halves[1]).elements()
    elif not isinstance(node, OWN_SCOPE):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        for child in ast.iter_child_nodes(node):
            yield from bound_by(child)


def parametrized(paths: list[Path]) -> pytest.MarkDecorator:
    names = [str(path.relative_to(SOURCE)) for path in paths]
    return pytest.mark.parametrize("path", paths, ids=names)


@parametrized(TRACED)
def test_a_tape_keyword_is_its_variable(path: Path):
    for function in functions(path):
        for keyword in shown(function):
            value = ast.unparse(keyword.value)
            assert keyword.arg == value, f"{path.name}:{keyword.lineno} shows {value}"


@pytest.mark.parametrize("block", [layers.block, layers.decoder_block], ids=["block", "decoder"])
def test_a_residual_connection_is_named_by_the_variables_of_its_block(block: Callable[..., Any]):
    module = inspect.getmodule(inspect.unwrap(block))
    connections = []
    for function in functions(Path(module.__file__)):
        for line in ast.walk(function):
            if isinstance(line, ast.Assign) and "residual" in ast.unparse(line.value):
                came, call = line.targets[0].elts[0].id, line.value
                told = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
                names = getattr(module, told["names"])
                if function.name.endswith(BACKWARD):
                    assert (call.args[0].id, came) == (f"d{names.out}", f"d{names.x}")
                else:
                    assert (call.args[0].id, told["ln"], came) == (names.x, names.ln, names.out)
                    connections.append(names)
    assert [names.ln for names in connections] == [f"ln_{i + 1}" for i in range(len(connections))]
    assert [names.sum for names in connections] == [f"sum_{i + 1}" for i in range(len(connections))]


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
