"""`pellucid translate`: a text in one language in, in another out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument

from pellucid.cli.options import variant
from pellucid.cli.options.model import DEVICE, MODEL, MODEL_DTYPE, MODEL_TOKENIZER, Dtype, opening
from pellucid.cli.options.output import PICTURE
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
    from pellucid.models import GPT, Transformer
    from pellucid.text import Tokenizer


def translate(
    text: Annotated[str, Argument(help="The text to translate.")],
    model: Annotated[str, MODEL] = TRANSLATOR,
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
    """Translate a text with the translator that comes along, or one that train-translator made.

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

    if greedy and beam not in {1, 4}:
        raise ConfigError(f"--greedy is a beam of 1, and --beam {beam} came: leave out one")
    translator, tokenizer = open_model(
        model,
        kinds=(GPT, Transformer),
        **opening(model, tokenizer_name, dtype, device),
    )
    check_translates(model, translator, tokenizer)
    (found,) = translating(
        translator,
        tokenizer,
        [not_empty(text)],
        width=1 if greedy else beam,
        alpha=length_penalty,
        max_new_tokens=max_new_tokens,
        early=early_stopping,
    )
    screen = console()
    screen.print(found.text, markup=False, soft_wrap=True)
    if found.unsure:
        typer.echo(unsure(model, found.confidence), err=True)
    if why or picture:
        alignment = align(translator, tokenizer, text, found.hypotheses[0].tokens)
        if why:
            for line in hypothesis_lines(tokenizer, found.hypotheses):
                screen.print(line)
            print_alignment(screen, alignment)
        if picture:
            draw_alignment(alignment, picture)
            screen.print(f"alignment drawn to {escape(str(picture))}", soft_wrap=True)


def check_translates(name: str, model: "GPT | Transformer", tokenizer: "Tokenizer") -> None:
    """Raise `ConfigError` for a GPT that writes on and was not taught to translate."""
    from pellucid.models import GPT
    from pellucid.text.parallel import SEP

    if isinstance(model, GPT) and SEP not in tokenizer.special_tokens:
        raise ConfigError(
            f"a model must have been trained on pairs of texts to translate, and {name} writes on: "
            f"leave out --model for {TRANSLATOR}, or give one that train-translator made"
        )


def unsure(model: str, confidence: float) -> str:
    """What is said of a translation that the model itself gives little for."""
    from pellucid.shipped import DESCRIBED

    knows = (
        f"it knows {DESCRIBED[model].trained_on} (pellucid models {model})"
        if model in DESCRIBED
        else "it may not have met such a text"
    )
    return (
        f"note: {model} is unsure of this translation (it gives each token {confidence:.0%} on "
        f"average): {knows}"
    )
