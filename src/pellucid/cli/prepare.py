"""`pellucid prepare`: texts of any size into files of tokens to train on."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from pellucid.cli.options import console


def prepare(
    texts: Annotated[
        list[str],
        Argument(
            metavar="TEXT...",
            help="UTF-8 texts, gzipped or not, each a document; - is standard input.",
        ),
    ],
    out: Annotated[Path, Option("--out", "-o", metavar="DIR", help="Directory for the tokens.")],
    tokenizer: Annotated[
        str,
        Option(help="gpt2, chars, words, bpe:N (learnt from the texts), or a tokenizer's file."),
    ] = "gpt2",
    held_out: Annotated[
        float | None,
        Option(help="The last part of the tokens, not to be trained on; 0.1 by default."),
    ] = None,
    valid: Annotated[
        list[str] | None,
        Option(metavar="TEXT", help="Hold out this text instead; repeatable."),
    ] = None,
    overwrite: Annotated[
        bool, Option("--overwrite", help="Replace what is in the directory.")
    ] = False,
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
            valid=valid or (),
            overwrite=overwrite,
            watch=watch,
        )
    for line in prepared_lines(data, out):
        screen.print(line, markup=False, soft_wrap=True)
