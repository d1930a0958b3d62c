"""What all commands have beyond Typer's: answers to old names of options, and help that wraps."""

from typing import TYPE_CHECKING, Any

from typer.core import TyperCommand

from pellucid.errors import ConfigError

if TYPE_CHECKING:
    from typer import Context

RENAMED = {
    ("explain", "--update"): "--optimizer",
    ("translate", "--alignment"): "--picture",
    ("bench", "--batch"): "--batch-size",
    ("bench", "--new"): "--max-new-tokens",
    ("bench", "--gpt2"): "--model gpt2-124M-random",
    ("export", "--to"): "--format",
    ("prove", "--differences"): "--check-gradients",
    ("prove", "--no-differences"): "--no-check-gradients",
    ("train-translator", "--batch-size"): "--batch-tokens",
}
"""By command and old option: the new one."""


class CurrentCommand(TyperCommand):
    """A command that answers an option's old name with its new one, and cuts off no help."""

    def parse_args(self, ctx: "Context", args: list[str]) -> list[str]:  # type: ignore[override]
        """Read the arguments; `ConfigError` where one is an option that was renamed."""
        for word in args[: args.index("--")] if "--" in args else args:
            option = word.partition("=")[0]
            if new := RENAMED.get((str(ctx.info_name), option)):
                raise ConfigError(
                    f"{option} of pellucid {ctx.info_name} has been renamed: write {new}"
                )
        return super().parse_args(ctx, args)

    def format_help(self, *given: Any) -> None:
        """Write the help; Typer's own table cuts off the names that it has no room for."""
        from typer import rich_utils

        from pellucid.terminal.lines import FoldingTable

        vars(rich_utils)["Table"] = FoldingTable
        super().format_help(*given)
