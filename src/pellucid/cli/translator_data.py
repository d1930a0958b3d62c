"""What a translator is trained on, by train-translator's options, and the model before it."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.cli.options.model import device_of
from pellucid.cli.options.text import separator_of
from pellucid.cli.training_run import Untrained
from pellucid.errors import ConfigError

if TYPE_CHECKING:
    from pellucid.text import BPE
    from pellucid.text.parallel import ParallelText


EVERY = 20
"""One of this many pairs is held out if the user gives none to validate on."""


WEIGHT = 4
"""The BPE is learned from this many copies of PAIRS and one of --extra."""


class Norm(StrEnum):
    """Where a block has its norms."""

    POST = "post"
    PRE = "pre"


class TranslatorForm(StrEnum):
    """What translates: the original Transformer, or a GPT that reads source and target in a row."""

    TRANSFORMER = "transformer"
    GPT = "gpt"


def languages_of(settings: dict[str, Any]) -> list[str]:
    """Into which languages a model of both directions translates, that of the targets first."""
    named: str | None = settings["both_directions"]
    if named is None:
        return []
    languages = named.split("-")
    if len(languages) != 2 or languages[0] == languages[1] or not all(map(str.isalpha, languages)):
        raise ConfigError(
            f"--both-directions must name two languages, such as de-en, and {named!r} came: give "
            "that of the sources and that of the targets, with a hyphen between"
        )
    return languages[::-1]


def directions(
    settings: dict[str, Any], pairs: list["ParallelText"]
) -> list[tuple[str | None, list["ParallelText"]]]:
    """Each direction with its pairs."""
    from pellucid.text.parallel import ParallelText

    if not (languages := languages_of(settings)):
        return [(None, pairs)]
    back = [ParallelText(pair.target, pair.source) for pair in pairs]
    return [(languages[0], pairs), (languages[1], back)]


def form_of_settings(settings: dict[str, Any]) -> TranslatorForm:
    """The form of the model."""
    return TranslatorForm(settings["form"])


GRAMMAR = "grammar"
"""The name of Pellucid's own sentences, where no file is called so."""

HELD_OUT = 500
"""So many sentences of the grammar validate, and a twentieth of a small count."""


def split_pairs(settings: dict[str, Any]) -> tuple[list["ParallelText"], list["ParallelText"]]:
    """The pairs to train on, and those to validate on: of the grammar its own held-out ones."""
    names = settings["pairs"]
    if settings["valid"]:
        return _pairs(settings, names), _pairs(settings, settings["valid"], held_out=True)
    own = [name for name in names if _is_grammar(_times(name)[0])]
    others = [name for name in names if name not in own]
    pairs, made = _pairs(settings, others), _pairs(settings, own)
    known = {pair.source for pair in made}
    # Of a pair that counts several times all copies are held out, or none.
    held_out = [pair for pair in [*dict.fromkeys(pairs)][::EVERY] if pair.source not in known]
    left_out = set(held_out)
    held_out += _pairs(settings, own, held_out=True)
    return [*made, *(pair for pair in pairs if pair not in left_out)], held_out


def _is_grammar(name: str) -> bool:
    return name == GRAMMAR and not Path(name).exists()


def _pairs(
    settings: dict[str, Any], names: list[str], *, held_out: bool = False
) -> list["ParallelText"]:
    """The pairs of all files; the phrasebook's and the grammar's where no file is called so."""
    from pellucid.grammar import pairs
    from pellucid.text.parallel import phrasebook, read_parallel

    separator, found = separator_of(settings["separator"]), []
    for name, times in map(_times, names):
        if _is_grammar(name):
            count = settings["sentences"]
            count = min(HELD_OUT, max(1, count // EVERY)) if held_out else count
            found += pairs(count, settings["seed"], held_out=held_out) * (1 if held_out else times)
        else:
            own = name == "phrasebook" and not Path(name).exists()
            found += (
                read_parallel(phrasebook()) if own else read_parallel(name, separator)
            ) * times
    return found


def _times(name: str) -> tuple[str, int]:
    """A file and how often its pairs count: `FILE:8` names eight copies of FILE."""
    stem, colon, count = name.rpartition(":")
    if not (colon and stem and count.isdecimal()) or Path(name).exists():
        return name, 1
    if not int(count):
        raise ConfigError(f"{name} asks for no copy of {stem}: give :1 or more, or leave it out")
    return stem, int(count)


def untrained_translator(
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
    marks: dict[str, Any] = {"into": languages_of(settings), "synthetic": bool(made)}
    copies = WEIGHT if phrases else 1
    tokenizer = train_parallel_bpe([*training * copies, *phrases], settings["vocab_size"], **marks)
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
    ways = len(directions(settings, []))
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

    gpt = form_of_settings(settings) is TranslatorForm.GPT
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
