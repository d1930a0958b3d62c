"""Models of Llama's family against transformers: logits, gradients, training, there and back."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import pellucid
from pellucid.checkpoint import export_huggingface
from pellucid.errors import CheckpointError
from pellucid.generate import Sampling, generate
from pellucid.kernels import FAST
from pellucid.layers import REFERENCE
from pellucid.models.llama.huggingface import is_map, their_name
from pellucid.optim import adamw
from pellucid.tree import flatten

transformers = pytest.importorskip("transformers")

SIZES = {
    "vocab_size": 29,
    "hidden_size": 24,
    "intermediate_size": 20,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "bos_token_id": 0,
    "eos_token_id": 1,
}
LINEAR = {"rope_type": "linear", "factor": 4.0, "rope_theta": 5000.0}
LLAMA_3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "rope_theta": 500_000.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "Llama": ("Llama", {}),
    "Llama, tied, biases, odd heads": (
        "Llama",
        {"tie_word_embeddings": True, "attention_bias": True, "mlp_bias": True, "head_dim": 10},
    ),
    "Llama, one head of keys, GELU": (
        "Llama",
        {"num_key_value_heads": 1, "hidden_act": "gelu_pytorch_tanh"},
    ),
    "Llama, linear scaling": ("Llama", {"rope_parameters": LINEAR}),
    "Llama 3.1": ("Llama", {"rope_parameters": LLAMA_3}),
    "Mistral, window": ("Mistral", {"sliding_window": 5}),
    "Mistral, no window": ("Mistral", {"sliding_window": None}),
    "Qwen 2": ("Qwen2", {"tie_word_embeddings": True}),
    "Qwen 2, window": (
        "Qwen2",
        {"use_sliding_window": True, "sliding_window": 4, "max_window_layers": 1},
    ),
    "Qwen 3": ("Qwen3", {"head_dim": 6}),
    "SmolLM3": ("SmolLM3", {"pad_token_id": None, "no_rope_layers": [1, 0]}),
    "SmolLM3, each block with positions": (
        "SmolLM3",
        {"pad_token_id": None, "no_rope_layers": [1, 1], "tie_word_embeddings": False},
    ),
    "Qwen 3, biases": ("Qwen3", {"head_dim": 8, "attention_bias": True}),
}
IDS = torch.randint(29, (2, 20), generator=torch.Generator().manual_seed(0))
TARGETS = IDS.roll(-1, -1)

each = pytest.mark.parametrize("family", FAMILIES)


def in_float64(module: Any) -> Callable[..., tuple[Tensor, Tensor]]:
    """transformers' cosines and sines, which it computes in float32 whatever the model is in."""

    def turned(x: Tensor, position_ids: Tensor) -> tuple[Tensor, Tensor]:
        config = module.config
        given = config.rope_parameters
        base = given["rope_theta"]
        size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        frequencies = base ** -(torch.arange(0, size, 2, dtype=torch.float64) / size)
        if given["rope_type"] == "linear":
            frequencies = frequencies / given["factor"]
        if given["rope_type"] == "llama3":
            length = 2 * torch.pi / frequencies
            low, high = given["low_freq_factor"], given["high_freq_factor"]
            trained, factor = given["original_max_position_embeddings"], given["factor"]
            smooth = (trained / length - low) / (high - low)
            between = (1 - smooth) * frequencies / factor + smooth * frequencies
            frequencies = torch.where(
                length > trained / low,
                frequencies / factor,
                torch.where(length < trained / high, frequencies, between),
            )
        angles = position_ids[..., None].double() * frequencies
        both = torch.cat([angles, angles], -1)
        return both.cos().to(x.dtype), both.sin().to(x.dtype)

    return turned


def norm_in_float64(module: Any) -> Callable[[Tensor], Tensor]:
    """The same for their RMS norms."""
    return lambda x: (
        module.weight * x * (x.square().mean(-1, keepdim=True) + module.variance_epsilon).rsqrt()
    )


