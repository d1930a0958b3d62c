"""From a path or a name to a model: recognise the format, read it, check it."""

import os
from os import PathLike
from pathlib import Path

import torch

from pellucid.checkpoint import gguf, hub, huggingface, llm_c, nanogpt, native, openai
from pellucid.checkpoint.check import Found, OpenForm, assemble, form_of, packed_as
from pellucid.checkpoint.read import CONFIG, WEIGHTS, read_json
from pellucid.errors import CheckpointError, did_you_mean
from pellucid.gguf_header import SUFFIX
from pellucid.models import RANDOM_MODELS, Model, kind_of
from pellucid.shipped import DESCRIBED, named_path


def load(
    path: str | PathLike[str],
    *,
    dtype: torch.dtype | None = None,
    device: torch.device | str = "cpu",
    online: bool = True,
    form: OpenForm | None = None,
) -> Model:
    """The model in a directory or file, or of a name on the Hugging Face hub.

    - a directory that `save` wrote, or its `model.safetensors`, whatever kind of model it holds;
    - a Hugging Face GPT-2, GPT-1, Llama, Mistral, Qwen 2, Qwen 3 or SmolLM3: `config.json` with
      safetensors or `pytorch_model.bin`, whole or sharded;
    - a GGUF file of llama.cpp, quantized or not, of a GPT-2 or of the same families;
    - a nanoGPT `ckpt.pt`, or a directory with one (see `nanogpt` for its two kinds of GELU), and
      a `.pt` of build-nanogpt;
    - llm.c's model, a `.bin` that begins with its magic number;
    - OpenAI's GPT-2: `hparams.json` with a .npz, a .safetensors, or a TensorFlow checkpoint;
    - a name of `shipped.DESCRIBED`: the model that comes with Pellucid, in float32, or one that is
      fetched and kept, such as "smollm2-135m";
    - a name of `RANDOM_MODELS`, for GPT-2's architecture with random weights;
    - a name such as "gpt2" or "openai-community/gpt2", if there is no such path: it is fetched,
      and not `online` found if it was fetched before.

    The numbers keep the dtype that they are stored in unless `dtype` is given. Pickles are read
    without running the code in them.

    With a `form` the matrices are packed as `pellucid.models.packed` packs them, one after another
    from the file, so that the model is never in memory at full length. "own" is that of their own
    numbers, where this is read faster; "stored" is the same, but keeps a GGUF file's whole numbers
    to the bit, whose products round what they multiply to 8 bits.

    Raises `CheckpointError`, in one line that names the file and the tensor, for anything missing,
    truncated, foreign, or of other shapes than the configuration's, and `ConfigError` for a form
    that the architecture or the device has no kernels for.
    """
    blocks = form == "stored" and dtype is None
    if path in RANDOM_MODELS and not os.path.exists(path):  # noqa: PTH110 - as in find
        config = RANDOM_MODELS[str(path)]
        kind, dtype = kind_of(config), dtype or torch.float32
        drawn = kind.init(config, seed=1, dtype=dtype, device=device)
        return packed_as(drawn, form_of(kind, form, dtype, device))
    place = find(path, online=online)
    if place == named_path(path):
        # Their weights are kept short, and are computed with at full length.
        dtype = dtype or torch.float32
    found = _from_directory(place) if place.is_dir() else _from_file(place)
    return assemble(found, dtype=dtype, device=device, form=form, blocks=blocks)


def find(path: str | PathLike[str], *, online: bool = True) -> Path:
    """The directory or file of the checkpoint that `load` reads for this path or name."""
    if named := named_path(path, online=online):
        return named
    if os.path.exists(path):  # noqa: PTH110 (of a name too long it says no)
        return Path(path)
    near = _near(str(path))
    if near or not (isinstance(path, str) and hub.is_name(path)):
        raise CheckpointError(
            f"{path} must be a checkpoint's directory or file; there is no such path{near}; "
            "give one, or the name of a model on the Hugging Face hub"
        )
    return hub.download(path, online=online)


def _near(path: str) -> str:
    """The question whether a name without an owner, or a path, is one near it that there is."""
    names = () if "/" in path else (*DESCRIBED, *RANDOM_MODELS, *hub.SHORT)
    if path in names:
        return ""
    try:
        beside = [str(file) for file in Path(path).parent.iterdir() if file.is_dir()]
    except OSError:
        beside = []
    return did_you_mean(path, (*names, *beside))


def _from_file(file: Path) -> Found:
    beside = file.with_name(CONFIG)
    if file.suffix in {".safetensors", ".bin"} and beside.exists() and not _says_itself(file):
        settings = read_json(beside)
        if settings.get("model_type") in tuple(huggingface.kinds()):
            return huggingface.read(file, settings)
        if native.KEY in settings and file.suffix == ".safetensors":
            return native.read(file, settings)
    if file.suffix == ".safetensors":
        return native.read(file, None)
    if file.suffix in {".pt", ".pth"}:
        return nanogpt.read(file)
    if file.suffix == SUFFIX:
        return gguf.read(file)
    if file.suffix == ".bin" and llm_c.magic_of(file) == llm_c.MODEL:
        return llm_c.read(file)
    raise CheckpointError(
        f"a checkpoint that is one file is a {WEIGHTS}, a {SUFFIX}, nanoGPT's {nanogpt.FILE} or "
        f"llm.c's .bin; {file} is not one of them; give the directory that it is in"
    )


def _says_itself(file: Path) -> bool:
    """Whether the file says what model it is, whatever stands beside it."""
    if file.suffix == ".bin":
        return llm_c.magic_of(file) == llm_c.MODEL
    return native.is_inscribed(file)


def _from_directory(directory: Path) -> Found:
    described = (directory / CONFIG).exists()
    settings = read_json(directory / CONFIG) if described else {}
    if native.KEY in settings:
        return native.read(directory / WEIGHTS, settings)
    if settings.get("model_type") in tuple(huggingface.kinds()):  # a list in its place has no hash
        return huggingface.read(huggingface.weights_file(directory), settings)
    # Between the two steps of a save there is no config.json, whatever else there may be.
    if not described and native.is_inscribed(directory / WEIGHTS):
        return native.read(directory / WEIGHTS, None)
    if (directory / nanogpt.FILE).exists():
        return nanogpt.read(directory / nanogpt.FILE)
    if (directory / openai.HPARAMS).exists():
        return openai.read(directory)
    if (directory / WEIGHTS).exists() and not described:
        return native.read(directory / WEIGHTS, None)
    kind = f"a {CONFIG} with model_type {settings.get('model_type')!r}" if described else "none"
    files = filter(_may_be_one, sorted(directory.iterdir()))
    instead = next((f"give a file in it, such as {file}" for file in files), None)
    raise CheckpointError(
        f"a checkpoint's directory holds a {CONFIG} of Pellucid or of a Hugging Face "
        f"{' or '.join(huggingface.kinds())}, a {nanogpt.FILE}, or OpenAI's {openai.HPARAMS}; "
        f"{directory} has {kind}; {instead or 'give the directory of a GPT'}"
    )


def _may_be_one(file: Path) -> bool:
    """Whether it is a file of a form that is a checkpoint by itself."""
    if file.suffix == ".bin" and file.is_file():
        return llm_c.magic_of(file) == llm_c.MODEL
    return file.suffix in {".pt", ".pth"}
