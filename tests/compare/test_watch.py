"""A PyTorch module that is watched: agreement, the first difference where it is made, no traces."""

import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.checkpoint import checkpoint

from pellucid.compare import ModuleWatch, watch
from pellucid.compare.own_model import own_model
from pellucid.errors import (
    ConfigError,
    DifferenceError,
    TokenError,
    TooLittleError,
    TraceError,
)
from pellucid.models import GPT, GPTConfig, Llama
from pellucid.reference import ReferenceRun, open_pack, write_pack
from pellucid.tree import flatten

CONFIG = GPTConfig(vocab_size=31, block_size=16, n_layer=2, n_head=3, n_embd=12)
TOKENS, TARGETS = torch.arange(20).reshape(2, 10) % 7, torch.arange(20).reshape(2, 10) % 5


class GELU(nn.Module):
    """GPT-2's, and with `erf` or a `slope` in the backward another."""

    erf, slope = False, 1.0

    def forward(self, x: Tensor) -> Tensor:
        bent = nn.functional.gelu(x, approximate="none" if self.erf else "tanh")
        return Scaled.apply(bent, self.slope)


class Scaled(torch.autograd.Function):
    """The same numbers, and a gradient that is so many times too large."""

    @staticmethod
    def forward(context: Any, x: Tensor, slope: float) -> Tensor:
        context.slope = slope
        return x.clone()

    @staticmethod
    def backward(context: Any, dout: Tensor) -> tuple[Tensor, None]:
        return dout * context.slope, None


class PortBlock(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.join = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down, self.gelu = (
            nn.Linear(width, 4 * width),
            nn.Linear(4 * width, width),
            GELU(),
        )
        self.heads = heads

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in self.qkv(self.norm(x)).chunk(3, -1)
        )
        z = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.join(z.transpose(1, 2).flatten(2))
        out = self.down(self.gelu(self.up(self.norm2(x))))
        out += x  # in place, as some ports do
        return out


class PortModel(nn.Module):
    """A GPT-2 by PyTorch's own layers, under names of its own."""

    checkpoints = False

    def __init__(self, layers: int = 2, width: int = 12) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(31, width), nn.Embedding(16, width)
        self.blocks = nn.ModuleList(PortBlock(width, 3) for _ in range(layers))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 31, bias=False)
        self.head.weight = self.tokens.weight

    def forward(self, tokens: Tensor, targets: Tensor | None = None) -> Any:
        x = self.tokens(tokens)
        x += self.places.weight[: tokens.shape[-1]]
        for block in self.blocks:
            x = checkpoint(block, x, use_reentrant=False) if self.checkpoints else block(x)
        logits = self.head(self.norm(x))
        if targets is None:
            return logits
        return logits, cross_entropy(logits.flatten(0, 1), targets.flatten())


def names() -> dict[str, str]:
    own = {"tokens": "embed.out", "norm": "ln_f.out", "head": "logits"}
    own |= {"tokens.weight": "wte.weight", "places.weight": "wpe.weight"}
    for theirs, ours in MODULES.items():
        own[f"blocks.{{i}}.{theirs}"] = f"h.{{i}}.{ours}.out"
    return own | {"blocks.{i}": "h.{i}.resid_post"}


MODULES = {"norm": "ln_1", "qkv": "attn.c_attn", "join": "attn.c_proj", "norm2": "ln_2"}
MODULES |= {"up": "mlp.c_fc", "gelu": "mlp.act", "down": "mlp.c_proj"}
JUDGED = 43
"""Values and gradients that the names lead to, and the loss."""


@pytest.fixture
def model() -> GPT:
    return GPT.init(CONFIG, seed=3)


