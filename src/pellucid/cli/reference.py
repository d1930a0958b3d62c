"""`pellucid reference`: every number of a run as files, for those who write the model elsewhere."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

from typer import Argument, Option

from pellucid.cli.options import variant
from pellucid.cli.options.model import DTYPE, MODEL, MODEL_TOKENIZER, SPECIAL, Dtype, dtype_of
from pellucid.cli.options.optimizer import (
    LEARNING_RATE,
    OPTIMIZER,
    STEPS,
    WEIGHT_DECAY,
)
from pellucid.cli.options.output import LAYERS, OUT, blocks_of
from pellucid.cli.options.sampling import SEED, TEMPERATURE, TOP_K, TOP_P, seed_of
from pellucid.cli.options.text import not_empty
from pellucid.cli.screen import console
from pellucid.errors import ConfigError, TextError
from pellucid.shipped import SHIPPED_MODEL

if TYPE_CHECKING:
    from torch import Tensor

    from pellucid.models import CausalModel


class PackForm(StrEnum):
    """What a pack's tensors are written as."""

    SAFETENSORS = "safetensors"
    C = "c"


def reference(
    out: Annotated[Path, variant(OUT, "the pack, a new directory.")],
    text: Annotated[
        list[str] | None,
        Argument(help="The text to run the model on; several are a batch, padded on the right."),
    ] = None,
    model: Annotated[str, MODEL] = "gpt2-tiny",
    tokens: Annotated[
        Path | None,
        Option(
            metavar="FILE",
            help="Instead of a text: ids as JSON, or a file with tensors named tokens and targets, "
            "such as llm.c's state.",
        ),
    ] = None,
    tokenizer_name: Annotated[str | None, MODEL_TOKENIZER] = None,
    special: Annotated[bool, SPECIAL] = False,
    dtype: Annotated[
        list[Dtype] | None,
        variant(DTYPE, "Repeatable.", default="float32 and float64; with --to c float32"),
    ] = None,
    names: Annotated[
        list[str] | None,
        Option(help="Keep only names that match, such as h.*.attn.* or d*. Repeatable."),
    ] = None,
    layers: Annotated[
        str | None, variant(LAYERS, "Everything outside blocks is kept too.", default="all")
    ] = None,
    slices: Annotated[
        int | None, Option(metavar="N", help="Keep only the first N along every axis.")
    ] = None,
    size: Annotated[
        str | None,
        Option(
            metavar="SIZE",
            help="Keep runs of large tensors' numbers and checksums, so that all is no larger than "
            "this, such as 20MB.",
        ),
    ] = None,
    steps: Annotated[int, variant(STEPS, "The weights after the last are kept.")] = 10,
    recipe: Annotated[
        str | None,
        Option(
            metavar="NAME",
            help="Move the weights as nanogpt or llm.c does; the options below change single "
            "settings of it.",
        ),
    ] = None,
    optimizer: Annotated[str | None, variant(OPTIMIZER, default="adamw")] = None,
    learning_rate: Annotated[
        float | None, variant(LEARNING_RATE, "The highest, of a schedule.", default="0.001")
    ] = None,
    weight_decay: Annotated[
        float | None, variant(WEIGHT_DECAY, "With --decay all, for all.", default="0.1")
    ] = None,
    decay: Annotated[
        str | None,
        Option(metavar="WHAT", help="What decays: matrices or all.", show_default="matrices"),
    ] = None,
    betas: Annotated[
        str | None, Option(metavar="B1,B2", help="Adam's β₁ and β₂.", show_default="0.9,0.999")
    ] = None,
    eps: Annotated[float | None, Option(help="Adam's ε.", show_default="1e-8")] = None,
    clip: Annotated[
        float | None, Option(help="Clip the gradients to this norm of all of them.")
    ] = None,
    warmup: Annotated[
        int | None,
        Option(metavar="N", help="Let the learning rate rise for N steps, then fall."),
    ] = None,
    total: Annotated[
        int | None,
        Option(
            metavar="N", help="Let it fall along half a cosine to step N.", show_default="--steps"
        ),
    ] = None,
    floor: Annotated[
        float | None,
        Option(help="Where it then stays, as a part of the highest.", show_default="0.1"),
    ] = None,
    decode: Annotated[
        int, Option(min=0, metavar="N", help="Decode so many tokens after the text; 0 for none.")
    ] = 8,
    temperature: Annotated[float, TEMPERATURE] = 0.8,
    top_k: Annotated[int | None, TOP_K] = 40,
    top_p: Annotated[float | None, TOP_P] = 0.95,
    seed: Annotated[int, variant(SEED, "that sampling draws.")] = 0,
    to: Annotated[
        PackForm,
        Option(
            help="The form of its files: safetensors, or c, which is .bin with a header, a reader, "
            "a dumper, test vectors and a sample in C, and the same in Rust and JavaScript."
        ),
    ] = PackForm.SAFETENSORS,
    llm_c: Annotated[
        bool, Option("--llm-c", help="Also write what llm.c reads and tests itself by.")
    ] = False,
) -> None:
    """Write a reference pack: every activation, gradient, moment and weight, with a manifest."""
    from rich.filesize import decimal

    from pellucid.checkpoint import load, open_model
    from pellucid.generate import Sampling
    from pellucid.models import ARCHITECTURES, CausalModel
    from pellucid.reference import (
        Decoding,
        ReferenceRun,
        Selection,
        bytes_of,
        padded,
        tokenizer_vectors,
        update_of,
        write_pack,
    )

    if bool(text) == (tokens is not None):
        raise TextError("a pack is made from a text or from --tokens: give one of the two")
    known = None
    texts: list[dict[str, Any]] = []
    if text:
        opened, known = open_model(
            model, kinds=(CausalModel,), tokenizer=tokenizer_name, special=special
        )
        ids = [known.prompt(not_empty(one)) for one in text]
        if min(map(len, ids)) < 2:
            raise TextError("a step needs two tokens, and the text has one: write a longer one")
        read, wanted = padded(ids)
        texts = tokenizer_vectors(known, *text)
    else:
        opened = load(model)
        if not isinstance(opened, CausalModel):
            kinds = [name for name, kind in ARCHITECTURES.items() if issubclass(kind, CausalModel)]
            raise ConfigError(
                f"--model must be a {' or '.join(kinds)}, and {model} is a {opened.architecture}: "
                "give another"
            )
        read, wanted = _from_file(cast("Path", tokens), opened)
    update = update_of(
        recipe,
        steps,
        optimizer=optimizer,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        decay=decay,
        betas=_betas(betas),
        eps=eps,
        clip=clip,
        warmup=warmup,
        total=total,
        floor=floor,
    )
    to_c = to is PackForm.C
    usual = (Dtype.FLOAT32,) if to_c else (Dtype.FLOAT32, Dtype.FLOAT64)
    decoding = Decoding(decode, Sampling(temperature, top_k, top_p), seed_of(seed))
    run = ReferenceRun(opened, model, read, wanted, update, steps, decoding)
    write_pack(
        run,
        out,
        dtypes=[kind for d in dtype or usual if (kind := dtype_of(d))],
        wanted=Selection(
            tuple(names or ()), tuple(blocks_of(layers, opened.config.n_layer) or ()), slices
        ),
        text=text[0] if text and len(text) == 1 else text,
        texts=texts,
        size=None if size is None else bytes_of(size),
        llm_c=llm_c,
        to_c=to_c,
        tokenizer=known,
    )
    written = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    many = f"{steps} step{'s' * (steps > 1)}"
    said = f"{opened} on {read.numel()} tokens, {many}: {decimal(written)} in {out}"
    console().print(said, markup=False, soft_wrap=True)
    if idle := run.idle():
        said = (
            f"{len(idle)} of its parameters are all 0 or all 1, such as {idle[0]}: a port that "
            f"leaves them out agrees too, and a trained model, such as --model {SHIPPED_MODEL}, "
            "tells"
        )
        console().print(said, markup=False, soft_wrap=True)
    if llm_c:
        from pellucid.reference.llm_c_files import LOSSES

        said = f"the losses that llm.c's test_gpt2.c is to have in its code are in {out / LOSSES}"
        console().print(said, markup=False, soft_wrap=True)


def _betas(text: str | None) -> list[float] | None:
    try:
        return None if text is None else [float(part) for part in text.split(",")]
    except ValueError:
        raise ConfigError(
            f"--betas must be two numbers, such as 0.9,0.95, not {text!r}: write them so"
        ) from None


def _from_file(file: Path, model: "CausalModel") -> "tuple[Tensor, Tensor]":
    """Tokens and targets from a file."""
    import torch

    from pellucid.checkpoint import open_tensors
    from pellucid.checkpoint.ids import token_ids
    from pellucid.checkpoint.read import read_ids

    if file.suffix == ".json":
        ids = read_ids(file)
        return torch.tensor(ids[:-1]), torch.tensor(ids[1:])
    tensors = open_tensors(file, model.config)
    if missing := [name for name in ("tokens", "targets") if name not in tensors]:
        raise ConfigError(
            f"--tokens must be a file with tensors named tokens and targets, and {file} has no "
            f"{missing[0]}: add it"
        )
    return token_ids("tokens", tensors["tokens"]), token_ids("targets", tensors["targets"])
