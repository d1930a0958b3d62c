"""nanoGPT's ckpt.pt, against an independent forward in its layout: linear maps are (out, in)."""

import math
import re
import struct
import sys
import types
import zipfile
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch.nn import functional

from pellucid.checkpoint import load
from pellucid.checkpoint.pickles import NumberType, number, read_pickle

ARGS = {"n_layer": 2, "n_head": 3, "n_embd": 15, "block_size": 11, "vocab_size": 37}


def nanogpt_state(bias, dtype=torch.float32):
    """A state dict in nanoGPT's names and shapes, with weights far from initial."""
    generator = torch.Generator().manual_seed(3)

    def draw(*shape):
        return 0.3 * torch.randn(shape, generator=generator, dtype=dtype)

    state = {"transformer.wte.weight": draw(37, 15), "transformer.wpe.weight": draw(11, 15)}
    for block in ("transformer.h.0", "transformer.h.1"):
        for name, out, into in (
            ("attn.c_attn", 45, 15),
            ("attn.c_proj", 15, 15),
            ("mlp.c_fc", 60, 15),
            ("mlp.c_proj", 15, 60),
        ):
            state[f"{block}.{name}.weight"] = draw(out, into)
            state |= {f"{block}.{name}.bias": draw(out)} if bias else {}
    for norm in ("h.0.ln_1", "h.0.ln_2", "h.1.ln_1", "h.1.ln_2", "ln_f"):
        state[f"transformer.{norm}.weight"] = 1 + draw(15)
        state |= {f"transformer.{norm}.bias": draw(15)} if bias else {}
    return state | {"lm_head.weight": state["transformer.wte.weight"]}


def forward(state, tokens, gelu):
    """The logits of a nanoGPT, through torch's own functions."""

    def linear(x, name):
        return functional.linear(x, state[f"{name}.weight"], state.get(f"{name}.bias"))

    def norm(x, name):
        name = f"transformer.{name}"
        return functional.layer_norm(x, (15,), state[f"{name}.weight"], state.get(f"{name}.bias"))

    positions = torch.arange(tokens.shape[-1])
    x = state["transformer.wte.weight"][tokens] + state["transformer.wpe.weight"][positions]
    for block in ("h.0", "h.1"):
        heads = linear(norm(x, f"{block}.ln_1"), f"transformer.{block}.attn.c_attn")
        q, k, v = (part.unflatten(-1, (3, 5)).transpose(1, 2) for part in heads.split(15, -1))
        z = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + linear(z.transpose(1, 2).flatten(2), f"transformer.{block}.attn.c_proj")
        inner = linear(norm(x, f"{block}.ln_2"), f"transformer.{block}.mlp.c_fc")
        x = x + linear(gelu(inner), f"transformer.{block}.mlp.c_proj")
    return linear(norm(x, "ln_f"), "lm_head")


def gelu_erf(x):
    return x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))


def gelu_tanh(x):
    return functional.gelu(x, approximate="tanh")


def assert_same_logits(model, state, gelu=gelu_erf):
    tokens = torch.randint(37, (2, 11), generator=torch.Generator().manual_seed(1))
    limit = 1e-5 if model.dtype == torch.float32 else 1e-10
    plain = {name.removeprefix("_orig_mod."): leaf for name, leaf in state.items()}
    assert (model.forward(tokens) - forward(plain, tokens, gelu)).abs().max() < limit


def write(path, state, bias=True, **more):
    arguments = ARGS | {"bias": bias, "dropout": 0.0}
    torch.save({"model": state, "model_args": arguments, "iter_num": 5, "config": {}} | more, path)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("bias", [True, False])
def test_logits(tmp_path, bias, dtype):
    state = nanogpt_state(bias, dtype)
    write(tmp_path / "ckpt.pt", state, bias)
    for path in (tmp_path, tmp_path / "ckpt.pt"):
        model = load(path)
        assert model.config.tied
        assert model.config.bias == bias
        assert_same_logits(model, state)


def test_all_parameters_are_contiguous_and_their_own(tmp_path):
    write(tmp_path / "ckpt.pt", nanogpt_state(bias=True))
    weight = load(tmp_path).params["h"]["0"]["attn"]["c_attn"]["weight"]
    assert weight.shape == (15, 45)
    assert weight.is_contiguous()


def test_compiled_with_masks_and_optimizer(tmp_path):
    state = {f"_orig_mod.{name}": leaf for name, leaf in nanogpt_state(bias=True).items()}
    mask = {"_orig_mod.transformer.h.1.attn.bias": torch.ones(1, 1, 11, 11).tril()}
    groups = [{"params": list(range(10)), "lr": 6e-4, "betas": (0.9, 0.95), "fused": None}]
    write(
        tmp_path / "other.pt",
        state | mask,
        optimizer={"state": {0: {"step": torch.tensor(5.0)}}, "param_groups": groups},
        best_val_loss=torch.tensor(1.5),
    )
    assert_same_logits(load(tmp_path / "other.pt"), state)


