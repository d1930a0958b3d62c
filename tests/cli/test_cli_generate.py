"""`pellucid generate`: the text of a trained model, and why each token was drawn."""

import re
from pathlib import Path

import pytest

from pellucid import native
from pellucid.text import load_tokenizer
from tests.cli.conftest import Command
from tests.train.small_training import TEXT

PROMPT = "Peter "
PIECE = re.compile(r"p = (\d\.\d+)  \[(\d\.\d+), (\d\.\d+)\)")
DRAW = re.compile(r"^ *(\d+)  (\d+) candidates, random number u = (\d\.\d+)$")


def test_the_prompt_comes_first_and_the_tokens_follow(pellucid: Command, trained: Path):
    ended = pellucid("generate", "--model", trained, "--prompt", PROMPT, "--max-new-tokens", 40)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(PROMPT)
    assert ended.out.endswith("\n")
    assert len(ended.out) == len(PROMPT) + 40 + 1
    assert set(ended.out) <= set(TEXT)
    without = pellucid(
        *("generate", "--model", trained, "--prompt", PROMPT, "--max-new-tokens", 40, "--no-past")
    )
    assert without == ended


def test_the_seed_decides_the_text(pellucid: Command, trained: Path):
    def text(*settings: object) -> str:
        return pellucid("generate", "--model", trained, "--max-new-tokens", 30, *settings).out

    assert text() == text("--seed", 1337)
    assert text() != text("--seed", 1)
    assert text("--greedy") == text("--greedy", "--seed", 1)
    assert text("--top-k", 1) == text("--greedy") == text("--top-p", 1e-9)
    assert text("--temperature", 0.5) != text()


def test_several_samples_are_those_of_the_seeds_one_after_another(pellucid: Command, trained: Path):
    command = ["generate", "--model", trained, "--prompt", PROMPT, "--max-new-tokens", 25]
    ended = pellucid(*command, "--num-samples", 3, "--seed", 7)
    samples = re.split(r"\n─+\n", ended.out)
    each = [pellucid(*command, "--seed", seed).out.removesuffix("\n") for seed in (7, 8, 9)]
    assert [sample.removesuffix("\n") for sample in samples] == each
    assert len(set(each)) == 3


def test_why_shows_the_pieces_of_the_unit_interval_and_where_the_number_fell(
    pellucid: Command, trained: Path
):
    command = ["generate", "--model", trained, "--prompt", PROMPT, "--max-new-tokens", 12]
    ended = pellucid(*command, "--why", "--top-k", 5)
    assert ended.code == 0
    lines = ended.out.splitlines()
    heads = [place for place, line in enumerate(lines) if DRAW.match(line)]
    assert len(heads) == 12
    tokens = []
    for number, head in enumerate(heads, start=1):
        found = DRAW.match(lines[head])
        assert found is not None
        assert (int(found[1]), found[2]) == (number, "5")
        u = float(found[3])
        pieces = [PIECE.search(line) for line in lines[head + 1 : head + 6]]
        numbers = [tuple(map(float, piece.groups())) for piece in pieces if piece]
        assert len(numbers) == 5
        assert sum(p for p, _, _ in numbers) == pytest.approx(1, abs=1e-5)
        end = 0.0
        for p, start, stop in numbers:
            assert start == end
            assert stop - start == pytest.approx(p, abs=2e-6)
            end = stop
        assert end == 1
        (chosen,) = [line for line in lines[head + 1 : head + 6] if "→" in line]
        piece = PIECE.search(chosen)
        assert piece is not None
        assert float(piece[2]) - 1e-6 <= u <= float(piece[3]) + 1e-6
        tokens.append(int(chosen.replace("→", " ").split()[0]))
    said = PROMPT + load_tokenizer(trained).decode(tokens)
    assert ended.out.endswith(f"\n{said}\n")
    assert pellucid(*command, "--top-k", 5).out == f"{said}\n"


def test_why_lists_the_likeliest_and_counts_the_rest(pellucid: Command, trained: Path):
    command = ["generate", "--model", trained, "--max-new-tokens", 15, "--why"]
    lines = pellucid(*command).out.splitlines()
    starts = [place for place, line in enumerate(lines) if DRAW.match(line)]
    for start, stop in zip(starts, [*starts[1:], len(lines)], strict=True):
        shown = [line for line in lines[start:stop] if PIECE.search(line)]
        assert len(shown) in {8, 9}
        assert sum("→" in line for line in shown) == 1
        rest = [line for line in lines[start:stop] if "… " in line]
        together = map(float, re.findall(r"together p = (\d\.\d+)", "".join(rest)))
        listed = sum(float(found[1]) for line in shown if (found := PIECE.search(line)))
        assert listed + sum(together) == pytest.approx(1, abs=1e-5)
        if len(shown) == 9:
            assert "→" in shown[8], "the chosen one is listed below the eight likeliest"
    greedy = pellucid(*command, "--greedy").out
    assert greedy.count("greedy: the most likely") == 15


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["--prompt", "Z Ä"], "'Ä'"),
        (["--prompt", "Peter Piper picked"], "1 to 16"),
        (["--prompt", ""], "at least one character"),
        (["--temperature", "0"], "--greedy"),
        (["--temperature", "-1"], "temperature"),
        (["--temperature", "nan"], "temperature"),
        (["--top-p", "0"], "top-p"),
        (["--top-p", "1.1"], "top-p"),
        (["--top-k", "0"], "top-k"),
        (["--max-new-tokens", "0"], "max-new-tokens"),
        (["--device", "abacus"], "--device"),
        (["--tokenizer", "gpt2"], "50257"),
        (["--tokenizer", "nowhere"], "nowhere"),
        (["--seed", "99999999999999999999999"], "seed"),
    ],
)
def test_a_mistake_is_one_line_and_no_text_comes_before_it(
    pellucid: Command, trained: Path, settings: list[str], words: str
):
    ended = pellucid("generate", "--model", trained, *settings)
    assert words in ended.refused()
    assert ended.out == ""


