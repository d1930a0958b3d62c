"""`pellucid walk`: one whole step, number by number, in the terminal or as a document."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Context, Option

from pellucid.cli.handed_out import check_paths, handout, write_handout, write_worksheet
from pellucid.cli.hints import next_words, read, say
from pellucid.cli.options import variant
from pellucid.cli.options.model import (
    DEVICE,
    MODEL,
    MODEL_DTYPE,
    MODEL_TOKENIZER,
    SPECIAL,
    Dtype,
    opening,
)
from pellucid.cli.options.optimizer import LEARNING_RATE, OPTIMIZER
from pellucid.cli.options.output import (
    BY_HAND,
    DIGITS,
    LAYERS,
    OUT,
    SHOW,
    digits_of,
    numbers_of,
)
from pellucid.cli.options.sampling import SEED, seed_of
from pellucid.cli.options.text import TEXT_OR_EXAMPLE
from pellucid.cli.recorded import reader_of
from pellucid.cli.screen import colophon, console
from pellucid.cli.walked import in_rounded_figures, of_example, of_text, proved
from pellucid.documents.formats import WRITERS, check_path, write_document
from pellucid.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pellucid.documents.values import Value
    from pellucid.terminal.text import Walk


def walk(
    context: Context,
    text: Annotated[str | None, TEXT_OR_EXAMPLE] = None,
    model: Annotated[str | None, MODEL] = None,
    tokenizer_name: Annotated[str | None, MODEL_TOKENIZER] = None,
    show: Annotated[list[str] | None, variant(SHOW, "As in h.0.attn.att[0,1]. Repeatable.")] = None,
    layers: Annotated[str | None, variant(LAYERS, "They are printed in full.")] = None,
    digits: Annotated[int | None, DIGITS] = None,
    by_hand: Annotated[int | None, BY_HAND] = None,
    full: Annotated[
        bool, Option("--full", help="Every step with all its tables and formulas.")
    ] = False,
    steps: Annotated[
        str | None,
        Option(metavar="LIST", help="These steps in full, by their numbers, as in 4-5 or 2,4-5."),
    ] = None,
    step: Annotated[
        int | None,
        Option(min=1, help="This step in full; in a terminal a step a screen, from it on."),
    ] = None,
    forward: Annotated[bool, Option("--forward", help="The forward pass in full.")] = False,
    backward: Annotated[bool, Option("--backward", help="The gradients in full.")] = False,
    update: Annotated[
        bool | None,
        Option("--update/--no-update", help="The optimizer's step in full; or take none."),
    ] = None,
    optimizer: Annotated[
        str | None, variant(OPTIMIZER, default="the example's own, or adamw")
    ] = None,
    learning_rate: Annotated[
        float | None, variant(LEARNING_RATE, default="the example's own, or 0.001")
    ] = None,
    shapes: Annotated[
        bool, Option("--shapes", help="Print only names and shapes, without numbers.")
    ] = False,
    out: Annotated[
        Path | None,
        variant(OUT, f"a document, instead of printing: {', '.join(WRITERS)}."),
    ] = None,
    prove: Annotated[
        bool,
        Option(
            "--prove", help="Prove the digits in the document, and write a certificate beside it."
        ),
    ] = False,
    worksheet: Annotated[
        bool,
        Option(
            "--worksheet",
            help="Write a handout of one or two pages to work on by hand, and beside it the key "
            "and the sheet for pellucid grade; with --full, the whole walk with blanks.",
        ),
    ] = False,
    exercises: Annotated[
        bool,
        Option("--exercises", help="The same as a notebook whose cells grade, for nbgrader too."),
    ] = False,
    blanks: Annotated[
        float | None,
        Option(
            min=0,
            max=1,
            help="The share of each step's numbers that the whole walk leaves blank, such as 0.3.",
        ),
    ] = None,
    seed: Annotated[
        int, variant(SEED, "of a worksheet: 0 for the run's own, another for another version.")
    ] = 0,
    special: Annotated[bool, SPECIAL] = False,
    dtype: Annotated[Dtype | None, MODEL_DTYPE] = None,
    device: Annotated[str, DEVICE] = "cpu",
) -> None:
    """Walk through one whole step: forward, loss, every gradient, and the update.

    In short, unless more is asked for: what each step is for, and the tables that matter.

    Without a model: a worked example, by default "AI rocks", in float64; or a text of several
    words, by the model that comes along.
    """
    from pellucid.documents.build import document, value
    from pellucid.documents.worksheet import SHARE
    from pellucid.documents.worksheet import worksheet as with_blanks
    from pellucid.terminal.text import Walk
    from pellucid.walkthrough import brief, chosen

    decimals = digits_of(digits, by_hand)
    with_key = worksheet or exercises or blanks is not None
    whole = blanks is not None or (worksheet and full)
    _check_handout(
        out, whole=whole, exercises=exercises, handed=with_key, by_hand=by_hand, prove=prove
    )
    _check(out, shown=bool(show), shapes=shapes, by_hand=bool(by_hand), key=with_key, prove=prove)
    _check_parts(out, step, steps, shown=bool(show))
    settings = {"optimizer": optimizer, "learning_rate": learning_rate}
    taken = None if update is False else settings
    model = reader_of(text, model)
    how = opening(model, tokenizer_name, dtype, device, special=special)
    example = text or "ai_rocks" if model is None else None
    walked = (
        of_example(text or "ai_rocks", taken, layers)
        if model is None
        else of_text(text, model, taken, layers, how)
    )
    if with_key and not whole and out is not None:
        sheet = handout(
            walked.walkthrough,
            example,
            walked.update,
            digits=decimals,
            steps=numbers_of(steps),
            seed=seed_of(seed),
        )
        _say(write_handout(sheet, out, colophon(context), exercises=exercises))
        return
    walkthrough, recipe = walked.walkthrough, walked.recipe
    reading: dict[str, Any] = {}
    proof = None
    if by_hand:
        walkthrough, recipe, reading = in_rounded_figures(walked, by_hand)
    if prove and out is not None:
        proof, reading = proved(walked, decimals, out)
    asked = {"forward": forward, "backward": backward, "update": update is True}
    ways = [way for way, wanted in asked.items() if wanted]
    walkthrough = chosen(walkthrough, numbers_of(steps), ways)
    complete = walkthrough
    if not (full or shapes or by_hand or steps or step or ways or out or show):
        walkthrough = brief(walkthrough)
    reading |= {"colophon": colophon(context), "recipe": recipe}
    made = document(walkthrough, digits=decimals, **reading)
    screen = console()
    if out is not None:
        if with_key:
            made = with_blanks(made, SHARE if blanks is None else blanks, seed_of(seed))
            _say(write_worksheet(made, walkthrough.tape, out, seed, by_hand=bool(by_hand)))
        else:
            _say([(out, write_document(made, out))])
        if proof is not None and not proof.proved:
            raise typer.Exit(1)
        return
    short = walkthrough.parts != complete.parts
    way = Walk(made, width=screen.width, shapes=shapes, short=short)
    shown = [value(walkthrough, name, decimals) for name in show or ()]
    _print(way, shown, step, hint=next_words(made, read(context.params)))


def _print(way: "Walk", shown: "list[Value]", step: int | None, *, hint: "list[str]") -> None:
    """Print some values, or page through steps, or the walk and what to try next."""
    from pellucid.terminal.pages import page_through
    from pellucid.terminal.text import print_walk

    screen = console()
    for one in shown:
        for line in way.show(one):
            screen.print(line)
    if step:
        page_through(screen, way, step)
    elif not shown:
        print_walk(screen, way)
        say(screen, hint)


def _say(written: "Iterable[tuple[Path, int]]") -> None:
    """A line for each file that was written."""
    for path, size in written:
        console().print(f"{path}: {size:,} bytes", markup=False, soft_wrap=True)


def _check_handout(
    out: Path | None,
    *,
    whole: bool,
    exercises: bool,
    handed: bool,
    by_hand: int | None,
    prove: bool,
) -> None:
    """Refuse what no handout has, and what only a handout has."""
    if exercises and whole:
        raise ConfigError(
            "--exercises ask a few numbers, and --full and --blanks are for the whole walk: leave "
            "out one"
        )
    if handed and prove and not whole:
        raise ConfigError(
            "a handout's numbers are printed figures, and --prove certifies those of the run: "
            "leave out one, or add --full"
        )
    if handed and by_hand and not whole:
        raise ConfigError(
            "each answer of a handout follows from the figures that it prints, and --by-hand "
            f"rounds a whole walk on the way: --digits {by_hand} for shorter figures, or add --full"
        )
    if out is not None and handed:
        check_paths(out, exercises=exercises)


def _check(
    out: Path | None, *, shown: bool, shapes: bool, by_hand: bool, key: bool, prove: bool
) -> None:
    """Refuse options that contradict each other, and a file that cannot be written."""
    if by_hand and shapes:
        raise ConfigError("--shapes prints no numbers, and --by-hand changes them: leave out one")
    if by_hand and prove:
        raise ConfigError(
            "--prove certifies the true numbers, and --by-hand rounds on the way to others: leave "
            "out one"
        )
    if out is None and key:
        raise ConfigError("a worksheet is a document, and no file is named: add -o walk.html")
    if out is None and prove:
        raise ConfigError(
            "a certificate needs a document, and no file is named: add -o walk.html, or "
            "use pellucid prove"
        )
    if out is not None and (shown or shapes):
        raise ConfigError("a document has the whole walk: leave out --show and --shapes, or -o")
    if out is not None:
        check_path(out)


def _check_parts(out: Path | None, step: int | None, steps: str | None, *, shown: bool) -> None:
    """Refuse two ways to say which steps are meant."""
    if step is not None and (steps is not None or shown or out is not None):
        raise ConfigError(
            "--step goes through a walk from one step on, in the terminal: leave out --steps, "
            "--show and -o, or --step"
        )