def theirs(family: str, dtype: torch.dtype) -> Any:
    kind, choices = FAMILIES[family]
    config = getattr(transformers, f"{kind}Config")(**(SIZES | choices))
    torch.manual_seed(1)
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            about = 1 if parameter.dim() == 1 else 0
            parameter.copy_(about + 0.25 * torch.randn(parameter.shape))
    model = model.to(dtype)
    if dtype == torch.float64:
        model.model.rotary_emb.forward = in_float64(model.model.rotary_emb)
        for module in model.modules():
            if hasattr(module, "variance_epsilon"):
                module.forward = norm_in_float64(module)
    return model


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A folder as transformers writes it, in float32."""

    def of(family: str) -> Path:
        folder = tmp_path_factory.mktemp("family")
        theirs(family, torch.float32).save_pretrained(folder)
        return folder

    return of


@each
@pytest.mark.parametrize(("dtype", "off"), [(torch.float32, 1e-5), (torch.float64, 1e-10)])
def test_logits_are_those_of_transformers(
    family: str, dtype: torch.dtype, off: float, saved: Callable[[str], Path]
):
    mine, other = pellucid.load(saved(family), dtype=dtype), theirs(family, dtype)
    with torch.no_grad():
        wanted = other(IDS).logits
    for ops in (REFERENCE, FAST):
        torch.testing.assert_close(mine.forward(IDS, ops=ops), wanted, rtol=0, atol=off)


def losses_of(family: str, dtype: torch.dtype) -> Iterator[Tensor]:
    """transformers' losses on one batch, with an AdamW step after each."""
    model = theirs(family, dtype).train()
    step = torch.optim.AdamW(model.parameters(), lr=0.01, betas=(0.9, 0.95), weight_decay=0.0)
    while True:
        logits = model(IDS).logits
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), TARGETS.flatten())
        step.zero_grad()
        loss.backward()
        yield loss.detach()
        step.step()


@each
@pytest.mark.parametrize(("dtype", "off"), [(torch.float32, 1e-4), (torch.float64, 1e-9)])
def test_every_gradient_is_that_of_transformers(
    family: str, dtype: torch.dtype, off: float, saved: Callable[[str], Path]
):
    mine, other = pellucid.load(saved(family), dtype=dtype), theirs(family, dtype)
    logits = other(IDS).logits
    torch.nn.functional.cross_entropy(logits.flatten(0, 1), TARGETS.flatten()).backward()
    wanted = {name: parameter.grad for name, parameter in other.named_parameters()}
    _, grads = mine.loss_and_grads(IDS, TARGETS)
    assert len(flatten(grads)) == len(wanted)
    for name, grad in flatten(grads).items():
        one = wanted[their_name(name)]
        one = one.mT if is_map(name) else one
        torch.testing.assert_close(grad, one, rtol=off, atol=off * float(one.abs().max()))


@each
def test_ten_steps_of_training_have_the_losses_of_transformers(
    family: str, saved: Callable[[str], Path]
):
    mine, others = pellucid.load(saved(family)), losses_of(family, torch.float32)
    params, state = mine.params, None
    for _ in range(10):
        loss, grads = mine.with_params(params).loss_and_grads(IDS, TARGETS, ops=FAST)
        torch.testing.assert_close(loss, next(others), rtol=0, atol=1e-5)
        params, state = adamw(
            params, grads, state, learning_rate=0.01, betas=(0.9, 0.95), weight_decay=0.0
        )


@each
def test_there_and_back_the_logits_are_the_same(
    family: str, saved: Callable[[str], Path], tmp_path: Path
):
    mine = pellucid.load(saved(family))
    export_huggingface(mine, tmp_path)
    back = pellucid.load(tmp_path)
    assert back.config == mine.config
    assert torch.equal(back.forward(IDS), mine.forward(IDS))
    other = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    with torch.no_grad():
        torch.testing.assert_close(other(IDS).logits, mine.forward(IDS), rtol=0, atol=1e-5)


@each
def test_with_a_past_and_beyond_the_window_the_same_tokens(
    family: str, saved: Callable[[str], Path]
):
    mine, other = pellucid.load(saved(family)), theirs(family, torch.float32)
    prompt = IDS[0, :3].tolist()
    with torch.no_grad():
        wanted = other.generate(
            torch.tensor([prompt]), max_new_tokens=20, do_sample=False, eos_token_id=None
        )[0].tolist()
    for keep_past in (True, False):
        draws = generate(
            mine,
            prompt,
            max_new_tokens=20,
            sampling=Sampling(greedy=True),
            generator=torch.Generator(),
            keep_past=keep_past,
        )
        assert prompt + [one.token for one in draws] == wanted


@pytest.mark.parametrize(
    ("listed", "every"),
    [([1, 1], None), ([1, 0], 2), ([0, 0], 1), (None, 4), ([0, 1], "refused"), ([1], "refused")],
)
def test_blocks_without_positions_are_each_so_manyth(listed, every, tmp_path: Path, saved):
    folder = saved("SmolLM3")
    settings = json.loads((folder / "config.json").read_text())
    settings.pop("no_rope_layers")
    if listed is not None:
        settings["no_rope_layers"] = listed
    (folder / "config.json").write_text(json.dumps(settings))
    if every == "refused":
        with pytest.raises(CheckpointError, match="no_rope_layers must be 1 for each of 2 blocks"):
            pellucid.load(folder)
    else:
        assert pellucid.load(folder).config.unrotated_every == every
