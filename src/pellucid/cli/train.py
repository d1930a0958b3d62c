"""`pellucid train`: a text in, a model out."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Context, Option

from pellucid.cli.options import variant
from pellucid.cli.options.model import (
    DEVICE,
    DTYPE,
    LEARNT_TOKENIZER,
    MODEL,
    SPECIAL,
    Dtype,
    device_of,
    dtype_of,
)
from pellucid.cli.options.optimizer import LEARNING_RATE, WEIGHT_DECAY
from pellucid.cli.options.output import OUT, OVERWRITE
from pellucid.cli.options.sampling import NUM_SAMPLES, SEED
from pellucid.cli.options.training import (
    ACCUMULATE,
    AFTER_WARMUP,
    AVERAGE,
    BATCH_SIZE,
    BLOCK_SIZE,
    DROPOUT,
    EVAL_INTERVAL,
    LOG_INTERVAL,
    MAX_ITERS,
    MIXED,
    N_EMBD,
    N_HEAD,
    N_LAYER,
    PATIENCE,
    RESUME,
    SAVE_INTERVAL,
    WARMUP_ITERS,
)
from pellucid.cli.run_settings import option_of, recipe_of, settings_of
from pellucid.cli.screen import given_options
from pellucid.cli.training_run import LayoutKind, Untrained, processes, quickly, train_run
from pellucid.errors import ConfigError

if TYPE_CHECKING:
    from pellucid.models import CausalModel
    from pellucid.text import ChatTemplate, Tokenizer
    from pellucid.text.corpus import Corpus

SIZES = ("n_layer", "n_head", "n_embd", "n_kv_head")
"""Sizes of a model that is new."""


class Architecture(StrEnum):
    """What a new model can be."""

    GPT = "gpt"
    LLAMA = "llama"


SEARCH = 150
"""Iterations that --find-learning-rate tries."""


def train(
    context: Context,
    out: Annotated[Path, variant(OUT, "the checkpoint, a directory.")],
    text: Annotated[
        Path | None,
        Argument(help="A UTF-8 text to train on, or a directory that pellucid prepare wrote."),
    ] = None,
    tokenizer: Annotated[
        str | None,
        variant(LEARNT_TOKENIZER, default="the directory's or the model's own, or chars"),
    ] = None,
    model: Annotated[
        str | None, variant(MODEL, "It is trained further.", default="a new one")
    ] = None,
    special: Annotated[bool, SPECIAL] = False,
    lora: Annotated[
        int, Option(help="Train only LoRA's matrices, of this rank; 0: all weights.")
    ] = 0,
    architecture: Annotated[
        Architecture, Option(help="Of a new model: GPT-2's blocks, or Llama's.")
    ] = Architecture.GPT,
    n_layer: Annotated[int, N_LAYER] = 4,
    n_head: Annotated[int, N_HEAD] = 4,
    n_kv_head: Annotated[
        int | None,
        Option(
            "--n-kv-head",
            min=1,
            show_default="as --n-head",
            help="Heads of keys and values, which a Llama's heads of queries share.",
        ),
    ] = None,
    n_embd: Annotated[int, N_EMBD] = 128,
    block_size: Annotated[int, BLOCK_SIZE] = 128,
    batch_size: Annotated[int, variant(BATCH_SIZE, "windows of the text.")] = 16,
    accumulate: Annotated[int, ACCUMULATE] = 1,
    max_iters: Annotated[int, MAX_ITERS] = 3500,
    learning_rate: Annotated[float, variant(LEARNING_RATE, AFTER_WARMUP)] = 3e-3,
    warmup_iters: Annotated[int, WARMUP_ITERS] = 100,
    min_lr_ratio: Annotated[
        float, Option(help="The learning rate at the end, as a share of the peak.")
    ] = 0.1,
    weight_decay: Annotated[float, WEIGHT_DECAY] = 0.1,
    grad_clip: Annotated[float, Option(help="Clip the gradient to this global norm.")] = 1.0,
    dropout: Annotated[float, DROPOUT] = 0.0,
    average: Annotated[int, AVERAGE] = 0,
    eval_interval: Annotated[int, EVAL_INTERVAL] = 500,
    save_interval: Annotated[int, SAVE_INTERVAL] = 0,
    log_interval: Annotated[int, LOG_INTERVAL] = 10,
    patience: Annotated[int, PATIENCE] = 0,
    seed: Annotated[int, variant(SEED, "for weights, batches and samples.")] = 1337,
    dtype: Annotated[Dtype, variant(DTYPE, "Of weights and arithmetic.")] = Dtype.FLOAT32,
    mixed: Annotated[bool, MIXED] = False,
    compiled: Annotated[
        bool,
        Option(
            "--compile",
            help="Compile the step: needs a C++ compiler, and half a minute at the start; then "
            "every step is faster.",
        ),
    ] = False,
    recompute: Annotated[
        bool,
        Option(
            "--recompute",
            help="Keep only each block's input, and compute the rest again in the backward: less "
            "memory, more time.",
        ),
    ] = False,
    device: Annotated[str, DEVICE] = "cpu",
    layout: Annotated[
        LayoutKind | None,
        Option(
            help="What each of torchrun's processes gets: a part of the batch (data), of every "
            "matrix (tensor), or of the batch and of all stored tensors (sharded)."
        ),
    ] = None,
    tensor: Annotated[
        int | None,
        Option(help="How many processes share the matrices; groups of these share the batch."),
    ] = None,
    find_learning_rate: Annotated[
        bool,
        Option(
            "--find-learning-rate",
            help="Try larger and larger rates, suggest one, and do not train.",
        ),
    ] = False,
    resume: Annotated[bool, RESUME] = False,
    overwrite: Annotated[bool, OVERWRITE] = False,
    num_samples: Annotated[int, variant(NUM_SAMPLES, "Written at the end.")] = 2,
) -> None:
    """Train a model on a text; the best checkpoint by validation loss is kept in --out.

    With --model, an existing one is trained further, with its own tokenizer and sizes.
    """
    from pellucid.generate import Sampling
    from pellucid.terminal.draws import write_text
    from pellucid.terminal.rates import print_rates
    from pellucid.text import beginning
    from pellucid.train.finder import learning_rates

    settings = settings_of(context)
    place = device_of(settings["device"])
    with (
        processes(settings["layout"], place, settings["tensor"]) as (group, screen),
        quickly(screen, recipe_of(settings), place) as recipe,
    ):
        untrained = _untrained(context, settings)
        if find_learning_rate:
            rates = learning_rates(untrained.model(), untrained.corpus, recipe, steps=SEARCH)
            print_rates(screen, rates)
            return
        gpt = train_run(context, settings, untrained, recipe, screen=screen, layout=group)
    if screen.quiet:
        return
    for number in range(num_samples):
        screen.print(f"\n[dim]sample {number + 1}[/]")
        write_text(
            screen,
            gpt,
            untrained.tokenizer,
            beginning(untrained.tokenizer),
            max_new_tokens=300,
            sampling=Sampling(),
            seed=recipe.seed + number,
        )


def _untrained(context: Context, settings: dict[str, Any]) -> Untrained:
    """The model before its training, the data, and the tokenizer."""
    if settings["text"] is None:
        raise ConfigError(
            "a training needs a text, and none came: give a file, or a directory by pellucid "
            "prepare; only a run that is resumed knows its own"
        )
    if settings["lora"] and settings["model"] is None:
        raise ConfigError(
            "LoRA's matrices go beside a trained model's weights, and none is named: add --model"
        )
    model, corpus, tokenizer = (
        _new(settings) if settings["model"] is None else _loaded(context, settings)
    )
    place = device_of(settings["device"])
    about = (
        f"{len(corpus.training):,} tokens to train on, {len(corpus.validation):,} to validate; "
        f"{tokenizer.kind}, {tokenizer.vocab_size:,} ids"
    )

    def template() -> "ChatTemplate | None":
        from pellucid.checkpoint import read_chat_template

        return settings["model"] and read_chat_template(settings["model"])

    return Untrained(lambda: model().to(device=place), corpus, tokenizer, about, template)


def _new(settings: dict[str, Any]) -> "tuple[Callable[[], CausalModel], Corpus, Tokenizer]":
    """A model with random weights."""
    from pellucid.models import ARCHITECTURES
    from pellucid.text.corpus import open_corpus

    corpus, tokenizer = open_corpus(
        *(settings["text"], settings["tokenizer"], settings["block_size"]),
        special=settings["special"],
    )
    sizes = {name: settings[name] for name in (*SIZES, "block_size")}
    kind: Any = ARCHITECTURES[settings["architecture"]]
    config = kind.sized(vocab_size=tokenizer.vocab_size, **sizes)
    dtype: Any = dtype_of(Dtype(settings["dtype"]))
    return lambda: kind.init(config, seed=settings["seed"], dtype=dtype), corpus, tokenizer


def _loaded(
    context: Context, settings: dict[str, Any]
) -> "tuple[Callable[[], CausalModel], Corpus, Tokenizer]":
    """The model that --model names, with LoRA's matrices where they are asked for."""
    from pellucid.checkpoint import open_model
    from pellucid.models import with_lora
    from pellucid.text import load_tokenizer
    from pellucid.text.corpus import corpus_for
    from pellucid.train.run import TOKENIZER, has_point

    defaults = {option.name: option.default for option in context.command.params}
    for name in ("architecture", *SIZES):
        if settings[name] != defaults[name]:
            raise ConfigError(
                "a model that is there has its sizes and its architecture, and "
                f"{option_of(context, name)} {settings[name]} came: leave it out"
            )
    dtype = dtype_of(Dtype(settings["dtype"]))
    out = context.params["out"]
    goes_on = context.params["resume"] and has_point(out)
    loaded, tokenizer = open_model(
        settings["model"],
        tokenizer=settings["tokenizer"],
        special=settings["special"],
        dtype=dtype,
        online=not goes_on or "model" in given_options(context),
    )
    if goes_on:
        tokenizer = load_tokenizer(out / TOKENIZER)
        tokenizer = tokenizer.with_special() if settings["special"] else tokenizer
    block_size = settings["block_size"]
    if block_size == defaults["block_size"]:
        block_size = loaded.config.block_size
    rank = settings["lora"]
    tuned = with_lora(loaded, rank, seed=settings["seed"]) if rank else loaded
    return lambda: tuned, corpus_for(settings["text"], tokenizer, block_size), tokenizer
