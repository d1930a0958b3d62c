"""`pellucid prepare`: texts of any size into files of tokens to train on."""

from pathlib import Path
from typing import Annotated

from typer import Argument

from pellucid.cli.options import variant
from pellucid.cli.options.model import LEARNT_TOKENIZER, SPECIAL
from pellucid.cli.options.output import OUT, OVERWRITE
from pellucid.cli.options.text import HELD_OUT, VALID
from pellucid.cli.screen import console


def prepare(
    texts: Annotated[
        list[str],
        Argument(
            metavar="TEXT...",
            help="UTF-8 texts, gzipped or not, one document each; - is standard input.",
        ),
    ],
    out: Annotated[Path, variant(OUT, "the files of tokens, a directory.")],
    tokenizer: Annotated[str, LEARNT_TOKENIZER] = "gpt2",
    held_out: Annotated[
        float | None, variant(HELD_OUT, "Taken from the end.", default="0.1")
    ] = None,
    valid: Annotated[list[Path] | None, VALID] = None,
    special: Annotated[bool, SPECIAL] = False,
    overwrite: Annotated[bool, OVERWRITE] = False,
) -> None:
    """Encode texts of any size into memory-mapped files of tokens, for `pellucid train DIR`."""
    from pellucid.errors import ConfigError
    from pellucid.terminal.preparing import prepared_lines, preparing
    from pellucid.text.prepare import HELD_OUT
    from pellucid.text.prepare import prepare as write

    if valid and held_out is not None:
        raise ConfigError("what is held out is a part or a text: leave out --held-out or --valid")
    screen = console()
    with preparing(screen) as watch:
        data = write(
            texts,
            out,
            tokenizer=tokenizer,
            held_out=HELD_OUT if held_out is None else held_out,
            valid=list(map(str, valid or ())),
            special=special,
            overwrite=overwrite,
            watch=watch,
        )
    for line in prepared_lines(data, out):
        screen.print(line, markup=False, soft_wrap=True)