def test_gelu_by_tanh_where_the_checkpoint_shows_its_age(tmp_path):
    state = nanogpt_state(bias=True)
    decayed = {"params": list(range(8))}  # four linear maps in two layers, no embeddings
    write(tmp_path / "ckpt.pt", state, optimizer={"state": {}, "param_groups": [decayed, {}]})
    assert_same_logits(load(tmp_path), state, gelu_tanh)

    torch.save({"model": state, "model_args": ARGS}, tmp_path / "ckpt.pt")
    assert_same_logits(load(tmp_path), state, gelu_tanh)


def test_the_first_versions_had_a_head_of_their_own(tmp_path):
    state = nanogpt_state(bias=True) | {"lm_head.weight": torch.randn(37, 15)}
    write(tmp_path / "ckpt.pt", state)
    assert not load(tmp_path).config.tied
    assert_same_logits(load(tmp_path), state)


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"transformer.h.1.mlp.c_fc.weight": None}, ["h.1.mlp.c_fc.weight", "missing"]),
        ({"transformer.extra": torch.ones(1)}, ["extra", "unexpected"]),
        ({"transformer.h.0.attn.c_attn.weight": torch.ones(15, 45)}, ["(15, 45)", "(45, 15)"]),
        (
            {"transformer.wte.weight": torch.ones(50, 15), "lm_head.weight": torch.ones(50, 15)},
            ["wte.weight", "(37, 15)", "(50, 15)"],
        ),
        ({"transformer.wpe.weight": 3}, ["transformer.wpe.weight", "int"]),
    ],
)
def test_tensors_that_do_not_fit(tmp_path, refused, changes, names):
    state = nanogpt_state(bias=True) | changes
    write(tmp_path / "ckpt.pt", {name: leaf for name, leaf in state.items() if leaf is not None})
    refused(tmp_path, str(tmp_path / "ckpt.pt"), *names)


def test_two_names_of_one_tensor_are_one_too_many(tmp_path, refused):
    state = nanogpt_state(bias=True)
    twice = {f"{p}transformer.wpe.weight": torch.ones(11, 15) for p in ("_orig_mod.", "module.")}
    write(tmp_path / "ckpt.pt", state | twice)
    refused(tmp_path, "a second wpe.weight", "remove one")


@pytest.mark.parametrize(
    "content",
    [
        {"model": {}},
        {"model_args": ARGS},
        {"model": [], "model_args": ARGS},
        {"model": {}, "model_args": {"n_layer": 2}},
        {"model": {}, "model_args": ARGS | {"n_head": 2}},
        {"model": {}, "model_args": ARGS | {"vocab_size": None}},
        [1, 2],
        {"model": print},
    ],
)
def test_pickles_of_another_kind(tmp_path, refused, content):
    torch.save(content, tmp_path / "ckpt.pt")
    refused(tmp_path, str(tmp_path / "ckpt.pt"))


@pytest.mark.parametrize("module", ["numpy.core.multiarray", "numpy._core.multiarray"])
@pytest.mark.parametrize(
    "value",
    [np.float64(1.5), np.float32(1.5), np.float16(-2), np.int64(7), np.uint8(3), np.bool_(True)],
)
def test_a_number_of_numpy_s_is_a_number(tmp_path, monkeypatch, module, value):
    state = nanogpt_state(bias=True)
    write(tmp_path / "ckpt.pt", state, best_val_loss=value)
    content = (tmp_path / "ckpt.pt").read_bytes()
    asked = value.__reduce__()[0].__module__.encode()
    assert asked in content
    repacked(tmp_path / "ckpt.pt", asked, module.encode())
    assert b"c" + module.encode() + b"\nscalar\n" in (tmp_path / "ckpt.pt").read_bytes()
    assert_same_logits(load(tmp_path), state)
    found = read_pickle(tmp_path / "ckpt.pt")["best_val_loss"]
    assert found == value.item()
    assert type(found) is type(value.item())


@pytest.mark.parametrize("order", "<>")
def test_a_number_of_another_machine_s_order_is_the_same(order):
    kind = NumberType("f8", False, True)
    kind.__setstate__((3, order, None, None, None, -1, -1, 0))
    assert number(kind, struct.pack(f"{order}d", 2.5)) == 2.5


def repacked(file, old, new):
    """Rename what a file's pickle asks for; a GLOBAL's name ends at the line, so it may grow."""
    with zipfile.ZipFile(file) as archive:
        members = {member: archive.read(member) for member in archive.namelist()}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for member, content in members.items():
            renamed = content.replace(b"c" + old + b"\n", b"c" + new + b"\n")
            archive.writestr(member, renamed if member.endswith("data.pkl") else content)


def test_sizes_of_numpy_s_are_sizes(tmp_path):
    state = nanogpt_state(bias=True)
    arguments = {name: np.int64(size) for name, size in ARGS.items()} | {"bias": np.bool_(True)}
    torch.save({"model": state, "model_args": arguments}, tmp_path / "ckpt.pt")
    assert_same_logits(load(tmp_path), state)


