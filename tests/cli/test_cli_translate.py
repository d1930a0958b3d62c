"""`pellucid train-translator` and `translate`, on phrases few enough to be learnt by heart."""

import io
import re
import sys
from pathlib import Path

import pytest
import torch
from rich.console import Console

from pellucid import shipped
from pellucid.checkpoint import load, open_model, save
from pellucid.cli import main
from pellucid.cli.translator_data import EVERY
from pellucid.generate import translate
from pellucid.generate.search import SURE
from pellucid.models import GPT, Transformer
from pellucid.shipped import DESCRIBED, SHIPPED, TRANSLATOR
from pellucid.terminal.scores import print_scores
from pellucid.text import load_tokenizer
from pellucid.text.parallel import phrasebook, read_parallel
from pellucid.text.parallel_rows import source_ids, special
from pellucid.tree import flatten, unflatten
from tests.cli.conftest import Command
from tests.train.interrupted import differences

SMALL = ("--n-layer", 1, "--n-head", 2, "--n-embd", 32, "--vocab-size", 400, "--dropout", 0)
QUICK = ("--max-iters", 240, "--eval-interval", 80, "--warmup-iters", 40, "--smoothing", 0)
RATE = ("--learning-rate", 0.005, "--batch-tokens", 300, "--block-size", 32)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pairs") / "pairs.tsv"
    lines = phrasebook().read_text(encoding="utf-8").splitlines()
    chosen = [line for line in lines if "wohn" in line or "heiß" in line]
    path.write_text("\n".join(chosen) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module", params=["transformer", "gpt"])
def trained(request: pytest.FixtureRequest, pairs: Path) -> Path:
    out = pairs.parent / request.param
    command = ["train-translator", pairs, "--valid", pairs, "--form", request.param]
    with pytest.MonkeyPatch.context() as patch:
        arguments = ["pellucid", *command, *SMALL, *QUICK, *RATE, "--out", out]
        patch.setattr(sys, "argv", [*map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
    assert end.value.code in {0, None}
    return out


def test_several_files_are_held_out_together(pellucid: Command, pairs: Path, tmp_path: Path):
    (tmp_path / "more.tsv").write_text("Ja\tYes\n", encoding="utf-8")
    command = ["train-translator", pairs, "--valid", pairs, "--valid", tmp_path / "more.tsv"]
    ended = pellucid(*command, *SMALL, *RATE, "--max-iters", 1, "--out", tmp_path / "out")
    assert (ended.code, ended.err) == (0, "")
    assert f" {len(read_parallel(pairs)) + 1} to validate" in ended.out


def test_pairs_may_have_another_separator(pellucid: Command, pairs: Path, tmp_path: Path):
    for folder, extra in ((tmp_path, ()), (tmp_path / "other", ("phrasebook",))):
        folder.mkdir(exist_ok=True)
        other = folder / "pairs.csv"
        other.write_text(pairs.read_text(encoding="utf-8").replace("\t", ";"), encoding="utf-8")
        quick = (*SMALL, *RATE, "--max-iters", 1)
        command = ["train-translator", other, *extra, *quick, "--out", folder / "out"]
        assert "add --separator ';'" in pellucid(*command).refused()
        ended = pellucid(*command, "--separator", ";")
        assert (ended.code, ended.err) == (0, "")


def test_a_file_may_count_several_times_and_no_copy_of_what_validates_is_trained_on(
    pellucid: Command, pairs: Path, tmp_path: Path
):
    count = len(read_parallel(pairs))
    command = ["train-translator", *SMALL, *RATE, "--max-iters", 1, "--beam", 1]
    ended = pellucid(*command, f"{pairs}:3", "--valid", pairs, "--out", tmp_path / "three")
    assert f"{3 * count} pairs to train on and 0 extra, {count} to validate" in ended.out
    ended = pellucid(*command, f"{pairs}:3", "--out", tmp_path / "held")
    held = -(-count // EVERY)
    assert f"{3 * (count - held)} pairs to train on and 0 extra, {held} to validate" in ended.out
    refused = pellucid(*command, f"{pairs}:0", "--out", tmp_path / "none").refused()
    assert "give :1 or more" in refused
    named = tmp_path / "pairs:2"  # a file that is called so is that file
    named.write_bytes(pairs.read_bytes())
    ended = pellucid(*command, named, "--valid", pairs, "--out", tmp_path / "named")
    assert f"{count} pairs to train on" in ended.out
    twice = ("grammar:2", "--sentences", 40, "--block-size", 96, "--out", tmp_path / "grammar")
    ended = pellucid(*command, *twice)
    assert "80 pairs to train on and 0 extra, 2 to validate" in ended.out


def test_the_phrasebook_is_pairs_and_has_the_question():
    phrases = dict(read_parallel(phrasebook()))
    assert phrases["Wo wohnst du?"] == "Where do you live?"
    assert len(phrases) > 100


def test_a_translator_says_what_it_was_taught(pellucid: Command, trained: Path):
    for source, target in (
        ("Wo wohnst du?", "Where do you live?"),
        ("Ich wohne in Berlin.", "I live in Berlin."),
        ("Wie heißt du?", "What is your name?"),
    ):
        for choice in (("--greedy",), ("--beam", 3)):
            ended = pellucid("translate", source, "--model", trained, *choice)
            assert (ended.code, ended.out) == (0, f"{target}\n")


def test_without_a_model_the_translator_that_comes_along_answers(
    pellucid: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    ended = pellucid("translate", "Wo wohnst du?")
    assert (ended.code, ended.out, ended.err) == (0, "Where do you live?\n", "")
    assert ended == pellucid("translate", "Wo wohnst du?", "--model", TRANSLATOR)
    shown = pellucid("translate", "Wo wohnst du?", "--why")
    assert shown.code == 0
    assert "which source token each target token looked at" in shown.out


def test_a_text_that_the_translator_has_not_met_is_said_to_be_one(pellucid: Command):
    """It writes something all the same; what it knows it gives without a word."""
    for text in ("Quantenmechanik beschreibt Teilchen.", "asdf qwer zxcv", "你好吗", "The sky is"):
        ended = pellucid("translate", text)
        assert ended.code == 0
        assert ended.out.strip()
        (line,) = ended.err.splitlines()
        assert line.startswith(f"note: {TRANSLATOR} is unsure of this translation (it gives each ")
        assert line.endswith(f"{DESCRIBED[TRANSLATOR].trained_on} (pellucid models {TRANSLATOR})")
    for text in ("Wo wohnst du?", "Ich wohne in Berlin.", "Wie heißt du?"):
        assert pellucid("translate", text).err == ""


def test_of_a_file_s_lines_it_says_of_how_many_it_is_unsure(pellucid: Command, tmp_path: Path):
    lines = ["Wo wohnst du?", "asdf qwer zxcv", "", "你好吗", "Wo wohnst du?"]
    (tmp_path / "lines.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    ended = pellucid("translate", "--file", tmp_path / "lines.txt")
    assert ended.err.startswith(f"note: {TRANSLATOR} is unsure of 2 of 3 translations: it knows ")
    (tmp_path / "lines.txt").write_text("Wo wohnst du?\n", encoding="utf-8")
    assert pellucid("translate", "--file", tmp_path / "lines.txt").err == ""


def test_a_translator_without_its_folder_is_one_line(
    pellucid: Command, monkeypatch: pytest.MonkeyPatch
):
    others = {name: place for name, place in SHIPPED.items() if name != TRANSLATOR}
    monkeypatch.setattr(shipped, "SHIPPED", others)
    line = pellucid("translate", "Wo wohnst du?").refused()
    assert f"{TRANSLATOR} must come along with Pellucid" in line


def test_a_translation_s_confidence_is_the_mean_probability_of_its_tokens(trained: Path):
    model, tokenizer = open_model(str(trained), kinds=(GPT, Transformer))
    (found,) = translate(model, tokenizer, ["Wo wohnst du?"], width=1)
    best = found.hypotheses[0]
    if isinstance(model, Transformer):
        source = source_ids(tokenizer, "Wo wohnst du?", "transformer")
        begin = special(tokenizer, "<BOS>")
        logits = model.forward(source, [begin, *best.tokens])
    else:
        source = source_ids(tokenizer, "Wo wohnst du?", "gpt")
        logits = model.forward([*source, *best.tokens])[len(source) - 1 :]
    wanted = torch.tensor([*best.tokens, special(tokenizer, "<|endoftext|>")])
    log_probs = logits[:, : tokenizer.vocab_size].log_softmax(-1).gather(1, wanted[:, None])
    assert found.confidence == pytest.approx(float(log_probs.mean().exp()), rel=1e-4)
    assert found.confidence > SURE


def test_why_shows_what_the_beam_found_and_the_alignment(pellucid: Command, trained: Path):
    out = pellucid("translate", "Wo wohnst du?", "--model", trained, "--why", "--beam", 2).out
    assert out.startswith("Where do you live?\n")
    assert "→" in out
    assert "which source token each target token looked at" in out
    assert "<EOS>" in out or "<SEP>" in out


def test_marks_in_a_text_are_plain_text_in_training_and_in_use(
    pellucid: Command, trained: Path, tmp_path: Path
):
    text = "Wo <SEP> du <PAD>?"
    tokenizer = load_tokenizer(trained)
    marks = set(tokenizer.special_tokens.values())
    assert not marks & set(tokenizer.encode(text))
    assert marks & set(tokenizer.with_special().encode(text))
    ended = pellucid("translate", text, "--model", trained, "--why", "--max-new-tokens", 3)
    assert (ended.code, ended.err) == (0, "")
    (tmp_path / "pairs.tsv").write_text(f"{text}\tWhere?\nJa <|endoftext|>\tYes\n")
    command = ["train-translator", tmp_path / "pairs.tsv", "--form", trained.name]
    ended = pellucid(*command, *SMALL, *RATE, "--max-iters", 1, "--out", tmp_path / "out")
    assert (ended.code, ended.err) == (0, "")


@pytest.mark.parametrize("ending", [".svg", ".png", ".pdf"])
def test_the_alignment_is_drawn(pellucid: Command, trained: Path, tmp_path: Path, ending: str):
    picture = tmp_path / f"alignment{ending}"
    ended = pellucid("translate", "Wo wohnst du?", "--model", trained, "--picture", picture)
    assert ended.code == 0
    begins = {".svg": b"<?xml", ".png": b"\x89PNG", ".pdf": b"%PDF"}[ending]
    assert picture.read_bytes().startswith(begins)
    assert [file.name for file in tmp_path.iterdir()] == [picture.name]


def test_a_translator_s_checkpoint_is_its_own_kind(trained: Path, pellucid: Command):
    kind = {"transformer": Transformer, "gpt": GPT}[trained.name]
    assert isinstance(load(trained), kind)
    model, tokenizer = open_model(str(trained), kinds=(GPT, Transformer))
    assert model.config.vocab_size == tokenizer.vocab_size
    ended = pellucid("generate", "--model", trained, "--max-new-tokens", 2)
    assert ended.code == (0 if kind is GPT else 2)
    if kind is Transformer:
        assert "must be a gpt or llama here" in ended.err
        assert "holds a transformer, which is for pellucid translate" in ended.err


def test_scores_are_of_both_searches(trained: Path, pairs: Path):
    model, tokenizer = open_model(str(trained), kinds=(GPT, Transformer))
    printed = io.StringIO()
    screen = Console(width=100, file=printed)
    print_scores(screen, model, tokenizer, read_parallel(pairs), beam=2, alpha=1.0)
    text = printed.getvalue()
    assert "greedy" in text
    assert "beam of 2" in text
    assert "chrF" in text
    scores = [float(score) for score in re.findall(r"BLEU ([\d.]+)", text)]
    assert len(scores) == 2
    assert min(scores) > 80


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("translate", "Wo?", "--model", "{dir}/none"), "there is no such path"),
        (("translate", "", "--model", "{trained}"), "at least one character"),
        (("translate", "  ", "--model", "{trained}"), "at least one word"),
        (("translate", "so " * 100, "--model", "{trained}"), "cut it into sentences"),
        (("translate", "Wo?", "--model", "{trained}", "--length-penalty", -1), "length penalty"),
        (("translate", "Wo?", "--model", "{trained}", "--picture", "a.gif"), "another ending"),
        (("translate", "Wo?", "--model", "gpt2-tiny"), "gpt2-tiny writes on"),
        (("translate", "Wo?", "--model", "english-1M"), "english-1M writes on"),
        (("train-translator", "{dir}/none.tsv", "--out", "{dir}/x"), "No such file"),
        (("train-translator", "{one}", "--out", "{dir}/x"), "at least two pairs"),
        (("train-translator", "{bad}", "--out", "{dir}/x"), "line 2"),
        (("train-translator", "{pairs}", "--out", "{trained}"), "--overwrite"),
        (
            ("train-translator", "{pairs}", "--out", "{dir}/x", "--n-embd", 30, "--n-head", 4),
            "multiple",
        ),
        (("train-translator", "{pairs}", "--out", "{dir}/x", "--smoothing", 1), "smoothing"),
        (("train-translator", "{pairs}", "--out", "{dir}/x", "--vocab-size", 99), "at least 260"),
        (("train-translator", "{pairs}", "--out", "{dir}/x", "--block-size", 2), "--block-size"),
    ],
)
def test_a_mistake_is_one_line(
    pellucid: Command,
    trained: Path,
    pairs: Path,
    tmp_path: Path,
    arguments: tuple[str, ...],
    message: str,
):
    (tmp_path / "one.tsv").write_text("a\tb\n")
    (tmp_path / "bad.tsv").write_text("a\tb\nc\n")
    places = {
        "dir": tmp_path,
        "trained": trained,
        "pairs": pairs,
        "one": tmp_path / "one.tsv",
        "bad": tmp_path / "bad.tsv",
    }
    ended = pellucid(*(str(argument).format(**places) for argument in arguments))
    assert message in ended.refused()


def test_that_sacrebleu_is_missing_is_said_before_the_training(
    pellucid: Command, pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    line = pellucid("train-translator", pairs, "--out", tmp_path / "out").refused()
    assert "pip install 'pellucid[translate]'" in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("form", ["transformer", "gpt"])
def test_pairs_that_are_too_long_are_left_out_and_said_before_the_training(
    pellucid: Command, pairs: Path, tmp_path: Path, form: str
):
    long = "\t".join(["wohnst du hier " * 20] * 2) + "\n"
    (tmp_path / "held.tsv").write_text("Wo wohnst du?\tWhere do you live?\n" + long)
    (tmp_path / "pairs.tsv").write_text(pairs.read_text(encoding="utf-8") + long + long)
    words = ["train-translator", tmp_path / "pairs.tsv", "--valid", tmp_path / "held.tsv"]
    out = ["--out", tmp_path / "out", "--form", form, "--max-iters", 1]
    ended = pellucid(*words, *SMALL, *RATE, *out)
    assert (ended.code, ended.err) == (0, "")
    said = "pairs longer than 32 tokens are left out: 2 to train on, 1 to validate"
    assert said in " ".join(ended.out.split())
    assert ended.out.index("left out") < ended.out.index("iteration")
    assert "greedy" in ended.out
    assert "wohnst du hier wohnst" not in ended.out


def test_a_translator_s_training_is_extended_to_what_a_longer_one_would_have_been(
    pellucid: Command, pairs: Path, tmp_path: Path
):
    words = ["train-translator", pairs, "--valid", pairs, *SMALL, *RATE, "--schedule", "noam"]
    words += ["--eval-interval", 2, "--warmup-iters", 3, "--out"]
    assert pellucid(*words, tmp_path / "long", "--max-iters", 6).code == 0
    assert pellucid(*words, tmp_path / "short", "--max-iters", 4).code == 0
    more = ["train-translator", pairs, "--resume", "--out", tmp_path / "short", "--max-iters", 6]
    assert pellucid(*more).code == 0
    assert differences(tmp_path / "short", tmp_path / "long") == []


def test_what_is_written_to_the_end_of_the_positions_can_be_looked_at(
    pellucid: Command, trained: Path, tmp_path: Path
):
    """A model that never ends a text, and whose text so fills all positions."""
    model, tokenizer = open_model(str(trained), kinds=(GPT, Transformer))
    flat = dict(flatten(model.params))
    end = tokenizer.special_tokens["<|endoftext|>"]
    for name in [name for name in flat if name.endswith("wte.weight")]:
        flat[name] = flat[name].clone()
        flat[name][end] = 0
    save(model.with_params(unflatten(flat)), tmp_path)
    tokenizer.save(tmp_path)
    command = ("translate", "Wo wohnst du?", "--model", tmp_path, "--why", "--beam", 2)
    ended = pellucid(*command, "--max-new-tokens", 1000)
    assert ended.code == 0
    assert "which source token each target token looked at" in ended.out


def test_when_a_beam_ends_can_be_chosen_and_greedy_has_no_beam(pellucid: Command, trained: Path):
    command = ("translate", "Wo wohnst du?", "--model", trained)
    assert pellucid(*command, "--no-early-stopping").out == "Where do you live?\n"
    assert "--greedy is a beam of 1, and --beam 3" in (
        pellucid(*command, "--greedy", "--beam", 3).refused()
    )


# -- many lines, and both directions ---------------------------------------------------------------


def test_the_lines_of_a_file_are_translated_as_each_alone(
    pellucid: Command, trained: Path, tmp_path: Path
):
    lines = ["Wo wohnst du?", "", "Wie heißt du?", "Ich wohne in Berlin.", "Wo wohnst du?"]
    (tmp_path / "lines.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    command = ["translate", "--file", tmp_path / "lines.txt", "--model", trained]
    ended = pellucid(*command)
    assert ended.code == 0
    alone = [
        pellucid("translate", line, "--model", trained).out if line else "\n" for line in lines
    ]
    assert ended.out == "".join(alone)
    written = pellucid(*command, "--pairs", "--out", tmp_path / "pairs.tsv")
    assert (written.code, written.err) == (0, ended.err)
    pairs = read_parallel(tmp_path / "pairs.tsv")
    assert [pair.target for pair in pairs] == ["Wo wohnst du?", "Wie heißt du?", lines[3]]
    assert [f"{pair.source}\n" for pair in pairs] == [alone[0], alone[2], alone[3]]


def test_lines_that_are_too_long_are_left_out_and_counted(
    pellucid: Command, trained: Path, tmp_path: Path
):
    (tmp_path / "lines.txt").write_text("Wo? " * 200 + "\nWo wohnst du?\n", encoding="utf-8")
    ended = pellucid("translate", "--file", tmp_path / "lines.txt", "--model", trained)
    assert ended.out == "\nWhere do you live?\n"
    assert ended.err == "note: 1 lines longer than the model's positions left out\n"
    (tmp_path / "lines.txt").write_text("Wo? " * 200, encoding="utf-8")
    ended = pellucid("translate", "--file", tmp_path / "lines.txt", "--model", trained)
    assert "must have a line that can be translated" in ended.refused()


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ((), "neither came"),
        (("Ja", "--file", "x.txt"), "both came"),
        (("Ja", "--pairs"), "--out and --pairs are for the lines of a --file"),
        (("Ja", "--out", "x"), "--out and --pairs are for the lines of a --file"),
        (("--file", "x.txt", "--why"), "explain one text"),
    ],
)
def test_what_is_translated_is_a_text_or_a_file(
    pellucid: Command, choice: tuple[str, ...], said: str
):
    assert said in pellucid("translate", *choice).refused()


def test_a_language_is_for_a_model_of_both_directions(pellucid: Command, trained: Path):
    ended = pellucid("translate", "Ja", "--to", "de", "--model", trained)
    assert "it translates in one direction" in ended.refused()


def test_one_model_translates_in_both_directions(pellucid: Command, pairs: Path, tmp_path: Path):
    command = ["train-translator", pairs, "--valid", pairs, "--both-directions", "de-en"]
    made = tmp_path / "made.tsv"
    made.write_text("Ja gut\tYes fine\n", encoding="utf-8")
    longer = (*QUICK, "--max-iters", 420, "--eval-interval", 210, "--synthetic", made)
    ended = pellucid(*command, *SMALL, *longer, *RATE, "--average", 40, "--out", tmp_path / "out")
    assert (ended.code, ended.err) == (0, "")
    assert "each pair in both directions: de-en and back" in ended.out
    assert "1 pairs whose source a model wrote" in ended.out
    assert "into en" in ended.out
    assert "into de" in ended.out
    model = ("--model", tmp_path / "out")
    for text, to, wanted in (
        ("Wo wohnst du?", (), "Where do you live?"),
        ("Wo wohnst du?", ("--to", "en"), "Where do you live?"),
        ("I live in Berlin.", ("--to", "de"), "Ich wohne in Berlin."),
    ):
        ended = pellucid("translate", text, *to, *model)
        assert ended.out == f"{wanted}\n"
    assert "of en and de" in pellucid("translate", "Ja", "--to", "fr", *model).refused()
    why = pellucid("translate", "I live in Berlin.", "--to", "de", "--why", *model)
    assert why.code == 0
    assert "<TO-de>" in why.out


@pytest.mark.parametrize("named", ["de", "de-en-fr", "de-de", "-en", "d1-en", "de en"])
def test_directions_are_two_languages(pellucid: Command, pairs: Path, tmp_path: Path, named: str):
    command = ["train-translator", pairs, "--both-directions", named, "--out", tmp_path / "out"]
    assert "must name two languages, such as de-en" in pellucid(*command).refused()


def test_only_a_gpt_has_a_loss_on_its_source(pellucid: Command, pairs: Path, tmp_path: Path):
    command = ["train-translator", pairs, "--source-loss", "--out", tmp_path / "out"]
    assert "add --form gpt" in pellucid(*command).refused()


def test_spellings_that_vary_are_the_same_again(pellucid: Command, pairs: Path, tmp_path: Path):
    varied = ("--subword-dropout", 0.2, "--average", 16, "--eval-interval", 12)
    command = ["train-translator", pairs, "--valid", pairs, *SMALL, *RATE, *varied]
    assert pellucid(*command, "--max-iters", 24, "--out", tmp_path / "whole").code == 0
    assert pellucid(*command, "--max-iters", 24, "--out", tmp_path / "plain").code == 0
    assert not differences(tmp_path / "whole", tmp_path / "plain")
    other = [*command, "--max-iters", 24, "--out", tmp_path / "other"]
    other[other.index(0.2)] = 0
    assert pellucid(*other).code == 0
    assert differences(tmp_path / "whole", tmp_path / "other")
