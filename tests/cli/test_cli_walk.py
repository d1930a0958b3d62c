"""`pellucid walk`: every number that is printed is the tape's, and the steps in order."""

import math
import re
from decimal import Decimal
from pathlib import Path

import pytest
import torch
from torch import Tensor

from pellucid.checkpoint import open_model
from pellucid.cli.screen import WIDTH
from pellucid.examples import load_example
from pellucid.inspect import next_tokens
from pellucid.models import RANDOM_MODELS
from pellucid.optim import OPTIMIZERS, decay_groups
from pellucid.tape import Tape, select
from pellucid.text import gpt2, readable_piece
from pellucid.train import Trace, record_step
from pellucid.tree import flatten
from pellucid.walkthrough import describe
from tests.cli.conftest import Command

TITLES = [
    "Vocabulary and tokens",
    "Embedding lookup",
    "Positional embeddings",
    "Layer norm 1",
    "Multi-head self-attention",
    "Residual connection",
    "Layer norm 2",
    "MLP",
    "Residual connection (post MLP)",
    "Logit projection",
    "Softmax",
]
STEP = re.compile(r"^ ?(\d+)  (\w.*?)(?:   h\.(\d+))?$")
HEADING = re.compile(r"^    ([\w.]+)(?:\[.*\])?  (number|\d+(?:×\d+)*)(?:  (.*))?$")
NUMBER = re.compile(r"-?∞|NaN|-?\d+(?:\.\d+)?(?:e[-+]\d+)?")
PART = re.compile(r"^ +(?:columns \d+ to \d+|(?:head \d+ *)+)$")


def trace_of(learning_rate: float | None = None) -> Trace:
    example = load_example("ai_rocks")
    ids = example.tokenizer.encode(example.text)
    update = example.update | ({"learning_rate": learning_rate} if learning_rate else {})
    return record_step(example.model, ids, example.tokenizer, update=update)


def parsed(report: str) -> dict[str, tuple[str, str, list[str]]]:
    """Of each value in a report: its shape, its note, and its numbers in the tensor's own order."""
    found: dict[str, tuple[str, str, list[tuple[int, list[list[str]]]]]] = {}
    name = ""
    for line in report.splitlines():
        heading = HEADING.match(line)
        if heading:
            name = heading[1]
            assert name not in found, f"{name} comes twice"
            found[name] = (heading[2], heading[3] or "", [])
        elif not line.startswith("      "):
            name = ""
        elif name and PART.match(line):
            found[name][2].append((line.count("head"), []))
        elif name and (row := [word for word in line.split() if NUMBER.fullmatch(word)]):
            if not found[name][2]:
                found[name][2].append((0, []))
            found[name][2][-1][1].append(row)
    return {name: (shape, note, in_order(parts)) for name, (shape, note, parts) in found.items()}


