"""Activations set by hand: the run with them is the run, forward, backward and on the tape."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from pellucid.errors import ConfigError, TraceError
from pellucid.generate import Sampling, generate
from pellucid.kernels import FAST
from pellucid.layers import REFERENCE
from pellucid.models import (
    GPT,
    Intervention,
    causal_loss,
    intervene,
    intervened_name,
    intervention_names,
    intervention_sizes,
    merged,
    packed,
    with_lora,
)
from pellucid.models.gpt.wiring import TRUNK
from pellucid.models.intervening import intervening
from pellucid.models.interventions import set_values
from pellucid.tape import PlacedTape, Tape
from pellucid.tree import flatten, map_leaves, unflatten
from tests.judge import assert_close
from tests.models.examples import TARGETS, TOKENS
from tests.models.intervened_models import CONFIGS, model_of, some_interventions

TEXT, WANTED = TOKENS[0], TARGETS[0]
each_model = pytest.mark.parametrize("label", CONFIGS)


ATTENTION = ("attn.c_attn.out", "attn.att", "attn.c_proj.out")
MLP = ("mlp.c_fc.out", "mlp.act.out", "mlp.c_proj.out")
BLOCKS = {
    "pre": ("ln_1.out", *ATTENTION, "ln_2.out", *MLP, "resid_post"),
    "post": (*ATTENTION, "ln_1.out", *MLP, "ln_2.out", "resid_post"),
}
"""What can be set in a block, written out by hand: the code finds it by a dry run."""


@each_model
def test_what_can_be_set_is_what_the_pairs_make_on_the_way_to_the_loss(label: str):
    model, config = model_of(label), CONFIGS[label]
    block = [f"h.{number}.{name}" for number in (0, 1) for name in BLOCKS[config.norm]]
    last = ["ln_f.out"] if config.final_norm else []
    assert list(intervention_names(model)) == ["embed.out", "wpe.out", *block, *last]
    widths = {"c_attn.out": 3 * config.n_embd, "c_fc.out": config.inner, "act.out": config.inner}
    for name in intervention_names(model):
        width = widths.get(".".join(name.split(".")[-2:]), config.n_embd)
        sizes = (config.n_head, None, None) if name.endswith(".att") else (None, width)
        assert intervention_sizes(model, name) == sizes


def by_autograd(model: GPT, interventions: list[Intervention]) -> dict[str, Tensor]:
    """The loss, and every gradient as autograd finds it from the intervened forward."""
    params = map_leaves(Tensor.requires_grad_, map_leaves(Tensor.clone, model.params))
    own = set_values(model, interventions, start=0, totals={"tokens": TOKENS.shape[-1]})
    ops = intervening(REFERENCE, own)
    loss, _ = causal_loss(
        TOKENS, TARGETS, **params, config=model.config, trunk=TRUNK, ops=ops, tape=PlacedTape()
    )
    leaves = flatten(params)
    grads = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
    found = {
        name: torch.zeros_like(leaf) if grad is None else grad
        for (name, leaf), grad in zip(leaves.items(), grads, strict=True)
    }
    return found | {"loss": loss.detach()}


@each_model
@pytest.mark.parametrize("fast", [False, True], ids=["reference", "fast"])
def test_every_gradient_of_an_intervened_run_is_autograd_s(label: str, fast: bool):
    model = model_of(label)
    interventions = some_interventions(model)
    touched = intervene(model, interventions)
    loss, grads = touched.loss_and_grads(TOKENS, TARGETS, ops=FAST if fast else REFERENCE)
    expected = by_autograd(model, list(touched.interventions))
    assert_close(loss, expected.pop("loss"), 1e-12)
    assert sorted(flatten(grads)) == sorted(expected)
    for name, grad in flatten(grads).items():
        assert_close(grad, expected[name], 1e-11, name)


def plain(model: GPT, text: Tensor, touch: Callable[[str, Tensor], Tensor]) -> Tensor:
    """The logits of a pre-norm GPT, written with torch's own functions: a second opinion."""
    functional, p, eps = torch.nn.functional, flatten(model.params), model.config.eps

    def norm(path: str, x: Tensor) -> Tensor:
        weight, bias = p[f"{path}.weight"], p[f"{path}.bias"]
        return touch(f"{path}.out", functional.layer_norm(x, x.shape[-1:], weight, bias, eps))

    def linear(path: str, x: Tensor) -> Tensor:
        return touch(f"{path}.out", functional.linear(x, p[f"{path}.weight"].mT, p[f"{path}.bias"]))

    x = touch("embed.out", functional.embedding(text, p["wte.weight"]))
    x = touch("wpe.out", x + p["wpe.weight"][: len(text)])
    for i in range(model.config.n_layer):
        qkv = linear(f"h.{i}.attn.c_attn", norm(f"h.{i}.ln_1", x))
        q, k, v = (
            part.unflatten(-1, (model.config.n_head, -1)).transpose(0, 1)
            for part in qkv.chunk(3, -1)
        )
        hidden = torch.ones(len(text), len(text)).triu(1).bool()
        scores = (q @ k.mT / q.shape[-1] ** 0.5).masked_fill(hidden, -torch.inf)
        att = touch(f"h.{i}.attn.att", scores.softmax(-1))
        x = x + linear(f"h.{i}.attn.c_proj", (att @ v).transpose(0, 1).flatten(1))
        inner = linear(f"h.{i}.mlp.c_fc", norm(f"h.{i}.ln_2", x))
        bent = touch(f"h.{i}.mlp.act.out", functional.gelu(inner, approximate="tanh"))
        x = touch(f"h.{i}.resid_post", x + linear(f"h.{i}.mlp.c_proj", bent))
    return norm("ln_f", x) @ p["wte.weight"].mT


