"""Packed weights: what they stand for, their products, and whole models, native and plain."""

import functools

import gguf
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from pellucid import native
from pellucid.checkpoint import open_model
from pellucid.errors import ConfigError
from pellucid.generate import Sampling, generate
from pellucid.kernels import FAST, PACKED, PackedWeight, fastest
from pellucid.kernels.groups import BLOCK_FORMS, GROUPINGS
from pellucid.kernels.packing import (
    Form,
    columns,
    pack,
    packed_bytes,
    packed_from_blocks,
    unpacked,
)
from pellucid.layers import REFERENCE, Past, causal_mask
from pellucid.models import GPT, packed, with_lora
from pellucid.tree import flatten, unflatten
from tests.judge import assert_close
from tests.kernels.levels import ROUNDINGS, each_form, each_level
from tests.models.examples import TARGETS, TOKENS, random_params, tiny

# How far a product may be from its judge, of its largest number. The judge is float64 with weights
# and activations rounded as the form says, so that this is the kernel's own rounding.
TOLERANCE = 2e-6


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def rounded_rows(x: Tensor, form: Form) -> Tensor:
    """What a product takes of its activations, in float64; written apart from the code."""
    if form == "float32":
        return x.double()
    if form == "bfloat16":
        return x.to(torch.bfloat16).double()
    if x.shape[-1] > 32:
        return torch.cat([rounded_rows(part, form) for part in x.split(32, -1)], -1)
    rows = []
    for row in x.reshape(-1, x.shape[-1]):
        most = float(row.abs().max())
        whole = torch.round(row * (torch.tensor(127.0) / most)) if most else row
        rows.append(whole.double() * most / 127)
    return torch.stack(rows).view(x.shape)


# -- one weight -----------------------------------------------------------------------------------


@each_form
@given(m=st.integers(1, 150), n=st.integers(1, 150))
def test_what_is_packed_is_unpacked(form: Form, m: int, n: int):
    weight = drawn(m, n)
    made = pack(weight, form)
    assert made.panels.numel() == packed_bytes((m, n), form)
    again = unpacked(made)
    if form in {"float32", "bfloat16"}:
        assert torch.equal(again, weight.to(getattr(torch, form)).float())
        return
    filled = torch.cat([weight, torch.zeros(-m % 32, n)]).unflatten(0, (-1, 32))
    kept = torch.cat([again, torch.zeros(-m % 32, n)]).unflatten(0, (-1, 32))
    low, high = filled.amin(1, keepdim=True), filled.amax(1, keepdim=True)
    largest = torch.maximum(-low, high)
    # A scale and a minimum of float16 are off by 2^-12 of themselves at most.
    off, error = largest / 2**10, (kept - filled).abs()
    if form == "int8":
        assert bool((error <= largest / 127 * 0.501 + off).all())
    elif form == "q4_0":  # the largest is -8, and 7 the other end
        at = filled.abs().argmax(1, keepdim=True)
        assert_close(kept.gather(1, at), filled.gather(1, at), 2**-11)
        clipped = (filled.abs() > 7.5 / 8 * largest) & (kept.sign() == filled.sign())
        assert bool((error <= torch.where(clipped, 1.03, 0.501) * largest / 8 + off).all())
    elif form == "q4_1":
        assert bool((error <= (high - low) / 15 * 0.501 + off).all())
    else:  # u up to 15 times half a unit of the scale, and half a step of the minimum
        low, high = low.clamp(max=0), high.clamp(min=0)
        unit = torch.maximum((high - low) / 15, low / -8).amax(0) / 255
        assert bool((error <= (high - low) / 15 * 0.501 + 12 * unit).all())


@each_form
def test_a_weight_of_zeros_is_zeros(form: Form):
    assert not unpacked(pack(torch.zeros(40, 70), form)).any()


@each_form
def test_a_look_up_is_a_column(form: Form):
    made = pack(drawn(40, 200), form)
    index = torch.tensor([[0, 199, 64], [63, 7, 7]])
    assert_close(columns(made, index), unpacked(made).mT[index], 1e-7)


