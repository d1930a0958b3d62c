"""`pellucid train-translator`: pairs of texts in, a translator out."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Context, Option

from pellucid.cli.options import variant
from pellucid.cli.options.model import DEVICE, device_of
from pellucid.cli.options.optimizer import LEARNING_RATE, WEIGHT_DECAY
from pellucid.cli.options.output import OUT, OVERWRITE
from pellucid.cli.options.sampling import BEAM, LENGTH_PENALTY, SEED
from pellucid.cli.options.text import SEPARATOR, VALID, separator_of
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
from pellucid.cli.training_run import Untrained, quickly, train_run
from pellucid.errors import ConfigError

if TYPE_CHECKING:
    from pellucid.text import BPE
    from pellucid.text.parallel import ParallelText


EVERY = 20
"""One of this many pairs is held out if the user gives none to validate on."""


WEIGHT = 4
"""The BPE is learned from this many copies of PAIRS and one of --extra."""


class Schedule(StrEnum):
    """How the learning rate falls after the warm-up: half a cosine, or as in the paper."""

    COSINE = "cosine"
    NOAM = "noam"


class Norm(StrEnum):
    """Where a block has its norms."""

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
            help="Files with one pair a line, source TAB target; or phrasebook or grammar, "
            "Pellucid's own."
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
    smoothing: Annotated[float, Option(help="Label smoothing, for a Transformer.")] = 0.1,
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
    from pellucid.terminal.scores import print_scores

    settings = settings_of(context)
    softened = settings["smoothing"] if _form(settings) is TranslatorForm.TRANSFORMER else 0.0
    recipe = recipe_of(
        settings,
        batch_size=settings["batch_tokens"],
        betas=(0.9, 0.98),
        smoothing=softened,
        min_lr_ratio=0.02,
    )
    if settings["source_loss"] and _form(settings) is not TranslatorForm.GPT:
        raise ConfigError(
            "only a GPT predicts its source, and the form is transformer: leave out --source-loss, "
            "or add --form gpt"
        )
    _languages(settings)
    training, held_out = _split(settings)
    if not training:
        raise ConfigError("a training needs at least two pairs, and one came: add more")
    untrained, judged = _untrained(settings, training, held_out)
    screen = console()
    with quickly(screen, recipe):
        model = train_run(context, settings, untrained, recipe, screen=screen, layout=ALONE)
    for to, pairs in _directions(settings, judged):
        if to:
            screen.print(f"\ninto {to}", markup=False)
        print_scores(
            screen, model, untrained.tokenizer, pairs, beam=beam, alpha=length_penalty, to=to
        )


def _languages(settings: dict[str, Any]) -> list[str]:
    """Into which languages a model of both directions translates, that of the targets first."""
    named = settings["both_directions"]
    if named is None:
        return []
    languages = named.split("-")
    if len(languages) != 2 or languages[0] == languages[1] or not all(map(str.isalpha, languages)):
        raise ConfigError(
            f"--both-directions must name two languages, such as de-en, and {named!r} came: give "
            "that of the sources and that of the targets, with a hyphen between"
        )
    return languages[::-1]


def _directions(
    settings: dict[str, Any], pairs: list["ParallelText"]
) -> list[tuple[str | None, list["ParallelText"]]]:
    """Each direction with its pairs."""
    from pellucid.text.parallel import ParallelText

    if not (languages := _languages(settings)):
        return [(None, pairs)]
    back = [ParallelText(pair.target, pair.source) for pair in pairs]
    return [(languages[0], pairs), (languages[1], back)]


def _form(settings: dict[str, Any]) -> TranslatorForm:
    return TranslatorForm(settings["form"])


GRAMMAR = "grammar"
"""The name of Pellucid's own sentences, where no file is called so."""

HELD_OUT = 500
"""So many sentences of the grammar validate, and a twentieth of a small count."""


def _split(settings: dict[str, Any]) -> tuple[list["ParallelText"], list["ParallelText"]]:
    """The pairs to train on, and those to validate on: of the grammar its own held-out ones."""
    names = settings["pairs"]
    if settings["valid"]:
        return _pairs(settings, names), _pairs(settings, settings["valid"], held_out=True)
    own = [name for name in names if _is_grammar(name)]
    others = [name for name in names if not _is_grammar(name)]
    pairs, made = _pairs(settings, others), _pairs(settings, own)
    known = {pair.source for pair in made}
    held_out = [pair for pair in pairs[::EVERY] if pair.source not in known]
    held_out += _pairs(settings, own, held_out=True)
    return [*made, *_without_every(EVERY, pairs)], held_out


def _is_grammar(name: str) -> bool:
    return name == GRAMMAR and not Path(name).exists()


