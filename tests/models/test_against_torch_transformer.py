"""`torch.nn.Transformer` with the same weights, in float64: outputs and every gradient."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 (everybody's name for it)

from pellucid.kernels import FAST
from pellucid.layers import IGNORE, REFERENCE, Ops, causal_mask
from pellucid.models import (
    Transformer,
    TransformerConfig,
    decoder,
    decoder_backward,
    encoder,
    encoder_backward,
)
from pellucid.optim import adam, noam
from pellucid.tree import Tree, flatten
from tests.judge import assert_close
from tests.models.examples import random_params
from tests.models.transformer_examples import SOURCE, TARGETS, TOKENS, tiny_model

# Where torch has no faster way for inference, it says so.
pytestmark = pytest.mark.filterwarnings("ignore:enable_nested_tensor")

CHOICES: list[dict[str, Any]] = [
    {},
    {"final_norm": True},
    {"bias": False, "final_norm": True, "activation": "gelu_erf"},
    {"n_encoder": 1, "n_decoder": 3, "n_head": 1, "activation": "gelu_tanh"},
    {"n_encoder": 2, "n_decoder": 1, "n_embd": 12, "n_head": 3, "n_inner": 5, "eps": 0.3},
    {"norm": "pre", "final_norm": True},
    {"norm": "pre", "n_encoder": 1, "n_decoder": 3, "activation": "gelu_tanh"},
]
SIZES = {"vocab_size": 7, "block_size": 9, "n_encoder": 2, "n_decoder": 2, "n_head": 2, "n_embd": 8}
S, T = 5, 4
KEEP_SOURCE = torch.tensor(
    [[True] * 5, [True, True, True, False, False], [False, True] * 2 + [True]]
)
KEEP_TARGET = torch.tensor([[True] * 4, [True, True, False, False], [True, False, True, True]])
ACTIVATIONS = {
    "relu": F.relu,
    "gelu_erf": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
}


def config_of(**choices: Any) -> TransformerConfig:
    return TransformerConfig(**(SIZES | choices))


def theirs(params: Tree, config: TransformerConfig) -> torch.nn.Transformer:
    """Torch's module with our weights."""
    module = torch.nn.Transformer(
        config.n_embd,
        config.n_head,
        config.n_encoder,
        config.n_decoder,
        config.inner,
        dropout=0.0,
        activation=ACTIVATIONS[config.activation],
        layer_norm_eps=config.eps,
        batch_first=True,
        norm_first=config.norm == "pre",
        bias=config.bias,
        dtype=torch.float64,
    ).eval()
    if not config.final_norm:
        module.encoder.norm = module.decoder.norm = None
    module.load_state_dict(torchs(params))
    return module


LAYER = {
    "attn.c_attn.": "self_attn.in_proj_",
    "attn.c_proj.": "self_attn.out_proj.",
    "cross.c_proj.": "multihead_attn.out_proj.",
    "mlp.c_fc.": "linear1.",
    "mlp.c_proj.": "linear2.",
    "ln_1.": "norm1.",
    "ln_2.": "norm2.",
    "ln_3.": "norm3.",
}


def torchs(params: Tree) -> dict[str, Tensor]:
    """Our parameters, or their gradients, under torch's names and in its layout."""
    named, cross = {}, {}
    for name, tensor in flatten({k: params[k] for k in ("enc", "dec")}).items():
        stack = {"enc": "encoder", "dec": "decoder"}[name[:3]]
        weight = tensor.mT if tensor.dim() == 2 else tensor
        if ".ln_f." in name:
            named[f"{stack}.norm.{name.rsplit('.', 1)[-1]}"] = weight
        elif ".wte." not in name:
            layer, part = name.split(".", 3)[2:]
            place = f"{stack}.layers.{layer}"
            if part.startswith(("cross.c_q.", "cross.c_kv.")):
                kind = part.rsplit(".", 1)[-1]
                cross.setdefault(f"{place}.multihead_attn.in_proj_{kind}", []).append(weight)
            else:
                ours = next(prefix for prefix in LAYER if part.startswith(prefix))
                named[f"{place}.{LAYER[ours]}{part.removeprefix(ours)}"] = weight
    return named | {name: torch.cat(parts) for name, parts in cross.items()}


