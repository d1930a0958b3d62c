"""The Llama by hand beside `transformers`' own Llama with the same weights, in float64."""

import json
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pellucid.examples import load_example
from pellucid.train import Trace

transformers = pytest.importorskip("transformers", reason="the judge is transformers' Llama")

NAME = "llama_by_hand"
DATA: dict[str, Any] = json.loads(
    files("pellucid.examples").joinpath(f"{NAME}.json").read_text(encoding="utf-8")
)
TOKENS, TARGETS = torch.tensor([[0, 1, 2]]), torch.tensor([1, 2, 3])

THEIRS = {
    "wte": "model.embed_tokens",
    "ln_f": "model.norm",
    "h.0.ln_1": "model.layers.0.input_layernorm",
    "h.0.ln_2": "model.layers.0.post_attention_layernorm",
    "h.0.attn.c_proj": "model.layers.0.self_attn.o_proj",
    "h.0.mlp.c_proj": "model.layers.0.mlp.down_proj",
    **{f"h.0.attn.{name}": f"model.layers.0.self_attn.{name}" for name in ("q_proj", "k_proj")},
    "h.0.attn.v_proj": "model.layers.0.self_attn.v_proj",
    **{f"h.0.mlp.{name}": f"model.layers.0.mlp.{name}" for name in ("gate_proj", "up_proj")},
    "h.0.mlp.act": "model.layers.0.mlp.act_fn",
}
"""Their name of each module of ours."""


class Turns(nn.Module):
    """The rotation in float64: their own takes cosines and sines in float32."""

    def forward(self, x: Tensor, position_ids: Tensor) -> tuple[Tensor, Tensor]:
        size = x.shape[-1] // DATA["config"]["n_head"]
        base = torch.tensor(DATA["config"]["rope_base"], dtype=torch.float64)
        angles = position_ids[..., None] / base ** (torch.arange(0, size, 2).double() / size)
        whole = torch.cat([angles, angles], -1)
        return whole.cos(), whole.sin()


def theirs(name: str) -> str:
    """Their name of a parameter."""
    path, _, last = name.rpartition(".")
    return f"{THEIRS[path]}.{last}"


def as_theirs(name: str, value: Tensor) -> Tensor:
    """A map of theirs is the transpose of ours, and takes a column to a row."""
    return value.T if "proj" in name else value


@pytest.fixture(scope="module")
def trace() -> Trace:
    example = load_example(NAME)
    return example.record(example.update)


@pytest.fixture(scope="module")
def judge() -> Any:
    """Their model after a backward, and what each of its modules gave."""
    sizes = DATA["config"]
    config = transformers.LlamaConfig(
        vocab_size=sizes["vocab_size"],
        hidden_size=sizes["n_embd"],
        intermediate_size=sizes["n_inner"],
        num_hidden_layers=sizes["n_layer"],
        num_attention_heads=sizes["n_head"],
        num_key_value_heads=sizes["n_kv_head"],
        max_position_embeddings=sizes["block_size"],
        rms_norm_eps=1e-5,
        tie_word_embeddings=True,
        attn_implementation="sdpa",  # eager attention takes softmax in float32
    )
    model = transformers.LlamaForCausalLM(config).double()
    model.model.rotary_emb = Turns()
    (layer,) = model.model.layers
    # Their norms square in float32, and torch's own do not.
    norms = [nn.RMSNorm(sizes["n_embd"], eps=1e-5).double() for _ in range(3)]
    layer.input_layernorm, layer.post_attention_layernorm, model.model.norm = norms
    weights = {
        name: torch.tensor(value, dtype=torch.float64) for name, value in DATA["params"].items()
    }
    state = {theirs(name): as_theirs(name, value) for name, value in weights.items()}
    left = model.load_state_dict(state, strict=False)
    assert left.missing_keys == ["lm_head.weight"]
    assert not left.unexpected_keys
    assert model.lm_head.weight is model.model.embed_tokens.weight
    model.seen = {}
    for name, module in model.named_modules():
        module.register_forward_hook(
            lambda _, __, out, name=name: model.seen.__setitem__(name, out)
        )
    model.seen["logits"] = model(TOKENS).logits
    model.seen["loss"] = nn.functional.cross_entropy(model.seen["logits"][0], TARGETS)
    model.zero_grad()
    model.seen["loss"].backward()
    return model


