"""The models that come along, by the commands that a user tries first."""

import re
from pathlib import Path

from tests.cli.conftest import Command
from tests.shipped.english import BRIDGE, NAME


def test_what_it_writes_is_english_words(pellucid: Command):
    prompt = ["--prompt", "And the king said unto", "--max-new-tokens", 150, "--seed", 3]
    ended = pellucid("generate", *prompt, "--temperature", 0.7)
    words = re.findall(r"[a-z]+", ended.out.lower())
    assert len(words) > 60
    common = {"the", "and", "of", "to", "in", "that", "he", "it", "was", "his", "i", "not", "be"}
    assert sum(word in common for word in words) > 0.15 * len(words)


def test_commands_take_it_where_no_model_is_named(pellucid: Command, tmp_path: Path):
    ended = pellucid("generate", "--prompt", "My dear", "--max-new-tokens", 5)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("My dear")
    (tmp_path / "text.txt").write_text(BRIDGE, encoding="utf-8")
    assert "bits per byte" in pellucid("evaluate", tmp_path / "text.txt").out
    assert pellucid("explain", "h.0.attn.q[0,0,0]", "In the", "--model", NAME).code == 0
