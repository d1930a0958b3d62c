"""Every layer, forward, against PyTorch's own functions."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import TransformerEncoderLayer
from torch.nn import functional as F  # noqa: N812 (everybody's name for it)

from pellucid import layers
from pellucid.layers import IGNORE, REFERENCE, Past, causal_mask, inverted_noise, sinusoids
from pellucid.tree import Tree, flatten
from tests.judge import Example, assert_close
from tests.layers.examples import CPU, EXAMPLES, H, T, attn, cross, normal, some_mask


def torchs_cross_entropy(logits: Tensor, targets: Tensor, **choices: float) -> Tensor:
    return F.cross_entropy(logits.flatten(0, -2), targets.flatten(), ignore_index=IGNORE, **choices)


def torchs_attention(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, noise: Tensor | None = None
) -> Tensor:
    if noise is None:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    keys = torch.eye(k.shape[-2], dtype=k.dtype).expand(*k.shape[:-1], -1)
    return (F.scaled_dot_product_attention(q, k, keys, attn_mask=mask) * noise) @ v


TORCHS: dict[str, Callable[..., Tensor]] = {
    "embedding": F.embedding,
    "position": lambda x, weight, start=0: (
        x + F.embedding(torch.arange(start, start + x.shape[-2]), weight)
    ),
    "linear": lambda x, weight, bias=None: F.linear(x, weight.T, bias),
    "lora_linear": lambda x, weight, lora_a, lora_b, bias=None: F.linear(
        x, (weight + lora_a @ lora_b).T, bias
    ),
    "layer_norm": lambda x, weight, bias=None, *, eps: F.layer_norm(
        x, weight.shape, weight, bias, eps
    ),
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "gelu_erf": F.gelu,
    "relu": F.relu,
    "softmax": lambda x: F.softmax(x, -1),
    "dropout": lambda x, noise=None: x if noise is None else x * noise,
    "scaled_dot_product": torchs_attention,
    "unembedding": F.linear,
    "cross_entropy": torchs_cross_entropy,
    "linear_cross_entropy": lambda x, targets, weight: torchs_cross_entropy(
        F.linear(x, weight), targets
    ),
    "scale": lambda x, factor: factor * x,
    "smooth_cross_entropy": lambda logits, targets, smoothing: torchs_cross_entropy(
        logits, targets, label_smoothing=smoothing
    ),
    "linear_smooth_cross_entropy": lambda x, targets, weight, smoothing: torchs_cross_entropy(
        F.linear(x, weight), targets, label_smoothing=smoothing
    ),
}


@pytest.mark.parametrize(
    ("name", "example"),
    [
        pytest.param(name, example, id=f"{name}: {label}")
        for name in TORCHS
        for label, example in EXAMPLES[name].items()
    ],
)
def test_layer_is_torchs(name: str, example: Example):
    out, _ = getattr(layers, name)(*example.inputs, **example.params, **example.constants)
    expected = TORCHS[name](*example.inputs, **example.params, **example.constants)
    assert_close(out, expected, 1e-12)


TORCHS_NAMES = {
    "attn.c_attn.weight": "self_attn.in_proj_weight",
    "attn.c_attn.bias": "self_attn.in_proj_bias",
    "attn.c_proj.weight": "self_attn.out_proj.weight",
    "attn.c_proj.bias": "self_attn.out_proj.bias",
    "mlp.c_fc.weight": "linear1.weight",
    "mlp.c_fc.bias": "linear1.bias",
    "mlp.c_proj.weight": "linear2.weight",
    "mlp.c_proj.bias": "linear2.bias",
    "ln_1.weight": "norm1.weight",
    "ln_1.bias": "norm1.bias",
    "ln_2.weight": "norm2.weight",
    "ln_2.bias": "norm2.bias",
}


def torchs_block(params: Tree, **choices: Any) -> TransformerEncoderLayer:
    """PyTorch's layer with our parameters; its linear maps keep their weights as (out, in)."""
    width, inner = params["mlp"]["c_fc"]["weight"].shape
    block = TransformerEncoderLayer(
        width, H, inner, dropout=0.0, batch_first=True, dtype=torch.float64, **choices
    )
    transposed = {name: w.T if w.dim() == 2 else w for name, w in flatten(params).items()}
    block.load_state_dict({TORCHS_NAMES[name]: weight for name, weight in transposed.items()})
    return block


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("label", ["T", "B,T", "no bias, no mask, erf"])
def test_block_is_torchs(norm: str, label: str):
    example = EXAMPLES["block"][f"{norm}, {label}"]
    (x,), mask = example.inputs, example.constants["mask"]
    judge = torchs_block(
        example.params,
        activation=lambda inner: example.constants["activation"].forward(inner)[0],
        norm_first=norm == "pre",
        bias="bias" in example.params["ln_1"],
    )
    out, _ = layers.block(x, **example.params, **example.constants)
    expected = judge(x, src_mask=None if mask is None else ~mask)
    assert_close(out, expected.detach(), 1e-12)


def test_attention_goes_on_from_past():
    x, params = normal(2, T, 4), attn()
    whole, _ = layers.attention(x, **params, n_head=H, mask=causal_mask(T, T, CPU), ops=REFERENCE)
    _, cache = layers.attention(x[:, :1], **params, n_head=H, mask=None, ops=REFERENCE)
    mask = causal_mask(T - 1, T, CPU)
    rest, cache = layers.attention(
        x[:, 1:], **params, n_head=H, mask=mask, ops=REFERENCE, past=cache.past
    )
    assert_close(rest, whole[:, 1:], 1e-12)
    assert isinstance(cache.past, Past)
    assert cache.past.k.shape == (2, H, T, 2)


