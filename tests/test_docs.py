"""What the documents say is so: commands, links, names, and the code in them."""

import dataclasses
import doctest
import importlib
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
import typer
from typer.testing import CliRunner

import pellucid
from pellucid import models
from pellucid.checkpoint import export_gguf, open_model
from pellucid.checkpoint.write import write
from pellucid.cli import app
from pellucid.documents.formulas import evaluate
from pellucid.layers import REFERENCE, Pair
from pellucid.tape import Tape
from pellucid.tasks import TASKS, Questions
from pellucid.text import ChatTemplate
from pellucid.walkthrough import Steps
from pellucid.walkthrough.scope import Scope
from tests.cli.commands import name_of
from tests.judge import Example, judge_by_autograd, judge_by_difference
from tests.layers import examples as layer_examples
from tests.shipped.index import CONTENT, made_index, made_wheel
from tests.train.small_training import TEXT

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES += sorted((ROOT / "docs").glob("*.md"))
CURRENT = [page for page in PAGES if page.name != "CHANGELOG.md"]
"""The pages that speak of the code as it is; a changelog has old names too."""

each_current = pytest.mark.parametrize("page", CURRENT, ids=lambda page: page.name)
SMALL_GPT = "--n-layer 1 --n-head 2 --n-embd 8 --max-iters 4 --eval-interval 2 --warmup-iters 1"
SMALLER = {
    "bench": "--model gpt2-tiny --length 8 --max-new-tokens 2 --rounds 1 --batch-size 1",
    "generate": "--max-new-tokens 8",
    "serve": "--port 0",
    "site": "--lesson softmax",
    "train": f"{SMALL_GPT} --block-size 16 --batch-size 4",
    "train-classifier": "--epochs 3",
    "train-translator": f"{SMALL_GPT} --vocab-size 400 --block-size 48 --beam 1",
}
"""What a test adds to a command of docs/commands.md, for a shorter run of the same kind."""


def blocks(page: str, language: str) -> list[str]:
    """The code blocks of a page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.DOTALL | re.MULTILINE)


def test_the_page_of_names_is_the_table_of_names():
    script = ROOT / "scripts" / "names_page.py"
    subprocess.run([sys.executable, script, "--check"], check=True)


def test_the_page_of_comparisons_lists_the_mistakes_that_are_known():
    script = ROOT / "scripts" / "compare_page.py"
    subprocess.run([sys.executable, script, "--check"], check=True)


def test_the_page_of_scaling_has_the_tables_that_are_worked_out():
    script = ROOT / "scripts" / "scaling_page.py"
    subprocess.run([sys.executable, script, "--check"], check=True)


def commands_of(page: str) -> list[list[str]]:
    """The commands in the first column of a page's tables, each as its words."""
    return [
        shlex.split(line) for line in re.findall(r"^\| `pellucid (.+?)` \|", page, re.MULTILINE)
    ]


def test_the_page_of_commands_lists_the_commands_that_there_are():
    listed = {words[0] for words in commands_of(COMMANDS)}
    assert listed == {name_of(command) for command in app.registered_commands}


def test_every_command_on_the_page_of_commands_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "letters.txt").write_text(TEXT, encoding="utf-8")
    table = "red,blue,kind\n" + "30,50,leaf\n40,60,leaf\n220,90,flower\n230,80,flower\n" * 3
    (tmp_path / "plants.csv").write_text(table, encoding="utf-8")
    (tmp_path / "new_plants.csv").write_text("blue,red\n50,30\n", encoding="utf-8")
    (tmp_path / "valid.tsv").write_text("Guten Tag!\tGood day!\nHallo!\tHello!\n", encoding="utf-8")
    for name in ("one.txt", "other.txt"):
        (tmp_path / name).write_text("Good day!\nHello!\n", encoding="utf-8")
    (tmp_path / "answers.csv").write_text("name,1,2\nAda,1.000,0.018\n", encoding="utf-8")
    template = ChatTemplate("{{ messages[-1].content }}")
    export_gguf(*open_model("english-1M"), tmp_path / "chat.gguf", template=template)
    monkeypatch.chdir(tmp_path)
    made_wheel(made_index(tmp_path, monkeypatch), {"tiny/it.gguf": CONTENT})
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr("pellucid.web.http.server.PageServer.answer_until_ended", lambda _: False)
    for name, task in TASKS.items():  # a few questions of each, for a shorter proof
        few = Questions(*(part[:20] for part in task.questions()))
        shorter = dataclasses.replace(task, questions=lambda few=few: few)
        monkeypatch.setitem(TASKS, name, shorter)
    examples = [shlex.split(block)[1:] for block in blocks(COMMANDS, "sh")]
    for words in [*commands_of(COMMANDS), *examples]:
        ended = CliRunner().invoke(app, words + shlex.split(SMALLER.get(words[0], "")))
        expected = 130 if words[0] == "serve" else 0  # it is ended by Ctrl-C
        assert ended.exit_code == expected, f"{words}: {ended.output} {ended.exception}"


