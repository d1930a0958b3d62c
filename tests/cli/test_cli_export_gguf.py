"""`pellucid export --format gguf`: one file, which the commands then read."""

from pathlib import Path

import pytest
import torch

from pellucid.checkpoint import load, open_model, save
from pellucid.models import Llama, LlamaConfig
from pellucid.text import Characters
from tests.cli.conftest import Command


@pytest.mark.parametrize(
    ("how", "form"), [([], "F32"), (["--dtype", "F16"], "F16"), (["--dtype", "bfloat16"], "BF16")]
)
def test_a_file_holds_the_model_and_its_tokenizer(
    pellucid: Command, tmp_path: Path, how: list[str], form: str
):
    import gguf

    file = tmp_path / "new" / "m.gguf"
    ended = pellucid("export", "english-1M", file, "--format", "gguf", *how)
    assert (ended.code, ended.err) == (0, "")
    assert f"written for gguf{' in ' + how[1] if how else ''} to " in ended.out
    assert list(file.parent.iterdir()) == [file]
    forms = {one.name: one.tensor_type.name for one in gguf.GGUFReader(file).tensors}
    assert forms["blk.0.attn_qkv.weight"] == form
    said = ["--prompt", "To be, or not to be", "--greedy", "--max-new-tokens", 8]
    ended = pellucid("generate", "--model", file, *said)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == pellucid("generate", "--model", "english-1M", *said).out


def test_of_what_is_exported_the_tokenizer_is_the_same(pellucid: Command, tmp_path: Path):
    assert not pellucid("export", "english-1M", tmp_path / "m.gguf", "--format", "gguf").code
    mine, before = open_model("english-1M")
    back, after = open_model(str(tmp_path / "m.gguf"))
    text = "To be, or not to be: <|endoftext|> 1600\n\n  Ünï"
    assert after.encode(text) == before.encode(text)
    assert torch.equal(back.forward(after.encode(text)), mine.forward(before.encode(text)))


def test_what_is_there_stays_unless_it_may_be_overwritten(pellucid: Command, tmp_path: Path):
    file = tmp_path / "m.gguf"
    file.write_text("mine")
    how = ("export", "english-1M", file, "--format", "gguf")
    assert "add --overwrite" in pellucid(*how).refused()
    assert file.read_text() == "mine"
    assert pellucid(*how, "--overwrite").code == 0
    load(file)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (["m", "--format", "gguf"], "write {}/m.gguf"),
        (["m.gguf", "--format", "gguf", "--dtype", "float64"], "write --dtype F32"),
        (["hf", "--dtype", "F16"], "or --format gguf"),
        (["hf", "--format", "llm.c", "--dtype", "Q8_0"], "or --format gguf"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(
    pellucid: Command, tmp_path: Path, how: list[str], said: str
):
    name, *rest = how
    line = pellucid("export", "english-1M", tmp_path / name, *rest).refused()
    assert said.format(tmp_path) in line
    assert list(tmp_path.iterdir()) == []


def test_what_llama_cpp_does_otherwise_is_said(pellucid: Command, tmp_path: Path):
    sizes = {"n_layer": 1, "n_head": 2, "n_kv_head": 1, "n_embd": 8, "n_inner": 8}
    config = LlamaConfig(vocab_size=3, block_size=16, window=4, **sizes)  # type: ignore[arg-type]
    save(Llama.init(config), tmp_path / "m")
    Characters("abc").save(tmp_path / "m")
    ended = pellucid("export", tmp_path / "m", tmp_path / "m.gguf", "--format", "gguf")
    assert ended.code == 0, ended.err
    assert "looks at all positions here, and this model at 4" in ended.out
    assert "has no tokenizer by characters" in ended.out
    back = load(tmp_path / "m.gguf")
    assert back.config == config
    said = pellucid("generate", "--model", tmp_path / "m.gguf").refused()
    assert "give another by --tokenizer" in said
    own = ("--tokenizer", tmp_path / "m", "--prompt", "abc", "--max-new-tokens", 3)
    assert pellucid("generate", "--model", tmp_path / "m.gguf", *own).code == 0


def test_a_llama_goes_to_transformers_with_its_tokenizer(pellucid: Command, tmp_path: Path):
    transformers = pytest.importorskip("transformers")
    _, pieces = open_model("english-1M")
    sizes = {"n_layer": 1, "n_head": 2, "n_kv_head": 1, "n_embd": 8, "n_inner": 8}
    model = Llama.init(LlamaConfig(pieces.vocab_size, 16, **sizes))  # type: ignore[arg-type]
    save(model, tmp_path / "m")
    pieces.save(tmp_path / "m")
    ended = pellucid("export", tmp_path / "m", tmp_path / "hf")
    assert (ended.code, ended.err) == (0, "")
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "hf").eval()
    read = transformers.PreTrainedTokenizerFast.from_pretrained(tmp_path / "hf")
    ids = read("To be, or not", return_tensors="pt").input_ids
    assert ids[0].tolist() == pieces.encode("To be, or not")
    with torch.no_grad():
        wanted = theirs(ids).logits
    torch.testing.assert_close(model.forward(ids), wanted, rtol=0, atol=1e-5)
