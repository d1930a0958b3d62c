"""`pellucid train-translator`: pairs of texts in, a translator out."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from typer import Argument, Context, Option

from pellucid.cli.options import variant
from pellucid.cli.options.model import DEVICE, device_of
from pellucid.cli.options.optimizer import LEARNING_RATE, WEIGHT_DECAY
from pellucid.cli.options.output import OUT, OVERWRITE
from pellucid.cli.options.sampling import BEAM, LENGTH_PENALTY, SEED
from pellucid.cli.options.text import SEPARATOR, VALID
from pellucid.cli.options.training import (
    ACCUMULATE,
    AFTER_WARMUP,
    AVERAGE,
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
    TRANSLATOR,
    WARMUP_ITERS,
)
from pellucid.cli.run_settings import recipe_of, settings_of
from pellucid.cli.screen import console
from pellucid.cli.training_run import quickly, train_run
from pellucid.cli.translator_data import (
    Norm,
    TranslatorForm,
    directions,
    form_of_settings,
    languages_of,
    split_pairs,
    untrained_translator,
)
from pellucid.errors import ConfigError


class Schedule(StrEnum):
    """How the learning rate falls after the warm-up: half a cosine, or as in the paper."""

    COSINE = "cosine"
    NOAM = "noam"


def train_translator(
    context: Context,
    pairs: Annotated[
        list[Path],
        Argument(
            help="Files with one pair a line, source TAB target; or phrasebook or grammar, "
            "Pellucid's own. FILE:8 counts eight times."
        ),
    ],
    out: Annotated[Path, variant(OUT, "the checkpoint, a directory.")] = Path(TRANSLATOR),
    valid: Annotated[list[Path] | None, variant(VALID, default="every twentieth of PAIRS")] = None,
    sentences: Annotated[
        int, Option(min=2, help="How many sentences of the grammar, where it is named.")
    ] = 60000,
    separator: Annotated[str, variant(SEPARATOR, "Between the two texts.")] = "tab",
    extra: Annotated[
        Path | None, Option(help="More pairs, such as words and phrases; may be .gz.")
    ] = None,
    extra_share: Annotated[
        float,
        Option(min=0, max=1, help="The share of batches from --extra at the start; it falls to 0."),
    ] = 0.8,
    synthetic: Annotated[
        Path | None,
        Option(
            help="Pairs whose source a model wrote, as translate --pairs gives them; marked so.",
        ),
    ] = None,
    both_directions: Annotated[
        str | None,
        Option(
            help="Train one model for both, its languages named as in de-en: source, then target.",
        ),
    ] = None,
    form: Annotated[TranslatorForm, Option(help="An encoder-decoder, or a GPT with <SEP>.")] = (
        TranslatorForm.TRANSFORMER
    ),
    source_loss: Annotated[
        bool, Option("--source-loss", help="Train a GPT to predict the source too.")
    ] = False,
    vocab_size: Annotated[int, Option(help="How many ids the BPE of both languages has.")] = 4000,
    n_layer: Annotated[int, variant(N_LAYER, "In the encoder and in the decoder each.")] = 3,
    n_head: Annotated[int, N_HEAD] = 4,
    n_embd: Annotated[int, N_EMBD] = 192,
    norm: Annotated[
        Norm | None,
        Option(
            help="Layer norm after each part of a block, as in the paper, or before, as in GPT-2."
        ),
    ] = None,
    block_size: Annotated[int, variant(BLOCK_SIZE, "Of source and target each.")] = 128,
    batch_tokens: Annotated[
        int, Option(help="Tokens in a batch, counted on the longer side.")
    ] = 448,
    max_iters: Annotated[int, MAX_ITERS] = 23000,
    learning_rate: Annotated[float, variant(LEARNING_RATE, AFTER_WARMUP)] = 1e-3,
    warmup_iters: Annotated[int, WARMUP_ITERS] = 600,
    schedule: Annotated[
        Schedule, Option(help="Half a cosine, or the inverse square root of the paper.")
    ] = Schedule.COSINE,
    weight_decay: Annotated[float, WEIGHT_DECAY] = 0.0,
    dropout: Annotated[float, DROPOUT] = 0.15,
    smoothing: Annotated[
        float, Option(help="Label smoothing of both losses, for a Transformer.")
    ] = 0.1,
    subword_dropout: Annotated[
        float,
        Option(
            min=0,
            max=0.9,
            help="The share of the BPE's merges that are passed over, so that words come in pieces "
            "that vary.",
        ),
    ] = 0.0,
    average: Annotated[int, AVERAGE] = 0,
    eval_interval: Annotated[int, EVAL_INTERVAL] = 1500,
    beam: Annotated[int, variant(BEAM, "For the scores at the end.")] = 4,
    length_penalty: Annotated[float, LENGTH_PENALTY] = 1.0,
    accumulate: Annotated[int, ACCUMULATE] = 1,
    save_interval: Annotated[int, SAVE_INTERVAL] = 0,
    log_interval: Annotated[int, LOG_INTERVAL] = 10,
    patience: Annotated[int, PATIENCE] = 0,
    mixed: Annotated[bool, MIXED] = False,
    seed: Annotated[int, variant(SEED, "for weights and batches.")] = 1337,
    device: Annotated[str, DEVICE] = "cpu",
    resume: Annotated[bool, RESUME] = False,
    overwrite: Annotated[bool, OVERWRITE] = False,
) -> None:
    """Train a translator on pairs of texts; the best by validation loss is kept in --out."""
    from pellucid.distribute import ALONE
    from pellucid.evaluate.translations import sacrebleu
    from pellucid.terminal.scores import print_scores

    sacrebleu()  # where it is missing, that is said before the training and not after it
    settings = settings_of(context)
    is_gpt = form_of_settings(settings) is TranslatorForm.GPT
    softened = 0.0 if is_gpt else settings["smoothing"]
    recipe = recipe_of(
        settings,
        batch_size=settings["batch_tokens"],
        betas=(0.9, 0.98),
        smoothing=softened,
        min_lr_ratio=0.02,
    )
    if settings["source_loss"] and not is_gpt:
        raise ConfigError(
            "only a GPT predicts its source, and the form is transformer: leave out --source-loss, "
            "or add --form gpt"
        )
    languages_of(settings)
    training, held_out = split_pairs(settings)
    if not training:
        raise ConfigError("a training needs at least two pairs, and one came: add more")
    untrained, judged = untrained_translator(settings, training, held_out)
    screen = console()
    with quickly(screen, recipe, device_of(settings["device"])):
        model = train_run(context, settings, untrained, recipe, screen=screen, layout=ALONE)
    for to, ones in directions(settings, judged):
        if to:
            screen.print(f"\ninto {to}", markup=False)
        print_scores(
            screen, model, untrained.tokenizer, ones, beam=beam, alpha=length_penalty, to=to
        )
