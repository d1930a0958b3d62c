"""`pellucid train-translator`: pairs of texts in, a translator out."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Context, Option

from pellucid.cli.options import TRANSLATOR, DeviceOption, MixedOption, console, device_of
from pellucid.cli.training_run import (
    LogOption,
    PatienceOption,
    ResumeOption,
    SaveOption,
    begin_or_resume,
    go_through,
    quickly,
    recipe_of,
    settings_of,
)
from pellucid.errors import ConfigError

if TYPE_CHECKING:
    from pellucid.models import GPT, Transformer
    from pellucid.text import BPE
    from pellucid.text.pairs import TextPair


HELD_OUT = 20
"""Every so many pairs one is held out where the user gives none to validate on."""


WEIGHT = 4
"""The BPE is learnt from so many copies of PAIRS beside one of --extra."""


class Schedule(StrEnum):
    """How the learning rate falls after the warm-up: half a cosine, or as in the paper."""

    COSINE = "cosine"
    NOAM = "noam"


class Norm(StrEnum):
    """Where a layer's norms stand."""

    POST = "post"
    PRE = "pre"


class TranslatorForm(StrEnum):
    """What translates: the original Transformer, or a GPT that reads source and target in a row."""

    TRANSFORMER = "transformer"
    GPT = "gpt"


def train_translator(
    context: Context,
    pairs: Annotated[
        list[Path],
        Argument(
            help="Files of pairs, a line each: source TAB target; or phrasebook, Pellucid's own."
        ),
    ],
    out: Annotated[Path, Option(help="Directory for the checkpoint.")] = Path(TRANSLATOR),
    valid: Annotated[
        Path | None, Option(help="Pairs to validate on; by default every twentieth of PAIRS.")
    ] = None,
    extra: Annotated[
        Path | None, Option(help="More pairs, such as words and phrases; may be .gz.")
    ] = None,
    extra_share: Annotated[
        float,
        Option(min=0, max=1, help="Part of the batches drawn from --extra at first; falls to 0."),
    ] = 0.8,
    form: Annotated[TranslatorForm, Option(help="An encoder-decoder, or a GPT with <SEP>.")] = (
        TranslatorForm.TRANSFORMER
    ),
    vocab_size: Annotated[int, Option(help="Ids of the BPE that both languages share.")] = 4000,
    n_layer: Annotated[int, Option(help="Layers: of the encoder and of the decoder each.")] = 3,
    n_head: Annotated[int, Option(help="Heads in each layer.")] = 4,
    n_embd: Annotated[int, Option(help="Width of the residual stream.")] = 192,
    norm: Annotated[
        Norm | None,
        Option(help="Layer norms after a layer's parts, as in the paper, or before, as in GPT-2."),
    ] = None,
    block_size: Annotated[int, Option(help="The most tokens of a source, and of a target.")] = 128,
    batch_size: Annotated[int, Option(help="Positions in a batch, of the longer side.")] = 448,
    max_iters: Annotated[int, Option(help="Iterations.")] = 23000,
    learning_rate: Annotated[float, Option(help="The highest, after the warm-up.")] = 1e-3,
    warmup_iters: Annotated[int, Option(help="Iterations of warm-up.")] = 600,
    schedule: Annotated[
        Schedule, Option(help="Half a cosine, or the paper's root of the iterations.")
    ] = Schedule.COSINE,
    weight_decay: Annotated[float, Option(help="AdamW's, for the matrices.")] = 0.0,
    dropout: Annotated[float, Option(help="Part of the activations that is dropped.")] = 0.15,
    smoothing: Annotated[float, Option(help="Label smoothing, for a Transformer.")] = 0.1,
    eval_interval: Annotated[int, Option(help="Iterations between evaluations.")] = 1500,
    beam: Annotated[int, Option(min=1, help="Width of the beam that is measured.")] = 4,
    length_penalty: Annotated[float, Option(help="Of the beam; above 0 favours long texts.")] = 1.0,
    accumulate: Annotated[int, Option(help="Batches whose gradients make one step.")] = 1,
    save_interval: SaveOption = 0,
    log_interval: LogOption = 10,
    patience: PatienceOption = 0,
    mixed: MixedOption = False,
    seed: Annotated[int, Option(help="Of the weights and the batches.")] = 1337,
    device: DeviceOption = "cpu",
    resume: ResumeOption = False,
    overwrite: Annotated[
        bool, Option("--overwrite", help="Replace a checkpoint in --out.")
    ] = False,
) -> None:
    """Train a translator on pairs of texts; the best by validation loss is kept in --out."""
    from pellucid.distribute import ALONE
    from pellucid.terminal.scores import print_scores
    from pellucid.text.pair_corpus import PairCorpus
    from pellucid.text.pairs import read_pairs, train_pair_bpe
    from pellucid.train import train

    settings = settings_of(context, out, resume=resume)
    kind, block = TranslatorForm(settings["form"]), settings["block_size"]
    softened = settings["smoothing"] if kind is TranslatorForm.TRANSFORMER else 0.0
    recipe = recipe_of(settings, betas=(0.9, 0.98), smoothing=softened, min_lr_ratio=0.02)
    training = [pair for path in settings["pairs"] for pair in read_pairs(_file(Path(path)))]
    if settings["valid"]:
        held_out = read_pairs(Path(settings["valid"]))
    else:
        held_out, training = training[::HELD_OUT], _without_every(HELD_OUT, training)
    if not training:
        raise ConfigError("a training needs at least two pairs, and one came: add more")
    phrases = read_pairs(Path(settings["extra"])) if settings["extra"] else []
    place = device_of(settings["device"])
    pieces = train_pair_bpe([*training * WEIGHT, *phrases], settings["vocab_size"])
    corpus = PairCorpus.from_pairs(
        training,
        held_out,
        pieces,
        form=kind.value,
        block_size=block,
        extra=phrases,
        extra_share=settings["extra_share"],
    )
    place_of_norms = Norm(
        settings["norm"] or (Norm.PRE if kind is TranslatorForm.GPT else Norm.POST)
    )
    sizes = {
        "n_head": settings["n_head"],
        "n_embd": settings["n_embd"],
        "block_size": block,
        "norm": place_of_norms.value,
        "final_norm": place_of_norms is Norm.PRE,
    }

    def untrained() -> Any:
        drawn = _untrained(kind, pieces, settings["n_layer"], sizes, recipe.seed)
        return drawn.to(device=place)

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
        layout=ALONE,
    )
    screen = console()
    screen.print(str(model))
    screen.print(
        f"{len(training):,} pairs to train on and {len(phrases):,} extra, {len(held_out):,} to "
        f"validate; {pieces.vocab_size:,} ids"
    )
    with quickly(screen, recipe):
        steps = train(model, corpus, recipe, start=start)
        model = go_through(context, screen, steps, out, start=start, recipe=recipe, layout=ALONE)
    print_scores(screen, model, pieces, held_out, beam=beam, alpha=length_penalty)