def test_cross_attention_computes_the_memorys_keys_and_values_once():
    x, memory, params = normal(2, T, 4), normal(2, 5, 4), cross()
    heads = {"n_head": H, "mask": None, "ops": REFERENCE}
    whole, cache = layers.cross_attention(x, memory, **params, **heads)
    again, kept = layers.cross_attention(x[:, 1:], None, **params, **heads, past=cache.past)
    assert_close(again, whole[:, 1:], 1e-12)
    assert kept.past.k is cache.past.k
    assert kept.past.v is cache.past.v


def test_cross_attention_of_a_text_to_itself_is_self_attention():
    x, params = normal(2, T, 4), attn()
    c_q, c_kv = ({k: w.split([4, 8], -1)[i] for k, w in params["c_attn"].items()} for i in (0, 1))
    heads = {"n_head": H, "mask": some_mask(T, T), "ops": REFERENCE, "c_proj": params["c_proj"]}
    got, _ = layers.cross_attention(x, x, c_q=c_q, c_kv=c_kv, **heads)
    expected, _ = layers.attention(x, c_attn=params["c_attn"], **heads)
    assert_close(got, expected, 1e-12)


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize(("length", "width"), [(7, 6), (3, 5), (1, 1)])
def test_sinusoids_are_their_formula(length: int, width: int, paired: bool):
    table = sinusoids(length, width, paired=paired, dtype=torch.float64, device="cpu")
    assert table.shape == (length, width)
    for p in range(length):
        for i in range(width):
            exponent = (i // 2 * 2 if paired else i) / width
            wave = math.cos if i % 2 else math.sin
            assert table[p, i].item() == pytest.approx(wave(p / 10000**exponent), abs=1e-14)


def test_a_shift_of_paired_sinusoids_is_a_rotation_of_each_pair():
    """The paper's reason for them (3.5): position p + k is a linear function of position p."""
    table = sinusoids(20, 8, dtype=torch.float64, device="cpu").unflatten(-1, (4, 2))
    turned = torch.view_as_complex(table.flip(-1).contiguous())  # cos + i sin
    assert_close(torch.view_as_real(turned[3:]), torch.view_as_real(turned[:-3] * turned[3]), 1e-12)


def test_sinusoids_are_rounded_last():
    exact = sinusoids(500, 8, dtype=torch.float64, device="cpu")
    assert torch.equal(sinusoids(500, 8, dtype=torch.float32, device="cpu"), exact.float())


def test_causal_mask_lets_the_last_query_see_every_key():
    assert causal_mask(2, 4, CPU).tolist() == [[True, True, True, False], [True] * 4]
    assert causal_mask(2, 4, CPU) is causal_mask(2, 4, CPU)


def test_split_and_merge_heads_are_inverse_and_each_head_has_its_run_of_channels():
    x = normal(2, 3, 6)
    assert torch.equal(layers.merge_heads(layers.split_heads(x, 2)), x)
    assert torch.equal(layers.split_heads(x, 2)[:, 1], x[..., 3:])


def test_inverted_noise_has_mean_one_and_two_values():
    drawn = inverted_noise(torch.zeros(100_000), 0.2, torch.Generator().manual_seed(0))
    assert drawn.unique().tolist() == [0, 1.25]
    assert abs(drawn.mean().item() - 1) < 0.01


@pytest.mark.parametrize("p", [0.0, 1e-9, 0.03, 0.5, 0.97])
def test_inverted_noise_drops_each_number_by_itself(p: float):
    generator = torch.Generator().manual_seed(0)
    drawn = inverted_noise(torch.zeros(301, 999), p, generator)
    dropped = (drawn == 0).double()
    spread = (p * (1 - p) / drawn.numel()) ** 0.5
    assert abs(dropped.mean().item() - p) <= 4 * spread + 2e-5
    if p > 0.01:
        for after in (1, 2, 3, 4, 999):
            flat = dropped.flatten() - p
            assert (
                abs((flat[after:] * flat[:-after]).mean().item())
                < 5 * spread * (p * (1 - p)) ** 0.5
            )
    assert p == 0 or p < 0.01 or not torch.equal(drawn, inverted_noise(drawn, p, generator))
    assert inverted_noise(torch.zeros(3, 1), p, generator).shape == (3, 1)
    assert (
        inverted_noise(torch.zeros(5, dtype=torch.bfloat16), p, generator).dtype == torch.bfloat16
    )


def test_gelu_is_0_or_x_far_out():
    x = torch.tensor([-1e4, -50.0, 50.0, 1e4])
    for gelu in (layers.gelu_tanh, layers.gelu_erf):
        assert torch.equal(gelu(x)[0], x.clamp(min=0))


def test_no_gradient_passes_relu_where_x_is_0_as_in_torch():
    x = torch.tensor([-1.0, -0.0, 0.0, 1e-30, 2.0], requires_grad=True)
    _, cache = layers.relu(x.detach())
    dx, _ = layers.relu_backward(torch.full((5,), 3.0), cache)
    F.relu(x).backward(torch.full((5,), 3.0))
    assert dx.tolist() == x.grad.tolist() == [0.0, 0.0, 0.0, 3.0, 3.0]