@pytest.fixture
def port(model: GPT) -> PortModel:
    made, flat = PortModel(), flatten(model.params)
    pairs = {"tokens": "wte", "places": "wpe", "norm": "ln_f"}
    own = {f"{a}.{kind}": f"{b}.{kind}" for a, b in pairs.items() for kind in ("weight", "bias")}
    for theirs, ours in MODULES.items():
        for i, kind in ((0, "weight"), (0, "bias"), (1, "weight"), (1, "bias")):
            own[f"blocks.{i}.{theirs}.{kind}"] = f"h.{i}.{ours}.{kind}"
    with torch.no_grad():
        for name, weight in made.named_parameters():
            values = flat[own[name]] + 0.1 * torch.randn_like(flat[own[name]])
            flat[own[name]].copy_(values)
            mapped = weight.dim() == 2 and name.startswith("blocks")
            weight.copy_(values.mT if mapped else values)
    return made


def step(module: nn.Module) -> None:
    module(TOKENS, TARGETS)[1].backward()


def difference(module: nn.Module, model: GPT, run: Callable[..., None] = step) -> DifferenceError:
    with pytest.raises(DifferenceError) as raised:
        with watch(module, model, names=names()):
            run(module)
    assert not hooks_of(module)
    return raised.value


def hooks_of(module: nn.Module) -> int:
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    hooks = sum(len(getattr(one, kind)) for one in module.modules() for kind in kinds)
    return hooks + sum(len(one._backward_hooks or ()) for one in module.parameters())


@pytest.mark.parametrize("collect", [False, True])
def test_a_right_port_agrees(port: PortModel, model: GPT, collect: bool):
    with watch(port, model, names=names(), collect=collect) as watched:
        step(port)
        torch.optim.SGD(port.parameters(), 0.5).step()  # what was judged is not read again
    assert watched.findings == ()
    assert set(watched.verdicts) >= {"h.1.mlp.act.out", "dh.0.resid_post", "dwte.weight", "loss"}
    assert len(watched.verdicts) == JUDGED
    assert str(watched) == "agrees: 43 tensors judged"


def test_a_wrong_function_is_raised_from_its_own_call(port: PortModel, model: GPT):
    port.blocks[0].gelu.erf = True
    reached: list[str] = []
    port.blocks[0].down.register_forward_pre_hook(lambda *_: reached.append("down"))
    with pytest.raises(DifferenceError) as raised:
        with watch(port, model, names=names()):
            step(port)
    error = raised.value
    assert error.finding.fault.name == "h.0.mlp.act.out"
    assert [fit.mistakes[0].name for fit in error.finding.named] == ["gelu_erf"]
    assert reached == []
    frames = [frame.line for frame in traceback.extract_tb(error.__traceback__)]
    assert any("self.down(self.gelu(self.up" in (line or "") for line in frames)
    heading, *more = str(error).splitlines()
    assert heading == "h.0.mlp.act.out is not what gelu_tanh makes of your own numbers"
    assert more[1] == "   because GELU by erf, where it is by tanh"
    assert more[-1] == "   in your module: blocks.0.gelu"


def test_a_wrong_backward_is_raised_before_what_follows_it(port: PortModel, model: GPT):
    port.blocks[1].gelu.slope = 2.0
    error = difference(port, model)
    assert error.finding.fault.name == "dh.1.mlp.c_fc.out"
    assert "2 times what it should be" in str(error)
    assert str(error).endswith("in your module: blocks.1.up.grad")
    grads = [name for name, weight in port.named_parameters() if weight.grad is not None]
    assert "blocks.1.down.weight" in grads
    assert not any(name.startswith("blocks.0") for name in grads)


def test_a_gradient_that_never_comes_is_waited_for_no_longer_than_its_block(
    port: PortModel, model: GPT
):
    def detached(module: nn.Module) -> None:
        hook = port.blocks[1].join.register_forward_hook(lambda *given: given[2].detach())
        with hook:
            step(module)

    error = difference(port, model, detached)
    assert error.finding.fault.name == "dh.0.resid_post"
    grads = [name for name, weight in port.named_parameters() if weight.grad is not None]
    assert "blocks.1.norm2.bias" in grads
    assert not any(name.startswith("blocks.0") for name in grads)


def test_all_are_collected_and_none_raised(port: PortModel, model: GPT):
    port.blocks[0].gelu.erf = True
    port.blocks[1].gelu.slope = 2.0
    with watch(port, model, names=names(), collect=True) as watched:
        step(port)
    found = [one.fault.name for one in watched.findings]
    assert found[:2] == ["h.0.mlp.act.out", "dh.1.mlp.c_fc.out"]
    assert "because GELU by erf" in str(watched)


