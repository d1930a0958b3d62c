"""`pellucid compare`: where another program's run first differs, and why."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from pellucid.cli.options import variant
from pellucid.cli.options.model import DTYPE, Dtype, dtype_of
from pellucid.cli.options.output import OUT, PICTURE
from pellucid.cli.screen import console

if TYPE_CHECKING:
    from pellucid.models.vocabularies.rule import NameRule
    from pellucid.reference import Pack


def compare(
    mine: Annotated[
        Path,
        Argument(
            metavar="MINE",
            help="Your tensors: .safetensors, .npz, .pt, .gguf, a dump or llm.c's state in .bin, "
            "or a folder of .npy, .bin or .safetensors, under names of docs/names.md.",
        ),
    ],
    pack: Annotated[Path, Argument(metavar="PACK", help="What `pellucid reference` wrote.")],
    rules: Annotated[
        list[str] | None,
        Option(
            "--map",
            metavar="RULE|FILE",
            help="How your names lead to ours: a rule, 'blocks.{i}.up.weight.T -> "
            "h.{i}.mlp.c_fc.weight', or a file of them, one a line, or a JSON object. Repeatable.",
        ),
    ] = None,
    guess: Annotated[
        bool,
        Option(
            "--guess",
            help="Pair tensors whose names are not known with the pack's, by shapes and numbers; "
            "print the rules, and compare by those that are sure.",
        ),
    ] = False,
    guess_to: Annotated[
        Path | None,
        Option(metavar="FILE.txt", help="Guess, and write the rules, for --map."),
    ] = None,
    dtype: Annotated[
        Dtype | None,
        variant(
            DTYPE, "The one that you computed in.", default="the coarsest that your tensors have"
        ),
    ] = None,
    require: Annotated[
        list[str] | None,
        Option(
            metavar="PATTERN",
            help="Tensors of the pack that must be judged, such as 'dh.*' or '*'. Repeatable.",
        ),
    ] = None,
    accept: Annotated[
        str,
        Option(
            metavar="NAMES",
            help="Known mistakes and dtypes that count as agreement where they explain all, such "
            "as gelu_erf,tf32_matmul.",
        ),
    ] = "",
    out: Annotated[Path | None, variant(OUT, "all findings, a .json.")] = None,
    junit: Annotated[
        Path | None,
        Option(metavar="FILE.xml", help="Write JUnit's XML: a test case a tensor of the pack."),
    ] = None,
    markdown: Annotated[
        Path | None, Option(metavar="FILE.md", help="Write a short summary, for a pull request.")
    ] = None,
    explain: Annotated[
        str | None,
        Option(
            metavar="NAME",
            help="Compare nothing: print how far this tensor may be off in each dtype. MINE may be "
            "the pack.",
        ),
    ] = None,
    picture: Annotated[
        Path | None, variant(PICTURE, "It shows where the first differing tensor differs.")
    ] = None,
) -> None:
    """Find where your tensors first differ from a reference pack, and name the likely mistake.

    Exit code 0 if nothing differs, 1 if something does, 2 if a file cannot be read, and 3 if there
    is too little to judge: nothing, or not all that is required.
    """
    from pellucid.compare import Mine, read_rules
    from pellucid.compare import compare as compare_with
    from pellucid.files import check_writable, write_text
    from pellucid.reference import open_pack
    from pellucid.terminal.compare import comparison_lines
    from pellucid.terminal.compare_ci import comparison_junit, comparison_markdown
    from pellucid.terminal.compare_json import comparison_json

    opened = open_pack(pack)
    own_map = read_rules(rules or ())
    if picture is not None:
        from pellucid.pictures.figure import check_picture

        check_picture(picture)
    for file in (out, junit, markdown, guess_to):
        if file is not None:
            check_writable(file)
    screen = console()
    if guess or guess_to is not None:
        own_map = (*own_map, *_guessed(mine, opened, own_map, guess_to))
    theirs = Mine.open(mine, opened.blank, own_map, opened)
    if explain is not None:
        from pellucid.compare import tolerances
        from pellucid.terminal.compare_tolerance import tolerance_lines

        for said in tolerance_lines(explain, tolerances(opened, theirs, explain)):
            screen.print(said)
        return
    with screen.status("comparing") as status:
        found = compare_with(
            opened,
            theirs,
            dtype=dtype_of(dtype),
            require=require or (),
            accept=[name.strip() for name in accept.split(",")] if accept else (),
            progress=lambda what: status.update(f"comparing: {what}"),
        )
    title = f"{mine} with {pack}"
    for line in comparison_lines(found, title):
        screen.print(line)
    own = {opened.place, *(opened.place / file for file in opened.files)}
    if mine.resolve() in {place.resolve() for place in own}:
        own_said = f"{mine} is the pack's own: this says nothing of another program's numbers"
        screen.print(own_said, markup=False, soft_wrap=True)
    written = (
        (out, comparison_json),
        (junit, comparison_junit),
        (markdown, comparison_markdown),
    )
    for file, content in written:
        if file is not None:
            write_text(file, content(found, title))
    if picture is not None and found.findings:
        from pellucid.pictures.plots import draw_differences

        draw_differences(found.findings[0].fault, picture)
        screen.print(f"drawn to {picture}", markup=False, soft_wrap=True)
    if not found.agrees:
        raise typer.Exit(1 if found.differs else 3)


def _guessed(
    mine: Path, pack: "Pack", own_map: "tuple[NameRule, ...]", file: Path | None
) -> "tuple[NameRule, ...]":
    """The rules that are guessed, printed, and written to a file."""
    from pellucid.compare import Mine
    from pellucid.compare.guessing import guess as guess_rules
    from pellucid.files import write_text
    from pellucid.terminal.compare_guess import guess_lines

    screen = console()
    with screen.status("guessing"):
        proposal = guess_rules(pack, Mine.read(mine, pack.blank, own_map, pack), own_map)
    for said in guess_lines(proposal):
        screen.print(said)
    if file is not None:
        write_text(file, proposal.text)
        screen.print(f"written to {file}", markup=False, soft_wrap=True)
    return proposal.rules
