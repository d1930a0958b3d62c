"""`pellucid sentences`, and a translator trained on the grammar."""

from pathlib import Path

from pellucid.grammar import rules
from tests.cli.conftest import Command

SMALL = ("--n-layer", 1, "--n-head", 2, "--n-embd", 16, "--vocab-size", 300, "--dropout", 0)
SHORT = ("--max-iters", 2, "--eval-interval", 1, "--warmup-iters", 1, "--beam", 1)


def test_sentences_are_pairs_that_can_be_trained_on(pellucid: Command, tmp_path: Path):
    ended = pellucid("sentences", 30, "--seed", 3)
    lines = ended.out.splitlines()
    assert len(lines) == 30
    assert all(len(line.split("\t")) == 2 for line in lines)
    assert pellucid("sentences", 30, "--seed", 3).out == ended.out
    (tmp_path / "pairs.tsv").write_text(ended.out, encoding="utf-8")
    command = ["train-translator", tmp_path / "pairs.tsv", *SMALL, *SHORT]
    assert pellucid(*command, "--out", tmp_path / "out").code in {0, None}


def test_a_rule_can_be_named(pellucid: Command):
    out = pellucid("sentences", 3, "--rule", "nationality").out
    assert all(" ist " in line or " bi" in line or "Ist " in line or "Bi" in line
               for line in out.splitlines())  # fmt: skip
    refused = pellucid("sentences", 3, "--rule", "nationalities").refused()
    assert "did you mean 'nationality'" in refused
    assert "pellucid sentences --rules lists them" in refused
    assert len(refused) < 200
    assert "ask for fewer" in pellucid("sentences", 10**6, "--rule", "made_of").refused()
    assert "--seed" in pellucid("sentences", 3, "--seed", -1).refused()


def test_all_rules_are_listed_with_a_sentence_of_each(pellucid: Command):
    rows = [line.split("\t") for line in pellucid("sentences", "--rules").out.splitlines()]
    assert [name for name, *_ in rows] == sorted(rules())
    for name, *pair in rows[:: len(rows) // 5]:
        assert pellucid("sentences", 1, "--rule", name).out == "\t".join(pair) + "\n"


def test_a_translator_trains_on_the_grammar_and_validates_on_what_it_holds_out(
    pellucid: Command, tmp_path: Path
):
    command = ["train-translator", "grammar", "--sentences", 160, *SMALL, *SHORT]
    ended = pellucid(*command, "--out", tmp_path / "out")
    assert ended.code in {0, None}
    assert "160 pairs to train on and 0 extra, 8 to validate" in ended.out
    more = tmp_path / "more.tsv"
    more.write_text("Ja\tYes\nNein\tNo\n", encoding="utf-8")
    ended = pellucid(*command, more, "--valid", "grammar", "--out", tmp_path / "other")
    assert "162 pairs to train on and 0 extra, 8 to validate" in ended.out