@pytest.mark.parametrize("name", intervention_names(model_of("pre")))
def test_loss_and_gradients_are_those_of_the_same_interventions_in_plain_torch(name: str):
    model = model_of()
    interventions = [one for one in some_interventions(model) if one.name == name]

    def touch(place: str, x: Tensor) -> Tensor:
        if place != name:
            return x
        changed = x.clone()
        for one in interventions:
            changed[one.index] = one.value
        return changed

    leaves = {name: leaf.requires_grad_() for name, leaf in flatten(model.params).items()}
    logits = plain(model, TEXT, touch)
    expected = torch.nn.functional.cross_entropy(logits, WANTED)
    slopes = torch.autograd.grad(expected, list(leaves.values()))
    with torch.no_grad():
        loss, grads = intervene(model, interventions).loss_and_grads(TEXT, WANTED)
        assert_close(intervene(model, interventions).forward(TEXT), logits, 1e-12)
    assert_close(loss, expected, 1e-12)
    for own, slope in zip(leaves, slopes, strict=True):
        assert_close(flatten(grads)[own], slope, 1e-11, own)


@each_model
def test_without_interventions_the_run_is_bit_for_bit_the_model_s(label: str):
    model = model_of(label)
    loss, grads = model.loss_and_grads(TOKENS, TARGETS)
    same, again = intervene(model, []).loss_and_grads(TOKENS, TARGETS)
    assert torch.equal(loss, same)
    assert all(torch.equal(grad, flatten(again)[name]) for name, grad in flatten(grads).items())
    assert torch.equal(model.forward(TEXT), intervene(model, []).forward(TEXT))


@each_model
def test_what_was_set_is_on_the_tape_beside_what_was_made(label: str):
    model, before = model_of(label), Tape()
    model.loss(TEXT, WANTED, before)
    for name in intervention_names(model):
        tape, index = Tape(), (0,) * len(intervention_sizes(model, name))
        intervene(model, [Intervention(name, 3.5, index)]).loss_and_grads(TEXT, WANTED, tape)
        assert torch.equal(tape[name], before[name])
        after = tape[intervened_name(name)]
        assert after[index] == 3.5
        assert (after != before[name]).sum() == 1
        gradient = tape[f"d{name}"]
        assert gradient[index] == 0 or name.startswith("embed")
        slope = tape[f"d{intervened_name(name)}"]
        assert slope.shape == after.shape
        assert torch.equal(
            tape[f"d{intervened_name(name).removesuffix('out')}x"], slope * (after != 3.5)
        )


def test_a_head_without_attention_adds_what_its_rows_of_the_map_would_not():
    model, head = model_of(), 1
    size = model.config.n_embd // model.config.n_head
    leaves = {name: leaf.clone() for name, leaf in flatten(model.params).items()}
    leaves["h.1.attn.c_proj.weight"][head * size : (head + 1) * size] = 0
    ablated = intervene(model, [Intervention("h.1.attn.att", 0, (head,))])
    without = model.with_params(unflatten(leaves))
    assert torch.allclose(ablated.forward(TEXT), without.forward(TEXT), rtol=0, atol=1e-14)
    assert not torch.allclose(ablated.forward(TEXT), model.forward(TEXT))


@each_model
@pytest.mark.parametrize("layer", [0, 1])
def test_a_whole_stream_of_another_text_gives_that_text_s_logits(label: str, layer: int):
    model = model_of(label)
    logits, tape = model.run_with_cache(TOKENS[1])
    patch = Intervention(f"h.{layer}.resid_post", tape[f"h.{layer}.resid_post"])
    assert torch.equal(intervene(model, [patch]).forward(TEXT), logits)


