"""A setting of another program is used, or at the value that we compute, or refused by name."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from pellucid.checkpoint import load
from pellucid.errors import CheckpointError
from pellucid.models.gpt.huggingface import FIXED, GPT1, GPT2, IDLE

transformers = pytest.importorskip("transformers", reason="the judge of these tests")
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()

KINDS = {kind.model_type: kind for kind in (GPT2, GPT1)}
SIZES = {"vocab_size": 37, "n_positions": 11, "n_embd": 12, "n_head": 3, "n_layer": 2}
SIZES |= {"bos_token_id": None, "eos_token_id": None}
TOKENS = torch.randint(37, (2, 11), generator=torch.Generator().manual_seed(1))

OTHERS = {
    "vocab_size": [41],
    "n_positions": [13],
    "max_position_embeddings": [13],
    "n_embd": [24],
    "hidden_size": [24],
    "n_head": [4],
    "num_attention_heads": [4],
    "n_layer": [3],
    "num_hidden_layers": [3],
    "n_inner": [7],
    "activation_function": ["gelu", "relu", "gelu_pytorch_tanh", "silu", "tanh", "gelu_fast"],
    "afn": ["relu", "silu", "swish"],
    "layer_norm_epsilon": [0.3],
    "architectures": [["GPT2Model"]],
    "model_type": [],  # which finds the adapter; tests/checkpoint/test_huggingface_checkpoint.py
    "transformers_version": ["4.0.0"],
    "dtype": ["float32", "bfloat16"],
    "torch_dtype": ["float32", "float16"],
    "id2label": [{"0": "a", "1": "b", "2": "c"}],
    "label2id": [{"a": 0, "b": 1, "c": 2}],
    "problem_type": ["regression"],
    "summary_type": ["last"],
    "summary_activation": ["tanh"],
    "_name_or_path": ["somewhere"],
    "chunk_size_feed_forward": [2],
    "attn_implementation": ["eager"],
    "_attn_implementation": ["eager"],
    "pruned_heads": [{"0": [1]}],
}
"""Other values than the default, where one that is made up from its type would be none."""


def settings(model_type: str) -> dict[str, Any]:
    """What transformers writes of such a configuration, and what it calls sizes besides."""
    config = transformers.AutoConfig.for_model(model_type, **SIZES)
    return {"pruned_heads": {}} | config.to_dict() | dict.fromkeys(config.attribute_map)


def others(name: str, value: Any) -> list[Any]:
    """Values that a setting does not have by default."""
    if name in OTHERS:
        return OTHERS[name]
    if isinstance(value, bool):
        return [not value]
    return [value + 0.25] if isinstance(value, float) else [3]


CASES = [
    pytest.param(model_type, name, other, id=f"{model_type}: {name}={other!r}")
    for model_type in KINDS
    for name, value in settings(model_type).items()
    for other in others(name, value)
]


def judge(model_type: str, **changes: Any) -> Any:
    """A model of transformers that has these settings and weights of its own."""
    eager = {"attn_implementation": "eager"} if model_type == "gpt2" else {}
    config = transformers.AutoConfig.for_model(model_type, **SIZES | eager | changes)
    model = transformers.AutoModelForCausalLM.from_config(config).float().eval()
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, leaf in model.named_parameters():
            noise = 0.25 * torch.randn(leaf.shape, generator=generator)
            leaf.copy_(noise + (".ln_" in name and name.endswith("weight")))
    return model


def their_logits(model: Any) -> torch.Tensor:
    model.config.return_dict = True  # without it transformers' own models do not run
    with torch.no_grad():
        return model(TOKENS).logits


def written(directory: Path, model: Any, **changes: Any) -> Path:
    """The model's files, with these settings in its config.json."""
    model.save_pretrained(directory)
    file = directory / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
    return directory


def refused_by_name(directory: Path, name: str, value: Any) -> bool:
    """Whether loading ends in one line with the setting and its value."""
    try:
        load(directory)
    except CheckpointError as error:
        line = str(error)
        assert "\n" not in line
        assert name in line, f"{name}={value!r} is refused by another name: {line}"
        assert repr(value) in line
        return True
    return False


@pytest.mark.thinned(6)
@pytest.mark.parametrize(("model_type", "name", "value"), CASES)
def test_every_setting_of_the_class(tmp_path: Path, model_type: str, name: str, value: Any) -> None:
    kind = KINDS[model_type]
    used = {size for names in kind.sizes.values() for size in names}
    used |= {kind.activation, "tie_word_embeddings"}
    if name in kind.fixed or name in FIXED:
        directory = written(tmp_path, judge(model_type), **{name: value})
        assert refused_by_name(directory, name, value)
        return
    model = judge(model_type, **{name: value})
    directory = written(tmp_path, model, **{name: value} if name in IDLE else {})
    if name in used and refused_by_name(directory, name, value):
        assert name == kind.activation
        return
    ours = load(directory, dtype=torch.float32).forward(TOKENS)
    assert (ours - their_logits(model)).abs().max() < 1e-5
    if name in used:
        return
    assert name in IDLE, f"{name} is neither used nor fixed, and nobody has said that it is idle"
    assert torch.allclose(their_logits(model), their_logits(judge(model_type)), atol=1e-5)


