"""Write a pack: shards of safetensors, and the manifest that says what is in them."""

import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from secrets import token_hex
from typing import Any, NamedTuple

import torch

from pellucid.errors import ConfigError, WriteError
from pellucid.files import write_text
from pellucid.reference.budget import within
from pellucid.reference.c_kit import write_kit
from pellucid.reference.decoding import DecodedIds, add_decoding, prompt_of
from pellucid.reference.llm_c_files import write_llm_c_files
from pellucid.reference.manifest import FORMAT, MANIFEST, SETTINGS
from pellucid.reference.pack import fingerprint
from pellucid.reference.run import After, ReferenceRun
from pellucid.reference.selection import Selection
from pellucid.reference.shards import DumpedShards, Shards
from pellucid.tape import Tape
from pellucid.text import Tokenizer
from pellucid.train import part_of
from pellucid.tree import flatten
from pellucid.walkthrough import describe

OF_STEPS = {
    "step.losses": "the loss before each step of the optimizer",
    "step.norms": "the norm of all gradients at each step, before they are clipped",
}
"""What is one number a step, and its meaning."""


def write_pack(
    run: ReferenceRun,
    directory: Path,
    *,
    dtypes: Iterable[torch.dtype] = (torch.float32, torch.float64),
    wanted: Selection = Selection(),  # noqa: B008 (it is frozen)
    text: str | Sequence[str] | None = None,
    texts: Sequence[Mapping[str, Any]] = (),
    size: int | None = None,
    llm_c: bool = False,
    tokenizer: Tokenizer | None = None,
    to_c: bool = False,
) -> None:
    """Write the pack of a run into a new directory, all of it or nothing.

    `text` is what was read, several for a batch; `texts` are the tokenizer's vectors. With a `size`
    in bytes, large tensors are cut to runs of their numbers and checksums, so that the pack is no
    larger. With `to_c` its tensors are a dump for each dtype, and the kit for C, Rust and
    JavaScript is beside them. With `llm_c` also what llm.c reads and tests itself by,
    with its form of the `tokenizer`, if there is one.

    Raises `ConfigError` where the directory is there already, or for a kit of a `size`;
    `WriteError` where the directory cannot be written.
    """
    if to_c and size is not None:
        raise ConfigError(
            "a pack for C must have its tensors whole, and a size cuts them: leave out --size, and "
            "take --names or --layers for fewer"
        )
    target = Path(os.path.realpath(directory))
    beside = target.with_name(f".{target.name}.{token_hex(8)}")
    try:
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise ConfigError(
                f"{directory} must be a new or an empty directory: choose another name"
            )
        beside.mkdir(parents=True)
        if llm_c:
            write_llm_c_files(run, beside, tokenizer)
        told = {"text": text} | ({"texts": list(texts)} if texts else {})
        # The finest first: it needs most room, and finds most there.
        kinds = sorted(dict.fromkeys(dtypes), key=lambda dtype: torch.finfo(dtype).eps)
        _write(run, beside, _Asked(kinds, wanted, size, told, DumpedShards if to_c else Shards))
        if target.exists():
            target.rmdir()
        beside.replace(target)
    except WriteError as error:
        raise WriteError(str(error).replace(str(beside), str(directory))) from None
    except OSError as error:
        raise WriteError(
            f"{directory} must be a directory that can be written, and it gave "
            f"{error.strerror or error}: make room there, or choose another"
        ) from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)


class _Asked(NamedTuple):
    """What a pack is to be of."""

    dtypes: list[torch.dtype]
    wanted: Selection
    size: int | None
    told: Mapping[str, Any]
    kind: type[Shards]


def _write(run: ReferenceRun, place: Path, asked: _Asked) -> None:
    rows: dict[str, dict[str, Any]] = {}
    losses: dict[str, list[float]] = {}
    prompt = prompt_of(run.tokens, run.targets) if run.decoding.steps else []
    decoding = run.decoding.fitted(prompt, run.model.config.block_size)
    ids: DecodedIds | None = None
    wanted = asked.wanted
    for dtype in asked.dtypes:
        name = str(dtype).removeprefix("torch.")
        shards = asked.kind(place, name, wanted, rows)

        def show(tape: Tape, shards: Shards = shards) -> None:
            if asked.size is not None and shards.wanted.most is None:
                shards.wanted = within(asked.size, run, tape, asked.dtypes, asked.wanted)
            _add_tape(shards, tape)

        own, norms = losses.setdefault(name, []), list[float]()
        for after in run.updates(dtype, show):
            own.append(after.loss)
            norms += [] if after.norm is None else [after.norm]
            if after.number in {1, run.steps}:
                _add_update(shards, after)
            del after  # or it would hold its numbers until those of the next dtype are there
        of_steps = {"step.losses": own} | ({"step.norms": norms} if norms else {})
        for key, numbers in of_steps.items():
            values = torch.tensor(numbers, dtype=dtype)
            shards.add(key, values, part="update", meaning=OF_STEPS[key])
        if prompt:
            ids = add_decoding(shards.add, run.model.to(dtype=dtype), prompt, decoding, ids)
        shards.flush()
        wanted = shards.wanted
    manifest: dict[str, Any] = {
        FORMAT: 2 if run.update.keys() - SETTINGS or wanted.most is not None else 1,
        "made_by": f"Pellucid {version('pellucid')}",
        "model": {
            "source": run.source,
            "architecture": run.model.architecture,
            "config": run.model.config.to_dict(),
            "dtype": str(run.model.dtype).removeprefix("torch."),
            "sha256": fingerprint(flatten(run.model.params)),
        },
        **asked.told,
        "tokens": run.tokens.tolist(),
        "targets": run.targets.tolist(),
        "update": dict(run.update),
        "steps": run.steps,
        "losses": losses,
        **({"decoding": decoding.to_dict() | {"prompt": prompt}} if prompt else {}),
        "tensors": [{"name": name} | row for name, row in rows.items()],
    }
    if asked.kind is DumpedShards:
        write_kit(run, place, manifest)
    write_text(place / MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")


def _add_tape(shards: Shards, tape: Tape) -> None:
    """Every value of a tape once; where it has a second name, that is a row of the manifest."""
    for name in tape:
        value, row, call = tape.value(name), describe(name, tape), tape.made_by(name)
        known: dict[str, Any] = {"part": part_of(tape, name), "meaning": row.meaning if row else ""}
        if call is not None:
            known["made_by"] = {
                "function": call.function.__name__,
                "at": call.path,
                "from": dict(call.inputs),
            }
        shards.add(name, value, first=tape.name_of(value) or name, **known)
    shards.flush()  # or what it waits with would take room beside the optimizer's moments


def _add_update(shards: Shards, after: After) -> None:
    steps = "step" if after.number == 1 else "steps"
    prefix = "" if after.number == 1 else f"step.{after.number}."
    for name, value in after.tensors():
        row = describe(name)
        meaning = f"{row.meaning if row else name}, after {after.number} {steps}"
        shards.add(prefix + name, value, part="update", meaning=meaning)
    shards.flush()  # the next step writes over these numbers
