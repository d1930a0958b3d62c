"""A model of other sizes than the pack's is a finding with its name."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from pellucid.compare import Comparison, Mine, compare
from pellucid.errors import TraceError
from pellucid.models import GPT, GPTConfig, Llama, LlamaConfig
from pellucid.reference import Pack, ReferenceRun, open_pack, write_pack
from pellucid.terminal.compare_ci import comparison_junit, comparison_markdown
from pellucid.tree import flatten, unflatten
from tests.compare import foreign
from tests.port.models import CONFIG, LLAMA_CONFIG, small

UPDATE = {"optimizer": "adamw", "learning_rate": 1e-3, "weight_decay": 0.1}
CONFIGS: dict[str, GPTConfig | LlamaConfig] = {"gpt": CONFIG, "llama": LLAMA_CONFIG}


def run_of(config: GPTConfig | LlamaConfig, length: int | None = None) -> ReferenceRun:
    params, tokens, targets = small(config=config)
    kind = Llama if isinstance(config, LlamaConfig) else GPT
    tree = unflatten({name: torch.tensor(value).float() for name, value in params.items()})
    batch = torch.from_numpy(tokens[:length]), torch.from_numpy(targets[:length])
    return ReferenceRun(kind(config, tree), "", *batch, UPDATE)


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pack]:
    place = tmp_path_factory.mktemp("sizes")
    for kind, config in CONFIGS.items():
        write_pack(run_of(config), place / kind)
    return {kind: open_pack(place / kind) for kind in CONFIGS}


def dump(config: GPTConfig | LlamaConfig, length: int | None = None) -> dict[str, Tensor]:
    tape = run_of(config, length).first_step(torch.float32)
    return {name: tape[name] for name in tape if tape[name].is_floating_point()}


def compared(pack: Pack, tensors: dict[str, Tensor]) -> Comparison:
    return compare(pack, Mine(tensors, pack.blank, None))


@pytest.mark.parametrize(
    ("kind", "other", "said"),
    [
        ("gpt", {"n_layer": 3}, ["yours has 3 layers, the pack 2"]),
        (
            "gpt",
            {"n_head": 4},
            [
                "heads of the attention: yours has 4, the pack 3",
                "a head has 3 channels, the pack's 4",
            ],
        ),
        (
            "gpt",
            {"n_embd": 15},
            ["yours has width 15, the pack 12", "a head has 5 channels, the pack's 4"],
        ),
        ("llama", {"n_layer": 4}, ["yours has 4 layers, the pack 2"]),
        ("llama", {"n_inner": 14}, ["the feed-forward network has 14 channels, the pack's 10"]),
        (
            "llama",
            {"n_kv_head": 1},
            ["heads of keys and values: yours has 1, the pack 2"],
        ),
    ],
)
def test_a_wrong_size_is_named(
    packs: dict[str, Pack], kind: str, other: dict[str, Any], said: list[str]
):
    found = compared(packs[kind], dump(replace(CONFIGS[kind], **other)))
    own = [one for one in found.sizes if "feed-forward" not in one or "n_inner" in other]
    assert own == said
    assert not found.agrees


@pytest.mark.parametrize("kind", CONFIGS)
def test_right_sizes_and_a_part_of_the_layers_are_no_finding(packs: dict[str, Pack], kind: str):
    tensors = dump(CONFIGS[kind])
    assert compared(packs[kind], tensors).agrees
    first = {name: value for name, value in tensors.items() if name.startswith("h.0.")}
    assert compared(packs[kind], first).agrees


@pytest.mark.parametrize("kind", CONFIGS)
@pytest.mark.parametrize("shown", ["all", "logits"])
def test_fewer_layers_are_named_where_the_norm_behind_them_reads_them(
    packs: dict[str, Pack], kind: str, shown: str
):
    tensors = without_last_layer(CONFIGS[kind])
    if shown == "logits":
        tensors = {n: v for n, v in tensors.items() if n in ("h.0.attn.att", "logits")}
    found = compared(packs[kind], tensors)
    assert [one.relation for one in found.findings] == ["yours has 1 layer, the pack's model 2"]
    if shown == "all":
        wrong = compared(packs[kind], tensors | {"logits": tensors["logits"] * 2})
        assert "logits" in [one.fault.name for one in wrong.findings[1:]]


def without_last_layer(config: GPTConfig | LlamaConfig) -> dict[str, Tensor]:
    """What a port shows that leaves the last layer out, though it has its parameters."""
    run = run_of(config)
    params = {n: v for n, v in flatten(run.model.params).items() if not n.startswith("h.1.")}
    short = type(run.model)(replace(config, n_layer=1), unflatten(params))
    tape = replace(run, model=short).first_step(torch.float32)
    return {name: tape[name] for name in tape if tape[name].is_floating_point()}


def test_fewer_positions_are_named(packs: dict[str, Pack]):
    found = compared(packs["gpt"], dump(CONFIG, length=5))
    assert found.sizes == ("yours has read 5 positions, the pack 6",)


def test_some_tensors_of_another_shape_are_no_wrong_size(packs: dict[str, Pack]):
    right = dump(CONFIG)
    for some in (["h.0.attn.att"], ["h.0.ln_1.out", "h.0.ln_2.out"]):
        wrong = {name: right[name][..., :-1] for name in some}
        others = {} if len(some) == 1 else {k: v for k, v in right.items() if k not in wrong}
        with pytest.raises(TraceError, match="must have the shape"):
            compared(packs["gpt"], wrong | others)
    alone = {"h.0.attn.att": right["h.0.attn.att"][:, :-1, :-1]}
    with pytest.raises(TraceError, match="must have the shape"):
        compared(packs["gpt"], alone)


def test_reports_for_ci_say_so_too(packs: dict[str, Pack]):
    found = compared(packs["gpt"], dump(replace(CONFIG, n_layer=3)))
    assert not found.agrees
    assert '<failure message="yours has 3 layers, the pack 2"' in comparison_junit(found, "a")
    summary = comparison_markdown(found, "a")
    assert summary.startswith("### pellucid compare: differs")
    assert "- yours has 3 layers, the pack 2" in summary


# -- through the names of other programs ----------------------------------------------------------

PROGRAMS = {
    "Hugging Face": foreign.hugging_face,
    "nanoGPT": foreign.nanogpt,
    "TransformerLens": foreign.transformer_lens,
    "llm.c": foreign.llm_c,
}
OTHER: list[tuple[dict[str, int], str]] = [
    ({"n_layer": 3}, "yours has 3 layers, the pack 2"),
    ({"n_head": 4}, "heads of the attention: yours has 4, the pack 3"),
    ({"n_embd": 15}, "yours has width 15, the pack 12"),
    ({"n_inner": 40}, "the feed-forward network has 40 channels, the pack's 48"),
    ({"vocab_size": 14}, "yours has a vocabulary of 14, the pack one of 11"),
    ({"vocab_size": 10}, "yours has a vocabulary of 10, the pack one of 11"),
    ({"block_size": 12}, "yours has room for 12 positions, the pack for 10"),
    ({"block_size": 8}, "yours has room for 8 positions, the pack for 10"),
]


def foreign_run(program: str, config: GPTConfig) -> dict[str, Tensor]:
    return PROGRAMS[program](run_of(config).first_step(torch.float32), config)


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize(("other", "said"), OTHER)
def test_a_wrong_size_is_named_through_other_programs_names(
    packs: dict[str, Pack], program: str, other: dict[str, int], said: str
):
    tensors = foreign_run(program, replace(CONFIG, **other))
    found = compared(packs["gpt"], tensors)
    if program == "llm.c" and "vocab_size" in other:
        assert found.sizes == ()  # its table is filled up to 128 whatever it has
        return
    assert said in found.sizes
    assert len(found.sizes) <= 1 + ("n_head" in other) + 2 * ("n_embd" in other)


def test_fewer_layers_are_named_where_all_are_in_one_tensor(packs: dict[str, Pack]):
    found = compared(packs["gpt"], foreign_run("llm.c", replace(CONFIG, n_layer=1)))
    assert found.sizes == ("yours has 1 layer, the pack 2",)


@pytest.mark.parametrize("program", PROGRAMS)
def test_right_sizes_are_no_finding_through_other_programs_names(
    packs: dict[str, Pack], program: str
):
    assert compared(packs["gpt"], foreign_run(program, CONFIG)).agrees


@pytest.mark.parametrize("kind", CONFIGS)
@pytest.mark.parametrize(("field", "size"), [("vocab_size", 13), ("block_size", 9)])
def test_a_wrong_vocabulary_or_length_is_named(
    packs: dict[str, Pack], kind: str, field: str, size: int
):
    found = compared(packs[kind], dump(replace(CONFIGS[kind], **{field: size})))
    words = {"vocab_size": "vocabulary of 13", "block_size": "room for 9 positions"}
    seen = kind == "gpt" or field == "vocab_size"  # a Llama has no table of positions
    assert len(found.sizes) == seen
    assert all(words[field] in said for said in found.sizes)