def test_a_loss_that_is_summed_is_seen_in_the_loss_or_in_the_first_gradient(
    port: PortModel, model: GPT
):
    def outside(module: nn.Module) -> None:
        loss = cross_entropy(module(TOKENS).flatten(0, 1), TARGETS.flatten(), reduction="sum")
        loss.backward()

    with pytest.raises(DifferenceError, match="dlogits is not"):
        with watch(port, model, names=names(), targets=TARGETS):
            outside(port)


# -- nothing is changed ---------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [True, False])
def test_numbers_gradients_and_modes_stay_as_they_are(port: PortModel, model: GPT, mode: bool):
    port.train(mode)

    def run() -> list[Tensor]:
        port.zero_grad()
        logits, loss = port(TOKENS, TARGETS)
        (loss / 3).backward()
        return [logits, loss, *(weight.grad for weight in port.parameters())]

    before = [one.detach().clone() for one in run()]
    threads = threading.active_count()
    with watch(port, model, names=names(), collect=True):
        after = run()
    assert all(torch.equal(*pair) for pair in zip(before, after, strict=True))
    assert port.training is mode
    assert torch.is_grad_enabled()
    assert not hooks_of(port)
    assert threading.active_count() == threads


def test_hooks_go_whatever_happens(port: PortModel, model: GPT):
    own = port.norm.register_forward_hook(lambda *_: None)
    watched = watch(port, model, names=names())

    def fail(module: nn.Module) -> None:
        step(module)
        raise KeyError

    with pytest.raises(KeyError):
        with watched:
            fail(port)
    with watched:  # and it can be entered again
        with watch(port, model, names=names()) as inner:
            step(port)
        with pytest.raises(TraceError, match="entered once at a time"):
            watched.__enter__()
    assert len(watched.verdicts) == len(inner.verdicts) == JUDGED
    assert hooks_of(port) == 1
    own.remove()


def test_a_module_that_fails_is_let_go_of(port: PortModel, model: GPT):
    threads = threading.active_count()
    with pytest.raises(TokenError, match="a target must be an id"):
        with watch(port, model, names=names()):
            port(TOKENS, TARGETS + 100)
    assert not hooks_of(port)
    with pytest.raises(AttributeError):
        with watch(port, model, names=names()):
            port(TOKENS, "no targets")
    assert threading.active_count() == threads


def test_another_thread_s_calls_are_its_own(port: PortModel, model: GPT):
    found: list[Tensor] = []

    def other() -> None:
        loss = port(TOKENS.flip(1), TARGETS)[1]
        loss.backward()
        found.append(loss)

    with watch(port, model, names=names()) as watched:
        loss = port(TOKENS, TARGETS)[1]
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        loss.backward()
    assert len(watched.verdicts) == JUDGED
    assert len(found) == 1


def test_another_backward_is_none_of_this_call_s(port: PortModel, model: GPT):
    before = port(TOKENS.flip(1), TARGETS)[1]
    with watch(port, model, names=names()) as watched:
        loss = port(TOKENS, TARGETS)[1]
        before.backward()
        loss.backward()
    assert len(watched.verdicts) == JUDGED


# -- ways to run ----------------------------------------------------------------------------------


def test_without_gradients_the_forward_alone_is_judged(port: PortModel, model: GPT):
    for without in (torch.no_grad, torch.inference_mode):
        with watch(port, model, names=names()) as watched, without():
            port(TOKENS)
        assert {name[0] for name in watched.verdicts} == {*"ehlw"}
        assert len(watched.verdicts) == JUDGED // 2
    port.blocks[1].gelu.erf = True
    with torch.no_grad():
        error = difference(port, model, lambda module: module(TOKENS))
    assert error.finding.fault.name == "h.1.mlp.act.out"


