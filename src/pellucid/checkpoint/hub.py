"""A model's files from the Hugging Face hub, through the optional `huggingface_hub`."""

import re
from pathlib import Path

from pellucid.checkpoint.read import CONFIG, one_line
from pellucid.errors import CheckpointError

NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
FILES = re.compile(r".*\.(pt|pth|bin|json|npz|safetensors|gguf)")
SAFETENSORS = ["model.safetensors", "model.safetensors.index.json", "model-*.safetensors"]
PICKLES = ["pytorch_model.bin", "pytorch_model.bin.index.json", "pytorch_model-*.bin"]
TOKENIZER = ["tokenizer.json", "tokenizer_config.json", "chat_template.jinja"]
TIMEOUT = 5.0  # seconds for the hub to answer
SHORT = ("gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl", "distilgpt2", "openai-gpt")
"""Names without an owner that the hub has for models that can be read here."""
RUNS = "runs"
"""The directory that `train` and the like write to unless they are told another."""


def is_name(text: str) -> bool:
    """Whether this has the form of a model's name, such as "gpt2" or "openai-community/gpt2".

    What begins with a directory that is here is a path.
    """
    owner, slash, _ = text.partition("/")
    local = slash and (owner == RUNS or Path(owner).is_dir())
    return bool(NAME.fullmatch(text)) and not FILES.fullmatch(text) and not local


def download(name: str, *, online: bool = True) -> Path:
    """The local directory with the model's files, fetched if not there yet.

    Not `online`, what was fetched before is found, and nothing is asked for.

    Raises `CheckpointError` where the library is missing, the hub cannot be reached, or it has no
    such model.
    """
    try:
        from huggingface_hub import snapshot_download  # noqa: PLC0415 - optional
    except ImportError as error:
        raise CheckpointError(
            f"{name!r} must be a path that exists, or else huggingface_hub must be there to fetch "
            "it; neither is; give another path, or pip install 'pellucid[hub]'"
        ) from error
    directory = Path(name)
    try:
        for patterns in (SAFETENSORS, PICKLES):
            directory = Path(
                snapshot_download(
                    name,
                    allow_patterns=[CONFIG, *TOKENIZER, *patterns],
                    etag_timeout=TIMEOUT,
                    local_files_only=not online,
                )
            )
            if any(file for pattern in patterns for file in directory.glob(pattern)):
                break
    except Exception as error:  # the library, and what it reads with, raise many kinds
        if not online:
            raise CheckpointError(
                f"{name!r} must be a path that exists, or a model that was fetched before; it is "
                "neither, and what a file names is not asked for in the network; fetch it by "
                f"load({name!r}), if it is what you want"
            ) from error
        raise CheckpointError(
            f"{name!r} must be a path that exists, or a model that the Hugging Face hub gives; it "
            f"is no path, and the hub could not be asked ({one_line(error, limit=80)}); give "
            "another path, or try again online"
        ) from error
    return directory