def close(got: Tensor, expected: Tensor, tolerance: float = 1e-13) -> None:
    torch.testing.assert_close(got, expected.detach(), rtol=0, atol=tolerance)


def test_every_module_gives_what_theirs_gives(trace: Trace, judge: Any):
    for ours, name in THEIRS.items():
        own = "embed.out" if ours == "wte" else f"{ours}.out"
        close(trace.tape[own], judge.seen[name][0])
    close(trace.tape["h.0.resid_post"], judge.seen["model.layers.0"][0])
    close(trace.tape["logits"], judge.seen["logits"][0])
    close(trace.tape["loss"], judge.seen["loss"])


@pytest.mark.parametrize("name", DATA["params"])
def test_every_gradient_is_theirs(name: str, trace: Trace, judge: Any):
    gradient = judge.get_parameter(theirs(name)).grad
    close(trace.tape[f"d{name}"], as_theirs(name, gradient))
    assert gradient.ne(0).all()


def test_every_new_weight_and_the_loss_after_are_those_of_torch_s_adamw(trace: Trace, judge: Any):
    settings = DATA["update"]
    groups = [
        {"params": [p for p in judge.parameters() if (p.dim() == 2) == matrix], "weight_decay": w}
        for matrix, w in ((True, settings["weight_decay"]), (False, 0.0))
    ]
    before = {name: value.clone() for name, value in judge.state_dict().items()}
    torch.optim.AdamW(groups, lr=settings["learning_rate"]).step()
    for name in DATA["params"]:
        new = as_theirs(name, judge.get_parameter(theirs(name)))
        close(trace.tape[f"{name}.new"], new)
    loss = nn.functional.cross_entropy(judge(TOKENS).logits[0], TARGETS)
    assert trace.loss_after == pytest.approx(float(loss.detach()), abs=1e-13)
    assert trace.loss_after < float(trace.tape["loss"])
    judge.load_state_dict(before)


def test_a_score_is_a_product_of_complex_numbers_turned_by_the_distance(trace: Trace):
    """A head of two channels is one complex number, and a position turns it by one radian."""
    tape = trace.tape
    q, k = (torch.view_as_complex(tape[f"h.0.attn.{name}_heads"]) for name in "qk")
    for head in range(2):
        for t in range(3):
            for s in range(t + 1):
                turn = torch.polar(torch.ones(()).double(), torch.tensor(float(t - s)).double())
                score = (q[head, t] * turn * k[0, s].conj()).real / 2**0.5
                close(tape["h.0.attn.scores"][head, t, s], score)


# -- the example as data ---------------------------------------------------------------------------


def test_every_weight_has_one_decimal_and_its_shape():
    shapes = load_example(NAME).model.config.parameter_shapes()
    assert list(DATA["params"]) == list(shapes)
    for name, value in DATA["params"].items():
        weight = torch.tensor(value, dtype=torch.float64)
        assert weight.shape == shapes[name]
        assert weight.tolist() == np.array(value).round(1).tolist(), name
        assert weight.abs().max() < 1.2, name


def test_two_heads_of_queries_share_one_of_keys(trace: Trace):
    config, tape = trace.model.config, trace.tape
    assert trace.model.architecture == "llama"
    assert (config.n_embd, config.n_layer) == (4, 1)
    assert tape["h.0.attn.q_heads"].shape == (2, 3, 2)
    assert tape["h.0.attn.k_heads"].shape == tape["h.0.attn.v_heads"].shape == (1, 3, 2)
    likeliest = tape["h.0.attn.att"][:, 2].argmax(-1).tolist()
    assert likeliest == [2, 0], "they look at different words"
