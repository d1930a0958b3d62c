"""`pellucid tokenize`: a text's tokens, and how BPE merged them."""

from typing import Annotated

from typer import Argument, Option

from pellucid.cli.options.model import LEARNT_TOKENIZER, SPECIAL
from pellucid.cli.options.text import not_empty
from pellucid.cli.screen import console
from pellucid.errors import ConfigError


def tokenize(
    text: Annotated[str, Argument(help="The text to cut into tokens.")],
    tokenizer: Annotated[str, LEARNT_TOKENIZER] = "gpt2",
    special: Annotated[bool, SPECIAL] = False,
    merges: Annotated[bool, Option("--merges", help="Show how each piece was merged.")] = False,
) -> None:
    """Show a text's tokens: ids, pieces and bytes; with --merges, how BPE made them."""
    from pellucid.terminal.tokens import merge_lines, token_table
    from pellucid.text import BPE, choose_tokenizer

    chosen = choose_tokenizer(tokenizer, not_empty(text), special=special)
    if merges and not isinstance(chosen, BPE):
        raise ConfigError(
            f"only a BPE merges, and {tokenizer} is a tokenizer by {chosen.kind}: leave out "
            "--merges, or take --tokenizer gpt2"
        )
    screen = console()
    if isinstance(chosen, BPE) and merges:
        for line in merge_lines(chosen, text):
            screen.print(line)
        screen.print()
    screen.print(token_table(chosen, text))