def normal(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def ours_and_theirs(
    config: TransformerConfig, batch: bool, padding: bool, causal: bool
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Output, gradients of both inputs and of every parameter, ours and torch's."""
    params = random_params(config)
    shape = (3,) if batch else ()
    x, y = normal(*shape, S, config.n_embd), normal(*shape, T, config.n_embd)
    rows = slice(None) if batch else 1
    keep_x, keep_y = KEEP_SOURCE[rows], KEEP_TARGET[rows]
    look = causal_mask(T, T, x.device) if causal else None
    own = {"config": config, "ops": REFERENCE}

    source_mask = keep_x[..., None, None, :] if padding else None
    mask = look
    if padding:
        mask = keep_y[..., None, None, :] & (True if look is None else look)
    enc, dec = ({k: v for k, v in params[s].items() if k != "wte"} for s in ("enc", "dec"))
    memory, enc_cache = encoder(x, **enc, mask=source_mask, **own)
    out, dec_cache = decoder(y, memory, **dec, mask=mask, memory_mask=source_mask, **own)
    dout = normal(*out.shape)
    (dy, dmemory), ddec = decoder_backward(dout, dec_cache, **own)
    dx, denc = encoder_backward(dmemory, enc_cache, **own)
    got = {"out": out, "dx": dx, "dy": dy} | torchs({"enc": denc, "dec": ddec})

    module = theirs(params, config)
    x, y = x.clone().requires_grad_(), y.clone().requires_grad_()
    masks = {"tgt_mask": None if look is None else ~look}
    if padding:
        masks |= {
            "src_key_padding_mask": ~keep_x,
            "memory_key_padding_mask": ~keep_x,
            "tgt_key_padding_mask": ~keep_y,
        }
    judged = module(x, y, **masks)
    judged.backward(dout)
    grads = {name: parameter.grad for name, parameter in module.named_parameters()}
    return got, {"out": judged.detach(), "dx": x.grad, "dy": y.grad} | grads


@pytest.mark.parametrize("causal", [True, False], ids=["causal", "free"])
@pytest.mark.parametrize("padding", [True, False], ids=["padding", "whole"])
@pytest.mark.parametrize("batch", [True, False], ids=["B,T", "T"])
@pytest.mark.parametrize("choices", CHOICES, ids=str)
def test_output_and_every_gradient_are_theirs(
    choices: dict[str, Any], batch: bool, padding: bool, causal: bool
):
    got, expected = ours_and_theirs(config_of(**choices), batch, padding, causal)
    assert sorted(got) == sorted(expected)
    for name, value in expected.items():
        assert_close(got[name], value, 1e-11, name)


def tables_of(model: Transformer) -> dict[str, Tensor]:
    return {
        name: weight.clone().requires_grad_()
        for name, weight in flatten(model.params).items()
        if name.endswith(("wte.weight", "lm_head.weight"))
    }


def their_logits(module: torch.nn.Transformer, tables: dict[str, Tensor]) -> Tensor:
    """What the paper puts around the two stacks, written out once more."""
    whole = tables.get("wte.weight")
    read, written, head = (
        tables.get(name, whole) for name in ("enc.wte.weight", "dec.wte.weight", "lm_head.weight")
    )
    p, i = torch.arange(5.0, dtype=torch.float64)[:, None], torch.arange(0, 4, 2)
    angles = p / 10000 ** (i / 4)
    positions = torch.stack([angles.sin(), angles.cos()], -1).flatten(1)
    out = module(
        F.embedding(SOURCE, read) * 4**0.5 + positions,
        F.embedding(TOKENS, written) * 4**0.5 + positions[:4],
        tgt_mask=~causal_mask(4, 4, SOURCE.device),
        src_key_padding_mask=SOURCE == 0,
        memory_key_padding_mask=SOURCE == 0,
        tgt_key_padding_mask=TOKENS == 0,
    )
    return out @ head.mT


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("choices", [{}, {"tied": False}, {"final_norm": True}], ids=str)
def test_a_whole_model_is_theirs_with_embeddings_and_head(
    choices: dict[str, Any], smoothing: float
):
    """From ids to the loss: √C, sinusoids, masks from padding, tied tables, label smoothing."""
    model = tiny_model(**choices)
    config = model.config
    got, grads = model.loss_and_grads(SOURCE, TOKENS, TARGETS, smoothing=smoothing)
    module, tables = theirs(model.params, config), tables_of(model)
    logits = their_logits(module, tables)
    assert_close(model.forward(SOURCE, TOKENS), logits.detach(), 1e-12)
    loss = F.cross_entropy(
        logits.flatten(0, 1), TARGETS.flatten(), ignore_index=IGNORE, label_smoothing=smoothing
    )
    loss.backward()
    assert_close(got, loss.detach(), 1e-12)
    for name, parameter in module.named_parameters():
        assert_close(torchs(grads)[name], parameter.grad, 1e-11, name)
    for name, table in tables.items():
        assert_close(flatten(grads)[name], table.grad, 1e-11, name)


@pytest.mark.parametrize("ops", [REFERENCE, FAST], ids=["reference", "fast"])
def test_ten_steps_of_the_papers_training_have_their_losses(ops: Ops):
    """Adam with the paper's settings, its learning rates, and label smoothing (5.3, 5.4)."""
    model, state = tiny_model(), None
    module, tables = theirs(model.params, model.config), tables_of(model)
    settings: Any = {"betas": (0.9, 0.98), "eps": 1e-9}
    optimizer = torch.optim.Adam([*module.parameters(), *tables.values()], **settings)
    losses = []
    for step in range(10):
        rate = noam(step, width=4, warmup=5, factor=0.1)
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        expected = F.cross_entropy(
            their_logits(module, tables).flatten(0, 1), TARGETS.flatten(), label_smoothing=0.1
        )
        expected.backward()
        optimizer.step()
        loss, grads = model.loss_and_grads(SOURCE, TOKENS, TARGETS, ops=ops, smoothing=0.1)
        params, state = adam(model.params, grads, state, learning_rate=rate, **settings)
        model = model.with_params(params)
        losses.append(loss.item())
        assert losses[-1] == pytest.approx(expected.item(), rel=1e-9)
    assert losses[-1] < losses[0]


def test_the_memory_is_their_encoders():
    model = tiny_model(final_norm=True)
    module = theirs(model.params, model.config)
    _, tape = model.run_with_cache(SOURCE[0], TOKENS[0])
    expected = module.encoder(tape["enc.position.out"])
    assert_close(model.encode(SOURCE[0]), expected.detach(), 1e-12)
    assert_close(tape["dec.memory"], expected.detach(), 1e-12)
    assert isinstance(model, Transformer)
