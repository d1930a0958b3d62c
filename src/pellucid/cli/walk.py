"""`pellucid walk`: one whole step, number by number, in the terminal or as a document."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from typer import Context, Option

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
from pellucid.cli.options.output import BY_HAND, DIGITS, LAYERS, OUT, SHOW, blocks_of, digits_of
from pellucid.cli.options.sampling import SEED, seed_of
from pellucid.cli.options.text import TEXT_OR_EXAMPLE, not_empty
from pellucid.cli.recorded import STEP, reader_of, record_text
from pellucid.cli.screen import colophon, console
from pellucid.documents.formats import WRITERS, check_path, write_document
from pellucid.errors import ConfigError

if TYPE_CHECKING:
    from pellucid.documents.recipe import Reproduction
    from pellucid.prove import Proof, Stepped
    from pellucid.train import Trace
    from pellucid.walkthrough import Walkthrough


def walk(
    context: Context,
    text: Annotated[str | None, TEXT_OR_EXAMPLE] = None,
    model: Annotated[str | None, MODEL] = None,
    tokenizer_name: Annotated[str | None, MODEL_TOKENIZER] = None,
    show: Annotated[list[str] | None, variant(SHOW, "As in h.0.attn.att[0,1]. Repeatable.")] = None,
    layers: Annotated[str | None, variant(LAYERS, "They are printed in full.")] = None,
    digits: Annotated[int | None, DIGITS] = None,
    by_hand: Annotated[int | None, BY_HAND] = None,
    update: Annotated[
        bool,
        Option("--update/--no-update", help="Take a step with the optimizer."),
    ] = True,
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
        Option("--worksheet", help="Leave blanks in the document to fill in, with an answer key."),
    ] = False,
    blanks: Annotated[
        float | None,
        Option(min=0, max=1, help="The share of a step's numbers that is left blank, such as 0.3."),
    ] = None,
    seed: Annotated[int, variant(SEED, "that choose a worksheet's blanks.")] = 0,
    special: Annotated[bool, SPECIAL] = False,
    dtype: Annotated[Dtype | None, MODEL_DTYPE] = None,
    device: Annotated[str, DEVICE] = "cpu",
) -> None:
    """Walk through one whole step: forward, loss, every gradient, and the update.

    Without a model: a worked example, by default "AI rocks", in float64; or a text of several
    words, by english-1M.
    """
    from pellucid.documents.build import document, value
    from pellucid.documents.worksheet import SHARE
    from pellucid.documents.worksheet import worksheet as with_blanks
    from pellucid.terminal.text import Walk, print_walk

    decimals = digits_of(digits, by_hand)
    with_key = worksheet or blanks is not None
    _check(out, shown=bool(show), shapes=shapes, by_hand=bool(by_hand), key=with_key, prove=prove)
    settings = {"optimizer": optimizer, "learning_rate": learning_rate} if update else None
    model = reader_of(text, model)
    how = opening(model, tokenizer_name, dtype, device, special=special)
    if model is None:
        walked = _example(text or "ai_rocks", settings, layers)
    else:
        walked = _step(not_empty(text), model, settings, layers, how)
    walkthrough, recipe = walked.walkthrough, walked.recipe
    reading: dict[str, Any] = {}
    proof = None
    if by_hand:
        walkthrough, recipe, reading = _by_hand(walked, by_hand)
    if prove and out is not None:
        proof, reading = _proved(walked, decimals, out)
    reading |= {"colophon": colophon(context), "recipe": recipe}
    made = document(walkthrough, digits=decimals, **reading)
    screen = console()
    if out is not None:
        if with_key:
            made = with_blanks(made, SHARE if blanks is None else blanks, seed_of(seed))
        size = write_document(made, out)
        screen.print(f"{out}: {size:,} bytes", markup=False, soft_wrap=True)
        if proof is not None and not proof.proved:
            raise typer.Exit(1)
        return
    way = Walk(made, width=screen.width, shapes=shapes)
    if show:
        for name in show:
            for line in way.show(value(walkthrough, name, decimals)):
                screen.print(line)
    else:
        print_walk(screen, way)


class _Walked(NamedTuple):
    """A walkthrough, how to repeat it, and for a proof the model that took the step."""

    walkthrough: "Walkthrough"
    recipe: "Reproduction"
    stepped: "Stepped | None" = None


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


def _by_hand(walked: _Walked, digits: int) -> "tuple[Walkthrough, Reproduction, dict[str, Any]]":
    """The walkthrough and recipe by hand, and what a document takes from them."""
    from pellucid.documents.by_hand import arithmetic, walkthrough_by_hand
    from pellucid.documents.links import origins_of
    from pellucid.documents.recipe import by_hand_recipe
    from pellucid.tape import select

    walkthrough, hand = walkthrough_by_hand(walked.walkthrough, digits)
    # What was made from what is the same as in the exact run, where it can be explained.
    tape = walked.walkthrough.tape
    reading = {
        "arithmetic": arithmetic(hand),
        "origin": origins_of(tape),
        "exact": lambda name: float(select(tape, name)),
    }
    return walkthrough, by_hand_recipe(walked.recipe, digits), reading


def _proved(walked: _Walked, digits: int, out: Path) -> "tuple[Proof, dict[str, Any]]":
    """The proof of a walkthrough, its certificate written, and what a document takes from it."""
    from pellucid.cli.proved_runs import beside_slopes
    from pellucid.documents.certified import certified
    from pellucid.documents.numbers import Format
    from pellucid.files import write_text
    from pellucid.prove import certificate, prove
    from pellucid.terminal.proving import shown

    walkthrough, _, stepped = walked
    with shown(console(), None) as watch:
        proof = prove(
            walkthrough.tape,
            written=lambda values: Format(values, digits),
            stepped=stepped,
            differences=beside_slopes(stepped),
            watch=watch,
        )
    file = out.with_suffix(".certificate.json")
    write_text(file, certificate([(proof, None)], digits=digits, title=walkthrough.title))
    return proof, certified(proof, file.name)._asdict()


def _example(name: str, settings: dict[str, Any] | None, layers: str | None) -> _Walked:
    """A worked example's walkthrough; one without an optimizer's step has no settings for it."""
    from pellucid.documents.recipe import demonstration_recipe, example_recipe
    from pellucid.examples import Example, find_example

    example = find_example(name)
    if isinstance(example, Example):
        update = None if settings is None else example.update | _given(settings)
        blocks = blocks_of(layers, example.model.config.n_layer)
        walkthrough = example.walkthrough(update, blocks)
        recipe = example_recipe(name, update, blocks)
        return _Walked(walkthrough, recipe, _stepped(example.model, walkthrough))
    if settings is None or _given(settings) or layers:
        raise ConfigError(
            f"only a model's example takes --layers and an optimizer's step, and {name} is none: "
            "leave out --layers, --optimizer, --learning-rate and --no-update"
        )
    walkthrough = example.walkthrough()
    return _Walked(walkthrough, demonstration_recipe(name, walkthrough.tape))


def _step(
    text: str, name: str, settings: dict[str, Any] | None, layers: str | None, how: dict[str, Any]
) -> _Walked:
    """The walkthrough of one step of a model on a text; `how` says how to open the model."""
    from pellucid.documents.recipe import model_recipe
    from pellucid.walkthrough import gpt_walkthrough

    given = None if settings is None else STEP | _given(settings)
    trace = record_text(text, name, how, given)
    about = f"{text!r} through {trace.model}{_next(trace)}"
    blocks = blocks_of(layers, trace.model.config.n_layer)
    opened = {
        key: repr(value)
        if isinstance(value, str | bool)
        else f"torch.{repr(value).removeprefix('torch.')}"
        for key, value in how.items()
        if value is not None
    }
    walkthrough = gpt_walkthrough(trace, name, about, blocks)
    recipe = model_recipe(text, name, given, blocks, opened)
    return _Walked(walkthrough, recipe, _stepped(trace.model, walkthrough))


def _next(trace: "Trace") -> str:
    """In words, what the model takes to come after the whole text, where that fits."""
    from pellucid.inspect import next_tokens

    tokens = [*trace.tape.value("tokens").tolist(), int(trace.tape.value("targets")[-1])]
    if len(tokens) > trace.model.config.block_size:
        return ""
    likeliest = next_tokens(trace.model, tokens)
    told = ", ".join(
        f"'{trace.piece(one.token)}' {100 * one.probability:.3g}%" for one in likeliest
    )
    return f".\nThe likeliest next tokens: {told}"


def _stepped(model: Any, walkthrough: "Walkthrough") -> "Stepped":
    from pellucid.prove import Stepped

    return Stepped(model, (walkthrough.tape.value("tokens"), walkthrough.tape.value("targets")))


def _given(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings that the user gave."""
    return {key: value for key, value in settings.items() if value is not None}
