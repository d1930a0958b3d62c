import math
import re

import pytest
import torch

from pellucid.errors import ConfigError
from pellucid.models import GPTConfig, init_params, parameter_shapes
from pellucid.tree import flatten
from tests.models.examples import tiny


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"vocab_size": 0}, "vocab_size must be a whole number of at least 1, not 0"),
        ({"block_size": -1}, "block_size must be a whole number of at least 1, not -1"),
        ({"n_layer": 1.5}, "n_layer must be a whole number of at least 1, not 1.5"),
        ({"n_head": "2"}, "n_head must be a whole number of at least 1, not '2'"),
        ({"n_layer": True}, "n_layer must be a whole number of at least 1, not True"),
        ({"n_embd": None}, "n_embd must be a whole number of at least 1, not None"),
        ({"n_inner": 0}, "inner must be a whole number of at least 1, not 0"),
        ({"n_embd": 10, "n_head": 4}, "multiple of n_head, and 10 is not one of 4: change either"),
        ({"activation": "gelu"}, "activation must be one of gelu_tanh, gelu_erf, relu, not 'gelu'"),
        ({"norm": "both"}, "norm must be one of pre, post, not 'both'"),
        ({"tied": "yes"}, "tied must be true or false, not 'yes'"),
        ({"bias": 1}, "bias must be true or false, not 1"),
        ({"eps": 0}, "eps must be a small positive number such as 1e-5, not 0"),
        ({"eps": math.nan}, "eps must be a small positive number such as 1e-5, not nan"),
        ({"eps": "1e-5"}, "eps must be a small positive number such as 1e-5, not '1e-5'"),
    ],
    ids=str,
)
def test_a_wrong_setting_is_one_line_that_says_what_is_right(choices: dict, message: str):
    with pytest.raises(ConfigError, match=re.escape(message)) as caught:
        GPTConfig(**choices)
    assert "\n" not in str(caught.value)


def test_a_config_is_its_dict():
    config = tiny(norm="post", n_inner=5)
    assert GPTConfig(**config.to_dict()) == config
    assert config.inner == 5
    assert tiny().inner == 16


def test_the_defaults_are_gpt2_of_124_million():
    shapes = parameter_shapes(GPTConfig())
    assert sum(math.prod(shape) for shape in shapes.values()) == 124_439_808
    assert shapes["h.11.attn.c_attn.weight"] == (768, 2304), "GPT-2 keeps (in, out)"


def test_what_a_setting_adds_or_leaves_out():
    whole = set(parameter_shapes(tiny()))
    assert whole - set(parameter_shapes(tiny(final_norm=False))) == {"ln_f.weight", "ln_f.bias"}
    assert set(parameter_shapes(tiny(tied=False))) - whole == {"lm_head.weight"}
    assert {name for name in whole if name.endswith("bias")} == whole - set(
        parameter_shapes(tiny(bias=False))
    )


def test_the_order_is_that_of_the_forward_pass():
    names = list(parameter_shapes(tiny(tied=False)))
    assert names[:3] == ["wte.weight", "wpe.weight", "h.0.ln_1.weight"]
    assert names[-3:] == ["ln_f.weight", "ln_f.bias", "lm_head.weight"]


def test_initial_weights_are_normal_with_gpt2s_deviations():
    config = GPTConfig(vocab_size=400, block_size=300, n_layer=3, n_head=2, n_embd=64)
    params = flatten(init_params(config))
    assert {name: weight.shape for name, weight in params.items()} == parameter_shapes(config)
    for name, weight in params.items():
        if name.endswith("bias"):
            assert torch.equal(weight, torch.zeros_like(weight)), name
        elif weight.dim() == 1:
            assert torch.equal(weight, torch.ones_like(weight)), name
        else:
            deviation = 0.02 / math.sqrt(6) if "c_proj" in name else 0.02
            doubt = 5 / math.sqrt(weight.numel())  # five deviations of either estimate
            assert abs(weight.mean()) < doubt * deviation, name
            assert abs(weight.std() / deviation - 1) < doubt, name


def test_the_seed_decides_and_the_dtype_only_rounds():
    one, again, other = (flatten(init_params(tiny(), seed=seed)) for seed in (1, 1, 2))
    assert all(torch.equal(weight, again[name]) for name, weight in one.items())
    assert not torch.equal(one["wte.weight"], other["wte.weight"])
    half = flatten(init_params(tiny(), seed=1, dtype=torch.bfloat16))
    assert all(torch.equal(weight.bfloat16(), half[name]) for name, weight in one.items())