def test_a_model_that_is_not_there_is_named(pellucid: Command, tmp_path: Path):
    assert "nowhere" in pellucid("generate", "--model", tmp_path / "nowhere").refused()
    (tmp_path / "empty").mkdir()
    assert "empty" in pellucid("generate", "--model", tmp_path / "empty").refused()


def test_a_text_ends_where_the_model_says_so(pellucid: Command, tmp_path: Path):
    from pellucid.checkpoint import save
    from pellucid.models import GPT, GPTConfig
    from pellucid.text import Words
    from pellucid.tree import map_leaves

    config = GPTConfig(3, block_size=8, n_layer=1, n_head=1, n_embd=4, tied=False)
    model = GPT.init(config)
    params = map_leaves(lambda leaf: leaf * 0, model.params)
    params["ln_f"]["bias"] += 1
    params["lm_head"]["weight"][2] = 1  # whatever was read, <EOS> scores highest
    save(GPT(config, params), tmp_path)
    Words(("AI", "rocks", "<EOS>")).save(tmp_path)
    command = ["generate", "--model", tmp_path, "--prompt", "AI", "--greedy"]
    assert pellucid(*command).out == "AI\n"
    assert len(re.findall(r"candidates, greedy", pellucid(*command, "--why").out)) == 1


def test_a_beam_finds_a_likely_text_and_shows_what_else_it_found(pellucid: Command, trained: Path):
    told = ("generate", "--model", trained, "--prompt", "Peter", "--max-new-tokens", 8)
    plain = pellucid(*told, "--beam", 3)
    assert plain.code == 0
    assert plain.out.startswith("Peter")
    assert len(plain.out.rstrip("\n")) == len("Peter") + 8
    why = pellucid(*told, "--beam", 3, "--why").out
    assert why.startswith(plain.out)
    assert len(why.strip().splitlines()) == len(plain.out.strip().splitlines()) + 5
    for choice in (
        *(("--temperature", 0.5), ("--greedy",), ("--num-samples", 2), ("--top-k", 3)),
        ("--lookup", 4),
    ):
        assert "a beam draws nothing" in pellucid(*told, "--beam", 3, *choice).refused()
    assert "beam" in pellucid(*told, "--beam", 1000).refused()


def test_matrices_are_rounded_where_it_is_asked(pellucid: Command):
    asked = ("--greedy", "--max-new-tokens", 8, "--prompt", "The king")
    as_it_is = pellucid("generate", *asked).out
    assert pellucid("generate", *asked, "--quantize", "bfloat16").out == as_it_is
    assert pellucid("generate", *asked, "--quantize", "int4").out.startswith("The king")


def test_a_line_says_where_the_native_kernels_are_not_there(
    pellucid: Command, monkeypatch: pytest.MonkeyPatch
):
    asked = ("generate", "--greedy", "--max-new-tokens", 8, "--prompt", "The king")
    text = pellucid(*asked).out
    native.library.cache_clear()
    monkeypatch.setenv("PELLUCID_NATIVE", "off")
    without = pellucid(*asked)
    native.library.cache_clear()
    assert without.out == text
    assert without.err == (
        "the native kernels are switched off by PELLUCID_NATIVE: computing in plain PyTorch, "
        "which is slower\n"
    )


@pytest.mark.parametrize("settings", [[], ["--greedy"], ["--why"], ["--num-samples", 2]])
def test_looking_ahead_in_the_prompt_changes_nothing_that_is_printed(
    pellucid: Command, trained: Path, settings: list[object]
):
    told = ("generate", "--model", trained, "--prompt", "Peter Peter Pet", *settings)
    told += ("--max-new-tokens", 30, "--dtype", "float64")
    assert pellucid(*told, "--lookup", 5) == pellucid(*told)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["--greedy", "--temperature", 0.1], "leave out --temperature"),
        (["--greedy", "--top-k", 3], "leave out --temperature, --top-k"),
        (["--greedy", "--top-p", 0.3], "or --greedy"),
        (["--greedy", "--num-samples", 2], "and --num-samples, or --greedy"),
        (["--top-p-of", "top-k", "--top-k", 3], "give --top-k and --top-p"),
        (["--top-p-of", "top-k", "--top-p", 0.3], "give --top-k and --top-p"),
        (["--length-penalty", 0.5], "add --beam 4"),
        (["--no-early-stopping"], "add --beam 4"),
    ],
)
def test_an_option_without_effect_is_told(
    pellucid: Command, trained: Path, settings: list[object], words: str
):
    ended = pellucid("generate", "--model", trained, "--max-new-tokens", 2, *settings)
    assert words in ended.refused()
    assert ended.out == ""


def test_how_filters_go_together_and_when_a_beam_ends_can_be_chosen(
    pellucid: Command, trained: Path
):
    told = ("generate", "--model", trained, "--max-new-tokens", 30, "--why", "--top-k", 3)
    both = (*told, "--top-p", 0.3)
    of_top_k = pellucid(*both, "--top-p-of", "top-k")
    assert of_top_k.code == 0
    assert of_top_k.out != pellucid(*both).out == pellucid(*both, "--top-p-of", "all").out
    beam = ("generate", "--model", trained, "--max-new-tokens", 4, "--beam", 2)
    for choice in ("--early-stopping", "--no-early-stopping"):
        assert pellucid(*beam, choice).code == 0