@pytest.mark.parametrize("model_type", KINDS)
def test_what_is_called_idle_changes_no_logit(tmp_path: Path, model_type: str) -> None:
    defaults, model = settings(model_type), judge(model_type)
    plain, changes = their_logits(model), {}
    for name in sorted(IDLE - set(OTHERS)):
        value = defaults.get(name)
        flags = [] if name.endswith("token_id") else [True]
        for other in [*flags, 3] if value is None else others(name, value):
            setattr(model.config, name, other)
            assert torch.allclose(their_logits(model), plain, atol=1e-5), f"{name}={other!r}"
            changes[name] = other
    ours = load(written(tmp_path, judge(model_type), **changes)).forward(TOKENS)
    assert (ours - plain).abs().max() < 1e-5


@pytest.mark.parametrize("model_type", KINDS)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("a_new_flag", True),
        ("a_new_flag", None),
        ("rope_theta", 1e4),
        ("quantization_config", {"bits": 4}),
        ("scale", "other\nlines"),
    ],
)
def test_a_setting_that_nobody_knows(tmp_path: Path, model_type: str, name: str, value: Any):
    directory = written(tmp_path, judge(model_type), **{name: value})
    assert refused_by_name(directory, name, value)


SUMMARY = {"summary_activation": None, "summary_first_dropout": 0.1, "summary_type": "cls_index"}
SUMMARY |= {"summary_proj_to_labels": True, "summary_use_proj": True}
EARLY = SUMMARY | {"n_ctx": 11, "n_special": 0, "predict_special_tokens": True}
EARLY |= {"task_specific_params": {"text-generation": {"do_sample": True, "max_length": 50}}}


@pytest.mark.parametrize(
    ("model_type", "settings_then"),
    [
        ("gpt2", EARLY | {"output_past": True}),  # gpt2-xl's
        ("gpt2", EARLY | {"_num_labels": 1, "id2label": {"0": "LABEL_0"}}),  # distilgpt2's
        ("gpt2", EARLY | {"gradient_checkpointing": False, "torch_dtype": "float16"}),
        ("openai-gpt", EARLY),
    ],
)
def test_what_files_on_the_hub_say_is_known(
    tmp_path: Path, model_type: str, settings_then: dict[str, Any]
):
    model = judge(model_type)
    ours = load(written(tmp_path, model, **settings_then)).forward(TOKENS)
    assert (ours - their_logits(model)).abs().max() < 1e-5


def test_a_long_value_is_cut(tmp_path: Path):
    with pytest.raises(CheckpointError) as caught:
        load(written(tmp_path, judge("gpt2"), a_new_flag=list(range(1000))))
    assert "[0, 1, 2" in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_size_under_both_of_its_names(tmp_path: Path):
    directory = written(tmp_path, judge("gpt2"), hidden_size=12)
    assert load(directory).config.n_embd == 12
    written(tmp_path, judge("gpt2"), hidden_size=24)
    with pytest.raises(CheckpointError, match="hidden_size is 24 and n_embd is 12"):
        load(directory)


ARGUMENTS = {"n_layer": 1, "n_head": 2, "n_embd": 4, "block_size": 4, "vocab_size": 5, "bias": True}


@pytest.mark.parametrize(("name", "value"), [("n_kv_head", 1), ("rope", True), ("a_new_flag", 0)])
def test_an_argument_that_nanogpt_has_not(tmp_path: Path, name: str, value: Any):
    arguments = ARGUMENTS | {"dropout": 0.1, name: value}
    torch.save({"model": {}, "model_args": arguments}, tmp_path / "ckpt.pt")
    assert refused_by_name(tmp_path, name, value)


@pytest.mark.parametrize("value", [1, "yes", None])
def test_nanogpts_bias_is_true_or_false(tmp_path: Path, value: Any):
    torch.save({"model": {}, "model_args": ARGUMENTS | {"bias": value}}, tmp_path / "ckpt.pt")
    assert refused_by_name(tmp_path, "bias", value)


def test_a_parameter_that_openai_has_not(tmp_path: Path):
    hparams = {"n_vocab": 5, "n_ctx": 4, "n_embd": 4, "n_head": 2, "n_layer": 1, "sparse": "fixed"}
    (tmp_path / "hparams.json").write_text(json.dumps(hparams))
    (tmp_path / "model.npz").write_bytes(b"PK\x05\x06" + bytes(18))
    assert refused_by_name(tmp_path, "sparse", "fixed")
