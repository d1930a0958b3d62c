"""GGUF files that we write: read back, and read by llama.cpp's own package and by transformers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from torch import Tensor

import pellucid
from pellucid.checkpoint import export_gguf, read_chat_template
from pellucid.errors import CheckpointError, WriteError
from pellucid.gguf_header import read_gguf
from pellucid.models import (
    GPT,
    GPTConfig,
    Intervention,
    Llama,
    LlamaConfig,
    Model,
    NextToken,
    NextTokenConfig,
    RotaryScaling,
    intervene,
    merged,
    with_lora,
)
from pellucid.text import Characters, ChatTemplate, Tokenizer, train_bpe
from pellucid.text.gguf_settings import gguf_settings
from pellucid.text.gguf_tokenizer import SPLITS, WHOLE_FIRST, gguf_tokenizer
from pellucid.tree import flatten, unflatten

IDS = torch.tensor([3, 1, 4, 1, 5, 9, 2, 6])
V = 300

LLAMA = {"vocab_size": V, "block_size": 16, "n_layer": 2, "n_head": 4, "n_kv_head": 2}
LLAMA |= {"n_embd": 64, "n_inner": 96, "rope_base": 10_000.0}
GPT2 = {"vocab_size": V, "block_size": 16, "n_layer": 2, "n_head": 4, "n_embd": 64}


def llama(**choices: Any) -> LlamaConfig:
    return LlamaConfig(**(LLAMA | choices))


def gpt(**choices: Any) -> GPTConfig:
    return GPTConfig(**(GPT2 | choices))


CONFIGS: dict[str, tuple[str, Any]] = {
    "Llama": ("llama", llama()),
    "Llama, untied": ("llama", llama(tied=False)),
    "Llama, own head size": ("llama", llama(head_size=24)),
    "Llama, biases": ("llama", llama(qkv_bias=True, out_bias=True, mlp_bias=True)),
    "Llama, window": ("llama", llama(window=5)),
    "Llama, linear scaling": ("llama", llama(rope_scaling=RotaryScaling(4.0))),
    "Llama 3.1": ("llama", llama(rope_scaling=RotaryScaling(8.0, 1.0, 4.0, 64))),
    "Qwen 2": ("qwen2", llama(qkv_bias=True, tied=False)),
    "Qwen 3": ("qwen3", llama(qk_norm=True, head_size=24)),
    "SmolLM 3": ("smollm3", llama(unrotated_every=4, n_layer=5)),
    "GPT-2": ("gpt2", gpt()),
    "GPT-2, untied, own width": ("gpt2", gpt(tied=False, n_inner=96)),
}
each = pytest.mark.parametrize("kind", CONFIGS)


def model_of(config: Any, dtype: torch.dtype = torch.float32) -> Any:
    generator = torch.Generator().manual_seed(0)
    params = {
        name: (
            0.3 * torch.randn(shape, generator=generator)
            + (name.endswith("weight") and len(shape) == 1)
        ).to(dtype)
        for name, shape in config.parameter_shapes().items()
    }
    kind: type[Model] = GPT if isinstance(config, GPTConfig) else Llama
    return kind(config, unflatten(params))


@pytest.fixture(scope="module")
def pieces() -> Tokenizer:
    return train_bpe("the cat sat on the mat and the rat sat on the cat " * 9, 270)


def forms_in(file: Path) -> dict[str, str]:
    return {one.name: one.tensor_type.name for one in gguf.GGUFReader(file).tensors}


@each
def test_a_model_comes_back_with_the_same_logits(kind: str, pieces: Tokenizer, tmp_path: Path):
    architecture, config = CONFIGS[kind]
    model = model_of(config)
    export_gguf(model, pieces, tmp_path / "m.gguf")
    loaded = pellucid.load(tmp_path / "m.gguf")
    assert loaded.config == config
    assert torch.equal(loaded.forward(IDS), model.forward(IDS))
    settings = read_gguf(tmp_path / "m.gguf")[0].settings
    assert settings["general.architecture"] == architecture


THEIRS = {name: CONFIGS[name][1] for name in ("Llama", "Llama, untied", "Qwen 2")}
# It passes over the size of a head, and GPT-2's context, and has its own values for them.
THEIRS |= {"Qwen 3": llama(qk_norm=True, head_size=128), "GPT-2": gpt(block_size=1024)}


@pytest.mark.parametrize("kind", THEIRS)
@pytest.mark.filterwarnings("ignore")  # of what it is made of
def test_transformers_reads_the_same_model(kind: str, pieces: Tokenizer, tmp_path: Path):
    """It undoes pairs and transposed maps by its own code."""
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("accelerate", reason="transformers opens GGUF files with it alone")
    model = model_of(THEIRS[kind])
    export_gguf(model, pieces, tmp_path / "m.gguf")
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file="m.gguf").eval()
    with torch.no_grad():
        wanted = theirs(IDS[None]).logits[0]
    torch.testing.assert_close(model.forward(IDS), wanted, rtol=0, atol=1e-4)


@pytest.mark.parametrize("form", ["F32", "F16"])
@each
def test_llama_cpp_writes_the_same_text(kind: str, form: str, pieces: Tokenizer, tmp_path: Path):
    llama_cpp = pytest.importorskip("llama_cpp", reason="llama.cpp itself is not installed")
    model = model_of(CONFIGS[kind][1])
    export_gguf(model, pieces, tmp_path / "m.gguf", form=form)
    theirs = llama_cpp.Llama(
        str(tmp_path / "m.gguf"), n_ctx=16, n_threads=1, logits_all=True, verbose=False
    )
    text = "the cat sat"
    ids = pieces.encode(text)
    assert theirs.tokenize(text.encode(), add_bos=False) == ids
    read, room = pellucid.load(tmp_path / "m.gguf"), 5 if "window" in kind else 12
    for _ in range(room - len(ids)):
        theirs.reset()
        theirs.eval(ids)
        logits = read.forward(ids)[-1]
        scores = torch.from_numpy(theirs.scores[len(ids) - 1].copy())
        assert (scores - logits).abs().max() < 1e-2 * logits.abs().max()
        ids = [*ids, int(logits.argmax())]
        assert int(scores.argmax()) == ids[-1]
    theirs.close()


def test_the_channels_of_a_head_stand_in_pairs(pieces: Tokenizer, tmp_path: Path):
    model = model_of(llama())
    export_gguf(model, pieces, tmp_path / "m.gguf")
    rows = {one.name: one.data for one in gguf.GGUFReader(tmp_path / "m.gguf").tensors}
    mine = flatten(model.params)
    for theirs, ours, heads in (("attn_q", "q_proj", 4), ("attn_k", "k_proj", 2)):
        map_ = mine[f"h.0.attn.{ours}.weight"].numpy()  # (C, H·d)
        size = map_.shape[1] // heads
        for head in range(heads):
            for channel in range(size // 2):
                at, first = head * size + 2 * channel, head * size + channel
                assert np.array_equal(rows[f"blk.0.{theirs}.weight"][at], map_[:, first])
                second = map_[:, first + size // 2]
                assert np.array_equal(rows[f"blk.0.{theirs}.weight"][at + 1], second)


def test_settings_have_the_types_that_llama_cpp_asks_for(pieces: Tokenizer, tmp_path: Path):
    export_gguf(model_of(llama(window=5)), pieces, tmp_path / "m.gguf")
    fields = gguf.GGUFReader(tmp_path / "m.gguf").fields
    kinds = {name: [kind.name for kind in field.types] for name, field in fields.items()}
    for name in ("context_length", "attention.head_count_kv", "attention.sliding_window"):
        assert kinds[f"llama.{name}"] == ["UINT32"]
    assert kinds["tokenizer.ggml.eos_token_id"] == ["UINT32"]
    assert kinds["llama.attention.layer_norm_rms_epsilon"] == ["FLOAT32"]
    assert kinds["llama.rope.freq_base"] == ["FLOAT32"]
    assert kinds["tokenizer.ggml.token_type"] == ["ARRAY", "INT32"]
    assert kinds["tokenizer.ggml.add_bos_token"] == ["BOOL"]


FORMS = {"F32": 0.0, "F16": 1e-3, "BF16": 1e-2, "Q8_0": 2e-2}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", ["Llama", "GPT-2"])
def test_matrices_have_the_form_and_the_rest_is_whole(
    kind: str, form: str, pieces: Tokenizer, tmp_path: Path
):
    model = model_of(CONFIGS[kind][1])
    export_gguf(model, pieces, tmp_path / "m.gguf", form=form)
    loaded = pellucid.load(tmp_path / "m.gguf")
    assert loaded.dtype == torch.float32
    before, after = flatten(model.params), flatten(loaded.params)
    for name, value in before.items():
        off = 0.0 if value.dim() == 1 or name == "wpe.weight" else FORMS[form]
        assert (after[name] - value).abs().max() <= off, name
    forms = forms_in(tmp_path / "m.gguf")
    assert forms["token_embd.weight"] == forms["blk.1.ffn_down.weight"] == form
    assert forms["output_norm.weight"] == forms.get("position_embd.weight", "F32") == "F32"
    types = read_gguf(tmp_path / "m.gguf")[0].settings["general.file_type"]
    assert types == {"F32": 0, "F16": 1, "BF16": 32, "Q8_0": 7}[form]


@pytest.mark.parametrize(
    ("dtype", "form"),
    [(torch.bfloat16, "BF16"), (torch.float16, "F16"), (torch.float64, "F32")],
)
def test_by_default_matrices_have_the_form_of_the_model(
    dtype: torch.dtype, form: str, pieces: Tokenizer, tmp_path: Path
):
    export_gguf(model_of(llama(), dtype), pieces, tmp_path / "m.gguf")
    assert forms_in(tmp_path / "m.gguf")["token_embd.weight"] == form


def test_rows_that_blocks_do_not_fill_are_of_16_bits(pieces: Tokenizer, tmp_path: Path):
    model = model_of(llama(n_inner=40))
    export_gguf(model, pieces, tmp_path / "m.gguf", form="Q8_0")
    forms = forms_in(tmp_path / "m.gguf")
    assert forms["blk.0.ffn_down.weight"] == "F16"
    assert forms["blk.0.ffn_up.weight"] == "Q8_0"
    pellucid.load(tmp_path / "m.gguf")


def test_lora_s_matrices_are_merged(pieces: Tokenizer, tmp_path: Path):
    for model in (model_of(llama()), model_of(gpt())):
        tuned = with_lora(model, 2)
        params = {name: value + 0.1 for name, value in flatten(tuned.params).items()}
        tuned = tuned.with_params(unflatten(params))
        export_gguf(tuned, pieces, tmp_path / "m.gguf")
        assert torch.equal(
            pellucid.load(tmp_path / "m.gguf").forward(IDS), merged(tuned).forward(IDS)
        )


def test_biases_that_a_gpt_has_not_are_zeros(pieces: Tokenizer, tmp_path: Path):
    model = model_of(gpt(bias=False))
    export_gguf(model, pieces, tmp_path / "m.gguf")
    loaded = pellucid.load(tmp_path / "m.gguf")
    assert loaded.config == gpt()
    assert torch.equal(loaded.forward(IDS), model.forward(IDS))


# -- the tokenizer ------------------------------------------------------------------------------


def test_the_tokenizer_comes_along(pieces: Tokenizer, tmp_path: Path):
    export_gguf(model_of(llama()), pieces, tmp_path / "m.gguf")
    own = gguf_tokenizer(tmp_path / "m.gguf")
    for text in ("the cat sat", "Ünïcödé\n\n 42 <|endoftext|>", ""):
        assert own.encode(text) == pieces.encode(text)
        assert own.with_special().encode(text) == pieces.with_special().encode(text)
    assert own.special_tokens == pieces.special_tokens
    assert own.vocab_size == pieces.vocab_size == 270
    settings = read_gguf(tmp_path / "m.gguf")[0].settings
    assert len(settings["tokenizer.ggml.tokens"]) == V
    assert settings["tokenizer.ggml.tokens"][-1] == f"[PAD{V - 1}]"
    assert settings["tokenizer.ggml.token_type"][-1] == 5
    assert settings["tokenizer.ggml.eos_token_id"] == pieces.special_tokens["<|endoftext|>"]
    assert settings["tokenizer.ggml.pre"] == "gpt-2"
    assert settings["tokenizer.ggml.add_bos_token"] is False


@pytest.mark.parametrize("rule", SPLITS)
def test_each_way_of_cutting_a_text_is_known_again(rule: str, pieces: Tokenizer, tmp_path: Path):
    from tokenizers import Tokenizer as Library

    from pellucid.text import BPE
    from pellucid.text.gguf_tokenizer import pre_tokenizer

    library = Library.from_str(pieces.to_json())
    library.pre_tokenizer = pre_tokenizer(rule)
    library.model.ignore_merges = rule in WHOLE_FIRST
    assert gguf_settings(BPE(library), V)["tokenizer.ggml.pre"] == rule


def test_a_way_of_cutting_that_llama_cpp_has_not_is_refused(pieces: Tokenizer):
    from tokenizers import Tokenizer as Library
    from tokenizers import pre_tokenizers

    from pellucid.text import BPE

    library = Library.from_str(pieces.to_json())
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    with pytest.raises(CheckpointError, match=r"^a tokenizer must cut a text as one of llama.cpp"):
        gguf_settings(BPE(library), V)


def test_a_tokenizer_of_bytes_alone_is_refused():
    with pytest.raises(CheckpointError, match="merge at least one pair of pieces, and this one"):
        gguf_settings(train_bpe("", 257), V)


def test_a_tokenizer_that_begins_each_text_says_so(pieces: Tokenizer, tmp_path: Path):
    from tokenizers import Tokenizer as Library
    from tokenizers import processors

    from pellucid.text import BPE

    library = Library.from_str(pieces.to_json())
    end = pieces.special_tokens["<|endoftext|>"]
    library.post_processor = processors.TemplateProcessing(
        single="<|endoftext|> $A", special_tokens=[("<|endoftext|>", end)]
    )
    assert gguf_settings(BPE(library), V)["tokenizer.ggml.add_bos_token"] is True
    export_gguf(model_of(gpt()), BPE(library), tmp_path / "m.gguf")
    assert gguf_tokenizer(tmp_path / "m.gguf").beginning == (end,)


def test_sentence_pieces_come_along(tmp_path: Path):
    from pellucid.text.sentence_pieces import SentencePieces, sentence_pieces

    names = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    names += ["▁", "t", "h", "e", "▁t", "he", "▁the", "a", "at", "▁at", "th"]
    scores = [0.0] * 259 + [-9.0, -9.0, -9.0, -9.0, -1.0, -2.0, -3.0, -9.0, -4.0, -5.0, -6.0]
    marked = {"special": ["<s>", "</s>"], "in_front": True}
    pieces = SentencePieces(sentence_pieces(names, scores, **marked))
    export_gguf(model_of(llama()), pieces, tmp_path / "m.gguf")
    settings = read_gguf(tmp_path / "m.gguf")[0].settings
    kinds = settings["tokenizer.ggml.token_type"]
    assert kinds[:4] == [2, 3, 3, 6]
    assert kinds[-1] == 5
    own = gguf_tokenizer(tmp_path / "m.gguf")
    assert own.vocab_size == pieces.vocab_size
    for text in ("the at", "that Ünï\n", "</s>"):
        assert own.encode(text) == pieces.encode(text)
        assert own.with_special().encode(text) == pieces.with_special().encode(text)
        assert own.decode(own.encode(text)) == text


def test_of_a_tokenizer_by_characters_it_says_that_there_is_none(tmp_path: Path):
    assert gguf_settings(Characters("abc"), 3) == {"tokenizer.ggml.model": "none"}
    export_gguf(model_of(llama()), Characters("abc"), tmp_path / "m.gguf")
    with pytest.raises(CheckpointError, match="it is 'none'; give another by --tokenizer"):
        gguf_tokenizer(tmp_path / "m.gguf")


def test_a_chat_template_comes_along_with_its_tokens(tmp_path: Path):
    pieces = train_bpe("the cat sat on the mat " * 9, 270, special_tokens=("<s>", "</s>"))
    tokens = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "no token"}
    template = ChatTemplate("{{ bos_token }}{{ messages[0].content }}", tokens, ("</s>",))
    export_gguf(model_of(llama()), pieces, tmp_path / "m.gguf", template=template)
    settings = read_gguf(tmp_path / "m.gguf")[0].settings
    assert settings["tokenizer.ggml.bos_token_id"] == pieces.special_tokens["<s>"]
    assert settings["tokenizer.ggml.eos_token_id"] == pieces.special_tokens["</s>"]
    assert "tokenizer.ggml.padding_token_id" not in settings
    back = read_chat_template(tmp_path / "m.gguf")
    assert back is not None
    assert (back.source, back.ends) == (template.source, ("</s>",))
    assert back.tokens == {"bos_token": "<s>", "eos_token": "</s>"}


# -- what was written and is not whole ------------------------------------------------------------


@pytest.mark.parametrize("kind", ["Llama", "Llama 3.1", "Qwen 3", "GPT-2"])
def test_a_tensor_or_a_setting_that_is_missing_is_one_line(
    kind: str, pieces: Tokenizer, tmp_path: Path
):
    model = model_of(CONFIGS[kind][1])
    export_gguf(model, pieces, tmp_path / "m.gguf")
    content = (tmp_path / "m.gguf").read_bytes()
    header, _ = read_gguf(tmp_path / "m.gguf")
    idle = ("attention.key_length", "attention.value_length", "rope.dimension_count")
    idle += ("vocab_size", "rope.freq_base", "rope.scaling.original_context_length")
    own = [name for name in header.settings if name.startswith(CONFIGS[kind][0])]
    needed = [name for name in own if not name.endswith(idle)]
    for name in [*header.tensors, *needed]:
        if name == "rope_freqs.weight":
            continue  # without it, it is another model
        changed = name[:-1] + "~"
        (tmp_path / "m.gguf").write_bytes(content.replace(name.encode(), changed.encode()))
        with pytest.raises(CheckpointError) as caught:
            pellucid.load(tmp_path / "m.gguf")
        assert len(str(caught.value).splitlines()) == 1
        said = str(caught.value)
        assert "~" in said or "missing" in said or "lacks" in said, said


@pytest.mark.parametrize("name", ["value_length", "dimension_count"])
def test_a_head_has_one_size(name: str, pieces: Tokenizer, tmp_path: Path):
    model = model_of(llama(head_size=24))
    export_gguf(model, pieces, tmp_path / "m.gguf")
    content = (tmp_path / "m.gguf").read_bytes()
    at = content.index(name.encode()) + len(name) + 4
    (tmp_path / "m.gguf").write_bytes(content[:at] + b"\x10" + content[at + 1 :])
    with pytest.raises(CheckpointError, match=rf"{name} must be the size of a head, 24; it is 16"):
        pellucid.load(tmp_path / "m.gguf")


# -- what cannot be written ---------------------------------------------------------------------

REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "GELU": (
        lambda: model_of(llama(activation="gelu_tanh")),
        "llama.cpp has llama, qwen2, qwen3, smollm3",
    ),
    "norms and biases": (lambda: model_of(llama(qk_norm=True, qkv_bias=True)), "none of them has"),
    "a late window": (lambda: model_of(llama(window=3, windowed_from=1)), "none of them has"),
    "some blocks": (lambda: model_of(llama(unrotated_every=2)), "none of them has"),
    "other factors": (
        lambda: model_of(llama(rope_scaling=RotaryScaling(8.0, 1.0, 3.0, 64))),
        "has low 1 and high 4",
    ),
    "factors that do not reach": (
        lambda: model_of(llama(rope_scaling=RotaryScaling(8.0, 1.0, 4.0, 100_000))),
        "slows the slowest pair by all",
    ),
    "post-norm": (lambda: model_of(gpt(norm="post")), "this model has norm='post'"),
    "erf": (lambda: model_of(gpt(activation="gelu_erf")), "has activation='gelu_erf'"),
    "another kind": (
        lambda: NextToken.init(NextTokenConfig(vocab_size=V, window=3, width=2, hidden=4)),
        "a next_token is none",
    ),
    "interventions": (
        lambda: intervene(model_of(gpt()), [Intervention("h.0.attn.att", 0.0, index=(1,))]),
        "has 1 interventions besides",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_llama_cpp_has_not_is_one_line_and_no_file(
    what: str, pieces: Tokenizer, tmp_path: Path
):
    make, said = REFUSED[what]
    with pytest.raises(CheckpointError) as caught:
        export_gguf(make(), pieces, tmp_path / "m.gguf")
    assert said in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def large(model: Llama, value: float) -> Llama:
    leaves: dict[str, Tensor] = dict(flatten(model.params))
    leaves["h.1.mlp.c_proj.weight"] = leaves["h.1.mlp.c_proj.weight"].clone()
    leaves["h.1.mlp.c_proj.weight"][0, 0] = value
    return model.with_params(unflatten(leaves))


@pytest.mark.parametrize(("form", "value"), [("F16", 7e4), ("F16", -7e4), ("Q8_0", 1e7)])
def test_a_number_beyond_its_form_is_refused_and_what_was_there_stays(
    form: str, value: float, pieces: Tokenizer, tmp_path: Path
):
    file = tmp_path / "m.gguf"
    file.write_text("mine")
    with pytest.raises(CheckpointError, match=r"blk\.1\.ffn_down\.weight must be of numbers up"):
        export_gguf(large(model_of(llama()), value), pieces, file, form=form)
    assert file.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [file]
    export_gguf(large(model_of(llama()), value), pieces, file, form="BF16")


def test_numbers_that_are_none_are_kept(pieces: Tokenizer, tmp_path: Path):
    export_gguf(large(model_of(llama()), np.inf), pieces, tmp_path / "m.gguf", form="F16")
    after = flatten(pellucid.load(tmp_path / "m.gguf").params)["h.1.mlp.c_proj.weight"]
    assert after[0, 0] == np.inf


def test_a_form_that_is_not_written_names_those_that_are(pieces: Tokenizer, tmp_path: Path):
    with pytest.raises(CheckpointError, match="written in F32, F16, BF16, Q8_0, not in 'Q4_0'"):
        export_gguf(model_of(llama()), pieces, tmp_path / "m.gguf", form="Q4_0")


def test_where_nothing_can_be_written_is_a_write_error(pieces: Tokenizer, tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteError):
        export_gguf(model_of(llama()), pieces, tmp_path / "file" / "m.gguf")
