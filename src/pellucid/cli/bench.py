"""`pellucid bench`: how much of this machine training, reading and generating reach."""

from pathlib import Path
from typing import Annotated

from typer import Option

from pellucid.cli.options import variant
from pellucid.cli.options.model import MODEL
from pellucid.cli.options.output import OUT
from pellucid.cli.options.sampling import MAX_NEW_TOKENS
from pellucid.cli.options.training import BATCH_SIZE
from pellucid.cli.screen import console
from pellucid.errors import ConfigError


def bench(
    model: Annotated[str | None, variant(MODEL, default="random weights, 27 million")] = None,
    batch_size: Annotated[int, variant(BATCH_SIZE, "texts.")] = 4,
    length: Annotated[int, Option(min=1, help="Tokens in each text, and in the prompt.")] = 128,
    max_new_tokens: Annotated[int, variant(MAX_NEW_TOKENS, "All are timed.")] = 32,
    rounds: Annotated[int, Option(min=1, help="How often to measure; the median counts.")] = 3,
    sweep: Annotated[
        bool,
        Option(
            "--sweep",
            help="Measure cost against size too, of a GPT and a Llama, one size at a time.",
        ),
    ] = False,
    threads: Annotated[
        int | None, Option(min=1, help="How many threads; by default PyTorch's own choice.")
    ] = None,
    out: Annotated[Path | None, variant(OUT, "the measurements, a .json.")] = None,
) -> None:
    """Time training, prompts and decoding, beside this machine's peak and memory bandwidth."""
    import torch

    from pellucid import bench as measuring
    from pellucid.checkpoint import open_model
    from pellucid.files import check_writable, write_text
    from pellucid.models import GPT, GPTConfig
    from pellucid.terminal.bench import (
        bench_json,
        machine_line,
        model_table,
        quiet_line,
        sweep_table,
    )

    for name, count in (("--batch-size", batch_size), ("--max-new-tokens", max_new_tokens)):
        if count < 1:
            raise ConfigError(f"{name} must be at least 1, not {count}")
    if out is not None and out.suffix != ".json":
        raise ConfigError(f"what was measured is written as .json, not {out.suffix!r}: {out}")
    if out is not None:
        check_writable(out)
    if threads is not None:
        torch.set_num_threads(threads)
    screen = console()
    quiet = measuring.Quiet()
    machine = measuring.measure_machine()
    screen.print(machine_line(machine), markup=False, soft_wrap=True)
    small = GPTConfig(vocab_size=16384, block_size=512, n_layer=6, n_head=8, n_embd=512)
    gpt = GPT.init(small) if model is None else open_model(model)[0]
    sizes = measuring.BenchSizes(batch_size, length, max_new_tokens, rounds)
    screen.print(
        f"{gpt}; {batch_size} × {length} tokens a step, {length} + {max_new_tokens} decoded"
    )
    rows = list(measuring.measure_model(gpt, machine, sizes))
    screen.print(model_table(rows))
    points = list(measuring.sweep()) if sweep else []
    if points:
        screen.print(sweep_table(points, machine))
    others = quiet.others()
    if warning := quiet_line(others):
        screen.print(warning, markup=False, soft_wrap=True)
    if out is not None:
        write_text(out, bench_json(machine, str(gpt), rows, points, others))
        screen.print(f"{out}: {out.stat().st_size:,} bytes", markup=False, soft_wrap=True)