@each_level
@each_form
@pytest.mark.parametrize("shape", [(1, 1), (64, 64), (200, 257)], ids=str)
@pytest.mark.parametrize("rows", [1, 2, 3, 8, 23])
def test_a_product_is_that_of_what_is_packed(
    level: str, form: Form, shape: tuple[int, int], rows: int
):
    weight, x = pack(drawn(*shape), form), drawn(rows, shape[0], seed=1)
    bias = drawn(shape[1], seed=2)
    out, _ = PACKED.linear.forward(x, weight=weight, bias=bias)
    judge = rounded_rows(x, form) @ unpacked(weight).double() + bias.double()
    assert_close(out, judge, TOLERANCE)


@each_level
@each_form
def test_rows_of_zeros_and_of_one_large_number(level: str, form: Form):
    weight, x = pack(drawn(64, 70), form), torch.zeros(3, 64)
    x[1, 5], x[2] = 1e20, 1e-20
    out, _ = PACKED.linear.forward(x, weight=weight)
    assert not out[0].any()
    for row in (1, 2):
        judge = rounded_rows(x[row], form) @ unpacked(weight).double()
        assert_close(out[row], judge, 2e-6)


@each_level
@pytest.mark.parametrize("activation", ["gelu_tanh", "gelu_erf", "relu"])
def test_the_bend_is_the_reference_s(level: str, activation: str):
    """A block whose attention writes nothing, and whose maps leave all as it is."""
    one = {"weight": pack(torch.eye(64), "float32"), "bias": torch.zeros(64)}
    nothing = {"weight": pack(torch.zeros(64, 64), "float32")}
    out, _ = PACKED.block.forward(
        (x := drawn(40, 64)),
        ln_1={"weight": torch.ones(64)},
        attn={"c_attn": {"weight": pack(torch.zeros(64, 192), "float32")}, "c_proj": nothing},
        ln_2={"weight": torch.full((64,), 4.0)},
        mlp={"c_fc": one, "c_proj": one},
        norm="pre",
        activation=getattr(PACKED, activation),
        eps=1e-5,
        ops=PACKED,
        n_head=1,
        mask=causal_mask(40, 40, x.device),
    )
    normed, _ = REFERENCE.layer_norm.forward(x.double(), weight=torch.full((64,), 4.0), eps=1e-5)
    bent, _ = getattr(REFERENCE, activation).forward(normed)
    assert float((out - (x.double() + bent)).abs().max()) < 2.5e-6


@pytest.mark.parametrize("kind", BLOCK_FORMS)
@pytest.mark.parametrize("shape", [(32, 1), (576, 200), (1536, 64)], ids=str)
def test_blocks_of_llama_cpp_are_kept_to_the_bit(kind: str, shape: tuple[int, int]):
    quantized = gguf.quantize(drawn(*reversed(shape)).numpy(), gguf.GGMLQuantizationType[kind])
    made = packed_from_blocks(torch.from_numpy(quantized), kind, shape)
    opened = gguf.dequantize(quantized, gguf.GGMLQuantizationType[kind])
    assert torch.equal(unpacked(made), torch.from_numpy(opened).mT)
    assert made.form == BLOCK_FORMS[kind]


def test_a_weight_beyond_a_scale_of_float16_is_refused():
    with pytest.raises(ConfigError, match="pack the model in bfloat16"):
        pack(torch.full((32, 1), 1e9), "int8")


# -- a whole model --------------------------------------------------------------------------------


def model_of(**choices: object) -> GPT:
    return GPT(tiny(**choices), random_params(tiny(**choices))).to(dtype=torch.float32)


@each_level
@each_form
@pytest.mark.parametrize(
    "choices",
    [
        {},
        {"activation": "gelu_erf"},
        {"activation": "relu", "bias": False},
        {"norm": "post"},
        {"tied": False, "final_norm": False},
        {"n_head": 1, "n_embd": 100, "n_inner": 70},
    ],
    ids=str,
)
def test_a_model_is_its_reference(level: str, form: Form, choices: dict[str, object]):
    model = model_of(**choices)
    small = packed(model, form)
    judge = model.to(dtype=torch.float64).forward(TOKENS)
    got = small.forward(TOKENS, ops=PACKED)
    assert got.dtype == torch.float32
    error = float((got - judge).norm() / judge.norm())
    assert error <= ROUNDINGS[form]
    loss = small.loss(TOKENS, TARGETS, ops=PACKED)
    assert_close(loss, model.loss(TOKENS, TARGETS), ROUNDINGS[form])


