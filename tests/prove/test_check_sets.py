"""The independent checker of statements over sets: right ones pass, and faults are named."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from pellucid.checkpoint.write import write_tensors
from pellucid.examples import Example, find_example
from pellucid.models import GPT, GPTConfig
from pellucid.prove import all_texts, boxed, floats_beside, set_certificate, within
from pellucid.prove.lead import STREAM
from pellucid.tape import Tape
from tests.models.llama_examples import LLAMAS, drawn
from tests.prove.certificates import checked, checked_alone
from tests.prove.recorded_models import random_params

ALL_HOLDS = "all that was asked for holds"
OF = "wpe.out"


def rocks() -> Any:
    found = find_example("ai_rocks")
    assert isinstance(found, Example)
    return found.model


def gpt(**choices: Any) -> GPT:
    sizes = {"vocab_size": 7, "block_size": 6, "n_layer": 2, "n_head": 2, "n_embd": 4}
    config = GPTConfig(**sizes | choices)
    return GPT(config, random_params(config))


def written(path: Path, tape: Tape, of: str = STREAM, radius: float | None = None) -> float:
    """Write the certificate of a box; returns its radius."""
    found = within(tape, radius, of=of)
    run = boxed(tape, found.token, found.of, found.certified)
    assert run is not None
    beside = floats_beside([run.exact])
    if beside:
        write_tensors(path.with_suffix(".safetensors"), beside)
    name = path.with_suffix(".safetensors").name if beside else None
    text = set_certificate("tested", within=found, proved=True, runs=[run], beside=name)
    path.write_text(text, encoding="utf-8")
    return run.box.radius


MODELS: dict[str, Callable[[], Any]] = {
    "ai_rocks": rocks,
    "exact gelu, no bias": lambda: gpt(activation="gelu_erf", bias=False),
    "relu, norms after": lambda: gpt(activation="relu", norm="post"),
    "untied": lambda: gpt(tied=False),
    **{f"llama: {name}": lambda name=name: drawn(LLAMAS[name]) for name in LLAMAS},
}


@pytest.mark.thinned(3)
@pytest.mark.parametrize("of", [STREAM, "wte.weight"])
@pytest.mark.parametrize("name", MODELS)
def test_boxes_of_models_of_every_kind_hold(name: str, of: str, tmp_path: Path) -> None:
    _, tape = MODELS[name]().run_with_cache([1, 0])
    radius = written(tmp_path / "box.json", tape, of)
    code, said = checked(tmp_path / "box.json")
    assert (code, said.splitlines()[-1]) == (0, ALL_HOLDS), said
    assert f"holds: for all numbers within {radius!r} of those of " in said
    assert "not checked" not in said


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("box") / "box.json"
    _, tape = rocks().run_with_cache([0, 1])
    written(path, tape)
    return path


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("texts") / "texts.json"
    reads = list(all_texts(rocks(), 2))
    runs = [
        run
        for read in reads
        if read.likeliest and (run := boxed(read.tape, read.likeliest.token)) is not None
    ]
    text = set_certificate("tested", reads=[(x, None) for x in reads], proved=True, runs=runs)
    path.write_text(text, encoding="utf-8")
    return path


def test_it_needs_nothing_of_ours(box: Path, texts: Path) -> None:
    for path in (box, texts):
        code, said = checked_alone(path)
        assert (code, said.endswith(f"\n{ALL_HOLDS}\n")) == (0, True), said


def test_all_texts_of_a_length_hold(texts: Path) -> None:
    code, said = checked(texts)
    assert code == 0
    assert said.count("holds: for these inputs, token ") == 9
    assert "these are all 9 texts of 2 of the 3 tokens" in said


def test_of_a_part_of_the_calls_no_next_token_is_told(box: Path) -> None:
    code, said = checked(box, "--only", "h.0.*")
    assert (code, "holds: for" in said) == (0, False)


def refused(path: Path, into: Path, change: Callable[[Any], None]) -> str:
    """What the checker says of a certificate that was changed, which it must refuse."""
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    into.write_text(json.dumps(content), encoding="utf-8")
    code, said = checked(into)
    assert (code, "Traceback" in said) == (1, False), said
    assert "holds: for" not in said.partition("REFUSED")[2].partition("run ")[0]
    return said


def run_of(content: Any) -> Any:
    return content["runs"][0]


def no_box(content: Any) -> None:
    run_of(content)["within"] = None


def other(of: str) -> Callable[[Any], None]:
    def change(content: Any) -> None:
        run_of(content)["within"]["of"] = of

    return change


def larger(content: Any) -> None:
    run_of(content)["within"]["radius"] *= 1.2


def other_token(content: Any) -> None:
    run_of(content)["next"]["token"] = 2


def no_token(content: Any) -> None:
    run_of(content)["next"]["token"] = 3


def narrower(name: str) -> Callable[[Any], None]:
    def change(content: Any) -> None:
        stated = run_of(content)["enclosures"][name]
        stated["radii"] = " ".join(f"{int(r, 16) // 2:x}" for r in stated["radii"].split())

    return change


def wide_head(content: Any) -> None:
    """The head reads all that could be: no token is ahead then, though every call holds."""
    stated = run_of(content)["enclosures"]["h.0.resid_post"]
    stated["radii"] = " ".join(f"{int(r, 16) * 64:x}" for r in stated["radii"].split())
    logits = run_of(content)["enclosures"]["lm_head.out"]
    logits["radii"] = " ".join(f"{int(r, 16) * 64:x}" for r in logits["radii"].split())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (larger, "position at wpe: wpe.out"),
        (other("wte.weight"), "embedding at embed: embed.out"),
        (other("h.0.ln_1.xhat"), "layer_norm at h.0.ln_1: h.0.ln_1.xhat"),
        (other("tokens"), "tokens: a box of it is stated"),
        (other("h.0.nothing"), "h.0.nothing: a box of it is stated"),
        (narrower("wpe.out"), "position at wpe: wpe.out"),
        (narrower("h.0.attn.z"), "scaled_dot_product at h.0.attn: h.0.attn.z"),
        (narrower("h.0.resid_post"), "block at h.0: h.0.resid_post"),
        (other_token, "the next token is stated to be 2, and 0 may be as likely"),
        (no_token, "the next token is stated to be 3, which is none of 3"),
        (wide_head, "the next token is stated to be 1"),
    ],
)
def test_a_fault_of_a_box_is_refused_by_name(
    change: Callable[[Any], None], said: str, box: Path, tmp_path: Path
) -> None:
    assert said in refused(box, tmp_path / "changed.json", change)


def test_a_box_that_its_maker_reads_is_refused(box: Path, tmp_path: Path) -> None:
    """What layer norm makes of xhat is made of its own, and not of a box in place of it."""

    def change(content: Any) -> None:
        of = "h.0.ln_1.xhat"
        run_of(content)["within"] = {"of": of, "radius": 1e-30}

    said = refused(box, tmp_path / "changed.json", change)
    assert "h.0.ln_1.xhat: the call that makes it reads it, and reads no box" in said


def test_of_a_box_around_the_head_its_own_width_counts(tmp_path: Path) -> None:
    _, tape = gpt(tied=False).run_with_cache([1, 0])
    written(tmp_path / "box.json", tape, "lm_head.weight")

    def change(content: Any) -> None:
        run_of(content)["within"]["radius"] *= 1e4
        logits = run_of(content)["enclosures"]["lm_head.out"]
        logits["radii"] = " ".join(f"{int(r, 16) * 20_000:x}" for r in logits["radii"].split())

    said = refused(tmp_path / "box.json", tmp_path / "changed.json", change)
    assert "the next token is stated to be" in said


@pytest.mark.parametrize("radius", [0.0, -1e-3, 1, "1/3", None, [1e-3]])
def test_a_radius_that_is_none_is_not_read(radius: Any, box: Path, tmp_path: Path) -> None:
    content = json.loads(box.read_text(encoding="utf-8"))
    run_of(content)["within"]["radius"] = radius
    (tmp_path / "changed.json").write_text(json.dumps(content), encoding="utf-8")
    code, said = checked(tmp_path / "changed.json")
    assert (code, said.count("\n")) == (2, 1)
    assert "radius above 0" in said or "see its within" in said


def one_less(content: Any) -> None:
    del content["runs"][4]


def one_twice(content: Any) -> None:
    content["runs"][4] = content["runs"][3]


def longer(content: Any) -> None:
    content["length"] = 3


def without_next(content: Any) -> None:
    content["runs"][4]["next"] = None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (one_less, "all texts of 2 tokens are stated, and the runs are not those"),
        (one_twice, "all texts of 2 tokens are stated, and the runs are not those"),
        (longer, "all texts of 3 tokens are stated, and the runs are not those"),
        (without_next, "not with what is next of each"),
    ],
)
def test_texts_that_are_not_all_are_refused(
    change: Callable[[Any], None], said: str, texts: Path, tmp_path: Path
) -> None:
    assert said in refused(texts, tmp_path / "changed.json", change)


def test_texts_of_two_models_are_refused(texts: Path, tmp_path: Path) -> None:
    model = rocks()
    table = model.params["wte"]["weight"] + torch.tensor(1e-3)
    strange = model.with_params(model.params | {"wte": {"weight": table}})
    reads = list(all_texts(strange, 2))
    found = reads[4].likeliest
    assert found is not None
    run = boxed(reads[4].tape, found.token)
    assert run is not None

    def change(content: Any) -> None:
        content["runs"][4] = json.loads(json.dumps(run.content))

    said = refused(texts, tmp_path / "changed.json", change)
    assert "the runs are not of one model" in said