def _file(path: Path) -> Path:
    """The file, or the phrasebook's by its name where no file is called so."""
    from pellucid.text.pairs import phrasebook

    return phrasebook() if str(path) == "phrasebook" and not path.exists() else path


def _without_every(count: int, pairs: list["TextPair"]) -> list["TextPair"]:
    """The pairs but the first of every so many."""
    return [pair for place, pair in enumerate(pairs) if place % count]


def _untrained(
    form: TranslatorForm, pieces: "BPE", n_layer: int, sizes: dict[str, Any], seed: int
) -> "GPT | Transformer":
    """The model with random weights."""
    from pellucid.models import GPT, GPTConfig, Transformer, TransformerConfig
    from pellucid.text.pair_corpus import special
    from pellucid.text.pairs import BOS, EOS, PAD

    if form is TranslatorForm.GPT:
        # Source and target stand in one row.
        row = sizes | {"block_size": 2 * sizes["block_size"]}
        return GPT.init(GPTConfig(vocab_size=pieces.vocab_size, n_layer=n_layer, **row), seed=seed)
    config = TransformerConfig(
        vocab_size=pieces.vocab_size,
        n_encoder=n_layer,
        n_decoder=n_layer,
        **sizes,
        pad=special(pieces, PAD),
        bos=special(pieces, BOS),
        eos=special(pieces, EOS),
    )
    return Transformer.init(config, seed=seed)
