"""Paths of contributions: sums that hold at every node, and against runs with one path scaled."""

import math

import pytest

from pellucid.errors import TraceError
from pellucid.inspect import StreamPaths, attribution, stream_paths
from pellucid.inspect.paths import MOST
from pellucid.models import CausalModel, Intervention, Llama, intervene
from tests.inspect.models import EVERY
from tests.models.examples import random_params
from tests.models.llama_examples import tiny

TOKENS = [3, 1, 4, 1, 5]
FIRST, SECOND = 6, 2


@pytest.fixture(params=EVERY)
def model(request: pytest.FixtureRequest) -> CausalModel:
    return EVERY[request.param]


def into(paths: StreamPaths, number: int) -> float:
    return math.fsum(edge.value for edge in paths.edges if edge.end == number)


@pytest.mark.parametrize(("second", "position"), [(SECOND, -1), (None, 2)])
def test_what_comes_into_a_node_and_its_rest_is_what_goes_out(
    model: CausalModel, second: int | None, position: int
):
    logits, tape = model.run_with_cache(TOKENS)
    paths = stream_paths(model, tape, FIRST, second, position, least=0.02)
    answer, *others = paths.nodes
    wanted = logits[position, FIRST] - (0 if second is None else logits[position, second])
    assert answer.value == float(wanted)
    assert (answer.part, answer.position) == ("answer", position % len(TOKENS))
    for number, node in enumerate(paths.nodes):
        assert into(paths, number) + node.rest == pytest.approx(node.value, abs=1e-12)
        if number:
            out = math.fsum(edge.value for edge in paths.edges if edge.start == number)
            assert out == pytest.approx(node.value, abs=1e-12)
    assert math.fsum(node.rest for node in paths.nodes) == pytest.approx(answer.value, abs=1e-11)
    assert {node.part for node in others} <= {"embedding", "head", "feed-forward"}
    for node in others:
        assert node.position <= answer.position
        if node.part == "head":
            assert node.name == f"h.{node.layer}.attn.z[{node.head}]"
    found = attribution(model, tape, FIRST, second, position)
    terms = {one.name: one.value for one in found.contributions}
    for edge in paths.edges:
        if edge.end == 0:
            assert edge.value == pytest.approx(terms[paths.nodes[edge.start].name], abs=1e-12)


@pytest.mark.parametrize("keys", [1, 2, 4])
def test_with_all_terms_followed_nothing_stays_behind_where_there_are_no_biases(keys: int):
    config = tiny(n_head=4, n_kv_head=keys, n_embd=8)
    model = Llama(config, random_params(config))
    _, tape = model.run_with_cache(TOKENS[:3])
    paths = stream_paths(model, tape, FIRST, SECOND, least=0.0)
    assert len(paths.nodes) < MOST
    heads = [node for node in paths.nodes if node.part == "head"]
    assert len(heads) == 4 + 4 * 3
    for node in (paths.nodes[0], *heads):
        assert node.rest == pytest.approx(0.0, abs=1e-12)


def test_an_edge_between_heads_is_what_the_later_one_loses_with_all_else_frozen():
    """Of a Llama with attention and scales frozen: without the earlier head at one place."""
    model = EVERY["llama: own keys"]
    _, tape = model.run_with_cache(TOKENS)
    paths = stream_paths(model, tape, FIRST, SECOND, least=0.0)
    edge = next(
        edge
        for edge in paths.edges
        if paths.nodes[edge.start].part == "head" and paths.nodes[edge.end].part == "head"
    )
    early, late = paths.nodes[edge.start], paths.nodes[edge.end]
    assert (early.layer, late.layer) == (0, 1)
    block, after = model.params["h"]["0"]["attn"], model.params["h"]["1"]
    size = tape["h.0.attn.z"].shape[-1]

    def own(head: int | None) -> slice:
        assert head is not None
        return slice(head * size, (head + 1) * size)

    written = (
        tape["h.0.attn.z"][early.head, early.position] @ block["c_proj"]["weight"][own(early.head)]
    )
    normed = written * tape["h.1.ln_1.rstd"][early.position] * after["ln_1"]["weight"]
    value = normed @ after["attn"]["v_proj"]["weight"][:, own(late.head)]
    gathered = tape["h.1.attn.att"][late.head, late.position, early.position] * value
    added = gathered @ after["attn"]["c_proj"]["weight"][own(late.head)]
    scale = tape["ln_f.rstd"][-1] * model.params["ln_f"]["weight"]
    head = (model.params.get("lm_head") or model.params["wte"])["weight"]
    wanted = float((added * scale) @ (head[FIRST] - head[SECOND]))
    assert late.position == len(TOKENS) - 1
    assert edge.value == pytest.approx(wanted, abs=1e-12)


def test_no_more_nodes_than_can_be_looked_at():
    model = EVERY["gpt: deep"]
    _, tape = model.run_with_cache(TOKENS)
    paths = stream_paths(model, tape, FIRST, SECOND, least=0.0)
    assert len(paths.nodes) == MOST
    assert math.fsum(node.rest for node in paths.nodes) == pytest.approx(
        paths.nodes[0].value, abs=1e-11
    )


def test_an_ablated_head_has_no_path_and_a_stream_set_by_hand_is_refused():
    model = EVERY["gpt: pre"]
    off = intervene(model, [Intervention("h.1.attn.att", 0.0, (1,))])
    paths = stream_paths(off, off.run_with_cache(TOKENS)[1], FIRST, SECOND, least=0.001)
    assert "h.1.attn.z[1]" not in {node.name for node in paths.nodes}
    changed = intervene(model, [Intervention("h.0.mlp.c_proj.out", 0.5)])
    with pytest.raises(TraceError, match="changed it"):
        stream_paths(changed, changed.run_with_cache(TOKENS)[1], FIRST)
