"""Every remedy that an error of a checkpoint proposes, followed: it leads to a model that loads.

Each test here breaks something, is told what to do, and does it. The last one reads the code: an
error whose remedy has no test fails it.
"""

import ast
import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import pellucid.checkpoint
from pellucid.checkpoint import (
    export_gguf,
    export_huggingface,
    export_llm_c,
    load,
    open_model,
    open_tensors,
    read_chat_template,
    read_torch_transformer,
    save,
)
from pellucid.checkpoint.bare_numbers import BareForm
from pellucid.checkpoint.dumps import append_dump
from pellucid.cli import main
from pellucid.errors import CheckpointError
from pellucid.models import GPT, Classifier, ClassifierConfig, Intervention, intervene
from pellucid.text import Characters, train_bpe
from pellucid.tree import flatten, unflatten

SOURCE = Path(pellucid.checkpoint.__file__).parent.parent
FILES = (
    *sorted((SOURCE / "checkpoint").glob("*.py")),
    SOURCE / "models" / "adapter.py",
    *sorted((SOURCE / "models" / "gpt").glob("*.py")),
    SOURCE / "models" / "transformer" / "torch_module.py",
)

NO_REMEDY = {"such a file cannot be read", "such a model cannot be loaded"}
ELSEWHERE = {
    # what the error says in full is followed in test_nanogpt_checkpoint
    "GELU}}, {}), where GELU is 'gelu_tanh' for minGPT and 'gelu_erf' for nanoGPT",
    # the hub's, in test_huggingface_checkpoint, by a hub of the tests' own
    "fetch it by load({}), if it is what you want",
    # of ids that are no whole numbers, in tests/compare
    "save the ids",
}

REMEDIES: set[str] = set()
"""Those that are followed, as the code writes them; {} is what the caller says."""

FOLLOWED: list[Callable[..., None]] = []

Make = Callable[..., GPT]


