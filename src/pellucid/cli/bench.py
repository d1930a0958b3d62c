"""`pellucid bench`: how much of this machine training, reading and generating reach."""

from pathlib import Path
from typing import Annotated

from typer import Option

from pellucid.cli.options import console
from pellucid.errors import ConfigError


def bench(
    model: Annotated[
        str | None,
        Option(
            metavar="DIR",
            help="A checkpoint or a name, as elsewhere; by default random weights, 27 million.",
        ),
    ] = None,
    gpt2: Annotated[
        bool, Option("--gpt2", help="Random weights of GPT-2's 124 million; takes minutes.")
    ] = False,
    batch: Annotated[int, Option(min=1, help="Texts of a training step.")] = 4,
    length: Annotated[int, Option(min=1, help="Tokens of each, and of the prompt.")] = 128,
    new: Annotated[int, Option(min=1, help="Tokens that are decoded after it.")] = 32,
    rounds: Annotated[int, Option(min=1, help="Of which the median is taken.")] = 3,
    sweep: Annotated[
        bool,
        Option(
            "--sweep",
            help="Measure cost against size too: width, layers, length and batch, one at a time.",
        ),
    ] = False,
    threads: Annotated[
        int | None, Option(min=1, help="By default as many as PyTorch takes.")
    ] = None,
    out: Annotated[
        Path | None, Option("--out", "-o", metavar="FILE.json", help="Write what was measured.")
    ] = None,
) -> None:
    """Time training, prompts and decoding, beside this machine's peak and memory bandwidth."""
    import torch

    from pellucid import bench as measuring
    from pellucid.checkpoint import open_model
    from pellucid.files import write_text
    from pellucid.models import GPT, GPTConfig
    from pellucid.terminal.bench import (
        bench_json,
        machine_line,
        model_table,
        quiet_line,
        sweep_table,
    )

    if gpt2 and model is not None:
        raise ConfigError("--gpt2 is a model of its own: leave it or --model out")
    if out is not None and out.suffix != ".json":
        raise ConfigError(f"what was measured is written as .json, not {out.suffix!r}: {out}")
    if threads is not None:
        torch.set_num_threads(threads)
    screen = console()
    quiet = measuring.Quiet()
    machine = measuring.measure_machine()
    screen.print(machine_line(machine), markup=False, soft_wrap=True)
    name = "gpt2-124M-random" if gpt2 else model
    small = GPTConfig(vocab_size=16384, block_size=512, n_layer=6, n_head=8, n_embd=512)
    gpt = GPT.init(small) if name is None else open_model(name)[0]
    sizes = measuring.BenchSizes(batch, length, new, rounds)
    screen.print(f"{gpt}; {batch} × {length} tokens a step, {length} + {new} decoded")
    rows = list(measuring.measure_model(gpt, machine, sizes))
    screen.print(model_table(rows))
    points = list(measuring.sweep()) if sweep else []
    if points:
        screen.print(sweep_table(points))
    others = quiet.others()
    if warning := quiet_line(others):
        screen.print(warning, markup=False, soft_wrap=True)
    if out is not None:
        write_text(out, bench_json(machine, str(gpt), rows, points, others))
        screen.print(f"{out}: {out.stat().st_size:,} bytes", markup=False, soft_wrap=True)