def in_order(parts: list[tuple[int, list[list[str]]]]) -> list[str]:
    """Heads stand side by side and come one after another; columns go on in the next part."""
    if any(heads for heads, _ in parts):
        blocks = [
            [row[place * len(row) // heads : (place + 1) * len(row) // heads] for row in rows]
            for heads, rows in parts
            for place in range(heads)
        ]
        return [number for block in blocks for row in block for number in row]
    together = zip(*(rows for _, rows in parts), strict=True)
    return [number for row in together for part in row for number in part]


def rounded(text: str, value: float) -> bool:
    """Whether the text is the value, correctly rounded to the decimals that it shows."""
    if "∞" in text:
        return value == (-math.inf if text.startswith("-") else math.inf)
    last = int(Decimal(text).as_tuple().exponent)
    return abs(Decimal(value) - Decimal(text)) <= Decimal(5).scaleb(last - 1)


def widest(out: str) -> int:
    """The columns of the longest line, but for the command at the end, which is not broken."""
    return max(len(line) for line in out.splitlines() if not line.startswith("Next: "))


def assert_true(report: dict[str, tuple[str, str, list[str]]], tape: Tape) -> None:
    """Every number of the report is the tape's."""
    for name, (shape, note, numbers) in report.items():
        value: Tensor = tape[name]
        assert shape == ("×".join(map(str, value.shape)) or "number"), name
        if note.startswith("= "):
            assert numbers == [], name
            assert torch.equal(value, tape[note.removeprefix("= ")]), name
            continue
        exact = value.double().flatten().tolist()
        assert len(numbers) == len(exact), name
        for text, element in zip(numbers, exact, strict=True):
            assert rounded(text, element), f"{name}: {text} for {element!r}"
        ends = {len(text.partition(".")[2]) for text in numbers if "∞" not in text}
        assert len(ends) <= 1, f"{name} is not aligned"


# -- the worked example ----------------------------------------------------------------------------


def test_every_number_in_the_report_is_the_tape_s_correctly_rounded(pellucid: Command):
    ended = pellucid("walk", "--full")
    assert (ended.code, ended.err) == (0, "")
    report, trace = parsed(ended.out), trace_of()
    assert_true(report, trace.tape)
    params = flatten(trace.model.params)
    updates = {f"{name}.{last}" for name in params for last in ("update", "new")}
    activations = {
        "embed.out wpe.out ln_1.mean ln_1.variance ln_1.rstd ln_1.xhat ln_1.out attn.c_attn.out",
        "attn.q attn.k attn.v attn.scores attn.att attn.z attn.merged attn.c_proj.out resid_mid",
        "ln_2.mean ln_2.variance ln_2.rstd ln_2.xhat ln_2.out mlp.c_fc.out mlp.act.out",
        "mlp.c_proj.out resid_post logits probs losses loss",
    }
    tops = {"embed.out", "wpe.out", "logits", "probs", "losses", "loss"}
    names = {
        name if name in tops else f"h.0.{name}" for line in activations for name in line.split()
    }
    assert names | set(params) | updates <= set(report)
    gradients = {f"d{name}" for name in params}
    assert gradients <= set(report)
    assert {name for name in report if describe(name) is None} == set()
    assert len([numbers for _, _, numbers in report.values() if numbers]) > 70


def test_more_digits_are_as_true(pellucid: Command):
    out = pellucid("walk", "--full", "ai_rocks", "--digits", 8).out
    report, tape = parsed(out), trace_of().tape
    assert_true(report, tape)
    for name in ("logits", "h.0.attn.att", "dh.0.ln_1.x", "loss"):
        assert all(len(text.partition(".")[2]) >= 8 for text in report[name][2] if "∞" not in text)
    assert widest(out) <= WIDTH


def test_the_steps_are_the_worked_example_s_in_its_order_and_back_again(pellucid: Command):
    out = pellucid("walk", "--full").out
    forward, backward = re.split(r"(?m)^Backward.*$", out.partition("Update:")[0])
    steps = [STEP.match(line) for line in forward.splitlines()]
    found = [(int(step[1]), step[2]) for step in steps if step]
    assert found[:11] == list(enumerate(TITLES, start=1))
    assert found[11:] == [(12, "Loss")]
    undone = [STEP.match(line) for line in backward.splitlines()]
    assert [(int(step[1]), step[2]) for step in undone if step] == [
        (number, title) for number, title in reversed(found) if 1 < number < 12
    ]
    blocks = {step[2] for step in steps if step and step[3] == "0"}
    assert blocks == set(TITLES[3:9])


def test_what_a_step_shows_stands_under_it(pellucid: Command):
    lines = pellucid("walk", "--full").out.splitlines()
    under: dict[str, list[str]] = {}
    title = ""
    for line in lines[: next(i for i, line in enumerate(lines) if line.startswith("Backward"))]:
        step, heading = STEP.match(line), HEADING.match(line)
        title = step[2] if step else title
        if heading:
            under.setdefault(title, []).append(heading[1])
    assert under["Layer norm 1"] == [
        f"h.0.ln_1.{name}" for name in ["mean", "variance", "rstd", "xhat", "weight", "bias", "out"]
    ]
    assert under["Residual connection"] == ["h.0.resid_mid"]
    assert under["Residual connection (post MLP)"] == ["h.0.resid_post"]
    assert under["Softmax"] == ["probs"]
    assert under["Loss"] == ["losses", "loss"]


def test_the_learning_rate_is_the_user_s(pellucid: Command):
    report = pellucid("walk", "--full", "--learning-rate", "0.25").out
    trace = trace_of(0.25)
    assert_true(parsed(report), trace.tape)
    assert "η = 0.25" in report
    losses = re.search(r"loss before the\s+step was (\S+),\s+after\s+it\s+(\S+)\.", report)
    assert losses is not None
    assert rounded(losses[1], float(trace.tape["loss"]))
    assert rounded(losses[2], trace.loss_after)


@pytest.mark.parametrize(
    ("optimizer", "title"),
    [
        ("sgd", "gradient descent"),
        ("momentum", "with momentum"),
        ("adam", "Adam"),
        ("adamw", "AdamW"),
    ],
)
def test_each_optimizer_s_step_is_walked(pellucid: Command, optimizer: str, title: str):
    ended = pellucid("walk", "--full", "--optimizer", optimizer, "--learning-rate", "0.05")
    assert (ended.code, ended.err) == (0, "")
    assert re.search(rf"^Update: one step of .*{title} ─", ended.out, re.MULTILINE)
    assert ("μ = 0.9\n" in ended.out) == (optimizer == "momentum")
    moments = "β₁ = 0.9,   β₂ = 0.999,   ε = 1e-08"
    assert (moments in ended.out) == optimizer.startswith("adam")
    example = load_example("ai_rocks")
    tokens = example.tokenizer.encode(example.text)
    settings = {"optimizer": optimizer, "learning_rate": 0.05, "weight_decay": 0.1}
    trace = record_step(example.model, tokens, example.tokenizer, update=settings)
    assert_true(parsed(ended.out), trace.tape)
    _, grads = example.model.loss_and_grads(tokens[:-1], tokens[1:])
    decay = {"weight_decay": decay_groups(example.model.params, 0.1)} if title == "AdamW" else {}
    new, _ = OPTIMIZERS[optimizer](example.model.params, grads, None, learning_rate=0.05, **decay)
    for name, weight in flatten(new).items():
        assert torch.equal(trace.tape[f"{name}.new"], weight), name


def test_without_an_update_the_walk_ends_at_the_gradients(pellucid: Command):
    whole, short = pellucid("walk", "--full").out, pellucid("walk", "--full", "--no-update").out
    before, update, _ = whole.partition("Update: one step of AdamW")
    assert update
    assert short.startswith(before.rstrip())
    assert not any(name.endswith((".update", ".new")) for name in parsed(short))
    assert "after it" not in short


@pytest.mark.parametrize("rate", ["nan", "-1", "inf"])
def test_a_learning_rate_that_is_none_is_refused(pellucid: Command, rate: str):
    assert "learning" in pellucid("walk", "--learning-rate", rate).refused()


def test_a_walk_through_a_pipe_is_plain_text_of_at_most_100_columns(process: Command):
    ended = process("-m", "pellucid", "walk", "--full")
    assert (ended.code, ended.err) == (0, "")
    assert "\x1b" not in ended.out
    assert widest(ended.out) <= 100
    assert "12  Loss" in ended.out


# -- shapes only -----------------------------------------------------------------------------------


def test_gpt2_s_forward_pass_is_walked_by_its_shapes(pellucid: Command):
    """From (T) to (T, C), 3C, cut into heads, back to C, through 4C, and out to V."""
    text = "hello world, hello again"
    ended = pellucid("walk", text, "--model", "gpt2-tiny", "--shapes", "--layers", "all")
    assert (ended.code, ended.err) == (0, "")
    found = {name: shape for name, (shape, _, _) in parsed(ended.out).items()}
    config = RANDOM_MODELS["gpt2-tiny"]
    layers, heads, width, table = config.n_layer, config.n_head, config.n_embd, config.vocab_size
    positions = len(gpt2().encode(text)) - 1

    def shape(*sizes: int) -> str:
        return "×".join(map(str, (positions, *sizes)))

    inner = [
        ("ln_1.out", shape(width)),
        ("attn.c_attn.out", shape(3 * width)),
        *((f"attn.{letter}", f"{heads}×{shape(width // heads)}") for letter in "qkv"),
        ("attn.att", f"{heads}×{shape(positions)}"),
        ("attn.z", f"{heads}×{shape(width // heads)}"),
        ("attn.merged", shape(width)),
        ("resid_mid", shape(width)),
        ("ln_2.out", shape(width)),
        ("mlp.c_fc.out", shape(4 * width)),
        ("mlp.act.out", shape(4 * width)),
        ("mlp.c_proj.out", shape(width)),
        ("resid_post", shape(width)),
    ]
    way = [("tokens", shape()), ("embed.out", shape(width)), ("wpe.out", shape(width))]
    way += [(f"h.{layer}.{name}", size) for layer in range(layers) for name, size in inner]
    way += [("ln_f.out", shape(width)), ("logits", shape(table)), ("probs", shape(table))]
    assert [(name, found[name]) for name in found if name in dict(way)] == way
    assert {f"d{name}" for name, _ in way[2:-1]} <= set(found), "each has its gradient"
    assert found["dwte.weight"] == found["wte.weight"] == f"{table}×{width}"


@pytest.mark.parametrize("text", [["ai_rocks"], ["(())", "--model", "brackets-16"]])
def test_shapes_come_without_numbers(pellucid: Command, text: list[str]):
    out = pellucid("walk", *text, "--shapes").out
    full = pellucid("walk", "--full", *text).out
    report, whole = parsed(out), parsed(full)
    assert list(whole) == [name for name in report if name not in {"tokens", "targets"}]
    assert all(report[name][:2] == whole[name][:2] for name in whole)
    assert [name for name, (_, _, numbers) in report.items() if numbers] == []
    assert not [line for line in out.splitlines() if re.match(" {6}[^ ]", line)]
    assert "after it" in full
    assert "after it" not in out


def test_one_value_is_asked_for_its_shape(pellucid: Command):
    out = pellucid("walk", "--shapes", "--show", "h.0.attn.att", "--show", "loss").out
    first, second = out.splitlines()
    assert first.split()[:2] == ["h.0.attn.att", "2×2×2"]
    assert second.split()[:2] == ["loss", "number"]


# -- one value -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["h.0.attn.att", "dh.0.attn.att", "wte.weight.v", "loss", "mask", "tokens", "h.0.ln_1.x"],
)
def test_one_value_is_shown_alone_and_whole(pellucid: Command, name: str):
    ended = pellucid("walk", "--show", name)
    report = parsed(ended.out)
    assert ended.code == 0
    assert list(report) == [name]
    assert_true(report, trace_of().tape)


def test_several_values_are_shown_in_the_order_they_were_asked_for(pellucid: Command):
    out = pellucid("walk", "--show", "probs", "--show", "h.0.attn.att[1,0]", "--show", "loss").out
    names = [
        line.split()[0] for line in out.splitlines() if line.startswith("    ") and "  " in line
    ]
    wanted = [name for name in names if name.startswith(("probs", "h.0", "loss"))]
    assert wanted == ["probs", "h.0.attn.att[1,0]", "loss"]
    row = [line for line in out.splitlines() if line.startswith("      ")][-2].split()
    exact = trace_of().tape["h.0.attn.att"][1, 0].tolist()
    assert all(rounded(text, value) for text, value in zip(row[-2:], exact, strict=True))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("h.0.attn.attt", "near it: h.0.attn.att"),
        ("logit", "logits"),
        ("h.0.attn.att[9]", "(2, 2, 2)"),
        ("h.0.attn.att[x]", "'x'"),
        ("wte.weight[5:9]", "wte.weight"),
        ("wte.weight[99999999999999999999]", "wte.weight"),
    ],
)
def test_a_value_that_is_not_there_is_one_line_with_its_neighbours(
    pellucid: Command, name: str, words: str
):
    ended = pellucid("walk", "--show", name)
    assert words in ended.refused()
    assert ended.out == ""