def test_frozen_parameters_have_no_gradient_to_wait_for(port: PortModel, model: GPT):
    port.places.weight.requires_grad_(False)
    port.blocks[1].gelu.slope = 2.0
    assert difference(port, model).finding.fault.name == "dh.1.mlp.c_fc.out"


def test_checkpoints_are_seen_through(port: PortModel, model: GPT):
    port.checkpoints = True
    with watch(port, model, names=names()) as watched:
        step(port)
    assert watched.findings == ()
    port.blocks[0].gelu.slope = 2.0
    assert difference(port, model).finding.fault.name == "dh.0.mlp.c_fc.out"


def test_a_module_in_several_places_has_the_name_that_is_known(port: PortModel, model: GPT):
    outer = nn.Module()
    outer.inner = port
    for name, part in port.named_children():
        setattr(outer, name, part)
    outer.blocks[0].itself = outer.blocks[0]
    outer.forward = port.forward  # type: ignore[method-assign]
    known = {theirs: ours for theirs, ours in names().items() if not theirs.endswith("weight")}
    with watch(outer, model, names=known) as watched:
        step(outer)
    assert len(watched.verdicts) == JUDGED - 4


def test_coarser_numbers_are_judged_as_such(port: PortModel, model: GPT):
    port.bfloat16()
    coarse = model.to(dtype=torch.bfloat16)
    with watch(port, coarse, names=names()) as watched:
        step(port)
    assert watched.findings == ()
    port.blocks[0].gelu.erf = True
    port.blocks[0].gelu.slope = 3.0
    with watch(port, coarse, names=names(), collect=True) as watched:
        step(port)
    assert "dh.0.mlp.c_fc.out" in [one.fault.name for one in watched.findings]


# -- packs and mistakes of use --------------------------------------------------------------------


def test_a_pack_is_a_reference_for_its_own_tokens(port: PortModel, model: GPT, tmp_path: Path):
    run = ReferenceRun(model, "", TOKENS[0], TARGETS[0], {"optimizer": "sgd", "learning_rate": 0.1})
    write_pack(run, tmp_path / "pack")
    for reference in (tmp_path / "pack", str(tmp_path / "pack"), open_pack(tmp_path / "pack")):
        with watch(port, reference, names=names()) as watched:
            logits = port(TOKENS[:1])
            cross_entropy(logits[0], TARGETS[0]).backward()
        assert len(watched.verdicts) == JUDGED - 1
    with pytest.raises(DifferenceError, match=r"tokens are not the pack's: at \[0\] yours has 3"):
        with watch(port, open_pack(tmp_path / "pack"), names=names()):
            port(TOKENS[1:])
    with torch.no_grad():
        port.places.weight[2, 1] += 1e-3
    with pytest.raises(DifferenceError, match=r"^wpe\.weight is not what the pack's model has"):
        with watch(port, tmp_path / "pack", names=names()):
            port(TOKENS[:1])


def test_mistakes_of_use_are_one_line(port: PortModel, model: GPT):
    with pytest.raises(
        ConfigError, match="names that Pellucid knows, and those of Sequential are 0,"
    ):
        watch(nn.Sequential(nn.Linear(12, 12)), model)
    with pytest.raises(ConfigError, match="none: give watch a pack, or a model"):
        watch(port)
    with pytest.raises(TooLittleError, match="PortModel was not: call it there"):
        with watch(port, model, names=names()):
            pass
    with pytest.raises(TraceError, match="this is the second"):
        with watch(port, model, names=names()):
            torch.stack([port(TOKENS), port(TOKENS)])
    with pytest.raises(TraceError, match="must know the targets"):
        with watch(port, model, names=names()):
            port(TOKENS).sum().backward()
    with pytest.raises(TraceError, match="must be called with its tokens"):
        with watch(nn.Sequential(nn.Linear(12, 12)), model, names={"0": "h.0.ln_1.out"}) as watched:
            watched._module(torch.ones(2, 12))
    assert not hooks_of(port)


