"""The same thing has the same option in every command, and each option is declared once."""

import importlib
import pkgutil
import re
from collections import defaultdict
from pathlib import Path
from types import NoneType
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

import pytest
from typer.models import ArgumentInfo, OptionInfo

from pellucid.cli import app, options
from pellucid.cli.export import Numbers
from pellucid.cli.options.model import Dtype
from pellucid.cli.renamed import RENAMED
from tests.cli.commands import name_of
from tests.cli.conftest import Command

REPEATABLE = "Repeatable."


class Declared(NamedTuple):
    """An option or argument of a command."""

    command: str
    parameter: str
    kind: str  # of one value: int, Path, a choice
    many: bool
    info: Any
    flags: tuple[str, ...]


def kind_of(hint: Any) -> tuple[str, bool]:
    """The type of one value, and whether there may be several."""
    (kind,) = [one for one in get_args(hint) if one is not NoneType] or [hint]
    many = get_origin(hint) is list or get_origin(kind) is list
    while get_args(kind):
        (kind,) = set(get_args(kind))  # of a pair both are alike
    return kind.__name__, many


def flags_of(info: OptionInfo, name: str = "") -> tuple[str, ...]:
    """All that an option is called: Typer keeps the first where a default would stand."""
    first = [info.default] if isinstance(info.default, str) else []
    words = [*first, *(info.param_decls or ())] or [f"--{name.replace('_', '-')}"]
    return tuple("/".join(words).split("/"))


def declared() -> list[Declared]:
    """What all commands declare."""
    found = []
    for command in app.registered_commands:
        for name, hint in get_type_hints(command.callback, include_extras=True).items():
            for info in getattr(hint, "__metadata__", ()):
                kind, many = kind_of(get_args(hint)[0])
                flags = flags_of(info, name) if isinstance(info, OptionInfo) else ()
                found.append(Declared(name_of(command), name, kind, many, info, flags))
    return found


OPTIONS = [option for option in declared() if isinstance(option.info, OptionInfo)]
ARGUMENTS = [option for option in declared() if isinstance(option.info, ArgumentInfo)]
BY_FLAG: dict[str, list[Declared]] = defaultdict(list)
for _option in OPTIONS:
    for _flag in _option.flags:
        BY_FLAG[_flag].append(_option)
SHARED = {flag: found for flag, found in BY_FLAG.items() if len(found) > 1}

CONSTANTS: dict[str, list[OptionInfo]] = defaultdict(list)
"""What stands in cli/options/, by flag; the first is the declaration, the rest its variants."""
for _module in pkgutil.iter_modules(options.__path__):
    _place = importlib.import_module(f"{options.__name__}.{_module.name}")
    for _value in vars(_place).values():
        if isinstance(_value, OptionInfo):
            for _flag in flags_of(_value):
                CONSTANTS[_flag].append(_value)


TWO_MEANINGS = {"--to"}
"""What has another meaning elsewhere: a place of `reach`, a form of `reference` and of `prove`."""

OF_ITS_OWN = {("walk", "--steps"), ("sentences", "--held-out")}
"""Which steps of a walk, and which sentences, are meant; elsewhere how many and what share."""

WIDER = ("export", "--dtype")
"""A file may have numbers in forms that nothing computes in."""


def test_export_takes_the_dtypes_that_all_commands_take_and_more():
    assert {str(one) for one in Dtype} < {str(one) for one in Numbers}


def test_all_commands_are_read():
    assert len({option.command for option in OPTIONS}) > 15
    assert len(OPTIONS) > 150
    assert {"--model", "--out", "-o", "--optimizer", "--no-check-gradients"} <= SHARED.keys()


@pytest.mark.parametrize("flag", sorted(SHARED.keys() - TWO_MEANINGS))
def test_what_several_commands_have_is_declared_in_one_place_and_is_the_same(flag: str):
    """All but the default, and what a command has to add to the help."""
    assert flag in CONSTANTS, f"{flag} is to be declared in cli/options/"
    first = CONSTANTS[flag][0]
    same = [option for option in SHARED[flag] if (option.command, flag) not in OF_ITS_OWN]
    for option in same:
        info, where = option.info, f"{flag} of {option.command}"
        assert option.flags == flags_of(first), where
        assert (info.metavar, info.min, info.max) == (first.metavar, first.min, first.max), where
        assert info.help.startswith(first.help), where
        if (option.command, flag) != WIDER:
            assert option.kind == same[0].kind, where
        first_name = same[0].parameter.removesuffix("_name")
        assert option.parameter.removesuffix("_name") == first_name, where


@pytest.mark.parametrize("flag", sorted(CONSTANTS))
def test_what_is_declared_there_is_declared_once_and_for_several_commands(flag: str):
    first, *others = CONSTANTS[flag]
    assert flag in SHARED, f"{flag} belongs to the one command that has it"
    for other in others:
        assert other.help.startswith(first.help), f"{flag} is declared twice"
        assert flags_of(other) == flags_of(first)


def test_a_short_flag_means_one_thing():
    for flag, found in BY_FLAG.items():
        if len(flag) == 2:
            assert len({option.flags for option in found}) == 1, flag


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: f"{option.command} {option.flags}")
def test_what_may_be_given_more_than_once_says_so(option: Declared):
    assert option.info.help.endswith(REPEATABLE) == option.many


@pytest.mark.parametrize("argument", ARGUMENTS, ids=lambda one: f"{one.command} {one.parameter}")
def test_an_argument_has_its_help(argument: Declared):
    assert argument.info.help.endswith((".", "Pellucid's own"))


def test_the_same_help_is_not_written_for_two_options():
    """Two flags with one help would be one thing with two names."""
    helps = defaultdict(set)
    for option in OPTIONS:
        helps[option.info.help].add(option.flags)
    assert {words: flags for words, flags in helps.items() if len(flags) > 1} == {}


@pytest.mark.parametrize(("command", "old"), sorted(RENAMED))
def test_an_option_s_old_name_is_answered_with_its_new_one(
    pellucid: Command, command: str, old: str
):
    new = RENAMED[command, old]
    for word in (old, f"{old}=8"):
        line = pellucid(command, "a", word, "b").refused()
        assert old in line
        assert line.endswith(f"write {new}")
    current = {flag for option in OPTIONS if option.command == command for flag in option.flags}
    assert new.split()[0] in current
    assert old not in current


def test_the_changelog_has_every_old_name():
    words = (Path(__file__).parents[2] / "CHANGELOG.md").read_text(encoding="utf-8")
    for command, old in RENAMED:
        if not old.startswith("--no-"):
            assert re.search(rf"`({command} )?{old}\b", words), old


def test_what_stands_after_two_dashes_is_no_option(pellucid: Command):
    assert "'__update' is not" in pellucid("explain", "loss", "--", "--update").refused()