@pytest.mark.parametrize("value", [np.array([1.0]), np.str_("a"), np.datetime64("2026-01-01")])
def test_what_else_numpy_has_is_refused_with_advice_that_helps(tmp_path, refused, value):
    state = nanogpt_state(bias=True)
    write(tmp_path / "ckpt.pt", state, best_val_loss=value)
    refused(tmp_path, str(tmp_path / "ckpt.pt"))


def test_what_torch_may_open_is_as_before_once_a_file_is_read(tmp_path):
    before = set(torch.serialization.get_safe_globals())
    write(tmp_path / "ckpt.pt", nanogpt_state(bias=True), best_val_loss=np.float64(1.5))
    load(tmp_path)
    assert set(torch.serialization.get_safe_globals()) == before


# -- its kin ----------------------------------------------------------------------------------


@pytest.mark.parametrize("module", ["__main__", "train_gpt2", "model"])
def test_build_nanogpt_s_settings_are_an_object(tmp_path, monkeypatch, module):
    @dataclass
    class GPTConfig:
        block_size: int = 11
        vocab_size: int = 37
        n_layer: int = 2
        n_head: int = 3
        n_embd: int = 15

        def __setstate__(self, state):
            raise AssertionError("the file's code runs")

    GPTConfig.__module__, GPTConfig.__qualname__ = module, "GPTConfig"
    if module != "__main__":
        monkeypatch.setitem(sys.modules, module, types.ModuleType(module))
    monkeypatch.setattr(sys.modules[module], "GPTConfig", GPTConfig, raising=False)
    state = nanogpt_state(bias=True)
    content = {"model": state, "config": GPTConfig(), "step": 5, "val_loss": 3.2}
    torch.save(content, tmp_path / "model_00005.pt")
    model = load(tmp_path / "model_00005.pt")
    assert (model.config.tied, model.config.bias) == (True, True)
    assert_same_logits(model, state, gelu_tanh)

    torch.save(content | {"config": vars(GPTConfig())}, tmp_path / "model_00005.pt")
    assert_same_logits(load(tmp_path / "model_00005.pt"), state, gelu_tanh)


@pytest.mark.parametrize(("gelu", "name"), [(gelu_tanh, "gelu_tanh"), (gelu_erf, "gelu_erf")])
def test_a_checkpoint_may_say_which_gelu(tmp_path, gelu, name):
    state = nanogpt_state(bias=True)
    for arguments in (ARGS, ARGS | {"bias": True}):
        content = {"model": state, "model_args": arguments | {"activation": name}}
        torch.save(content, tmp_path / "ckpt.pt")
        assert_same_logits(load(tmp_path), state, gelu)


@pytest.mark.parametrize("prefix", ["", "_orig_mod.", "module."])
@pytest.mark.parametrize("gelu", [gelu_tanh, gelu_erf])
def test_a_state_dict_alone_is_told_what_it_lacks_and_that_helps(tmp_path, refused, gelu, prefix):
    """As minGPT saves it: a head of its own, masks, and nothing that says how many heads."""
    plain = nanogpt_state(bias=True) | {"lm_head.weight": torch.randn(37, 15)}
    mask = {"transformer.h.0.attn.bias": torch.ones(1, 1, 11, 11).tril()}
    torch.save(
        {prefix + name: leaf for name, leaf in (plain | mask).items()}, tmp_path / "model.pt"
    )
    said = refused(tmp_path / "model.pt", "state dict alone", "HEADS", "minGPT")
    ((_, advised),) = re.findall(r"(torch\.save)\((\{.*\}, 'model\.pt')\)", said)
    names = {"state_dict": plain, "HEADS": 3, "GELU": gelu.__name__}
    content, file = eval(advised, names)
    torch.save(content, tmp_path / file)
    model = load(tmp_path / "model.pt")
    assert not model.config.tied
    assert_same_logits(model, plain, gelu)


@pytest.mark.parametrize(
    "tensors",
    [
        {"transformer.h.0.attn.c_attn.weight": torch.ones(15, 45)},  # transformers' layout
        {"transformer.wpe.weight": None},
        {"transformer.wte.weight": torch.ones(3)},
    ],
)
def test_a_dict_of_other_tensors_is_said_to_be_one(tmp_path, refused, tensors):
    state = nanogpt_state(bias=True) | tensors
    torch.save({k: v for k, v in state.items() if v is not None}, tmp_path / "model.pt")
    refused(tmp_path / "model.pt", "a dict of tensors whose names or shapes are others")


def test_truncated(tmp_path, refused):
    write(tmp_path / "ckpt.pt", nanogpt_state(bias=True))
    whole = (tmp_path / "ckpt.pt").read_bytes()
    for length in (0, 100, len(whole) - 1):
        (tmp_path / "ckpt.pt").write_bytes(whole[:length])
        refused(tmp_path, str(tmp_path / "ckpt.pt"))