# -- other models ----------------------------------------------------------------------------------


def test_a_trained_model_is_walked_with_the_text_that_is_given(pellucid: Command, trained: Path):
    text = "pickled"
    model, tokenizer = open_model(str(trained))
    update = {"learning_rate": 1e-3, "weight_decay": 0.1}
    tape = record_step(model, tokenizer.encode(text), tokenizer, update=update).tape

    out = pellucid("walk", text, "--model", trained, "--show", "h.0.attn.att[0,2]").out
    title, heads, row = out.splitlines()
    assert title.split()[:2] == ["h.0.attn.att[0,2]", "6"]
    assert heads.split() == list("pickle")
    exact = select(tape, "h.0.attn.att[0,2]").tolist()
    assert exact[3:] == [0, 0, 0]
    assert all(rounded(text, value) for text, value in zip(row.split(), exact, strict=True))

    short = pellucid("walk", "--full", text, "--model", trained).out
    full = pellucid("walk", "--full", text, "--model", trained, "--layers", "all").out
    some = pellucid("walk", "--full", text, "--model", trained, "--layers", "0,2").out
    for layer in range(3):
        name = f"    h.{layer}.attn.att  "
        assert (name in short, name in full, name in some) == (layer == 0, True, layer != 1)
        assert f"block {layer}, in short" not in full
    assert "block 1, in short" in short
    for out in (short, full, some):
        assert widest(out) <= WIDTH
    numbers = {name: entry for name, entry in parsed(full).items() if tape[name].numel() <= 64}
    assert {"h.2.resid_post", "h.1.attn.c_attn.bias", "ln_f.out"} <= set(numbers)
    assert_true(numbers, tape)


