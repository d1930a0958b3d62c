"""`pellucid train`: a text in, a model out."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Context, Option

from pellucid.cli.options import MODEL, DeviceOption, Dtype, MixedOption, device_of, dtype_of
from pellucid.cli.training_run import (
    LayoutOption,
    LogOption,
    PatienceOption,
    ResumeOption,
    SaveOption,
    TensorOption,
    begin_or_resume,
    go_through,
    processes,
    quickly,
    recipe_of,
    settings_of,
)
from pellucid.errors import ConfigError

if TYPE_CHECKING:
    from pellucid.models import GPT
    from pellucid.text import Tokenizer
    from pellucid.text.corpus import Corpus

SIZES = ("n_layer", "n_head", "n_embd")
"""Sizes of a model that is new."""

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
    model: Annotated[str | None, MODEL] = None,
    lora: Annotated[
        int, Option(help="Of --model train only LoRA's pairs, of this rank; 0: all weights.")
    ] = 0,
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
    compiled: Annotated[
        bool,
        Option(
            "--compile",
            help="Compile the step when it is first made, which takes a C++ compiler and half a "
            "minute: every step after that is quicker.",
        ),
    ] = False,
    recompute: Annotated[
        bool,
        Option(
            "--recompute",
            help="Keep each block's input alone, and make the rest again for the backward: less "
            "memory, more time.",
        ),
    ] = False,
    device: DeviceOption = "cpu",
    layout: LayoutOption = None,
    tensor: TensorOption = None,
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
    """Train a GPT on a text; the best checkpoint by validation loss is kept in --out.

    With --model, a GPT that is there goes on learning, with its own tokenizer and sizes.
    """
    from pellucid.generate import Sampling
    from pellucid.terminal.draws import write_text
    from pellucid.terminal.rates import print_rates
    from pellucid.text import beginning
    from pellucid.train import train as training
    from pellucid.train.finder import learning_rates

    settings = settings_of(context, out, resume=resume)
    place = device_of(settings["device"])
    with (
        processes(settings["layout"], place, settings["tensor"]) as (group, screen),
        quickly(screen, recipe_of(settings)) as recipe,
    ):
        made, corpus, pieces = _beginning(context, settings, out, resume=resume)
        if find_learning_rate:
            rates = learning_rates(made().to(device=place), corpus, recipe, steps=SEARCH)
            print_rates(screen, rates)
            return
        gpt, start = begin_or_resume(
            out,
            settings,
            resume=resume,
            overwrite=overwrite,
            fingerprint=corpus.fingerprint(),
            device=place,
            untrained=lambda: made().to(device=place),
            pieces=pieces,
            recipe=recipe,
            layout=group,
        )
        screen.print(str(gpt))
        screen.print(
            f"{len(corpus.training):,} tokens to train on, {len(corpus.validation):,} to "
            f"validate; {pieces.kind}, {pieces.vocab_size:,} ids"
        )
        steps = training(gpt, corpus, recipe, start=start, layout=group)
        gpt = go_through(context, screen, steps, out, start=start, recipe=recipe, layout=group)
    if screen.quiet:
        return
    for number in range(num_samples):
        screen.print(f"\n[dim]sample {number + 1}[/]")
        write_text(
            screen,
            gpt,
            pieces,
            beginning(pieces),
            max_new_tokens=300,
            sampling=Sampling(),
            seed=recipe.seed + number,
        )


def _beginning(
    context: Context, settings: dict[str, Any], out: Path, *, resume: bool
) -> "tuple[Callable[[], GPT], Corpus, Tokenizer]":
    """The model before its training, the data, and the tokenizer."""
    from pellucid.checkpoint import open_model
    from pellucid.models import GPT, GPTConfig, with_lora
    from pellucid.text import load_tokenizer
    from pellucid.text.corpus import corpus_for, open_corpus
    from pellucid.train.run import TOKENIZER, has_point

    text, dtype = settings["text"], dtype_of(Dtype(settings["dtype"]))
    if text is None:
        raise ConfigError(
            "a training needs a text, and none came: give a file, or a directory by pellucid "
            "prepare; only a run that --resume goes on with knows its own"
        )
    if settings["lora"] and settings["model"] is None:
        raise ConfigError(
            "LoRA's pairs go beside the weights of a trained model, and none is named: add --model"
        )
    if settings["model"] is None:
        corpus, pieces = open_corpus(text, settings["tokenizer"], settings["block_size"])
        sizes = {name: settings[name] for name in (*SIZES, "block_size")}
        config = GPTConfig(vocab_size=pieces.vocab_size, **sizes)
        kind: Any = dtype
        return (lambda: GPT.init(config, seed=settings["seed"], dtype=kind)), corpus, pieces

    for name in SIZES:
        if settings[name] != _default(context, name):
            raise ConfigError(
                f"a model that is there has its sizes, and --{name.replace('_', '-')} "
                f"{settings[name]} came: leave it out"
            )
    loaded, pieces = open_model(settings["model"], tokenizer=settings["tokenizer"], dtype=dtype)
    if resume and has_point(out):
        pieces = load_tokenizer(out / TOKENIZER)
    block_size = settings["block_size"]
    if block_size == _default(context, "block_size"):
        block_size = loaded.config.block_size
    rank = settings["lora"]
    tuned = with_lora(loaded, rank, seed=settings["seed"]) if rank else loaded
    return (lambda: tuned), corpus_for(text, pieces, block_size), pieces


def _default(context: Context, name: str) -> Any:
    """What an option is where it is not given."""
    return next(option.default for option in context.command.params if option.name == name)