@each_level
@each_form
def test_kernels_agree_with_plain_pytorch(level: str, form: Form, monkeypatch: pytest.MonkeyPatch):
    model = packed(shipped()[0], form)
    tokens = torch.randint(2048, (2, 40), generator=torch.Generator().manual_seed(1))
    got = model.forward(tokens, ops=PACKED)
    native.library.cache_clear()
    monkeypatch.setenv("PELLUCID_NATIVE", "off")
    plain = model.forward(tokens, ops=PACKED)
    # Keys and values in bfloat16, and whole numbers on the verge of the next, make the difference.
    assert float((got - plain).norm() / plain.norm()) < {"float32": 2e-6}.get(form, 0.02)


@each_level
@each_form
def test_going_on_is_computing_all_at_once(level: str, form: Form):
    model = packed(model_of(block_size=64), form)
    vocab = model.config.vocab_size
    tokens = torch.randint(vocab, (2, 40), generator=torch.Generator().manual_seed(1))
    whole = model.forward(tokens, ops=PACKED)
    logits, past, at = [], None, 0
    for length in (20, 1, 1, 3, 15):
        some, past = model.extend(tokens[:, at : at + length], past, ops=PACKED)
        logits.append(some)
        at += length
    together = torch.cat(logits, 1)
    assert float((together - whole).norm() / whole.norm()) < {"float32": 1e-5}.get(form, 0.05)


@each_level
def test_a_past_can_be_gone_on_from_twice(level: str):
    model = packed(model_of(), "float32")
    _, past = model.extend([1, 2, 3], None, ops=PACKED)
    one, _ = model.extend([4], past, ops=PACKED)
    two, _ = model.extend([0], past, ops=PACKED)
    again, _ = model.extend([4], past, ops=PACKED)
    assert torch.equal(one, again)
    assert not torch.equal(one, two)
    cut = [Past(layer.k[..., :2, :], layer.v[..., :2, :]) for layer in past]
    shorter, _ = model.extend([4], cut, ops=PACKED)
    assert_close(shorter, model.extend([1, 2, 4], None, ops=PACKED)[0][-1:], 1e-5)


@each_level
def test_a_changed_parameter_is_seen_beside_weights_that_are_the_same(level: str):
    model = packed(model_of(), "float32")
    before = model.forward(TOKENS, ops=PACKED)
    leaves = flatten(model.params)
    changed = model.with_params(
        unflatten(leaves | {"h.0.ln_1.weight": 2 * leaves["h.0.ln_1.weight"]})
    )
    after = changed.forward(TOKENS, ops=PACKED)
    assert not torch.allclose(before, after, rtol=1e-3)
    assert torch.equal(model.forward(TOKENS, ops=PACKED), before)


@each_level
def test_only_the_last_positions_are_scored(level: str):
    model = packed(model_of(), "float32")
    whole = model.forward(TOKENS, ops=PACKED)
    last, _ = model.extend(TOKENS, None, ops=PACKED, last=2)
    assert_close(last, whole[..., -2:, :], 1e-6)


def test_pairs_of_lora_are_added_into_the_weights():
    model = with_lora(model_of(), 2)
    pairs = {
        name: leaf + 0.1 if name.endswith("lora_b") else leaf
        for name, leaf in flatten(model.params).items()
    }
    tuned = model.with_params(unflatten(pairs))
    assert_close(packed(tuned, "float32").forward(TOKENS, ops=PACKED), tuned.forward(TOKENS), 1e-5)


@functools.cache
def shipped() -> tuple[GPT, object]:
    return open_model("english-1M")


def written(model: GPT, prompt: list[int]) -> list[int]:
    draws = generate(
        model,
        prompt,
        max_new_tokens=48,
        sampling=Sampling(greedy=True),
        generator=torch.Generator(),
    )
    return [choice.token for choice in draws]


PROMPTS = ["The king", "\n", "It was a dark and stormy night; the rain fell", "She said"]


