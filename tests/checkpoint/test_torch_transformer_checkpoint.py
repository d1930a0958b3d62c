"""`torch.nn.Transformer` in: its state dict, alone or inside a module with embeddings and head."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file, save_model
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 (everybody's name for it)

from pellucid.checkpoint import load, read_torch_stacks, read_torch_transformer, save
from pellucid.errors import CheckpointError
from pellucid.layers import REFERENCE, causal_mask, sinusoids
from pellucid.models import Transformer, decoder, encoder
from pellucid.tree import flatten
from tests.judge import assert_close

pytestmark = pytest.mark.filterwarnings("ignore:enable_nested_tensor")

V, C, H, PAD = 11, 8, 2, 0
SOURCE = torch.tensor([[3, 1, 4, 1, 5], [2, 6, 5, PAD, PAD]])
TOKENS = torch.tensor([[1, 4, 2], [1, 2, PAD]])


class Translator(torch.nn.Module):
    """What people write around `torch.nn.Transformer`."""

    def __init__(self, *, tied: bool = False, **choices: Any) -> None:
        super().__init__()
        self.transformer = stacks(**choices)
        self.embedding = torch.nn.Embedding(V, C)
        self.target = torch.nn.Embedding(V, C)
        self.out = torch.nn.Linear(C, V, bias=False)
        if tied:
            self.out.weight = self.target.weight = self.embedding.weight
        self.register_buffer("positions", sinusoids(9, C, dtype=torch.float64, device="cpu"))
        self.double().eval()

    def forward(self, source: Tensor, tokens: Tensor) -> Tensor:
        return self.out(
            self.transformer(
                self.embedding(source) * C**0.5 + self.positions[: source.shape[1]],
                self.target(tokens) * C**0.5 + self.positions[: tokens.shape[1]],
                tgt_mask=~causal_mask(tokens.shape[1], tokens.shape[1], tokens.device),
                src_key_padding_mask=source == PAD,
                memory_key_padding_mask=source == PAD,
                tgt_key_padding_mask=tokens == PAD,
            )
        )


def stacks(**choices: Any) -> torch.nn.Transformer:
    torch.manual_seed(0)
    sizes = {"num_encoder_layers": 2, "num_decoder_layers": 3, "dim_feedforward": 12}
    module = torch.nn.Transformer(C, H, **(sizes | choices), dropout=0.0, batch_first=True)
    for parameter in module.parameters():
        if parameter.dim() == 1:  # they begin at 0 or 1, where a mistake would not show
            torch.nn.init.normal_(parameter)
    return module.double().eval()


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("norms", [True, False], ids=["norms", "no norms"])
@pytest.mark.parametrize("prefix", ["", "model.transformer."])
def test_the_stacks_compute_what_the_module_does(bias: bool, norms: bool, prefix: str):
    module = stacks(bias=bias, activation="gelu")
    if not norms:
        module.encoder.norm = module.decoder.norm = None
    weights = {prefix + name: tensor for name, tensor in module.state_dict().items()}
    config, params = read_torch_stacks(weights, n_head=H, activation="gelu_erf", prefix=prefix)
    assert (config.n_encoder, config.n_decoder, config.n_embd, config.inner) == (2, 3, C, 12)
    assert (config.bias, config.final_norm) == (bias, norms)
    x, y = torch.randn(2, 5, C).double(), torch.randn(2, 3, C).double()
    own = {"config": config, "ops": REFERENCE, "mask": None}
    memory, _ = encoder(x, **params["enc"], **own)
    out, _ = decoder(y, memory, **params["dec"], **own, memory_mask=None)
    assert_close(out, module(x, y).detach(), 1e-12)
    shapes = {name: tuple(leaf.shape) for name, leaf in flatten(params).items()}
    expected = {n: s for n, s in config.parameter_shapes().items() if n != "wte.weight"}
    assert shapes == expected


NAMES: dict[str, Any] = {"wte": ("embedding.weight", "target.weight"), "head": "out.weight"}
CHOICES: dict[str, Any] = {"n_head": H, "activation": "relu", "prefix": "transformer."}


def suffixes(file: Path, weights: dict[str, Tensor]) -> Any:
    if file.suffix == ".safetensors":
        save_file({name: tensor.clone() for name, tensor in weights.items()}, file)
    else:
        torch.save(weights, file)
    return file


@pytest.mark.parametrize("form", ["dict", "weights.pt", "weights.safetensors"])
@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_a_module_with_tables_becomes_a_transformer(tied: bool, form: str, tmp_path: Path):
    module = Translator(tied=tied)
    weights = module.state_dict()
    given = weights if form == "dict" else suffixes(tmp_path / form, weights)
    model = read_torch_transformer(given, **NAMES, **CHOICES, block_size=9, pad=PAD, bos=1)
    assert isinstance(model, Transformer)
    assert model.config.tied == tied
    assert (model.config.vocab_size, model.config.bos, model.dtype) == (V, 1, torch.float64)
    assert_close(model.forward(SOURCE, TOKENS), module(SOURCE, TOKENS).detach(), 1e-12)
    assert list(flatten(model.params)) == list(model.config.parameter_shapes())


def test_the_model_has_memory_of_its_own_and_any_dtype():
    weights = Translator(tied=True).state_dict()
    choices = NAMES | CHOICES | {"block_size": 9}
    model = read_torch_transformer(weights, **choices)
    before = model.forward(SOURCE, TOKENS)
    for tensor in weights.values():
        tensor.zero_()
    assert torch.equal(model.forward(SOURCE, TOKENS), before)
    half = read_torch_transformer(weights, **choices, dtype=torch.bfloat16)
    assert half.dtype == torch.bfloat16


def test_one_table_and_no_head_of_its_own():
    module = Translator(tied=True)
    weights = {name: w for name, w in module.state_dict().items() if name[:3] in ("tra", "emb")}
    model = read_torch_transformer(weights, **CHOICES, wte="embedding.weight", pad=PAD)
    assert model.config.tied
    assert_close(model.forward(SOURCE, TOKENS), module(SOURCE, TOKENS).detach(), 1e-12)


@pytest.mark.parametrize("odd", ["embedding", "target", "out"])
def test_two_tables_that_are_one_and_a_third_that_is_not_stay_three(odd: str):
    module = Translator(tied=True)
    getattr(module, odd).weight = torch.nn.Parameter(torch.randn(V, C).double())
    weights = module.state_dict()
    model = read_torch_transformer(weights, **NAMES, **CHOICES, pad=PAD)
    assert not model.config.tied
    assert_close(model.forward(SOURCE, TOKENS), module(SOURCE, TOKENS).detach(), 1e-12)


def test_what_was_read_is_saved_and_loaded_as_ours(tmp_path: Path):
    model = read_torch_transformer(Translator().state_dict(), **NAMES, **CHOICES, pad=PAD)
    save(model, tmp_path)
    again = load(tmp_path)
    assert isinstance(again, Transformer)
    assert again.config == model.config
    assert torch.equal(again.forward(SOURCE, TOKENS), model.forward(SOURCE, TOKENS))


def test_gelu_is_another_model_and_the_weights_do_not_say():
    weights = stacks().state_dict()
    (relu, one), (gelu, other) = (
        read_torch_stacks(weights, n_head=H, activation=name) for name in ("relu", "gelu_erf")
    )
    assert relu != gelu
    assert all(torch.equal(leaf, flatten(other)[name]) for name, leaf in flatten(one).items())
    assert F.relu is not F.gelu


IN_PROJ = "transformer.decoder.layers.1.multihead_attn.in_proj_weight"


@pytest.mark.parametrize(
    ("changes", "arguments", "message"),
    [
        ({IN_PROJ: None}, {}, f"{IN_PROJ} is missing"),
        ({IN_PROJ: (2 * C, C)}, {}, f"{IN_PROJ} must have the shape (24, 8)"),
        ({"transformer.encoder.layers.1.linear1.weight": (13, C)}, {}, "linear1.weight must have"),
        ({"transformer.decoder.norm.weight": None}, {}, "decoder.norm.weight is missing"),
        ({"transformer.encoder.norm.bias": None}, {}, "encoder.norm.bias is missing"),
        ({"transformer.encoder.extra": (1,)}, {}, "transformer.encoder.extra is unexpected"),
        ({"target.weight": (V + 1, C)}, {}, "target.weight must have the shape (11, 8)"),
        ({"embedding.weight": (V,)}, {}, "embedding.weight must have the shape (11, 8)"),
        ({}, {"prefix": ""}, "under the prefix ''"),
        ({}, {"wte": "wte.weight"}, "'wte.weight' is missing"),
        ({}, {"head": "head.weight"}, "'head.weight' is missing"),
        ({"out.bias": (V,)}, {}, "must have a head without a bias, as our models do; it has"),
        ({}, {"n_head": 3}, "n_embd must be a multiple of n_head, and 8 is not one of 3"),
        ({}, {"activation": "gelu"}, "activation must be one of"),
        ({}, {"pad": 11}, "pad must be an id from 0 to 10"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_one_line(
    changes: dict[str, Any], arguments: dict[str, Any], message: str
):
    weights: dict[str, Tensor] = dict(Translator().state_dict())
    for name, shape in changes.items():
        if shape is None:
            del weights[name]
        else:
            weights[name] = torch.zeros(shape, dtype=torch.float64)
    with pytest.raises(CheckpointError, match=re.escape(message)) as caught:
        read_torch_transformer(weights, **(NAMES | CHOICES | arguments))
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("the state dict")


def test_half_of_a_module_is_refused(tmp_path: Path):
    weights = {n: w for n, w in stacks().state_dict().items() if n.startswith("encoder.")}
    file = suffixes(tmp_path / "weights.pt", weights)
    with pytest.raises(CheckpointError, match=r"decoder\.layers; it does not") as caught:
        read_torch_stacks(file, n_head=H, activation="relu")
    assert str(file) in str(caught.value)


def test_tables_that_save_model_kept_under_one_name_are_found(tmp_path: Path):
    module = Translator(tied=True)
    save_model(module, str(tmp_path / "t.safetensors"))
    assert len(load_file(tmp_path / "t.safetensors").keys() & TABLES) == 1
    how: Any = {"n_head": H, "activation": "relu", "prefix": "transformer."}
    tables: Any = {"wte": ("embedding.weight", "target.weight"), "head": "out.weight"}
    model = read_torch_transformer(tmp_path / "t.safetensors", **how, **tables)
    assert model.config.tied
    assert_close(model.params["wte"]["weight"], module.embedding.weight.detach(), 0.0)


TABLES = {"embedding.weight", "target.weight", "out.weight"}
