"""Operations and bytes by formula are those of real runs."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from pellucid.bench import forward_flops, token_bytes, train_flops
from pellucid.bench.costs import weight_bytes
from pellucid.kernels.packing import FORMS, PackedWeight
from pellucid.models import GPT, GPTConfig, Llama, LlamaConfig, packed
from pellucid.tree import flatten

CONFIGS = {
    "tied": GPTConfig(vocab_size=70, block_size=16, n_layer=2, n_head=2, n_embd=8),
    "untied": GPTConfig(
        vocab_size=70, block_size=16, n_layer=3, n_head=4, n_embd=16, n_inner=24, tied=False
    ),
}
config = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())


def tokens(config: GPTConfig, batch: int, length: int) -> torch.Tensor:
    return torch.arange(batch * length).reshape(batch, length) % config.vocab_size


@pytest.mark.parametrize(("layers", "heads", "width"), [(12, 12, 768), (24, 16, 1024)])
@pytest.mark.parametrize(
    ("batch", "length", "start", "scored"), [(4, 256, 0, None), (1, 64, 0, 1), (1, 1, 512, None)]
)
def test_the_operations_of_gpt_2_are_those_of_the_formula(
    layers: int, heads: int, width: int, batch: int, length: int, start: int, scored: int | None
):
    """2 (4 C² + 2 C F) in a block's maps and 4 C S in attention a token, 2 C V a scored one."""
    config = GPTConfig(n_layer=layers, n_head=heads, n_embd=width)
    block = 2 * (4 * width**2 + 2 * width * 4 * width) + 4 * width * (start + length)
    head = 2 * width * 50257 * batch * (length if scored is None else scored)
    count = forward_flops(config, batch, length, start=start, scored=scored)
    assert count == layers * batch * length * block + head


@config
def test_the_operations_of_a_forward_are_counted_in_a_real_one(config: GPTConfig):
    with FlopCounterMode(display=False) as counted:
        GPT.init(config).forward(tokens(config, 3, 5))
    assert forward_flops(config, 3, 5) == counted.get_total_flops()


@config
def test_the_operations_after_a_past_are_counted_too(config: GPTConfig):
    model = GPT.init(config)
    _, past = model.extend(tokens(config, 2, 4), None)
    with FlopCounterMode(display=False) as counted:
        model.extend(tokens(config, 2, 3), past, last=1)
    assert forward_flops(config, 2, 3, start=4, scored=1) == counted.get_total_flops()


@config
def test_the_operations_of_a_training_step_are_counted_in_a_real_one(config: GPTConfig):
    texts = tokens(config, 3, 6)
    with FlopCounterMode(display=False) as counted:
        GPT.init(config).loss_and_grads(texts[:, :-1], texts[:, 1:])
    assert train_flops(config, 3, 5) == counted.get_total_flops()


@pytest.mark.parametrize("form", FORMS)
@config
def test_the_bytes_of_the_weights_are_those_of_the_packed_model(config: GPTConfig, form):
    leaves = flatten(packed(GPT.init(config), form).params)
    read = {name: leaf for name, leaf in leaves.items() if name != "wpe.weight"}
    if not config.tied:
        del read["wte.weight"]
    assert weight_bytes(config, form) == sum(leaf.nbytes for leaf in read.values())
    assert all(isinstance(leaf, PackedWeight) or leaf.dim() == 1 for leaf in read.values())


@config
def test_keys_and_values_are_read_on_top(config: GPTConfig):
    each = 2 * config.n_layer * config.n_embd
    for form, size in (("float32", 4), ("int8", 2)):
        more = token_bytes(config, form, 10) - token_bytes(config, form, 4)
        assert more == 6 * each * size


LLAMAS = {
    "tied": LlamaConfig(70, 16, n_layer=2, n_head=4, n_kv_head=2, n_embd=16, n_inner=24),
    "untied": LlamaConfig(70, 16, 3, 4, 1, 16, 24, head_size=6, qk_norm=True, tied=False),
}
each_llama = pytest.mark.parametrize("config", LLAMAS.values(), ids=LLAMAS.keys())


@each_llama
def test_a_llama_s_operations_are_counted_in_real_runs(config: LlamaConfig):
    model, texts = Llama.init(config), torch.arange(18).reshape(3, 6)
    with FlopCounterMode(display=False) as counted:
        model.loss_and_grads(texts[:, :-1], texts[:, 1:])
    assert train_flops(config, 3, 5) == counted.get_total_flops()
    _, past = model.extend(texts, None)
    with FlopCounterMode(display=False) as counted:
        model.extend(texts, past, last=1)
    assert forward_flops(config, 3, 6, start=6, scored=1) == counted.get_total_flops()


@pytest.mark.parametrize("form", FORMS)
@each_llama
def test_a_llama_s_bytes_are_those_of_its_weights_and_of_shared_keys(config: LlamaConfig, form):
    leaves = flatten(packed(Llama.init(config), form).params)
    if not config.tied:
        del leaves["wte.weight"]
    assert weight_bytes(config, form) == sum(leaf.nbytes for leaf in leaves.values())
    more = token_bytes(config, form, 10) - token_bytes(config, form, 4)
    size = 4 if form == "float32" else 2
    assert more == 6 * 2 * config.n_layer * config.n_kv_head * config.head * size