def follows(*remedies: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    def take(test: Callable[..., None]) -> Callable[..., None]:
        REMEDIES.update(remedies)
        FOLLOWED.append(test)
        return test

    return take


@contextmanager
def told(*words: str) -> Iterator[None]:
    with pytest.raises(CheckpointError) as raised:
        yield
    message = str(raised.value)
    assert "\n" not in message
    for word in words:
        assert word in message, message


def moved(file: Path) -> Path:
    """The file at another place, out of the way; `put` brings it back."""
    away = file.with_name(f"away-{file.name}.kept")
    file.rename(away)
    return away


def settings_of(file: Path, **changes: Any) -> None:
    content = json.loads(file.read_text()) | changes
    file.write_text(json.dumps({key: value for key, value in content.items() if value != "gone"}))


def without_header(directory: Path) -> None:
    weights = directory / "model.safetensors"
    save_file(load_file(weights), weights)


def nanogpt(model: GPT) -> dict[str, torch.Tensor]:
    """A model's tensors as nanoGPT lays them out."""
    flat = flatten(model.params)
    return {n: (p.mT if n.startswith("h.") and p.ndim == 2 else p).clone() for n, p in flat.items()}


def arguments(model: GPT) -> dict[str, Any]:
    names = ("n_layer", "n_head", "n_embd", "block_size", "vocab_size", "bias", "activation")
    return {name: getattr(model.config, name) for name in names}


# -- what is written --------------------------------------------------------------------------


@follows("write model.without_interventions, and keep those elsewhere")
def interventions(place: Path, make: Make, **_: Any) -> None:
    model = intervene(make(), [Intervention("h.0.attn.att", 0.0, index=(1,))])
    for write in (save, export_huggingface, lambda m, at: export_llm_c(m, at / "m.bin")):
        with told("write model.without_interventions"):
            write(model, place)
        write(model.without_interventions, place)


@follows("keep it in Pellucid's own format with save", "keep it in another format")
def other_formats(place: Path, make: Make, **_: Any) -> None:
    classifier = Classifier.init(ClassifierConfig(2))
    with told("with save"):
        export_huggingface(classifier, place)
    save(classifier, place / "own")
    assert load(place / "own").architecture == "classifier"
    model = make(norm="post")
    with told("with save"):
        export_huggingface(model, place)
    with told("keep it in another format"):
        export_llm_c(model, place / "m.bin")
    save(model, place / "gpt")
    assert load(place / "gpt").config == model.config


@follows("convert it to float32, by --dtype or by model.to")
def wider(place: Path, make: Make, monkeypatch: pytest.MonkeyPatch, **_: Any) -> None:
    model = make(vocab_size=3, n_embd=12, dtype=torch.float64)
    with told("to float32, by --dtype or by model.to"):
        export_llm_c(model, place / "m.bin")
    export_llm_c(model.to(dtype=torch.float32), place / "m.bin")
    save(model, place / "m")
    Characters("abc").save(place / "m")
    how = ["pellucid", "export", str(place / "m"), str(place / "out"), "--format", "llm.c"]
    monkeypatch.setattr(sys, "argv", [*how, "--dtype", "float32"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    assert load(place / "out" / "model.bin").dtype == torch.float32


@follows("turn its values into strings")
def metadata(place: Path, make: Make, **_: Any) -> None:
    with told("turn its values into strings"):
        save(make(), place, metadata={"step": 7})  # type: ignore[dict-item]
    save(make(), place, metadata={"step": str(7)})


# -- our own format ---------------------------------------------------------------------------


@follows("say by dtype which of them to use for all")
def dtypes(place: Path, make: Make, **_: Any) -> None:
    save(make(), place)
    tensors = load_file(place / "model.safetensors")
    tensors["wte.weight"] = tensors["wte.weight"].half()
    save_file(tensors, place / "model.safetensors")
    with told("say by dtype"):
        load(place)
    assert load(place, dtype=torch.float64).dtype == torch.float64


@follows("put the {} of its model there")
def no_settings(place: Path, make: Make, **_: Any) -> None:
    for write in (save, export_huggingface):
        write(make(), place)
        without_header(place)
        away = moved(place / "config.json")
        for path in (place, place / "model.safetensors"):
            with told("put the config.json of its model there"):
                load(path)
        away.rename(place / "config.json")
        for path in (place, place / "model.safetensors"):
            assert load(path).config == make().config


@follows("restore the value, or delete {} to go by the header")
def two_settings(place: Path, make: Make, **_: Any) -> None:
    for remedy in ("restore", "delete"):
        save(make(), place)
        settings_of(place / "config.json", n_head=5)
        with told("restore the value, or delete config.json to go by the header", "n_head is 5"):
            load(place)
        if remedy == "restore":
            settings_of(place / "config.json", n_head=3)
        else:
            (place / "config.json").unlink()
        assert load(place).config == make().config


@follows("load it with the Pellucid that wrote it")
def versions(place: Path, make: Make, **_: Any) -> None:
    """Another version's file is its own Pellucid's; ours is told by version 1."""
    save(make(), place)
    without_header(place)
    settings_of(place / "config.json", pellucid=2)
    with told("load it with the Pellucid that wrote it", "'pellucid': 2"):
        load(place)
    settings_of(place / "config.json", pellucid=1)
    assert load(place).config == make().config


@follows("restore the file", "take weights and configuration from one model")
def restored(place: Path, make: Make, **_: Any) -> None:
    for changes in (
        {"n_head": "gone"},
        {"colour": 1},
        {"n_head": 4},
        {"n_layer": 1},
        {"n_embd": 3},
    ):
        save(make(), place)
        without_header(place)
        whole = (place / "config.json").read_text()
        settings_of(place / "config.json", **changes)
        with told():
            load(place)
        (place / "config.json").write_text(whole)
        assert load(place).config == make().config
    export_huggingface(make(), place)
    settings_of(place / "config.json", num_hidden_layers=3)
    with told("n_layer is 2", "restore the file"):
        load(place)
    settings_of(place / "config.json", num_hidden_layers="gone")
    assert load(place).config == make().config


@follows("give a checkpoint that is not quantised")
def quantised(place: Path, make: Make, **_: Any) -> None:
    save(make(), place)
    whole = load_file(place / "model.safetensors")
    save_file(whole | {"wte.weight": whole["wte.weight"].char()}, place / "model.safetensors")
    with told("not quantised"):
        load(place)
    save_file(whole, place / "model.safetensors")
    assert load(place).config == make().config


# -- other formats ----------------------------------------------------------------------------


@follows("put the weights beside it", "copy it again")
def weights(place: Path, make: Make, **_: Any) -> None:
    export_huggingface(make(), place)
    away = moved(place / "model.safetensors")
    with told("put the weights beside it"):
        load(place)
    whole = away.read_bytes()
    (place / "model.safetensors").write_bytes(whole[:-9])
    with told("copy it again"):
        load(place)
    (place / "model.safetensors").write_bytes(whole)
    assert load(place).config == make().config


@follows("put it there, or give the directory of a complete checkpoint")
def shards(place: Path, make: Make, **_: Any) -> None:
    export_huggingface(make(), place / "m")
    (place / "m" / "model.safetensors").rename(place / "m" / "a.safetensors")
    names = load_file(place / "m" / "a.safetensors")
    index = {"weight_map": dict.fromkeys(names, "a.safetensors")}
    (place / "m" / "model.safetensors.index.json").write_text(json.dumps(index))
    away = moved(place / "m" / "a.safetensors")
    with told("put it there"):
        load(place / "m")
    away.rename(place / "m" / "a.safetensors")
    assert load(place / "m").config == make().config
    export_huggingface(make(), place / "whole")
    assert load(place / "whole").config == make().config


@follows("set it to false to use that head, or remove the head")
def head(place: Path, make: Make, **_: Any) -> None:
    model = make(tied=False)
    for remedy in ("false", "remove"):
        export_huggingface(model, place)
        settings_of(place / "config.json", tie_word_embeddings=True)
        with told("set it to false to use that head, or remove the head"):
            load(place)
        if remedy == "false":
            settings_of(place / "config.json", tie_word_embeddings=False)
            assert not load(place).config.tied
        else:
            tensors = load_file(place / "model.safetensors")
            del tensors["lm_head.weight"]
            save_file(tensors, place / "model.safetensors")
            assert load(place).config.tied


@follows("remove it only if it does not", "remove one")
def removed(place: Path, make: Make, **_: Any) -> None:
    export_huggingface(make(), place)
    settings_of(place / "config.json", colour="red")
    with told("remove it only if it does not", "colour is 'red'"):
        load(place)
    settings_of(place / "config.json", colour="gone")
    assert load(place).config == make().config
    tensors = load_file(place / "model.safetensors")
    twice = tensors | {"wpe.weight": tensors["transformer.wpe.weight"].clone()}
    save_file(twice, place / "model.safetensors")
    with told("a second wpe.weight", "remove one"):
        load(place)
    save_file(tensors, place / "model.safetensors")
    assert load(place).config == make().config


OPENAI = {"n_vocab": 37, "n_ctx": 11, "n_embd": 15, "n_head": 3, "n_layer": 2}


def openai_names(model: GPT) -> dict[str, np.ndarray]:
    named = {}
    for name, leaf in flatten(model.params).items():
        path, _, kind = re.sub(r"^h\.(\d+)", r"h\1", name).rpartition(".")
        letter = "b" if kind == "bias" else "g" if "ln_" in path else "w"
        table = path in {"wte", "wpe"}
        named[f"model/{path.replace('.', '/')}" + ("" if table else f"/{letter}")] = leaf.numpy()
    return named


@follows(
    "put the weights there",
    "install tensorflow, or convert the checkpoint to a .npz of the same names",
)
def openai(place: Path, make: Make, monkeypatch: pytest.MonkeyPatch, **_: Any) -> None:
    (place / "hparams.json").write_text(json.dumps(OPENAI))
    with told("put the weights there"):
        load(place)
    arrays = openai_names(make())
    (place / "model.ckpt.index").touch()
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with told("install tensorflow, or convert the checkpoint to a .npz of the same names"):
        load(place)
    checkpoint = SimpleNamespace(
        get_variable_to_shape_map=lambda: arrays, get_tensor=arrays.__getitem__
    )
    train = SimpleNamespace(load_checkpoint=lambda _: checkpoint)
    monkeypatch.setitem(sys.modules, "tensorflow", SimpleNamespace(train=train))
    assert load(place).config == make().config
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    np.savez(place / "model.npz", **arrays)
    assert load(place).config == make().config
    np.savez(place / "copy.npz", **arrays)
    with told("remove one"):
        load(place)
    (place / "copy.npz").unlink()
    assert load(place).config == make().config


class Foreign:
    """What no pickle of weights may hold."""


@follows("{}")  # the advice that read_pickle is given
def pickles(place: Path, make: Make, **_: Any) -> None:
    model = make()
    torch.save({"model": nanogpt(model), "own": Foreign()}, place / "ckpt.pt")
    with told("Foreign, which could run any code; keep what a model needs", "'model_args'"):
        load(place)
    kept = {"model": nanogpt(model), "model_args": arguments(model)}
    torch.save(kept, place / "ckpt.pt")
    assert load(place).config == model.config

    export_huggingface(model, place / "hf")
    tensors: dict[str, Any] = load_file(place / "hf" / "model.safetensors")
    (place / "hf" / "model.safetensors").unlink()
    torch.save(tensors | {"own": Foreign()}, place / "hf" / "pytorch_model.bin")
    with told("save the state dict alone, as safetensors or by torch.save"):
        load(place / "hf")
    torch.save(tensors, place / "hf" / "pytorch_model.bin")
    assert load(place / "hf").config == model.config
    (place / "hf" / "pytorch_model.bin").unlink()
    save_file(tensors, place / "hf" / "model.safetensors")
    assert load(place / "hf").config == model.config

    torch.save({"x": torch.ones(1), "own": Foreign()}, place / "x.pt")
    with told("save the tensors alone, in a dict by torch.save or as safetensors"):
        open_tensors(place / "x.pt")
    torch.save({"x": torch.ones(1)}, place / "x.pt")
    assert list(open_tensors(place / "x.pt")) == ["x"]


# -- where things are -------------------------------------------------------------------------


@follows(
    "give the directory that it is in",
    "{}",
    "give one, or the name of a model on the Hugging Face hub",
)
def places(place: Path, make: Make, monkeypatch: pytest.MonkeyPatch, **_: Any) -> None:
    export_huggingface(make(), place / "hf")
    with told("give the directory that it is in"):
        load(place / "hf" / "config.json")
    assert load(place / "hf").config == make().config

    export_llm_c(make(vocab_size=37, n_embd=12), place / "out" / "model.bin")
    (place / "out" / "other.bin").write_bytes(b"no model")
    with told(f"give a file in it, such as {place / 'out' / 'model.bin'}"):
        load(place / "out")
    assert load(place / "out" / "model.bin").config.n_embd == 12
    (place / "work").mkdir()
    (place / "work" / "config.json").write_text('{"model": {"model_type": "gpt-mini"}}')
    torch.save({"model": nanogpt(make()), "model_args": arguments(make())}, place / "work" / "m.pt")
    with told(f"give a file in it, such as {place / 'work' / 'm.pt'}"):
        load(place / "work")
    assert load(place / "work" / "m.pt").config == make().config
    (place / "none").mkdir()
    with told("give the directory of a GPT"):
        load(place / "none")

    monkeypatch.chdir(place)
    with told("give one, or the name of a model on the Hugging Face hub"):
        load("./absent")
    hub = SimpleNamespace(snapshot_download=lambda *_, **__: str(place / "hf"))
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    assert load("openai-community/gpt2").config == make().config


@follows(
    "give another path, or pip install 'pellucid[hub]'", "give another path, or try again online"
)
def hub(place: Path, make: Make, monkeypatch: pytest.MonkeyPatch, **_: Any) -> None:
    export_huggingface(make(), place / "hf")
    monkeypatch.chdir(place)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with told("pip install 'pellucid[hub]'"):
        load("gpt2")
    online: list[str] = []

    def download(name: str, **_: Any) -> str:
        if not online:
            raise OSError("no network")
        return str(place / "hf")

    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(snapshot_download=download))
    with told("give another path, or try again online"):
        load("gpt2")
    online.append("yes")
    assert load("gpt2").config == load(place / "hf").config


@follows("copy the file again")
def chat_template(place: Path, **_: Any) -> None:
    settings = place / "tokenizer_config.json"
    settings.write_text('{"chat_template": 7}')
    with told("copy the file again"):
        read_chat_template(place)
    settings.write_text('{"chat_template": "{{ messages }}"}')
    assert read_chat_template(place)


@follows("choose one", "write F32 or BF16")
def form_of_gguf(place: Path, make: Make, **_: Any) -> None:
    pieces = train_bpe("the cat and the hat", 260)
    model = make(vocab_size=pieces.vocab_size)
    file = place / "model.gguf"
    with told("choose one"):
        export_gguf(model, pieces, file, form="Q9_0")
    weights = flatten(model.params)
    weights["h.0.mlp.c_fc.weight"] = weights["h.0.mlp.c_fc.weight"] + 1e6
    large = model.with_params(unflatten(weights))
    with told("write F32 or BF16"):
        export_gguf(large, pieces, file, form="F16")
    assert not file.exists()
    export_gguf(large, pieces, file, form="F32")
    assert load(file).config.vocab_size == pieces.vocab_size


@follows("give another --model", "give the model's own by --tokenizer")
def models(place: Path, make: Make, **_: Any) -> None:
    save(Classifier.init(ClassifierConfig(2)), place / "classifier")
    with told("give another --model"):
        open_model(str(place / "classifier"))
    save(make(vocab_size=3), place / "gpt")
    Characters("abcd").save(place / "gpt")
    with told("give the model's own by --tokenizer"):
        open_model(str(place / "gpt"))
    Characters("abc").save(place / "own.json")
    assert open_model(str(place / "gpt"), tokenizer=str(place / "own.json"))[1].vocab_size == 3


@follows(
    "save them in one of these forms",
    "give its path",
    "give the folder that the tensors are in",
    "give the model with it",
)
def tensors(place: Path, make: Make, **_: Any) -> None:
    values = {"x": torch.ones(2)}
    (place / "x.txt").write_text("1 1")
    (place / "empty").mkdir()
    with told("come in .safetensors, .npz, .pt, .gguf, .bin, or a folder of .npy or .bin"):
        open_tensors(place / "x.txt")
    with told("give its path"):
        open_tensors(place / "absent")
    with told("give the folder that the tensors are in"):
        open_tensors(place / "empty")
    save_file(values, place / "x.safetensors")
    np.savez(place / "x.npz", x=values["x"].numpy())
    (place / "folder").mkdir()
    np.save(place / "folder" / "x.npy", values["x"].numpy())
    torch.save(values, place / "x.pt")
    for name in ("x.safetensors", "x.npz", "x.pt", "folder"):
        assert torch.equal(open_tensors(place / name)["x"], values["x"])
    model = make(vocab_size=37, n_embd=12)
    _, grads = model.loss_and_grads([1, 2], [2, 3])
    state = {"tokens": torch.tensor([1, 2]), "targets": torch.tensor([2, 3])}
    state |= {"logits": model.forward([1, 2]), "loss": model.loss([1, 2], [2, 3])}
    state |= {f"d{name}": grad for name, grad in flatten(grads).items()}
    pellucid.checkpoint.write_state(place / "state.bin", model.config, state)
    with told("give the model with it"):
        open_tensors(place / "state.bin")
    found = open_tensors(place / "state.bin", model.config)
    assert torch.equal(found["tokens"], torch.tensor([[1, 2]]))


# -- torch.nn.Transformer ---------------------------------------------------------------------


@follows(
    "leave the bias out if it is zero",
    "give what stands before these names as prefix",
    "give the whole name of each, without adding the prefix to it",
)
def torch_transformer(place: Path, **_: Any) -> None:
    module = torch.nn.Module()
    sizes = {"num_encoder_layers": 1, "num_decoder_layers": 1, "dim_feedforward": 12}
    module.t = torch.nn.Transformer(8, 2, **sizes, batch_first=True)  # type: ignore[arg-type]
    module.e, module.out = torch.nn.Embedding(11, 8), torch.nn.Linear(8, 11)
    torch.nn.init.zeros_(module.out.bias)
    state = module.state_dict()
    how: Any = {"n_head": 2, "activation": "relu", "wte": "e.weight", "head": "out.weight"}
    torch.save(state, place / "t.pt")
    with told("leave the bias out if it is zero"):
        read_torch_transformer(place / "t.pt", prefix="t.", **how)
    del state["out.bias"]
    torch.save(state, place / "t.pt")
    with told("give what stands before these names as prefix"):
        read_torch_transformer(place / "t.pt", **how)
    with told("give the whole name of each"):
        read_torch_transformer(place / "t.pt", prefix="t.", **how | {"wte": "t.e.weight"})
    assert read_torch_transformer(place / "t.pt", prefix="t.", **how).config.n_embd == 8


# -- all of them ------------------------------------------------------------------------------


@follows(
    "write them as docs/reference-pack.md says",
    "write the whole tensor, and nothing before it",
    "dump the first step alone, and what comes of later steps as step.N.{}",
    "convert its numbers to one of these",
)
def dumps(place: Path, **_: Any) -> None:
    values = torch.tensor([1.0, 2.0])
    numbers = values.numpy().tobytes()
    (place / "folder").mkdir()
    (place / "folder" / "any.bin").write_bytes(numbers)
    with told("write them as docs/reference-pack.md says"):
        open_tensors(place / "folder")
    (place / "folder" / "index.txt").write_text("any float32 2\n")
    assert torch.equal(open_tensors(place / "folder")["any"], values)
    form = {"x": BareForm((2,), whole=False)}
    (place / "x.bin").write_bytes(b"begin" + numbers)
    with told("write the whole tensor, and nothing before it"):
        open_tensors(place / "x.bin", bare=form)["x"]
    (place / "x.bin").write_bytes(numbers)
    assert torch.equal(open_tensors(place / "x.bin", bare=form)["x"], values)
    append_dump(place / "twice.bin", {"x": values})
    append_dump(place / "twice.bin", {"x": values})
    with told("as step.N.x"):
        open_tensors(place / "twice.bin")
    append_dump(place / "once.bin", {"x": values})
    append_dump(place / "once.bin", {"step.2.x": values})
    assert set(open_tensors(place / "once.bin")) == {"x", "step.2.x"}
    whole = (place / "once.bin").read_bytes()
    (place / "other.bin").write_bytes(whole.replace(b"x float32", b"x float80", 1))
    with told("convert its numbers to one of these"):
        open_tensors(place / "other.bin")


@pytest.mark.parametrize("test", FOLLOWED, ids=lambda test: test.__name__)
def test_a_remedy_that_is_followed_helps(
    test: Callable[..., None],
    tmp_path: Path,
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
):
    test(tmp_path, make=make, monkeypatch=monkeypatch)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_every_remedy_is_followed(file: Path):
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Name(id="CheckpointError"), args=[message]):
                remedy = re.split(r"[;:] ", written(message))[-1]
                assert remedy in REMEDIES | NO_REMEDY | ELSEWHERE, (node.lineno, remedy)


def written(message: ast.expr) -> str:
    """A text of the code with {} for what stands in it."""
    if isinstance(message, ast.JoinedStr):
        return "".join(
            part.value if isinstance(part, ast.Constant) else "{}" for part in message.values
        )
    assert isinstance(message, ast.Constant | ast.Call), ast.unparse(message)
    return str(message.value) if isinstance(message, ast.Constant) else "{}"


def test_models_made_here_are_whole(make: Make):
    """What the remedies are judged by: the helper's layout is nanoGPT's, which is transposed."""
    model = make()
    assert nanogpt(model)["h.0.mlp.c_fc.weight"].shape == (60, 15)
    assert replace(model.config, **arguments(model)) == model.config
