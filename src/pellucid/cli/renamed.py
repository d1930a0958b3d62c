"""Renamed options: the old name is answered with the new one."""

from typing import TYPE_CHECKING

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
    """A command that answers an option's old name with its new one."""

    def parse_args(self, ctx: "Context", args: list[str]) -> list[str]:  # type: ignore[override]
        """Read the arguments; `ConfigError` where one is an option that was renamed."""
        for word in args[: args.index("--")] if "--" in args else args:
            option = word.partition("=")[0]
            if new := RENAMED.get((str(ctx.info_name), option)):
                raise ConfigError(
                    f"{option} of pellucid {ctx.info_name} has been renamed: write {new}"
                )
        return super().parse_args(ctx, args)
