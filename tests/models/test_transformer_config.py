import math
import re

import pytest
import torch

from pellucid.errors import ConfigError
from pellucid.models import GPTConfig, TransformerConfig, init_transformer_params, parameter_shapes
from pellucid.tree import flatten
from tests.models.transformer_examples import tiny


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"vocab_size": 0}, "vocab_size must be a whole number of at least 1, not 0"),
        ({"n_encoder": 0}, "n_encoder must be a whole number of at least 1, not 0"),
        ({"n_decoder": True}, "n_decoder must be a whole number of at least 1, not True"),
        ({"n_inner": -1}, "n_inner must be a whole number of at least 1, not -1"),
        ({"n_embd": 6, "n_head": 4}, "multiple of n_head, and 6 is not one of 4: change either"),
        ({"activation": "gelu"}, "activation must be one of gelu_tanh, gelu_erf, relu, not 'gelu'"),
        ({"final_norm": 1}, "final_norm must be true or false, not 1"),
        ({"eps": 0}, "eps must be a small positive number such as 1e-5, not 0"),
        ({"pad": 7}, "pad must be an id from 0 to 6, or none, not 7"),
        ({"bos": -1}, "bos must be an id from 0 to 6, or none, not -1"),
        ({"eos": True}, "eos must be an id from 0 to 6, or none, not True"),
        ({"pad": 2, "eos": 2}, "pad must be an id of its own"),
        ({"pad": 2, "bos": 2}, "nothing looks at it, and 2 is bos or eos too: choose another"),
    ],
    ids=str,
)
def test_a_wrong_setting_is_one_line_that_says_what_is_right(choices: dict, message: str):
    with pytest.raises(ConfigError, match=re.escape(message)) as caught:
        tiny(**choices)
    assert "\n" not in str(caught.value)


def test_a_config_is_its_dict():
    config = tiny(n_inner=5, bos=1, eos=1)
    assert TransformerConfig(**config.to_dict()) == config
    assert config.inner == 5
    assert tiny().inner == 16


def test_the_base_model_is_the_papers():
    """Table 3: 65 million, with the shared vocabulary of 37000 (5.1)."""
    shapes = parameter_shapes(TransformerConfig(37000))
    assert sum(math.prod(shape) for shape in shapes.values()) == pytest.approx(65e6, rel=0.04)
    assert shapes["enc.h.5.attn.c_attn.weight"] == (512, 1536)
    assert shapes["dec.h.0.cross.c_kv.weight"] == (512, 1024)
    assert shapes["dec.h.5.mlp.c_fc.weight"] == (512, 2048)


def test_what_a_setting_adds_or_leaves_out():
    whole = set(tiny().parameter_shapes())
    final = {f"{stack}.ln_f.{kind}" for stack in ("enc", "dec") for kind in ("weight", "bias")}
    assert set(tiny(final_norm=True).parameter_shapes()) - whole == final
    tables = {"enc.wte.weight", "dec.wte.weight", "lm_head.weight"}
    assert set(tiny(tied=False).parameter_shapes()) ^ whole == tables | {"wte.weight"}
    biases = {name for name in whole if name.endswith("bias")}
    assert whole - set(tiny(bias=False).parameter_shapes()) == biases
    gpt = GPTConfig(vocab_size=5, n_layer=1)
    assert parameter_shapes(gpt) == gpt.parameter_shapes()


@pytest.mark.parametrize("tied", [True, False])
def test_initial_weights_have_their_spread(tied: bool):
    config = TransformerConfig(300, n_encoder=2, n_decoder=2, n_head=2, n_embd=64, tied=tied)
    params = flatten(init_transformer_params(config))
    assert {name: weight.shape for name, weight in params.items()} == config.parameter_shapes()
    for name, weight in params.items():
        if name.endswith("bias"):
            assert torch.equal(weight, torch.zeros_like(weight)), name
        elif weight.dim() == 1:
            assert torch.equal(weight, torch.ones_like(weight)), name
        else:
            table = "wte" in name or "lm_head" in name
            writes = {"enc": 4, "dec": 6}[name[:3]] if "c_proj" in name else 1
            into, out = weight.shape
            maps = {"c_attn": 3, "c_kv": 2}.get(name.split(".")[-2], 1)
            bound = math.sqrt(6 / (into + out // maps) / writes)
            deviation = 64**-0.5 if table else bound / math.sqrt(3)
            doubt = 5 / math.sqrt(weight.numel())
            assert abs(weight.mean()) < doubt * deviation, name
            assert abs(weight.std() / deviation - 1) < doubt, name
            assert table or weight.abs().max() <= bound, name


def test_the_seed_decides_and_the_dtype_only_rounds():
    one, again, other = (flatten(init_transformer_params(tiny(), seed=seed)) for seed in (1, 1, 2))
    assert all(torch.equal(weight, again[name]) for name, weight in one.items())
    assert not torch.equal(one["wte.weight"], other["wte.weight"])
    half = flatten(init_transformer_params(tiny(), seed=1, dtype=torch.bfloat16))
    assert all(torch.equal(weight.bfloat16(), half[name]) for name, weight in one.items())