def test_a_random_model_of_gpt2_s_vocabulary_is_walked(pellucid: Command):
    ended = pellucid("walk", "--full", "hello world, hello", "--model", "gpt2-tiny")
    assert (ended.code, ended.err) == (0, "")
    assert widest(ended.out) <= WIDTH
    assert "31373" in ended.out
    assert "' world'" in ended.out
    assert "50257×8" in ended.out
    predictions = [line for line in ended.out.splitlines() if "→" in line]
    assert [line.split()[0].strip("'") for line in predictions] == ["hello", "", ","]
    assert all("target '" in line for line in predictions), "no line is wrapped"


def test_a_line_break_is_written_as_in_python(pellucid: Command, trained: Path):
    out = pellucid("walk", "--full", "a\np", "--model", trained).out
    assert "'\\n'" in out
    assert "\\\\n" not in out


def test_a_model_with_more_ids_than_its_tokenizer_is_walked(pellucid: Command, tmp_path: Path):
    from pellucid.checkpoint import save
    from pellucid.models import GPT, GPTConfig
    from pellucid.text import Words

    save(GPT.init(GPTConfig(8, block_size=4, n_layer=1, n_head=1, n_embd=4)), tmp_path)
    Words(("a", "b", "c")).save(tmp_path)
    ended = pellucid("walk", "--full", "a b c", "--model", tmp_path)
    assert (ended.code, ended.err) == (0, "")
    assert_true(parsed(ended.out), record_of(tmp_path, "a b c"))


