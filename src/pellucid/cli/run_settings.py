"""A training's settings: the command's options, or those that the run was started with."""

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin, get_type_hints

from typer import Context

from pellucid.cli.screen import given_options
from pellucid.errors import CheckpointError, ConfigError

if TYPE_CHECKING:
    from pellucid.train import Recipe

RUN_ONLY = ("out", "resume", "overwrite", "num_samples", "find_learning_rate")
"""Options that say what to do with a run, and not what the run is."""

FREE = (
    *("layout", "tensor", "device", "compiled", "recompute"),
    *("save_interval", "log_interval", "patience"),
)
"""Settings that may be others when a run goes on: its weights do not depend on them."""

GROWS = "max_iters"
"""The setting that may be larger when a run goes on: so it is extended."""


def settings_of(context: Context) -> dict[str, Any]:
    """The command's options: as given, or of a run that is to go on, as it was begun with.

    Raises `ConfigError` where an option that is given is not what the run was begun with, and
    `CheckpointError` where what the run says of an option is no value that it can have.
    """
    from pellucid.train.run import RUN, has_point, run_settings

    out, resume = context.params["out"], context.params["resume"]
    given = {name: _plain(value) for name, value in context.params.items() if name not in RUN_ONLY}
    if not (resume and has_point(out)):
        return given
    begun: dict[str, Any] = run_settings(out).get("options", {})
    if unknown := begun.keys() - given.keys():
        raise ConfigError(
            "a run resumes with the options that it started with, and pellucid "
            f"{context.info_name} has no {min(unknown)} any more: resume with the version that "
            "started it, or start anew with --overwrite"
        )
    kinds = get_type_hints(context.command.callback)
    for name, value in begun.items():
        if not _fits(value, kinds[name]):
            raise CheckpointError(
                f"{out / RUN} must have a value for {option_of(context, name)} that it can have, "
                f"and it has {str(value)[:40]!r}: restore the file, or start anew with --overwrite"
            )
    said = given_options(context) & given.keys()
    for name in sorted((said & begun.keys()) - set(FREE)):
        if given[name] != begun[name] and not (name == GROWS and given[name] > begun[name]):
            may = " may only grow: it" if name == GROWS else ""
            raise ConfigError(
                f"a run resumes as it was started, and {option_of(context, name)}{may} was "
                f"{begun[name]} and is to be {given[name]}: leave it out, or start anew "
                "with --overwrite"
            )
    return given | begun | {name: given[name] for name in said & {*FREE, GROWS}}


def _fits(value: Any, kind: Any) -> bool:
    """Whether a value from JSON is one of an option of this type."""
    if isinstance(kind, UnionType) or get_origin(kind) is Union:
        return any(_fits(value, part) for part in get_args(kind))
    if get_origin(kind) is list:
        return isinstance(value, list) and all(_fits(part, get_args(kind)[0]) for part in value)
    if kind is float:
        return type(value) in {int, float}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return value in [member.value for member in kind]
    return type(value) is {Path: str}.get(kind, kind)


def _plain(value: Any) -> Any:
    """An option's value as JSON takes it; a path is made good for any working directory."""
    if isinstance(value, Path):
        return str(value.resolve() if value.exists() else value)
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value.value if hasattr(value, "value") else value


def option_of(context: Context, name: str) -> str:
    """What a parameter is called on the command line."""
    option = next(option for option in context.command.params if option.name == name)
    return "the text" if option.param_type_name == "argument" else str(option.opts[0])


def recipe_of(settings: Mapping[str, Any], **fixed: Any) -> "Recipe":
    """The recipe that the options say."""
    from dataclasses import fields

    from pellucid.train import Recipe

    known = {field.name for field in fields(Recipe)}
    return Recipe(**{name: settings[name] for name in known & settings.keys()} | fixed)
