"""`pellucid translate`: a text in one language in, in another out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from pellucid.cli.options import variant
from pellucid.cli.options.model import DEVICE, MODEL, MODEL_DTYPE, MODEL_TOKENIZER, Dtype, opening
from pellucid.cli.options.output import OUT, PICTURE
from pellucid.cli.options.sampling import (
    BEAM,
    EARLY_STOPPING,
    GREEDY,
    LENGTH_PENALTY,
    MAX_NEW_TOKENS,
    WHY,
)
from pellucid.cli.options.text import not_empty
from pellucid.cli.screen import console
from pellucid.errors import ConfigError
from pellucid.shipped import TRANSLATOR

if TYPE_CHECKING:
    from pellucid.generate import Translation
    from pellucid.models import GPT, Transformer
    from pellucid.text import Tokenizer


def translate(
    text: Annotated[str | None, Argument(help="The text to translate.")] = None,
    model: Annotated[str, MODEL] = TRANSLATOR,
    to: Annotated[
        str | None,
        Option(help="Into which language, such as de, of a model of both directions."),
    ] = None,
    file: Annotated[
        Path | None,
        Option(metavar="FILE", help="Translate each line of a file, many at a time."),
    ] = None,
    out: Annotated[
        Path | None, variant(OUT, "the translations of --file, a line each.", default="the screen")
    ] = None,
    pairs: Annotated[
        bool,
        Option(
            "--pairs",
            help="With --file, write pairs of translation and line, for train-translator "
            "--synthetic in the other direction.",
        ),
    ] = False,
    beam: Annotated[int, BEAM] = 4,
    greedy: Annotated[bool, variant(GREEDY, "The same as --beam 1.")] = False,
    length_penalty: Annotated[float, LENGTH_PENALTY] = 1.0,
    early_stopping: Annotated[bool, EARLY_STOPPING] = True,
    max_new_tokens: Annotated[int, MAX_NEW_TOKENS] = 256,
    why: Annotated[bool, variant(WHY, "Also which token looked at which.")] = False,
    picture: Annotated[Path | None, variant(PICTURE, "It shows the alignment.")] = None,
    tokenizer_name: Annotated[str | None, MODEL_TOKENIZER] = None,
    dtype: Annotated[Dtype | None, MODEL_DTYPE] = None,
    device: Annotated[str, DEVICE] = "cpu",
) -> None:
    """Translate a text, or the lines of a file, with the translator that comes along or another.

    Where the model is unsure of the whole, a line says so: it always writes something.
    """
    import typer
    from rich.markup import escape

    from pellucid.checkpoint import open_model
    from pellucid.generate import translate as translating
    from pellucid.inspect.alignment import align
    from pellucid.models import GPT, Transformer
    from pellucid.pictures.alignment import draw_alignment, print_alignment
    from pellucid.terminal.hypotheses import hypothesis_lines

    if (text is None) == (file is None):
        raise ConfigError(
            "what is translated is a text or the lines of a --file, and "
            f"{'neither' if text is None else 'both'} came: give one of the two"
        )
    if file is None and (out or pairs):
        raise ConfigError("--out and --pairs are for the lines of a --file, and none came: add it")
    if file is not None and (why or picture):
        raise ConfigError("--why and --picture explain one text, and a --file came: leave them out")
    if greedy and beam not in {1, 4}:
        raise ConfigError(f"--greedy is a beam of 1, and --beam {beam} came: leave out one")
    translator, tokenizer = open_model(
        model,
        kinds=(GPT, Transformer),
        **opening(model, tokenizer_name, dtype, device),
    )
    check_translates(model, translator, tokenizer)
    how: dict[str, Any] = {
        "width": 1 if greedy else beam,
        "alpha": length_penalty,
        "max_new_tokens": max_new_tokens,
        "early": early_stopping,
        "to": to,
    }
    screen = console()
    if file is not None:
        made = translate_file(translator, tokenizer, file, out, as_pairs=pairs, **how)
        if doubtful := sum(one.unsure for one in made):
            typer.echo(unsure(model, f"of {doubtful:,} of {len(made):,} translations"), err=True)
        return
    assert text is not None
    (found,) = translating(translator, tokenizer, [not_empty(text)], **how)
    screen.print(found.text, markup=False, soft_wrap=True)
    if found.unsure:
        average = f"it gives each token {found.confidence:.0%} on average"
        typer.echo(unsure(model, f"of this translation ({average})"), err=True)
    if why or picture:
        alignment = align(translator, tokenizer, text, found.hypotheses[0].tokens, to=to)
        if why:
            for line in hypothesis_lines(tokenizer, found.hypotheses):
                screen.print(line)
            print_alignment(screen, alignment)
        if picture:
            draw_alignment(alignment, picture)
            screen.print(f"alignment drawn to {escape(str(picture))}", soft_wrap=True)


def translate_file(
    model: "GPT | Transformer",
    tokenizer: "Tokenizer",
    path: Path,
    out: Path | None,
    *,
    as_pairs: bool,
    **how: Any,
) -> list["Translation"]:
    """Translate each line of a file that is not empty; those that are too long are left out.

    In their place stands an empty line, and with `as_pairs` nothing; how many there are is said.
    """
    import typer

    from pellucid.documents.losses import scoring
    from pellucid.files import write_text
    from pellucid.generate import fits
    from pellucid.generate import translate as translating
    from pellucid.text.corpus import read_text

    lines = [" ".join(line.split()) for line in read_text(path).splitlines()]
    known = [line for line in dict.fromkeys(lines) if line]
    short = [line for line in known if fits(model, tokenizer, line, to=how["to"])]
    if not short:
        raise ConfigError(
            f"a file must have a line that can be translated, and of the {len(lines)} of {path} "
            "none is neither empty nor longer than the model's positions: cut them into sentences"
        )
    with scoring(console(), "translating", "lines") as watch:
        translations = translating(model, tokenizer, short, watch=watch, **how)
    # A line each, and two texts a pair, whatever a young model writes.
    found = {
        line: " ".join(one.text.split()) for line, one in zip(short, translations, strict=True)
    }
    written = [found.get(line, "") for line in lines]
    if as_pairs:
        written = [f"{text}\t{line}" for line, text in found.items() if text]
    content = "".join(f"{line}\n" for line in written)
    if out is None:
        typer.echo(content, nl=False)
    else:
        write_text(out, content)
        typer.echo(f"{out}: {len(written):,} lines")
    if left := len(known) - len(short):
        typer.echo(f"note: {left:,} lines longer than the model's positions left out", err=True)
    return translations


def check_translates(name: str, model: "GPT | Transformer", tokenizer: "Tokenizer") -> None:
    """Raise `ConfigError` for a GPT that writes on and was not taught to translate."""
    from pellucid.models import GPT
    from pellucid.text.parallel import SEP

    if isinstance(model, GPT) and SEP not in tokenizer.special_tokens:
        raise ConfigError(
            f"a model must have been trained on pairs of texts to translate, and {name} writes on: "
            f"leave out --model for {TRANSLATOR}, or give one that train-translator made"
        )


def unsure(model: str, what: str) -> str:
    """What is said of translations that the model itself gives little for."""
    from pellucid.shipped import DESCRIBED

    knows = (
        f"it knows {DESCRIBED[model].trained_on} (pellucid models {model})"
        if model in DESCRIBED
        else "it may not have met such a text"
    )
    return f"note: {model} is unsure {what}: {knows}"