def _pairs(
    settings: dict[str, Any], names: list[str], *, held_out: bool = False
) -> list["ParallelText"]:
    """The pairs of all files; the phrasebook's and the grammar's where no file is called so."""
    from pellucid.grammar import pairs
    from pellucid.text.parallel import phrasebook, read_parallel

    separator, found = separator_of(settings["separator"]), []
    for name in names:
        if _is_grammar(name):
            count = settings["sentences"]
            count = min(HELD_OUT, max(1, count // EVERY)) if held_out else count
            found += pairs(count, settings["seed"], held_out=held_out)
        else:
            own = name == "phrasebook" and not Path(name).exists()
            found += read_parallel(phrasebook()) if own else read_parallel(name, separator)
    return found


def _without_every(count: int, pairs: list["ParallelText"]) -> list["ParallelText"]:
    """The pairs but the first of every so many."""
    return [pair for place, pair in enumerate(pairs) if place % count]


def _untrained(
    settings: dict[str, Any], training: list["ParallelText"], held_out: list["ParallelText"]
) -> tuple[Untrained, list["ParallelText"]]:
    """The model before its training, the pairs, and the BPE that both languages share.

    Beside it the pairs that are held out and that the model has positions for.
    """
    from pellucid.text.parallel import train_parallel_bpe
    from pellucid.text.parallel_corpus import ParallelCorpus
    from pellucid.text.parallel_rows import fitting

    phrases = _pairs(settings, [settings["extra"]]) if settings["extra"] else []
    place = device_of(settings["device"])
    made = _pairs(settings, [settings["synthetic"]]) if settings["synthetic"] else []
    marks = {"into": _languages(settings), "synthetic": bool(made)}
    tokenizer = train_parallel_bpe([*training * WEIGHT, *phrases], settings["vocab_size"], **marks)
    sizes: dict[str, Any] = {"form": settings["form"], "block_size": settings["block_size"]}
    corpus = ParallelCorpus.from_pairs(
        training,
        held_out,
        tokenizer,
        **sizes,
        extra=phrases,
        extra_share=settings["extra_share"],
        synthetic=made,
        subwords=_subwords(settings, tokenizer),
        source_loss=settings["source_loss"],
    )
    ways = len(_directions(settings, []))
    about = (
        f"{len(training):,} pairs to train on and {len(phrases):,} extra, {len(held_out):,} to "
        f"validate; {tokenizer.vocab_size:,} ids"
    )
    if made:
        about += f"\nbeside them {len(made):,} pairs whose source a model wrote"
    if ways > 1:
        about += f"\neach pair in both directions: {settings['both_directions']} and back"
    judged = fitting(held_out, tokenizer, **sizes)
    left_out = {
        "to train on": ways * len(training) + len(made) - len(corpus.training),
        "extra": ways * len(phrases) - len(corpus.extra or ()),
        "to validate": len(held_out) - len(judged),
    }
    if said := ", ".join(f"{count:,} {part}" for part, count in left_out.items() if count):
        about += (
            f"\npairs longer than {settings['block_size']} tokens are left out: {said}; a larger "
            "--block-size takes them"
        )
    untrained = Untrained(
        lambda: _random_model(settings, tokenizer).to(device=place), corpus, tokenizer, about
    )
    return untrained, judged


def _subwords(settings: dict[str, Any], tokenizer: "BPE") -> Any:
    """The spellings that are drawn in training, where they vary."""
    from pellucid.text.subwords import Subwords

    if not settings["subword_dropout"]:
        return None
    return Subwords(tokenizer, settings["subword_dropout"], seed=settings["seed"])


def _random_model(settings: dict[str, Any], tokenizer: "BPE") -> Any:
    """The model with random weights."""
    from pellucid.models import GPT, GPTConfig, Transformer, TransformerConfig
    from pellucid.text.parallel import BOS, EOS, PAD
    from pellucid.text.parallel_rows import special

    gpt = _form(settings) is TranslatorForm.GPT
    norm = Norm(settings["norm"] or (Norm.PRE if gpt else Norm.POST))
    sizes: dict[str, Any] = {
        "vocab_size": tokenizer.vocab_size,
        "n_head": settings["n_head"],
        "n_embd": settings["n_embd"],
        # A GPT has source and target in one row.
        "block_size": settings["block_size"] * (2 if gpt else 1),
        "norm": norm.value,
        "final_norm": norm is Norm.PRE,
    }
    layers, seed = settings["n_layer"], settings["seed"]
    if gpt:
        return GPT.init(GPTConfig(n_layer=layers, **sizes), seed=seed)
    marks = {"pad": PAD, "bos": BOS, "eos": EOS}
    sizes |= {name: special(tokenizer, mark) for name, mark in marks.items()}
    config = TransformerConfig(n_encoder=layers, n_decoder=layers, **sizes)
    return Transformer.init(config, seed=seed)
