"""The shape of the house: who may import whom, what is exported, what is written down."""

import ast
import doctest
import importlib
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import pellucid

SOURCE = Path(pellucid.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
MODULES = [
    ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in FILES
    if path.stem != "__main__"  # to import it is to run it
]
PACKAGES = [path for path in FILES if path.name == "__init__.py" and path.parent != SOURCE]
TESTS = Path(__file__).parent
TEST_FILES = sorted(TESTS.rglob("*.py"))
ROOMS = (
    "__init__",
    *(
        "visible",
        "errors",
        "tree",
        "files",
        "gguf_header",
        "shipped",
        "tape",
        "numbers",
        "native",
        "layers",
        "kernels",
    ),
    *(
        "optim",
        "text",
        "grammar",
        "models",
        "checkpoint",
        "generate",
        "evaluate",
        "distribute",
        "train",
        "bench",
    ),
    *("explain", "prove", "inspect", "words", "walkthrough", "reference", "compare"),
    *("tasks", "examples"),
    *("documents", "lessons", "handouts", "pictures", "terminal", "web", "site", "cli", "__main__"),
)

UNVISITED = {"gguf_header", "visible", "errors", "files", "shipped"}
"""Rooms that the reading order leaves out."""

each_room = pytest.mark.parametrize("here", ROOMS)
each_package = pytest.mark.parametrize("path", PACKAGES, ids=lambda path: path.parent.name)


@pytest.fixture(autouse=True, scope="module")
def _forgetting() -> Iterator[None]:
    yield
    parsed.cache_clear()


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def room(path: Path) -> str:
    """The first part of the path; the package's own `__init__` comes before all rooms."""
    return path.relative_to(SOURCE).with_suffix("").parts[0]


def files_of(here: str) -> list[Path]:
    """The files of a room."""
    return [path for path in FILES if room(path) == here]


def imported(path: Path) -> Iterator[str]:
    """Full names of all that a file imports, wherever in it: `pellucid.layers.linear`."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports by dots"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def defined(tree: ast.Module) -> Iterator[str]:
    """The names that a module itself gives a meaning to, at its top level."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def public(tree: ast.Module) -> list[ast.FunctionDef | ast.ClassDef]:
    """Functions and classes without an underscore, and such methods of such classes."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef) and not _private(node):
            kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
            found += [child for child in node.body if isinstance(child, kinds)]
    return [node for node in found if not _private(node) and not _overload(node)]


def _overload(node: ast.FunctionDef | ast.ClassDef) -> bool:
    """Whether it is one more signature of a function that is documented where it stands."""
    return any(ast.unparse(decorator) == "overload" for decorator in node.decorator_list)


def _private(node: ast.AST) -> bool:
    return getattr(node, "name", "").startswith("_")


def test_every_file_is_in_a_room():
    assert {room(path) for path in FILES} == set(ROOMS)


@each_room
def test_a_room_imports_only_rooms_before_it(here: str):
    before = ROOMS[: ROOMS.index(here) + 1]
    for path in files_of(here):
        for name in imported(path):
            top, *rest = name.split(".")
            if top == "pellucid":
                assert rest, f"{path}: import what you need of pellucid by its room"
                assert rest[0] in before, f"{path} imports {name}"


@each_package
def test_a_package_exports_what_it_defines_and_passes_on_and_nothing_else(path: Path):
    package = f"pellucid.{'.'.join(path.parent.relative_to(SOURCE).parts)}"
    exported = getattr(importlib.import_module(package), "__all__", [])
    within = {name for name in imported(path) if name.startswith(f"{package}.")}
    own = {name.rsplit(".", 1)[-1] for name in within}
    used = {node.id for node in ast.walk(parsed(path)) if isinstance(node, ast.Name)}
    public = {name for name in (own - used) | set(defined(parsed(path))) if name[0] != "_"}
    assert public <= set(exported) <= public | own
    assert len(set(exported)) == len(exported)


def test_the_root_answers_to_every_name_it_lists_and_imports_none_before():
    assert sorted(set(pellucid.__all__)) == dir(pellucid)
    for name in pellucid.__all__:
        assert getattr(pellucid, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'GPT3'"):
        _ = pellucid.GPT3
    loaded = "import pellucid, sys; print(*(n for n in ('torch', 'numpy') if n in sys.modules))"
    run = subprocess.run([sys.executable, "-c", loaded], capture_output=True, check=True)
    assert run.stdout.split() == []


def test_a_class_name_has_one_meaning():
    nodes = [node for path in FILES for node in ast.walk(parsed(path))]
    times = Counter(node.name for node in nodes if isinstance(node, ast.ClassDef))
    assert [name for name, count in times.items() if count > 1] == []


@each_room
def test_what_is_public_is_documented(here: str):
    for path in files_of(here):
        tree = parsed(path)
        assert path == SOURCE / "__init__.py" or ast.get_docstring(tree), path
        assert [node.name for node in public(tree) if not ast.get_docstring(node)] == [], path


@each_room
def test_a_module_can_be_read_in_a_quarter_of_an_hour(here: str):
    for path in files_of(here):
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) <= 300, path
        assert max(map(len, lines), default=0) <= 100, path


def test_no_code_is_looked_at_or_changed_while_it_runs():
    """A layer's wrapper records it and puts another in its stead: nothing else is needed."""
    texts = [path for path in SOURCE.rglob("*") if path.suffix in {".py", ".js", ".html"}]
    magic = re.compile(r"_getframe|setprofile|__code__|exec\(")
    assert [path for path in texts if magic.search(path.read_text(encoding="utf-8"))] == []


def test_the_readme_lists_the_rooms_in_their_order():
    readme = (TESTS.parent / "README.md").read_text(encoding="utf-8")
    tree = readme[readme.index("src/pellucid/\n") :].split("```")[0]
    listed = [
        name.removesuffix(".py") for name in re.findall(r"^  ([\w.]+)/?  ", tree, re.MULTILINE)
    ]
    assert listed == [name for name in ROOMS if name[0] != "_"]


def test_the_reading_order_visits_every_room_in_its_order_and_names_files_that_exist():
    text = (TESTS.parent / "docs" / "reading-order.md").read_text(encoding="utf-8")
    for name in re.findall(r"`((?:[a-z_]+/)+(?:\w+\.\w+)?|\w+\.py)`", text):
        assert list(SOURCE.glob(name)) or list(SOURCE.rglob(name)), name
    visited = [name for name in re.findall(r"\*\*`(\w+)[/.]", text) if name in ROOMS]
    first = dict.fromkeys(visited)
    assert set(first) == {name for name in ROOMS if name[0] != "_"} - UNVISITED
    others = [name for name in first if name not in {"numbers", "native"}]  # the page says why
    assert others == sorted(others, key=ROOMS.index)


@each_room
def test_the_examples_in_docstrings_run(here: str):
    own = f"pellucid.{here}"
    for name in MODULES:
        if name == own or name.startswith(f"{own}."):
            failed, _ = doctest.testmod(importlib.import_module(name))
            assert failed == 0, name


# -- the tests themselves --------------------------------------------------------------------------


def test_nothing_is_imported_from_a_test():
    for path in TEST_FILES:
        parts = {part for name in imported(path) for part in name.split(".")}
        found = [part for part in parts if part.startswith("test_")]
        assert found == [], f"{path}: put it into a helper module"


def test_the_tests_mirror_the_rooms():
    folders = {path.relative_to(TESTS).parts[0] for path in TEST_FILES if path.parent != TESTS}
    rooms = {path.relative_to(SOURCE).parts[0] for path in PACKAGES}
    others = {
        "formal": "theorems in Rocq, beside the package",
        "fuzz": "of all rooms",
        "port": "a GPT in NumPy, which several rooms compare with",
        "scripts": "what makes the models, beside the package",
    }
    assert folders - rooms == set(others)
    assert rooms - folders == set()
    assert [path for path in TEST_FILES if not (path.parent / "__init__.py").exists()] == []
    times = Counter(path.name for path in TEST_FILES if path.name.startswith("test_"))
    assert [name for name, count in times.items() if count > 1] == []