def test_another_number_of_layers_or_another_width_is_said_at_once(model: GPT):
    with pytest.raises(DifferenceError, match="yours has 3 layers, the model 2"):
        watch(theirs_of("gpt2", n_layer=3), model)
    with pytest.raises(DifferenceError, match="yours has 1 layers, the model 2"):
        watch(theirs_of("gpt2", n_layer=1), model)
    with pytest.raises(DifferenceError, match="yours has width 24, the model 12"):
        watch(PortModel(2, 24), model, names=names())


# -- transformers ---------------------------------------------------------------------------------


def theirs_of(kind: str, n_layer: int = 2) -> Any:
    transformers = pytest.importorskip("transformers", reason="the modules are transformers'")
    ends = {"bos_token_id": None, "eos_token_id": None, "vocab_size": 31}
    torch.manual_seed(2)
    if kind == "gpt2":
        sizes = {"n_positions": 16, "n_layer": n_layer, "n_head": 3, "n_embd": 12}
        return transformers.GPT2LMHeadModel(transformers.GPT2Config(**sizes, **ends)).eval()
    sizes = {"hidden_size": 12, "intermediate_size": 20, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 4}
    config = transformers.LlamaConfig(max_position_embeddings=16, **sizes, **heads, **ends)
    return transformers.LlamaForCausalLM(config).eval()


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_transformers_own_modules_are_watched_beside_their_own_weights(
    kind: str, dtype: torch.dtype
):
    module = theirs_of(kind).to(dtype)
    with watch(module) as watched:
        module(input_ids=TOKENS, labels=TOKENS).loss.backward()
    assert watched.findings == ()
    assert len(watched.verdicts) > 90
    assert {"loss", "dlogits", "dwte.weight", "dh.0.attn.c_proj.out"} <= set(watched.verdicts)
    inner = module.transformer.h[1] if kind == "gpt2" else module.model.layers[1]
    name = "act" if kind == "gpt2" else "act_fn"
    setattr(inner.mlp, name, nn.ReLU())
    with pytest.raises(DifferenceError) as raised:
        with watch(module):
            module(TOKENS)
    assert raised.value.finding.fault.name == "h.1.mlp.act.out"
    assert not hooks_of(module)


def test_nanogpt_s_weights_are_told_from_transformers_own_by_their_shapes():
    module = theirs_of("gpt2")
    model = own_model(module)
    for block in module.transformer.h:
        for half, name in (
            ("attn", "c_attn"),
            ("attn", "c_proj"),
            ("mlp", "c_fc"),
            ("mlp", "c_proj"),
        ):
            conv = getattr(getattr(block, half), name)
            linear = nn.Linear(*conv.weight.shape)
            linear.weight, linear.bias = nn.Parameter(conv.weight.mT.clone()), conv.bias
            setattr(getattr(block, half), name, linear)
    with watch(module, model) as watched:
        module(TOKENS, labels=TOKENS).loss.backward()
    assert watched.findings == ()
    assert {"dh.0.attn.c_proj.weight", "h.1.mlp.c_fc.weight"} <= set(watched.verdicts)


def test_dropout_that_is_on_is_said_to_be():
    module = theirs_of("gpt2").train()
    with pytest.raises(DifferenceError, match="because dropout is on"):
        with watch(module):
            module(TOKENS)


def test_a_model_of_another_kind_is_refused():
    module = theirs_of("llama")
    gpt = GPT.init(CONFIG)
    with pytest.raises(ConfigError, match="those of LlamaForCausalLM are"):
        watch(module, gpt)
    sizes = {"n_layer": 3, "n_head": 4, "n_kv_head": 2, "n_embd": 12, "n_inner": 20}
    llama = Llama.init(Llama.Config(vocab_size=31, block_size=16, head_size=4, **sizes))
    with pytest.raises(DifferenceError, match="yours has 2 layers, the model 3"):
        watch(module, llama)
    with pytest.raises(ConfigError, match="looks back only, or a pack of one, and OrderedDict"):
        watch(module, module.state_dict())


def test_a_watch_says_when_nothing_was_judged(port: PortModel, model: GPT):
    assert isinstance(watch(port, model, names=names()), ModuleWatch)
    assert str(watch(port, model, names=names())) == "nothing was judged"