def test_later_interventions_win_and_earlier_ones_stay_beside_them():
    model = intervene(
        model_of(),
        [Intervention("h.0.ln_1.out", 1.0, (2,)), Intervention("h.0.ln_1.out", 2.0, (2, 1))],
    )
    model = intervene(model, [Intervention("h.0.ln_1.out", 3.0, (slice(None), 3))])
    _, tape = model.run_with_cache(TEXT)
    assert tape["h.0.ln_1.intervened.out"][2].tolist() == [1.0, 2.0, 1.0, 3.0]
    assert (tape["h.0.ln_1.intervened.out"][:, 3] == 3.0).all()
    assert torch.equal(tape["h.0.ln_1.intervened.out"][:2, :3], tape["h.0.ln_1.out"][:2, :3])


@each_model
@pytest.mark.parametrize("parts", [(5,), (3, 2), (4, 1), (3, 1, 1)], ids=str)
def test_a_past_holds_the_intervened_run(label: str, parts: tuple[int, ...]):
    model = model_of(label)
    _, other = model.run_with_cache(TOKENS[1][:2])
    interventions = [
        Intervention("h.0.resid_post", other["h.0.resid_post"], (slice(0, 2),)),
        Intervention("h.1.attn.att", 0.0, (0,)),
        Intervention("h.0.attn.att", 0.5, (1, 2, 1)),
        Intervention("h.1.mlp.act.out", -1.0, (slice(1, None), 2)),
    ]
    touched = intervene(model, interventions)
    whole, past, logits = touched.forward(TEXT), None, []
    for part in TEXT.split(list(parts)):
        some, past = touched.extend(part, past)
        logits.append(some)
    assert torch.allclose(torch.cat(logits), whole, rtol=0, atol=1e-12)


def test_a_patched_text_goes_on():
    model, text = model_of(), TEXT[:3]
    _, other = model.run_with_cache(TOKENS[1][:3])
    whole = [Intervention(name, other[name]) for name in ("h.0.attn.att", "h.1.resid_post")]
    heads = (slice(None), slice(0, 3), slice(0, 3))
    parts = [
        Intervention("h.0.attn.att", other["h.0.attn.att"], heads),
        Intervention("h.1.resid_post", other["h.1.resid_post"], (slice(0, 3),)),
    ]
    first, past = intervene(model, whole).extend(text, None)
    second, _ = intervene(model, whole).extend(TEXT[3:], past)
    longer = intervene(model, parts).forward(TEXT)
    assert torch.allclose(torch.cat([first, second]), longer, rtol=0, atol=1e-12)
    assert not torch.allclose(model.forward(TEXT)[3:], second)


def test_generation_is_of_the_intervened_run_with_a_past_and_without():
    model = intervene(
        model_of(), [Intervention("h.1.attn.att", 0.0, (0,)), Intervention("ln_f.out", 2.0, (0, 1))]
    )
    sure, texts = Sampling(top_k=1), []
    for keep_past in (True, False):
        generator = torch.Generator().manual_seed(0)
        how = {"max_new_tokens": 3, "sampling": sure, "generator": generator}
        drawn = generate(model, [3, 1, 4], keep_past=keep_past, **how)
        texts.append([one.token for one in drawn])
    expected = [3, 1, 4]
    for _ in range(3):
        expected.append(int(model.forward(expected)[-1].argmax()))
    assert texts == [expected[3:]] * 2


def test_an_intervened_model_stays_one():
    model = intervene(model_of(), [Intervention("h.0.mlp.c_proj.out", 0.0)])
    single = model.to(dtype=torch.float32)
    others = [model.with_params(model.params), single, with_lora(model, 2), merged(model)]
    for other in others:
        assert type(other) is GPT
        assert [one.name for one in other.interventions] == ["h.0.mlp.c_proj.out"]
    assert single.interventions[0].value.dtype == single.forward(TEXT).dtype == torch.float32
    assert model.without_interventions.interventions == ()
    assert str(model).endswith("with 1 intervention")


@each_model
def test_gradients_stand_on_the_tape_under_the_names_of_what_they_are_by(label: str):
    model, tape = model_of(label), Tape()
    intervene(model, some_interventions(model)).loss_and_grads(TOKENS, TARGETS, tape)
    names = [name for name in tape if name.startswith("d")]
    assert all(tape[name].shape == tape[name.removeprefix("d")].shape for name in names)
    assert {f"d{intervened_name(name)}" for name in intervention_names(model)} <= set(names)


