"""`pellucid train`: a text in, a model out."""

from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Context, Option

from pellucid.cli.options import DeviceOption, Dtype, MixedOption, console, device_of, dtype_of
from pellucid.cli.training_run import (
    LogOption,
    PatienceOption,
    ResumeOption,
    SaveOption,
    begin_or_resume,
    go_through,
    recipe_of,
    settings_of,
)
from pellucid.errors import ConfigError

SEARCH = 150
"""Iterations that --find-learning-rate tries."""


def train(
    context: Context,
    out: Annotated[Path, Option(help="Directory for the checkpoint.")],
    text: Annotated[
        Path | None,
        Argument(help="A UTF-8 text to train on, or a directory of tokens by pellucid prepare."),
    ] = None,
    tokenizer: Annotated[
        str | None,
        Option(
            help="chars, words, bpe:N (learnt from the text), gpt2, or a file; by default the "
            "directory's own, and chars for a text."
        ),
    ] = None,
    n_layer: Annotated[int, Option(help="Blocks.")] = 4,
    n_head: Annotated[int, Option(help="Heads in each block.")] = 4,
    n_embd: Annotated[int, Option(help="Width of the residual stream.")] = 128,
    block_size: Annotated[int, Option(help="Context, in tokens.")] = 128,
    batch_size: Annotated[int, Option(help="Windows in a batch.")] = 16,
    accumulate: Annotated[int, Option(help="Batches whose gradients make one step.")] = 1,
    max_iters: Annotated[int, Option(help="Iterations.")] = 3500,
    learning_rate: Annotated[float, Option(help="The highest, after the warm-up.")] = 3e-3,
    warmup_iters: Annotated[int, Option(help="Iterations of warm-up.")] = 100,
    min_lr_ratio: Annotated[
        float, Option(help="The learning rate at the end, as a part of the highest.")
    ] = 0.1,
    weight_decay: Annotated[float, Option(help="AdamW's, for the matrices.")] = 0.1,
    grad_clip: Annotated[float, Option(help="Highest global norm of the gradient.")] = 1.0,
    dropout: Annotated[float, Option(help="Part of the activations that is dropped.")] = 0.0,
    eval_interval: Annotated[int, Option(help="Iterations between evaluations.")] = 500,
    save_interval: SaveOption = 0,
    log_interval: LogOption = 10,
    patience: PatienceOption = 0,
    seed: Annotated[int, Option(help="Of the weights, the batches and the samples.")] = 1337,
    dtype: Annotated[Dtype, Option(help="Of the weights and all arithmetic.")] = Dtype.FLOAT32,
    mixed: MixedOption = False,
    device: DeviceOption = "cpu",
    find_learning_rate: Annotated[
        bool,
        Option(
            "--find-learning-rate", help="Try ever larger ones, suggest one, and train nothing."
        ),
    ] = False,
    resume: ResumeOption = False,
    overwrite: Annotated[
        bool, Option("--overwrite", help="Replace a checkpoint in --out.")
    ] = False,
    num_samples: Annotated[int, Option(min=0, help="Samples to print at the end.")] = 2,
) -> None:
    """Train a GPT on a text; the best checkpoint by validation loss is kept in --out."""
    from pellucid.generate import Sampling
    from pellucid.models import GPT, GPTConfig
    from pellucid.report.draws import write_text
    from pellucid.report.rates import print_rates
    from pellucid.text import beginning
    from pellucid.text.corpus import open_corpus
    from pellucid.train import train as training
    from pellucid.train.finder import learning_rates

    settings = settings_of(context, out, resume=resume)
    recipe = recipe_of(settings)
    if settings["text"] is None:
        raise ConfigError(
            "a training needs a text, and none came: give a file, or a directory by pellucid "
            "prepare; only a run that --resume goes on with knows its own"
        )
    corpus, pieces = open_corpus(settings["text"], settings["tokenizer"], settings["block_size"])
    sizes = ("block_size", "n_layer", "n_head", "n_embd")
    config = GPTConfig(vocab_size=pieces.vocab_size, **{name: settings[name] for name in sizes})
    place = device_of(settings["device"])

    def untrained() -> GPT:
        kind: Any = dtype_of(Dtype(settings["dtype"]))
        return GPT.init(config, seed=recipe.seed, dtype=kind, device=place)

    screen = console()
    if find_learning_rate:
        print_rates(screen, learning_rates(untrained(), corpus, recipe, steps=SEARCH))
        return
    model, start = begin_or_resume(
        out,
        settings,
        resume=resume,
        overwrite=overwrite,
        fingerprint=corpus.fingerprint(),
        device=place,
        untrained=untrained,
        pieces=pieces,
        recipe=recipe,
    )
    screen.print(str(model))
    screen.print(
        f"{len(corpus.training):,} tokens to train on, {len(corpus.validation):,} to validate; "
        f"{pieces.kind}, {pieces.vocab_size:,} ids"
    )
    model = go_through(
        context,
        screen,
        training(model, corpus, recipe, start=start),
        out,
        start=start,
        total=recipe.max_iters,
        save_interval=settings["save_interval"] or recipe.eval_interval,
    )
    for number in range(num_samples):
        screen.print(f"\n[dim]sample {number + 1}[/]")
        write_text(
            screen,
            model,
            pieces,
            beginning(pieces),
            max_new_tokens=300,
            sampling=Sampling(),
            seed=recipe.seed + number,
        )
