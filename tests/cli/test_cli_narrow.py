"""Every command in a narrow terminal: whatever is printed in a wide one is there, no word cut."""

import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.cells import cell_len

from pellucid.checkpoint import save
from pellucid.cli import app
from tests.cli.commands import name_of
from tests.cli.conftest import Command
from tests.port import gpt2 as port
from tests.port.models import N_HEAD, model_of, small
from tests.terminal.reading import NUMBER, squeezed

TEXT = "The world is not the world."


@pytest.fixture(params=[80, 60, 40])
def narrow(request: pytest.FixtureRequest) -> int:
    return request.param


def at(width: int, pellucid: Command, command: list[str]) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pellucid.cli.screen.WIDTH", width)
        ended = pellucid(*command)
    assert (ended.code, ended.err) == (0, "")
    return ended.out


@pytest.mark.thinned
@pytest.mark.parametrize(
    "command",
    [
        ["examples"],
        ["explain", "h.0.mlp.act.out[0,0]", "--depth", "2"],
        ["explain", "h.0.ln_1.out[1,2]", "--by-hand", "4"],
        ["explain", "dh.0.attn.c_attn.weight[1,2]", "--terms", "3"],
        ["walk", "--by-hand", "4"],
        ["walk", "--show", "dh.0.mlp.c_fc.weight", "--show", "h.0.attn.att"],
        ["walk", TEXT, "--model", "english-1M", "--no-update"],
        ["walk", TEXT, "--model", "english-1M", "--shapes"],
        ["prove", "ai_rocks", "--until", "gradients"],
        ["reach", TEXT, "--model", "english-1M"],
        ["generate", "--prompt", TEXT, "--why", "--max-new-tokens", "2"],
        ["tokenize", "Uncharacteristically internationalized", "--merges"],
    ],
    ids=" ".join,
)
def test_nothing_is_cut_off(pellucid: Command, command: list[str], narrow: int):
    wide, out = at(5000, pellucid, command), at(narrow, pellucid, command)
    lines = [line for line in out.splitlines() if not line.startswith("Next: ")]  # to be copied
    assert max(map(cell_len, lines)) <= narrow, "a hat has no column of its own"
    assert not Counter(NUMBER.findall(wide)) - Counter(NUMBER.findall(out)), "a number is broken"
    assert out.count("…") <= wide.count("…")
    words = {word for word in re.findall(r"[^\s█│─╭╮╰╯]+", wide) if len(word) < narrow // 3}
    assert [word for word in words if word not in squeezed(out)] == []


@pytest.mark.parametrize("name", [name_of(command) for command in app.registered_commands])
def test_help_has_every_option_at_80_columns(
    pellucid: Command, monkeypatch: pytest.MonkeyPatch, name: str
):
    wide, out = (
        (monkeypatch.setenv("COLUMNS", str(width)), pellucid(name, "--help").out)[1]
        for width in (400, 80)
    )
    assert max(map(len, out.splitlines())) <= 80
    assert out.count("…") == wide.count("…")
    options = set(re.findall(r"--[a-z][\w-]+", wide))
    whole = squeezed(out)  # of an option's longest name the end may stand in the line below
    assert [option for option in options if option[:14] not in whole] == []


def test_a_comparison_is_said_in_full(
    pellucid: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    params, tokens, targets = small()
    save(model_of(params, torch.float32), tmp_path / "model")
    ids = [*tokens.tolist(), int(targets[-1])]
    (tmp_path / "ids.json").write_text(json.dumps(ids), encoding="utf-8")
    given = ("--model", tmp_path / "model", "--tokens", tmp_path / "ids.json")
    assert pellucid("reference", *given, "-o", tmp_path / "pack").code == 0
    long = f"my.own.{'very.' * 12}name"
    found = port.run(params, tokens, targets, n_head=N_HEAD, mistakes=("no_scale",))
    np.savez(tmp_path / "mine.npz", **found, **{long: np.zeros(3)})
    wide = ""
    for width in (5000, 60, 40):
        monkeypatch.setattr("pellucid.cli.screen.WIDTH", width)
        ended = pellucid("compare", tmp_path / "mine.npz", tmp_path / "pack")
        assert (ended.code, ended.err) == (1, "")
        assert long in squeezed(ended.out)
        assert "…" not in ended.out
        wide = wide or ended.out
        words = {word for word in wide.split() if len(word) < width // 3}
        assert [word for word in words if word not in squeezed(ended.out)] == []