@each_current
def test_the_options_in_the_documents_are_those_of_the_commands(page: Path):
    known = typer.main.get_command(app).commands
    for block in blocks(page.read_text(encoding="utf-8"), "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["pellucid"] and words[1] in known:
                options = {name for one in known[words[1]].params for name in one.opts}
                asked = {word.split("=")[0] for word in words if re.match(r"--?[a-z]", word)}
                assert asked <= options | {"--help"}, line


@each_current
def test_the_names_and_paths_in_the_documents_exist(page: Path):
    text = page.read_text(encoding="utf-8")
    # bigram is the architecture that docs/adding-an-architecture.md adds; the others are files
    names = set(re.findall(r"\bpellucid(?:\.(?!bigram|(?:[ch]|rs|js)\b)\w+)+", text))
    assert {name for name in names if not has(name)} == set()
    paths = r"(?<![\w/.:])(?:src|docs|tests|scripts|benchmarks)/[\w/.*-]*\w"
    missing = [path for path in re.findall(paths, text) if not list(ROOT.glob(path))]
    assert missing == []


def has(name: str) -> bool:
    """Whether there is a module of this name, or what it names in one."""
    found, parts = pellucid, name.split(".")
    for place, part in enumerate(parts[1:], 2):
        try:
            found = getattr(found, part, None) or importlib.import_module(".".join(parts[:place]))
        except ModuleNotFoundError:
            return False
    return True


def test_what_the_changelog_says_has_moved_is_where_it_says_and_nowhere_else():
    table = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").split("### Moved and renamed")[1]
    rows = re.findall(r"^\| `([\w.]+)` \| `([\w.]+)` \| (.+) \|$", table, re.MULTILINE)
    assert len(rows) > 25
    for before, after, names in rows:
        pairs = re.findall(r"`(\w+)`(?: → `(\w+)`)?", names.split("; ")[0])
        assert pairs, names
        for old, new in pairs:
            assert has(f"{after}.{new or old}"), f"{after}.{new or old}"
            assert before == after or not has(f"{before}.{old}"), f"{before}.{old}"
            assert not new or old in models.ARCHITECTURES or not has(f"{after}.{old}"), old


def test_every_command_has_its_help():
    for command in app.registered_commands:
        shown = CliRunner().invoke(app, [name_of(command), "--help"])
        assert shown.exit_code == 0
        first = command.callback.__doc__.splitlines()[0].split()[0]
        assert first in shown.output


def anchors(page: Path) -> list[str]:
    """What a link calls the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path):
    links = re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", page.read_text(encoding="utf-8"))
    for target, anchor in links:
        if not target.startswith("http"):
            place = page.parent / target if target else page
            assert place.exists(), target
            assert not anchor or anchor in anchors(place), anchor


def test_the_readme_s_python_runs():
    code, *further = blocks(README, "python")
    assert further == []
    names: dict[str, object] = {}
    exec(code, names)
    positions = len(names["tokens"]) - 1
    for name in ("h.0.attn.att", "dh.0.attn.att"):
        assert names["tape"][name].shape == (4, positions, positions)
    assert names["tape"].made_by("h.0.attn.att").inputs["q"] == "h.0.attn.q"
    assert set(names["params"]) == set(names["model"].params)


def test_the_guide_to_interventions_shows_what_comes_out():
    code = "\n".join(
        blocks((ROOT / "docs" / "interventions.md").read_text(encoding="utf-8"), "python")
    )
    test = doctest.DocTestParser().get_doctest(code, {}, "interventions.md", None, None)
    failed, tried = doctest.DocTestRunner().run(test)
    assert failed == 0
    assert tried > 10


def test_the_module_that_is_watched_on_the_page_of_comparisons_says_what_is_shown():
    pytest.importorskip("transformers", reason="the module is transformers'")
    code = "\n".join(blocks((ROOT / "docs" / "compare.md").read_text(encoding="utf-8"), "python"))
    test = doctest.DocTestParser().get_doctest(code, {}, "compare.md", None, None)
    failed, tried = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test)
    assert failed == 0
    assert tried > 8


def assert_every_equation_holds(tape: Tape) -> int:
    """Each equation of a tape's calls, computed from the tape's values; how many there were."""
    scope, count = Scope(tape), 0
    for call in tape.begun:
        for written in scope.written(call, ""):
            values = {word: tape[name] for word, name in written.names.items()}
            torch.testing.assert_close(*evaluate(written.text, {**written.numbers, **values}))
            count += 1
    return count


def test_the_layer_that_is_added_in_the_guide_is_right():
    page = (ROOT / "docs" / "adding-a-layer.md").read_text(encoding="utf-8")
    file, in_examples = blocks(page, "python")
    names: dict[str, Any] = {}
    exec(file, names)
    forward, backward = names["channel_affine"], names["channel_affine_backward"]
    known = dict(vars(layer_examples)) | {"EXAMPLES": {}}
    exec(in_examples, known)
    examples = known["EXAMPLES"]["channel_affine"]
    for example in examples.values():
        judge_by_autograd(Pair(forward, backward), example)
        judge_by_difference(Pair(forward, backward), example)
    for label, count in {"T": 4, "no bias": 3}.items():
        tape, example = Tape(), examples[label]
        _, cache = forward(*example.inputs, **example.params, tape=tape)
        backward(torch.ones_like(*example.inputs), cache, tape=tape)
        assert example.params.keys() <= names["channel_affine_shapes"](4).keys()
        assert assert_every_equation_holds(tape) == count


@pytest.fixture
def bigram(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The architecture of docs/adding-an-architecture.md, as if its folder were in the package."""
    page = (ROOT / "docs" / "adding-an-architecture.md").read_text(encoding="utf-8")
    files = re.findall(r"^\*\*`bigram/(\w+)\.py`\*\*", page, re.MULTILINE)
    (tmp_path / "bigram").mkdir()
    for name, code in zip(files, blocks(page, "python"), strict=True):
        (tmp_path / "bigram" / f"{name}.py").write_text(code, encoding="utf-8")
    monkeypatch.setattr(models, "__path__", [*models.__path__, str(tmp_path)])
    found = {name: importlib.import_module(f"pellucid.models.bigram.{name}") for name in files}
    adapters = (*models.ADAPTERS, found["huggingface"].BIGRAM)
    monkeypatch.setattr("pellucid.checkpoint.check.ADAPTERS", adapters)
    monkeypatch.setitem(models.ARCHITECTURES, "bigram", found["wiring"].Bigram)
    yield found["wiring"]
    for name in [name for name in sys.modules if name.startswith("pellucid.models.bigram")]:
        del sys.modules[name]


def test_the_architecture_that_is_added_in_the_guide_is_right(bigram: ModuleType):
    model = bigram.Bigram.init(bigram.BigramConfig(7, 3), dtype=torch.float64)
    tokens, targets = torch.tensor([3, 1, 4, 1]), torch.tensor([1, 4, 1, 5])
    for name, inputs in {"bigram_logits": (tokens,), "bigram_loss": (tokens, targets)}.items():
        pair = Pair(getattr(bigram, name), getattr(bigram, f"{name}_backward"))
        example = Example(inputs, model.params, {"ops": REFERENCE})
        judge_by_autograd(pair, example)
        judge_by_difference(pair, example)
    (run,) = bigram.Bigram.dry_runs()
    tape = Tape()
    model.loss_and_grads(tokens, targets, tape)
    assert assert_every_equation_holds(tape) > 8
    assert {step.title for step in Steps(run.tape).forward()} >= {
        "Embedding lookup",
        "Logit projection",
    }
    for name in (name for name in run.tape if not name.endswith(".x")):  # a part of a gradient
        meaning = Scope(run.tape).meaning(name.removeprefix("d"))
        assert meaning is not None, name
        sizes = tuple(run.letters.get(size, "") for size in run.tape[name].shape)
        assert sizes == meaning.letters, name


def test_the_architecture_of_the_guide_is_saved_and_read(bigram: ModuleType, tmp_path: Path):
    model = bigram.Bigram.init(bigram.BigramConfig(7, 3))
    pellucid.save(model, tmp_path / "own")
    assert torch.equal(pellucid.load(tmp_path / "own").forward([1, 2]), model.forward([1, 2]))

    table, linear = torch.nn.Embedding(7, 3), torch.nn.Linear(3, 7)
    tensors = {"embedding.weight": table.weight, "out.weight": linear.weight}
    tensors = {
        name: tensor.detach() for name, tensor in (tensors | {"out.bias": linear.bias}).items()
    }
    settings = {"model_type": "bigram", "vocab_size": 7, "hidden_size": 3, "activation": "none"}
    write(tmp_path / "foreign", settings, tensors, {})
    tokens = torch.tensor([3, 1, 4])
    torch.testing.assert_close(
        pellucid.load(tmp_path / "foreign").forward(tokens), linear(table(tokens))
    )

    for changed, told in (({"activation": "tanh"}, "activation"), ({"dropin": 1}, "dropin")):
        write(tmp_path / "other", settings | changed, tensors, {})
        with pytest.raises(pellucid.PellucidError, match=told):
            pellucid.load(tmp_path / "other")
