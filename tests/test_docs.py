"""What the documents say is so: commands, links, names, and the code in them."""

import doctest
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

import pellucid
from pellucid.cli import app
from pellucid.layers import Pair
from tests.cli.commands import name_of
from tests.judge import Example, judge_by_autograd

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES += sorted((ROOT / "docs").glob("*.md"))


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


def test_the_readme_lists_the_commands_that_there_are():
    listed = set(re.findall(r"^\| `pellucid ([\w-]+)", README, re.MULTILINE))
    assert listed == {name_of(command) for command in app.registered_commands}


def test_every_command_has_its_help():
    for command in app.registered_commands:
        shown = CliRunner().invoke(app, [name_of(command), "--help"])
        assert shown.exit_code == 0
        first = command.callback.__doc__.splitlines()[0].split()[0]
        assert first in shown.output


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path):
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_the_readme_s_python_runs(tmp_path: Path):
    from pellucid.models import GPTConfig
    from pellucid.text import Characters

    alphabet = Characters.from_text("To be, or not")
    config = GPTConfig(alphabet.vocab_size, block_size=16, n_layer=1, n_head=2, n_embd=8)
    pellucid.save(pellucid.GPT.init(config), tmp_path)
    alphabet.save(tmp_path)
    (code,) = blocks(README, "python")
    names: dict[str, object] = {}
    exec(code.replace("runs/shakespeare", str(tmp_path)), names)
    assert names["tape"]["h.0.attn.att"].shape == (2, 13, 13)
    assert set(names["params"]) == set(names["model"].params)


def test_the_guide_to_touching_a_run_shows_what_comes_out():
    code = "\n".join(blocks((ROOT / "docs" / "touching.md").read_text(encoding="utf-8"), "python"))
    test = doctest.DocTestParser().get_doctest(code, {}, "touching.md", None, None)
    failed, tried = doctest.DocTestRunner().run(test)
    assert failed == 0
    assert tried > 10


def test_the_layer_that_is_added_in_the_guide_is_right():
    (code,) = blocks((ROOT / "docs" / "adding-a-layer.md").read_text(encoding="utf-8"), "python")
    names: dict[str, object] = {}
    exec("from torch import Tensor\nfrom pellucid.tape import NULL_TAPE, NullTape\n" + code, names)
    x = torch.randn(2, 3, 4, dtype=torch.float64)
    weight = torch.randn(4, dtype=torch.float64)
    pair = Pair(names["scale"], names["scale_backward"])
    judge_by_autograd(pair, Example((x,), {"weight": weight}))