@pytest.mark.parametrize("form", ["float32", "bfloat16"])
def test_the_shipped_model_writes_the_same_natively_and_in_plain_pytorch(
    form: Form, monkeypatch: pytest.MonkeyPatch
):
    if native.library() is None:
        pytest.skip("the native library is not built here")
    gpt, tokenizer = shipped()
    model = packed(gpt, form)
    prompts = [tokenizer.encode(prompt) for prompt in PROMPTS]
    natively = [written(model, prompt) for prompt in prompts]
    native.library.cache_clear()
    monkeypatch.setenv("PELLUCID_NATIVE", "off")
    assert [written(model, prompt) for prompt in prompts] == natively
    native.library.cache_clear()
    if form == "float32":
        assert [written(gpt, prompt) for prompt in prompts] == natively


@pytest.mark.parametrize("form", GROUPINGS)
def test_where_activations_are_whole_numbers_the_same_tokens_are_likeliest(
    form: Form, monkeypatch: pytest.MonkeyPatch
):
    """An activation on the verge of the next whole number may fall to either side.

    From there on the two differ as int8 differs from float32. So both are asked at each place of
    one text, and where they choose differently, neither is sure.
    """
    if native.library() is None:
        pytest.skip("the native library is not built here")
    gpt, tokenizer = shipped()
    model = packed(gpt, form)
    texts = [tokenizer.encode(prompt) for prompt in PROMPTS]
    texts = [text + written(model, text) for text in texts]
    natively = torch.cat([model.forward(text, ops=PACKED) for text in texts])
    native.library.cache_clear()
    monkeypatch.setenv("PELLUCID_NATIVE", "off")
    plain = torch.cat([model.forward(text, ops=PACKED) for text in texts])
    native.library.cache_clear()
    chosen, other = natively.argmax(-1, keepdim=True), plain.argmax(-1, keepdim=True)
    unsure = natively.gather(-1, chosen) - natively.gather(-1, other)
    assert float(unsure.max()) < 0.3
    assert float((chosen == other).double().mean()) > 0.95


# -- what cannot be -------------------------------------------------------------------------------


def test_a_packed_model_has_no_gradient():
    model = packed(model_of(), "int8")
    assert fastest(model.params) is PACKED
    assert fastest(model_of().params) is FAST
    with pytest.raises(ConfigError, match="forward only"):
        model.loss_and_grads(TOKENS, TARGETS, ops=PACKED)


def test_a_packed_model_needs_its_table():
    with pytest.raises(ConfigError, match="ops=PACKED"):
        packed(model_of(), "int8").forward(TOKENS)
    with pytest.raises(ConfigError, match="then pack it"):
        packed(model_of(), "int8").to(dtype=torch.float64)


def test_a_packed_model_says_what_it_is():
    small = packed(model_of(), "int4")
    assert str(small).endswith("packed as int4")
    assert packed(small, "int8") is small
    leaf = small.params["h"]["0"]["mlp"]["c_fc"]["weight"]
    assert isinstance(leaf, PackedWeight)
    assert leaf.numel() == leaf.shape[0] * leaf.shape[1]
    assert small.params["wte"]["weight"].form == "int8"


@pytest.mark.parametrize("name", ["attn_noise", "resid_noise", "mlp_noise"])
def test_a_block_with_noise_in_any_one_place_drops_it(name: str):
    model = model_of()
    small = packed(model, "float32")
    shape = (2, 2, 5, 5) if name == "attn_noise" else (2, 5, 4)
    noise = 2.0 * (drawn(*shape, seed=3) > 0)
    told = {"norm": "pre", "eps": 1e-5, "n_head": 2, "mask": torch.ones(5, 5).tril() > 0}
    x = drawn(2, 5, 4)
    outs = []
    for params, ops in ((small.params, PACKED), (model.params, REFERENCE)):
        own = {"activation": ops.gelu_tanh, "ops": ops, name: noise}
        outs.append(ops.block.forward(x, **params["h"]["0"], **told, **own)[0])
    assert_close(outs[0], outs[1], 2e-6)
    without, _ = REFERENCE.block.forward(
        x, **model.params["h"]["0"], **told, activation=REFERENCE.gelu_tanh, ops=REFERENCE
    )
    assert float((outs[1] - without).abs().max()) > 0.1
