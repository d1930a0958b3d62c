"""Hugging Face's GPT-2 and GPT-1, in and out: tiny random models, whose gradients must agree."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file, save_file, save_model

from pellucid.checkpoint import (
    export_huggingface,
    export_llm_c,
    load,
    open_tensors,
    save,
)
from pellucid.errors import CheckpointError
from pellucid.models import NextToken, NextTokenConfig
from pellucid.tree import flatten

transformers = pytest.importorskip("transformers", reason="the judge of these tests")
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()

LOGITS = {torch.float32: 1e-5, torch.float64: 1e-10}
GRADIENTS = {torch.float32: 1e-4, torch.float64: 1e-9}
KINDS = {
    "one head": {"n_head": 1},
    "odd sizes": {},
    "narrow inside": {"n_inner": 7},
    "own head": {"tie_word_embeddings": False},
    "relu": {"activation_function": "relu"},
    "exact gelu": {"activation_function": "gelu"},
    "torch's tanh gelu": {"activation_function": "gelu_pytorch_tanh", "n_layer": 1},
    "other eps": {"layer_norm_epsilon": 0.3},
    "reordered": {"reorder_and_upcast_attn": True},
    "eleven layers": {"n_layer": 11, "n_embd": 6, "n_head": 2},
    "GPT-1": {"model_type": "openai-gpt"},
    "GPT-1 with one head": {"model_type": "openai-gpt", "n_head": 1},
    "GPT-1 with its own head": {"model_type": "openai-gpt", "tie_word_embeddings": False},
    "GPT-1 with relu": {"model_type": "openai-gpt", "afn": "relu"},
    "GPT-1 with other eps": {"model_type": "openai-gpt", "layer_norm_epsilon": 0.3},
    "GPT-1 of five layers": {"model_type": "openai-gpt", "n_layer": 5, "n_embd": 6, "n_head": 2},
}
EMBEDDINGS = {"tokens_embed.weight": "wte.weight", "positions_embed.weight": "wpe.weight"}
SIZES = {"vocab_size": 37, "n_positions": 11, "n_embd": 15, "n_head": 3, "n_layer": 2}
SIZES |= {"bos_token_id": None, "eos_token_id": None}


def theirs(dtype=torch.float32, seed=0, **fields):
    """A model of transformers with all parameters, biases and norms too, far from initial.

    The deviation keeps the logits of order one: their tolerance is absolute.
    """
    settings = {"model_type": "gpt2"} | SIZES | fields
    if settings["model_type"] == "gpt2":
        settings["attn_implementation"] = "eager"
    config = transformers.AutoConfig.for_model(**settings)
    model = transformers.AutoModelForCausalLM.from_config(config).to(dtype).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, leaf in model.named_parameters():
            noise = 0.25 * torch.randn(leaf.shape, generator=generator)
            leaf.copy_(noise + (".ln_" in name and name.endswith("weight")))
    return model


def tokens(seed=1):
    return torch.randint(37, (2, 11), generator=torch.Generator().manual_seed(seed))


def their_logits(model):
    with torch.no_grad():
        return model(tokens()).logits


def our_name(name):
    name = name.removeprefix("transformer.")
    return EMBEDDINGS.get(name, name)


def assert_same_logits(mine, model):
    difference = (mine.forward(tokens()) - their_logits(model)).abs().max()
    assert difference < LOGITS[model.dtype]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_logits_and_every_gradient(tmp_path, kind, dtype):
    if kind == "reordered" and dtype == torch.float64:
        pytest.skip("transformers' reordered attention computes in float32")
    model = theirs(dtype, **KINDS[kind])
    model.save_pretrained(tmp_path)
    mine = load(tmp_path)
    assert mine.dtype == dtype
    assert_same_logits(mine, model)

    inputs, targets = tokens()[:, :-1], tokens()[:, 1:]
    logits = model(inputs).logits
    judged = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
    judged.backward()
    loss, grads = mine.loss_and_grads(inputs, targets)
    assert abs(loss - judged) < LOGITS[dtype]
    expected = {our_name(name): leaf.grad for name, leaf in model.named_parameters()}
    ours = flatten(grads)
    assert ours.keys() == expected.keys()
    for name, grad in expected.items():
        error = (ours[name] - grad).norm() / grad.norm()
        # The bias of the keys moves all of a row's scores alike, so its gradient is 0 in truth; it
        # is a third of c_attn.bias, whose norm the other two thirds give.
        assert error < GRADIENTS[dtype], name


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", KINDS)
def test_exported_and_loaded_by_transformers(tmp_path, kind, dtype):
    if kind == "reordered":
        pytest.skip("the same formula as without, which is what is exported")
    model = theirs(dtype, **KINDS[kind])
    model.save_pretrained(tmp_path / "in")
    export_huggingface(load(tmp_path / "in"), tmp_path / "out")
    back, report = transformers.AutoModelForCausalLM.from_pretrained(
        tmp_path / "out", output_loading_info=True, dtype=dtype
    )
    assert type(back) is type(model)
    assert not any(report[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert (their_logits(back.eval()) - their_logits(model)).abs().max() < LOGITS[dtype]
    assert back.config.tie_word_embeddings == model.config.tie_word_embeddings


def test_a_model_without_biases_is_exported_with_zeros(tmp_path, make):
    mine = make(bias=False)
    export_huggingface(mine, tmp_path)
    back = transformers.GPT2LMHeadModel.from_pretrained(tmp_path).eval()
    torch.testing.assert_close(mine.forward(tokens()), their_logits(back), atol=1e-4, rtol=1e-5)
    again = load(tmp_path)
    assert not again.params["h"]["1"]["mlp"]["c_fc"]["bias"].any()
    torch.testing.assert_close(mine.forward(tokens()), again.forward(tokens()))


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"norm": "post"}, "norm='post'"),
        ({"final_norm": False}, "final_norm=False"),
        ({"norm": "post", "final_norm": False, "n_inner": 7}, "n_inner=7"),
        ({"norm": "post", "final_norm": False, "activation": "gelu_erf"}, "'gelu_erf'"),
    ],
)
def test_what_neither_can_express_is_not_exported(tmp_path, make, fields, name):
    with pytest.raises(CheckpointError, match=name) as caught:
        export_huggingface(make(**fields), tmp_path / "new")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "new").exists()


def test_a_kind_of_model_that_transformers_has_not_is_not_exported(tmp_path):
    with pytest.raises(CheckpointError, match="a next_token is none"):
        export_huggingface(NextToken.init(NextTokenConfig()), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_exported_metadata_and_dtype(tmp_path, make, equal):
    model = make(torch.bfloat16, tied=False)
    export_huggingface(model, tmp_path)
    assert transformers.AutoConfig.from_pretrained(tmp_path).model_type == "gpt2"
    assert equal(load(tmp_path), model)


def test_export_and_save_replace_each_other(tmp_path, make, equal):
    mine = make()
    save(make(seed=1), tmp_path)
    export_huggingface(mine, tmp_path)
    assert equal(load(tmp_path), mine)
    save(make(seed=2, bias=False), tmp_path)
    assert equal(load(tmp_path), make(seed=2, bias=False))


# -- the ways in which transformers has stored GPT-2 --------------------------------------------


def state(model):
    return {name: leaf.detach().clone() for name, leaf in model.state_dict().items()}


def with_masks(tensors, prefix=""):
    mask = torch.ones(11, 11).tril().view(1, 1, 11, 11)
    return tensors | {
        f"{prefix}h.{layer}.attn.{name}": value
        for layer in range(2)
        for name, value in (("bias", mask), ("masked_bias", torch.tensor(-1e4)))
    }


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("prefix", ["", "transformer."])
def test_pickled_with_masks_with_and_without_prefix(tmp_path, prefix, zipped):
    model = theirs()
    model.config.save_pretrained(tmp_path)
    named = {name.replace("transformer.", prefix): leaf for name, leaf in state(model).items()}
    if not prefix:
        del named["lm_head.weight"]
    torch.save(
        with_masks(named, prefix),
        tmp_path / "pytorch_model.bin",
        _use_new_zipfile_serialization=zipped,
    )
    assert_same_logits(load(tmp_path), model)


def test_parameters_pickled_with_their_gradients_flag(tmp_path):
    model = theirs()
    model.config.save_pretrained(tmp_path)
    torch.save(dict(model.named_parameters()), tmp_path / "pytorch_model.bin")
    assert not load(tmp_path).params["wte"]["weight"].requires_grad


def test_base_model_without_prefix(tmp_path):
    model = theirs()
    model.transformer.save_pretrained(tmp_path)
    assert "wte.weight" in load_file(tmp_path / "model.safetensors")
    assert_same_logits(load(tmp_path), model)


def test_sharded_safetensors(tmp_path):
    model = theirs()
    model.save_pretrained(tmp_path, max_shard_size="8KB")
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 2
    assert_same_logits(load(tmp_path), model)


def sharded_pickles(directory, model):
    model.config.save_pretrained(directory)
    weights = sorted(state(model).items())
    shards = {"pytorch_model-1-of-2.bin": weights[::2], "pytorch_model-2-of-2.bin": weights[1::2]}
    for file, part in shards.items():
        torch.save(dict(part), directory / file)
    weight_map = {name: file for file, part in shards.items() for name, _ in part}
    index = directory / "pytorch_model.bin.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    return index


def test_sharded_pickles(tmp_path):
    model = theirs()
    sharded_pickles(tmp_path, model)
    assert_same_logits(load(tmp_path), model)


def test_a_stored_copy_of_the_embedding_is_tied_even_with_nan(tmp_path):
    model = theirs()
    with torch.no_grad():
        model.transformer.wte.weight[3, 4] = torch.nan
    model.config.save_pretrained(tmp_path)
    save_file(state(model), tmp_path / "model.safetensors")
    assert load(tmp_path).config.tied


def test_an_equal_head_of_its_own_stays_its_own(tmp_path):
    model = theirs()
    model.config.tie_word_embeddings = False
    model.config.save_pretrained(tmp_path)
    save_file(state(model), tmp_path / "model.safetensors")
    assert not load(tmp_path).config.tied
    assert_same_logits(load(tmp_path), model)


def test_common_names_of_sizes_and_defaults(tmp_path):
    model = theirs(n_head=5)
    model.save_pretrained(tmp_path)
    config = {"model_type": "gpt2", "vocab_size": 37, "max_position_embeddings": 11}
    config |= {"hidden_size": 15, "num_attention_heads": 5, "num_hidden_layers": 2}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert_same_logits(load(tmp_path), model)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_stays_or_converts(tmp_path, dtype):
    model = theirs().to(dtype)
    model.save_pretrained(tmp_path)
    assert load(tmp_path).dtype == dtype
    assert_same_logits(load(tmp_path, dtype=torch.float32), model.float())


def test_gpt1_as_it_was_first_stored(tmp_path):
    """Without a prefix or a head, but with masks and the numbers of the positions."""
    model = theirs(model_type="openai-gpt")
    model.config.save_pretrained(tmp_path)
    named = {name.removeprefix("transformer."): leaf for name, leaf in state(model).items()}
    del named["lm_head.weight"]
    torch.save(
        with_masks(named) | {"position_ids": torch.arange(11)}, tmp_path / "pytorch_model.bin"
    )
    mine = load(tmp_path)
    assert (mine.config.norm, mine.config.final_norm, mine.config.tied) == ("post", False, True)
    assert_same_logits(mine, model)


def test_gpt1_by_its_defaults(tmp_path):
    model = theirs(model_type="openai-gpt")
    model.save_pretrained(tmp_path)
    sizes = {name: size for name, size in SIZES.items() if size is not None}
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "openai-gpt", **sizes}))
    mine = load(tmp_path)
    assert (mine.config.activation, mine.config.eps) == ("gelu_tanh", 1e-5)
    assert_same_logits(mine, model)


def test_gpt1_without_biases_is_exported_with_zeros(tmp_path, make):
    mine = make(norm="post", final_norm=False, bias=False)
    export_huggingface(mine, tmp_path)
    back = transformers.AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    assert isinstance(back, transformers.OpenAIGPTLMHeadModel)
    torch.testing.assert_close(mine.forward(tokens()), their_logits(back), atol=1e-4, rtol=1e-5)


# -- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("scale_attn_weights", False),
        ("scale_attn_by_inverse_layer_idx", True),
        ("add_cross_attention", True),
        ("activation_function", "swish"),
        ("activation_function", ["gelu"]),
        ("n_head", 4),
        ("n_layer", "2"),
    ],
)
def test_settings_of_another_formula(tmp_path, refused, setting, value):
    theirs().save_pretrained(tmp_path)
    edit(tmp_path, **{setting: value})
    refused(tmp_path, "config.json", setting)


@pytest.mark.parametrize("activation", ["gelu_new", "swish", "silu", ["gelu"]])
def test_another_activation_of_gpt1(tmp_path, refused, activation):
    theirs(model_type="openai-gpt").save_pretrained(tmp_path)
    edit(tmp_path, afn=activation)
    refused(tmp_path, "config.json", "afn")


def test_tensors_of_gpt1_are_named_as_here(tmp_path, refused):
    theirs(model_type="openai-gpt").save_pretrained(tmp_path)
    edit(tmp_path, n_positions=12)
    refused(tmp_path, "wpe.weight", "(12, 15)", "(11, 15)")


@pytest.mark.parametrize("kind", ["bert", ["gpt2"], {"gpt2": 1}, None])
def test_another_architecture(tmp_path, refused, kind):
    theirs().save_pretrained(tmp_path)
    edit(tmp_path, model_type=kind)
    refused(tmp_path, "gpt2 or openai-gpt", "model_type")


def edit(directory, **settings):
    config = directory / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | settings))


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"vocab_size": 50}, ["wte.weight", "(50, 15)", "(37, 15)"]),
        ({"n_positions": 12}, ["wpe.weight", "(12, 15)", "(11, 15)"]),
        ({"n_inner": 30}, ["h.0.mlp.c_fc.weight", "(15, 30)", "(15, 60)"]),
        ({"n_layer": 3}, ["h.2.ln_1.weight", "missing"]),
        ({"tie_word_embeddings": False}, ["lm_head.weight", "missing"]),
    ],
)
def test_settings_of_another_size(tmp_path, refused, settings, names):
    theirs().save_pretrained(tmp_path)
    edit(tmp_path, **settings)
    refused(tmp_path, str(tmp_path / "model.safetensors"), *names)


def test_a_tied_model_with_another_head(tmp_path, refused):
    model = theirs()
    model.config.save_pretrained(tmp_path)
    head = {"lm_head.weight": torch.ones(37, 15)}
    save_file(state(model) | head, tmp_path / "model.safetensors")
    refused(tmp_path, "lm_head.weight", "tie_word_embeddings", "config.json")


def test_unexpected_tensors_and_names_that_fall_together(tmp_path, refused):
    model = theirs()
    model.save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    save_file(weights | {"score.weight": torch.ones(2, 15)}, tmp_path / "model.safetensors")
    refused(tmp_path, "score.weight", "model.safetensors")
    save_file(weights | {"wpe.weight": torch.ones(11, 15)}, tmp_path / "model.safetensors")
    refused(tmp_path, "wpe.weight", "model.safetensors")


def test_no_weights_beside_the_config(tmp_path, refused):
    theirs().config.save_pretrained(tmp_path)
    refused(tmp_path, str(tmp_path), "model.safetensors", "pytorch_model.bin")


def test_a_shard_that_is_missing_or_truncated_or_elsewhere(tmp_path, refused):
    index = sharded_pickles(tmp_path, theirs())
    content = index.read_text()
    shard = tmp_path / "pytorch_model-2-of-2.bin"
    shard.write_bytes(shard.read_bytes()[:500])
    refused(tmp_path, str(shard))
    shard.unlink()
    refused(tmp_path, str(shard))
    for foreign in ("[]", "{}", '{"weight_map": {"wte.weight": "../model.bin"}}', content[:90]):
        index.write_text(foreign)
        refused(tmp_path, str(index))


def test_pickles_that_are_not_only_weights(tmp_path, refused):
    theirs().config.save_pretrained(tmp_path)
    weights = tmp_path / "pytorch_model.bin"
    torch.save({"wte.weight": print}, weights)
    message = refused(tmp_path, str(weights), "asks for print,")
    assert "\x1b" not in message
    for content in ([torch.ones(1)], {"wte.weight": 3}, {1: torch.ones(1)}):
        torch.save(content, weights)
        refused(tmp_path, str(weights))
    for content in (
        b"",
        b"\x80\x04K\x01.",
        b"cos\nsystem\n(S'true'\ntR.",
        b"PK\x03\x04" + bytes(90),
    ):
        weights.write_bytes(content)
        refused(tmp_path, str(weights))


# -- tensors that share memory, and files named themselves ------------------------------------


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("kind", ["gpt2", "openai-gpt"])
def test_a_tied_head_that_save_model_kept_alone_is_the_table(tmp_path, kind, header):
    """Of two names of a tensor safetensors writes one, and the other into the header."""
    model = theirs(model_type=kind)
    table = "transformer.wte.weight" if kind == "gpt2" else "transformer.tokens_embed.weight"
    model.config.save_pretrained(tmp_path)
    file = tmp_path / "model.safetensors"
    save_model(model, str(file))
    tensors = load_file(file)
    assert "lm_head.weight" in tensors
    assert table not in tensors
    if not header:
        save_file(tensors, file)
    assert load(tmp_path).config.tied
    assert_same_logits(load(tmp_path), model)
    found = open_tensors(file)
    assert (table in found) == header
    if header:
        assert torch.equal(found[table], tensors["lm_head.weight"])


def test_an_untied_model_without_its_table_is_not_whole(tmp_path, refused):
    model = theirs()
    model.config.save_pretrained(tmp_path)
    settings = json.loads((tmp_path / "config.json").read_text()) | {"tie_word_embeddings": False}
    (tmp_path / "config.json").write_text(json.dumps(settings))
    tensors = {n: t.clone() for n, t in state(model).items() if n != "transformer.wte.weight"}
    head = {"lm_head.weight": torch.ones(37, 15)}
    save_file(tensors | head, tmp_path / "model.safetensors")
    refused(tmp_path, "wte.weight is missing")


@pytest.mark.parametrize("name", ["model.safetensors", "other.safetensors", "pytorch_model.bin"])
def test_a_file_of_weights_is_read_with_the_settings_beside_it(tmp_path, name, refused):
    model = theirs()
    model.config.save_pretrained(tmp_path)
    tensors = {n: t.clone() for n, t in state(model).items()}
    (torch.save if name.endswith("bin") else save_file)(tensors, tmp_path / name)
    assert_same_logits(load(tmp_path / name), model)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    refused(tmp_path / name, name)


def test_a_file_that_says_what_it_is_goes_by_its_own_word(tmp_path, make, equal):
    save(make(), tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "gpt2", "n_layer": 7}))
    assert equal(load(tmp_path / "model.safetensors"), make())
    export_llm_c(make(n_embd=12), tmp_path / "model.bin")
    assert load(tmp_path / "model.bin").config.n_embd == 12


# -- the hub ----------------------------------------------------------------------------------


class Hub:
    """What the tests need of huggingface_hub: a snapshot of one local directory."""

    def __init__(self, directory):
        self.directory, self.asked = directory, []

    def snapshot_download(self, name, *, allow_patterns, etag_timeout, local_files_only):
        if local_files_only and not self.asked:
            raise FileNotFoundError(name)
        if not local_files_only:
            self.asked.append((name, tuple(allow_patterns)))
        return str(self.directory)


def test_a_name_is_fetched_from_the_hub(tmp_path, monkeypatch):
    model = theirs()
    model.save_pretrained(tmp_path / "fetched")
    hub = Hub(tmp_path / "fetched")
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    monkeypatch.chdir(tmp_path)
    assert_same_logits(load("openai-community/gpt2"), model)
    assert [name for name, _ in hub.asked] == ["openai-community/gpt2"]
    assert not any("bin" in pattern for _, patterns in hub.asked for pattern in patterns)


def test_pickles_are_fetched_where_there_is_nothing_better(tmp_path, monkeypatch):
    model = theirs()
    model.config.save_pretrained(tmp_path / "fetched")
    torch.save(state(model), tmp_path / "fetched" / "pytorch_model.bin")
    hub = Hub(tmp_path / "fetched")
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    monkeypatch.chdir(tmp_path)
    assert_same_logits(load("gpt2"), model)
    assert len(hub.asked) == 2


def test_what_a_file_names_is_not_asked_for_in_the_network(tmp_path, monkeypatch, refused):
    model = theirs()
    model.save_pretrained(tmp_path / "fetched")
    hub = Hub(tmp_path / "fetched")
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    monkeypatch.chdir(tmp_path)
    refused("someone/gpt2", "fetch it by load('someone/gpt2')", online=False)
    assert hub.asked == []
    load("someone/gpt2")
    assert_same_logits(load("someone/gpt2", online=False), model)
    assert len(hub.asked) == 1


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("english_1M", "english-1M"),
        ("english-1m", "english-1M"),
        ("englsh-1M", "english-1M"),
        ("GPT2", "gpt2"),
        ("GPT-2", "gpt2"),
        ("gpt2-medum", "gpt2-medium"),
        ("gpt2_tiny", "gpt2-tiny"),
        ("gpt2-124M-randm", "gpt2-124M-random"),
        ("leters", "letters"),
        ("runs/leters", "runs/letters"),
        (Path("english_1M"), "english-1M"),
    ],
)
def test_a_near_miss_is_said_and_no_hub_is_asked(tmp_path, monkeypatch, refused, name, meant):
    hub = Hub(tmp_path)
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    (tmp_path / "letters").mkdir()
    (tmp_path / "runs" / "letters").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert f"(did you mean '{meant}'?)" in refused(name)
    assert hub.asked == []


@pytest.mark.parametrize("name", ["runs/translator", "here/model", "x" * 300, "a\0b"])
def test_a_path_that_is_not_there_is_not_asked_for(tmp_path, monkeypatch, refused, name):
    hub = Hub(tmp_path)
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path)
    if len(name) < 300:
        refused(name, "there is no such path")
        assert hub.asked == []
    else:
        refused(name)


@pytest.mark.parametrize("name", ["gpt2-xl", "distilgpt2", "someone/GPT2", "english/1M"])
def test_what_the_hub_may_have_is_asked_for(tmp_path, monkeypatch, name):
    theirs().save_pretrained(tmp_path / "fetched")
    hub = Hub(tmp_path / "fetched")
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    monkeypatch.chdir(tmp_path / "fetched")
    load(name)
    assert [asked for asked, _ in hub.asked] == [name]


def test_a_path_that_exists_comes_before_the_hub(tmp_path, monkeypatch, make, equal):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    monkeypatch.chdir(tmp_path)
    save(make(), "gpt2")
    assert equal(load("gpt2"), make())


def test_without_the_library_the_remedy_is_named(tmp_path, monkeypatch, refused):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    monkeypatch.chdir(tmp_path)
    refused("gpt2", "'gpt2'", "pip install 'pellucid[hub]'")


@pytest.mark.parametrize(
    "error", [OSError("no\nnetwork"), ValueError("no such model"), KeyError(1)]
)
def test_any_failure_of_the_hub_is_one_line(tmp_path, monkeypatch, refused, error):
    def fail(*arguments, **keywords):
        raise error

    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(snapshot_download=fail))
    monkeypatch.chdir(tmp_path)
    refused("someone/some-model", "'someone/some-model'", "hub")


@pytest.mark.parametrize("path", ["./gpt2", "a/b/c", "../gpt2", "ckpt.pt", "~", "", Path("gpt2")])
def test_what_can_only_be_a_path_is_not_asked_for(tmp_path, monkeypatch, refused, path):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert "pip" not in refused(path)