BAD: dict[str, tuple[Intervention, str]] = {
    "a name that is none": (Intervention("h.0.ln_3.out", 0), "set h.0.ln_[12].out, the nearest"),
    "a layer that is none": (Intervention("h.7.ln_1.out", 0), "set h.[01].ln_1.out"),
    "queries": (Intervention("h.1.attn.q", 0), "set h.1.attn.c_attn.out"),
    "scores": (Intervention("h.1.attn.scores", 0), "h.1.attn.att, made after it"),
    "gathered values": (
        Intervention("h.1.attn.z", 0),
        "set h.1.attn.att, made before it, or h.1.attn.c_proj.out, made after it",
    ),
    "the stream in the middle": (Intervention("h.1.resid_mid", 0), "c_proj.out.*h.1.ln_2.out"),
    "the stream of the first block": (Intervention("h.0.resid_pre", 0), "set wpe.out"),
    "logits": (Intervention("logits", 0), "set ln_f.out"),
    "a parameter": (Intervention("h.0.ln_1.weight", 0), "by with_params"),
    "no name": (Intervention("", 0), "nearest"),
    "too many axes": (
        Intervention("ln_f.out", 0, (0, 0, 0)),
        r"\[0, 0, 0\] has 3 for ln_f.out \(T, 4\)",
    ),
    "a head that is none": (
        Intervention("h.0.attn.att", 0, (2,)),
        r"\[2\] does not: .* \(2, T, T\)",
    ),
    "a column that is none": (Intervention("ln_f.out", 0, (0, 4)), r"\[0, 4\] does not"),
    "a place from the end": (Intervention("ln_f.out", 0, (-1,)), r"counted from 0, and \[-1\]"),
    "a slice from the end": (Intervention("ln_f.out", 0, (slice(-1, None),)), "counted from 0"),
    "a fraction": (Intervention("ln_f.out", 0, (0.5,)), "does not"),  # type: ignore[arg-type]
    "true": (Intervention("ln_f.out", 0, (True,)), "does not"),
    "nan": (Intervention("ln_f.out", float("nan")), "finite numbers in float64, and nan came"),
    "a tensor with infinity": (Intervention("ln_f.out", torch.tensor([1, torch.inf])), "finite"),
    "a word": (Intervention("ln_f.out", "high"), "finite numbers .* 'high' came"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("what", BAD)
def test_an_intervention_that_cannot_be_is_refused_in_one_line(what: str):
    one, message = BAD[what]
    with pytest.raises(ConfigError, match=message) as raised:
        intervene(model_of(), [one])
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("one", "message"),
    [
        (Intervention("ln_f.out", 0, (5,)), r"\[5\] does not: ln_f.out is \(5, 4\)"),
        (Intervention("h.0.attn.att", 0, (0, 1, 5)), r"h.0.attn.att is \(2, 5, 5\)"),
        (
            Intervention("ln_f.out", torch.zeros(6, 4)),
            r"\(5, 4\) here, and \(6, 4\) came: .* 5 tokens",
        ),
        (
            Intervention("ln_f.out", torch.zeros(1, 4)),
            r"\(5, 4\) here, and \(1, 4\) came: .* an index",
        ),
        (
            Intervention("h.0.attn.att", torch.zeros(4, 5), (0,)),
            r"\(5, 5\) here, and \(4, 5\) came",
        ),
        (Intervention("ln_f.out", torch.zeros(3), (2,)), r"\(4,\) here, and \(3,\) came"),
    ],
    ids=["a position", "a key", "a longer text's", "a shorter text's", "rows", "another width"],
)
def test_what_the_text_does_not_have_is_refused_when_it_comes(one: Intervention, message: str):
    model = intervene(model_of(), [one])
    runs: list[Callable[[], Any]] = [
        lambda: model.forward(TEXT),
        lambda: model.loss(TEXT, WANTED),
        lambda: model.loss_and_grads(TEXT, WANTED),
    ]
    for run in runs:
        with pytest.raises(ConfigError, match=message) as raised:
            run()
        assert "\n" not in str(raised.value)


def test_no_intervention_is_passed_over_in_silence():
    model = model_of()
    own = set_values(
        model, [Intervention("ln_f.out", torch.tensor(0.0))], start=0, totals={"tokens": 5}
    )
    ops = intervening(REFERENCE, own)
    with pytest.raises(TraceError, match="knows its place"):
        model.forward(TEXT, ops=ops)
    with pytest.raises(TraceError, match="only the reference ops"):
        intervene(model, []).forward(TEXT, Tape(), ops=FAST)
    with pytest.raises(ConfigError, match="not packed"):
        intervene(packed(model.to(dtype=torch.float32), "int8"), [])