def test_a_line_that_is_too_long_goes_on_in_the_next_and_is_not_cut(
    pellucid: Command, tmp_path: Path
):
    from pellucid.checkpoint import save
    from pellucid.models import GPT, GPTConfig
    from pellucid.text import Words

    words = tuple(letter * 28 for letter in "abcdefghijklm")
    save(GPT.init(GPTConfig(13, block_size=8, n_layer=1, n_head=1, n_embd=4)), tmp_path)
    Words(words).save(tmp_path)
    out = pellucid("walk", "--full", " ".join(words[:7]), "--model", tmp_path).out
    assert widest(out) <= WIDTH
    predictions = out.partition("most likely next tokens\n")[2].partition("\n\n")[0]
    lines = re.split(r"\n {6}(?=')", predictions)
    assert [line.split()[0] for line in lines] == [f"'{word}'" for word in words[:6]]
    guesses = [re.findall(r"'([a-m]{28})' 0\.\d+", line.partition("→")[2]) for line in lines]
    assert all(len(found) == len(set(found) & set(words)) == 3 for found in guesses)


def record_of(directory: Path, text: str) -> Tape:
    model, tokenizer = open_model(str(directory))
    update = {"learning_rate": 1e-3, "weight_decay": 0.1}
    return record_step(model, tokenizer.encode(text), tokenizer, update=update).tape


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["P"], "at least two tokens"),
        ([], "at least one character"),
        ([""], "at least one character"),
        (["Ω and"], "'Ω'"),
        (["pickled peppers picked"], "16 positions"),
        (["pickled", "--layers", "99"], "0 to 2"),
        (["pickled", "--layers", "0,x"], "'0,x'"),
        (["pickled", "--layers", "-1"], "'-1'"),
        (["pickled", "--layers", ""], "--layers"),
        (["pickled", "--device", "abacus"], "--device"),
    ],
)
def test_a_mistake_with_a_model_is_one_line(
    pellucid: Command, trained: Path, arguments: list[str], words: str
):
    ended = pellucid("walk", "--full", "--model", trained, *arguments)
    assert words in ended.refused()
    assert ended.out == ""


def test_other_mistakes_are_one_line(pellucid: Command, tmp_path: Path):
    assert "ai_rocks" in pellucid("walk", "ai_rock").refused()
    assert "nowhere" in pellucid("walk", "a", "--model", tmp_path / "nowhere").refused()
    assert "0 to 0" in pellucid("walk", "--layers", "1").refused()


def test_a_text_s_likeliest_next_tokens_stand_at_the_top(pellucid: Command):
    model, pieces = open_model("english-1M")
    likeliest = next_tokens(model, pieces.prompt("In the beginning"), 5)
    said = " ".join(
        pellucid("walk", "--full", "In the beginning", "--model", "english-1M").out.split()
    )
    first, _, _ = said.partition("Forward: from tokens to loss")
    for one in likeliest:
        assert f"{readable_piece(pieces, one.token).strip()}' {100 * one.probability:.3g}%" in first
