"""Unknown names are paired by shapes and numbers, of a port with a mistake too, or listed."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from pellucid.compare import Comparison, Mine, compare, read_rules
from pellucid.compare.guessing import Proposal, guess, shown
from pellucid.compare.guessing.pairing import Candidate, UnknownTensor, paired
from pellucid.compare.guessing.targets import GuessTarget
from pellucid.reference import Pack, ReferenceRun, open_pack, write_pack
from pellucid.terminal.compare_guess import guess_lines
from tests.compare.scrambled import scrambled, words_for
from tests.port import gpt2 as port
from tests.port.models import CONFIG, LLAMA_CONFIG, N_HEAD, llama_of, model_of, small

UPDATE = {"optimizer": "adamw", "learning_rate": 1e-3, "weight_decay": 0.1}
OURS = words_for()


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pack]:
    place, found = tmp_path_factory.mktemp("guessing"), {}
    for kind, config, make in (("gpt", CONFIG, model_of), ("llama", LLAMA_CONFIG, llama_of)):
        params, tokens, targets = small(config=config)
        ids = torch.tensor(tokens), torch.tensor(targets)
        run = ReferenceRun(make(params, torch.float32), "", *ids, UPDATE, steps=1)
        write_pack(run, place / kind)
        found[kind] = open_pack(place / kind)
    return found


def dump(*mistakes: str) -> dict[str, Tensor]:
    params, tokens, targets = small()
    ran = port.run(params, tokens, targets, n_head=N_HEAD, mistakes=mistakes, steps=1)
    return scrambled(ran)


def by_them(pack: Pack, tensors: dict[str, Tensor], proposal: Proposal) -> Comparison:
    return compare(pack, Mine(tensors, pack.blank, proposal.rules))


def wrong_pairs(tensors: dict[str, Tensor], pack: Pack, proposal: Proposal) -> list[str]:
    """Names that stand for another tensor of ours than they should."""
    same = {name: row.get("same_as", name) for name, row in pack.rows.items()}
    found = []
    for ours, source in Mine(tensors, pack.blank, proposal.rules).translation.found.items():
        for name in source.names:
            gradient = name.endswith(".grad")
            right = "d" * gradient + OURS[name.removesuffix(".grad")]
            if same.get(ours, ours) != same.get(right, right):
                found.append(f"{name} -> {ours}")
    return found


def test_a_right_port_is_understood_without_a_name(packs: dict[str, Pack], tmp_path: Path):
    pack, tensors = packs["gpt"], dump()
    proposal = guess(pack, tensors)
    assert {one.sure for _, guesses in proposal.guessed for one in guesses} == {"exact"}
    assert (proposal.unsure, proposal.left, proposal.twice) == ((), (), {})
    rules = [str(rule) for rule in proposal.rules]
    assert "net.layer{i+1}.up.w.T -> h.{i}.mlp.c_fc.weight" in rules
    assert "net.layer{i+1}.heads.q -> h.{i}.attn.q" in rules
    joined = ", ".join(f"net.layer{{i+1}}.to_{c}.T" for c in "qkv")
    assert f"{joined} -> h.{{i}}.attn.c_attn.weight" in rules
    assert len(rules) == len(set(rules)) == 38
    (tmp_path / "rules.txt").write_text(proposal.text)
    again = read_rules([str(tmp_path / "rules.txt")])
    assert [str(rule) for rule in again] == rules
    found = by_them(pack, tensors, proposal)
    assert found.agrees
    assert found.translation.unknown == ()
    assert len(found.judged) > 80
    assert wrong_pairs(tensors, pack, proposal) == []


@pytest.mark.parametrize(
    ("mistake", "least"),
    [
        ("gelu_erf", 130),
        ("no_scale", 130),
        ("position_from_1", 128),
        ("transposed_c_proj", 130),
        ("ln_backward_no_mean", 130),
    ],
)
def test_a_port_with_a_mistake_is_paired_rightly_and_its_mistake_found(
    packs: dict[str, Pack], mistake: str, least: int
):
    pack, tensors = packs["gpt"], dump(mistake)
    proposal = guess(pack, tensors)
    assert wrong_pairs(tensors, pack, proposal) == []
    found = by_them(pack, tensors, proposal)
    assert len(tensors) - len(found.translation.unknown) >= least
    first, *more = found.findings
    assert more == []
    named = {one.name for fit in first.named for one in fit.mistakes}
    assert named == {mistake.replace("transposed_c_proj", "transposed_weight")}


def test_what_cannot_be_told_apart_is_listed_and_in_no_rule(packs: dict[str, Pack]):
    pack, tensors = packs["gpt"], dump()
    flat = {f"net/layer{i + 1}/n{c}/off": torch.zeros(12) for i in range(2) for c in "ab"}
    noise = {"noise": torch.randn(6, 12, generator=torch.Generator().manual_seed(0))}
    twice = {"again": tensors["net/layer1/bent"].clone(), "size": torch.ones(7, 5)}
    proposal = guess(pack, tensors | flat | noise | twice)
    unsure = {one.theirs: one for one in proposal.unsure}
    assert {*flat, "noise"} == set(unsure)
    assert proposal.twice == {"again": "net/layer1/bent"}
    assert proposal.left == ("size",)
    names = [name for rule in proposal.rules for name in rule.names]
    assert "noise" not in names
    assert not any("layer" in name and name.endswith(".off") for name in names)
    text = "".join(str(line) for line in guess_lines(proposal))
    assert "not sure, left out: noise may be" in text
    assert "the same numbers as net/layer1/bent, left out: again" in text
    assert "nothing of the pack has the size of: size" in text
    assert "# not sure: noise may be" in proposal.text


def target(name: str) -> GuessTarget:
    places = torch.arange(100).reshape(-1, 1)
    return GuessTarget((name,), (100,), places, torch.arange(100).double())


def pairs(options: dict[str, list[tuple[str, float]]]) -> dict[str, str]:
    """What is sure, of tensors with these distances to ours."""
    own = {
        name: [Candidate(target(ours), "", far, far) for ours, far in found]
        for name, found in options.items()
    }
    sure, unsure = paired([UnknownTensor(name, torch.float64) for name in own], own)
    assert {one.theirs for one in (*sure, *unsure)} == set(own)
    return {one.theirs: one.target.ours[0] for one in sure}


def test_the_nearest_must_be_far_nearer_than_any_other_both_ways():
    assert pairs({"x": [("a", 0.1), ("b", 0.5)], "y": [("b", 0.0), ("a", 0.8)]}) == {
        "x": "a",
        "y": "b",
    }
    assert pairs({"x": [("a", 0.1), ("b", 0.15)]}) == {}
    assert pairs({"x": [("a", 0.1)], "y": [("a", 0.15)]}) == {}
    assert pairs({"x": [("a", 0.6), ("b", 9.0)]}) == {}
    assert pairs({"x": [("a", 0.0), ("b", 0.0)]}) == {}
    assert pairs({"x": [("a", 0.0)], "y": [("a", 0.0)]}) == {"x": "a"}


def test_of_a_fresh_model_only_equal_biases_of_one_module_are_left(tmp_path: Path):
    params, tokens, targets = small()
    for name, values in params.items():
        if values.ndim == 1:
            values[:] = name.endswith("weight")
    ids = torch.tensor(tokens), torch.tensor(targets)
    write_pack(ReferenceRun(model_of(params, torch.float32), "", *ids, UPDATE, steps=1), tmp_path)
    pack = open_pack(tmp_path)
    tensors = scrambled(port.run(params, tokens, targets, n_head=N_HEAD, steps=1))
    proposal = guess(pack, tensors)
    left = {f"net/layer{i + 1}/plus_{c}" for i in range(2) for c in "qkv"}
    assert {one.theirs for one in proposal.unsure} == left
    assert wrong_pairs(tensors, pack, proposal) == []
    assert by_them(pack, tensors, proposal).agrees
    said = {str(rule): {one.sure for one in guesses} for rule, guesses in proposal.guessed}
    assert said["net.layer{i+1}.na.gain -> h.{i}.ln_1.weight"] == {"by its module"}
    assert said["x.normed -> ln_f.out"] == {"by its number"}


def test_equal_numbers_of_several_layers_are_told_apart_by_the_layer_s_number(
    packs: dict[str, Pack], tmp_path: Path
):
    params, tokens, targets = small()
    params |= {f"h.{i}.mlp.c_fc.bias": 0 * params["h.0.mlp.c_fc.bias"] for i in range(2)}
    ids = torch.tensor(tokens), torch.tensor(targets)
    write_pack(ReferenceRun(model_of(params, torch.float32), "", *ids, UPDATE, steps=1), tmp_path)
    pack = open_pack(tmp_path)
    ran = port.run(params, tokens, targets, n_head=N_HEAD, steps=1)
    proposal = guess(pack, scrambled(ran))
    said = {str(rule): {one.sure for one in guesses} for rule, guesses in proposal.guessed}
    assert said["net.layer{i+1}.up.b -> h.{i}.mlp.c_fc.bias"] == {"by its number"}


def test_a_llama_s_maps_side_by_side_are_cut_and_layers_taken_apart(packs: dict[str, Pack]):
    pack = packs["llama"]
    own = pack.tensors("float32")
    tensors = {"table": own["wte.weight"], "scores": own["logits"]}
    for i in range(2):
        rows = [own[f"h.{i}.attn.{c}_proj.weight"].T for c in "qkv"]
        tensors[f"b{i}.qkv"] = torch.cat(rows)
        both = [own[f"h.{i}.mlp.{c}_proj.weight"] for c in ("gate", "up")]
        tensors[f"b{i}.gate_up"] = torch.cat(both, 1)
    for word, name in (("down", "mlp.c_proj.weight"), ("gain", "ln_1.weight")):
        tensors[f"all/{word}"] = torch.stack([own[f"h.{i}.{name}"] for i in range(2)])
        gradients = [own[f"dh.{i}.{name}"] for i in range(2)]
        tensors[f"grads/all/{word}"] = torch.stack(gradients)
    proposal = guess(pack, tensors)
    assert {str(rule) for rule in proposal.rules} == {
        "table -> wte.weight",
        "scores -> logits",
        f"b{{i}}.qkv.T -> {', '.join(f'h.{{i}}.attn.{c}_proj.weight' for c in 'qkv')}",
        "b{i}.gate_up -> h.{i}.mlp.gate_proj.weight, h.{i}.mlp.up_proj.weight",
        "all.down[{i}] -> h.{i}.mlp.c_proj.weight",
        "all.gain[{i}] -> h.{i}.ln_1.weight",
    }
    found = by_them(pack, tensors, proposal)
    assert found.agrees
    assert found.translation.unknown == ()
    assert {"dh.1.mlp.c_proj.weight", "h.0.attn.k_proj.weight"} <= found.judged


def test_where_every_name_is_known_there_is_nothing_to_guess(packs: dict[str, Pack]):
    proposal = guess(packs["gpt"], {"loss": torch.ones(())})
    assert proposal.rules == ()
    assert "".join(map(str, guess_lines(proposal))) == "nothing to guess: every name is known"
    assert shown("a\x003") == "a[3]"
