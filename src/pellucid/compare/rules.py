"""Rules of a user's own: from a file or the command line, checked against what is there."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from pellucid.checkpoint.read import read_json
from pellucid.compare.naming import plain
from pellucid.errors import CheckpointError, ConfigError, TraceError
from pellucid.models.vocabularies.row import LEFT_OUT, with_number
from pellucid.models.vocabularies.rule import ANY, ARROW, NameRule, parse_rule, rule_lines
from pellucid.walkthrough.names import names as names_of_ours

if TYPE_CHECKING:
    from pellucid.compare.translate import NameMap

MOST = 1 << 22
"""No file of rules has so many bytes."""


def rules_of(given: "NameMap | None") -> tuple[NameRule, ...]:
    """The rules of an object from their names to ours; rules are what they are."""
    if isinstance(given, Mapping):
        pairs = given.items()
        return tuple(parse_rule(f"{a} {ARROW} {b}", "a map", needed=True) for a, b in pairs)
    return tuple(given or ())


def read_rules(given: Sequence[str]) -> tuple[NameRule, ...]:
    """Those that the command line gives: each a rule, or the path of a file of them.

    A file is a JSON object from their names to ours, or text with a rule on each line. Raises
    `CheckpointError` for a file that cannot be read, and `ConfigError` for what is no rule.
    """
    found: list[NameRule] = []
    for one in given:
        if ARROW in one:
            found.append(parse_rule(one, "the rule of --map", needed=True))
        else:
            found += _of_file(Path(one))
    return tuple(found)


def _of_file(file: Path) -> list[NameRule]:
    try:
        with file.open("rb") as opened:
            text = opened.read(MOST + 1).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(
            f"--map must be a rule with {ARROW} in it or a file of rules that can be read, and "
            f"{file} cannot: {getattr(error, 'strerror', None) or 'it is no UTF-8 text'}; give "
            "the path of a text file"
        ) from None
    if len(text) > MOST:
        raise CheckpointError(
            f"a file of rules must be text of at most {MOST >> 20} MiB, and {file} is larger: give "
            "another file"
        )
    if text.lstrip().startswith("{") and ARROW not in text:
        return _of_json(file)
    lines = [(f"line {number} of {file}", line) for number, line in rule_lines(text)]
    if not lines:
        raise ConfigError(
            f"a file of rules must have one or more, and {file} has none: write them as "
            "'wq.{i} -> h.{i}.attn.q', one a line"
        )
    return [parse_rule(line, place) for place, line in lines]


def _of_json(file: Path) -> list[NameRule]:
    content = read_json(file)
    if not all(isinstance(ours, str) for ours in content.values()):
        raise ConfigError(f"{file} must have a name for each name, as text: correct it")
    pairs = content.items()
    return [parse_rule(f"{a} {ARROW} {b}", str(file), needed=True) for a, b in pairs]


def check_rules(
    by_rules: Mapping[NameRule, Sequence[tuple[str, object]]],
    there: Collection[str],
    is_ours: Callable[[str], bool],
    layers: int,
) -> list[str]:
    """What is to be said of rules that find nothing, and need not.

    Raises `TraceError` where a rule leads to no name of ours, where two lead to the same one, and
    where one finds nothing that must.
    """
    given: dict[str, NameRule] = {}
    said: list[str] = []
    for rule, matches in by_rules.items():
        for ours in rule.ours:
            if ours != LEFT_OUT and ANY not in ours:
                _check_ours(ours, rule, is_ours, layers)
        if not matches:
            said.append(_nothing(rule, there))
        if not matches and (rule.needed or len(said) == len(by_rules)):
            raise TraceError(said[-1])
        for ours, _ in matches:
            if ours != LEFT_OUT and given.setdefault(ours, rule) != rule:
                raise TraceError(
                    f"one of ours must come of one rule, and {ours} comes of {str(given[ours])!r} "
                    f"and of {str(rule)!r}: take one of them out"
                )
    return said


def _check_ours(ours: str, rule: NameRule, is_ours: Callable[[str], bool], layers: int) -> None:
    own = [with_number(ours, layer, layers) for layer in range(layers)]
    if not any(map(is_ours, own)):
        some = {row.pattern.replace(".i.", ".0.") for row in names_of_ours()}
        raise TraceError(
            f"{rule.place} must lead to names of docs/names.md, and {own[0]!r} is none of this "
            f"model's{_near(own[0], some)}: correct it"
        )


def _nothing(rule: NameRule, there: Collection[str]) -> str:
    bare = {plain(name) for name in there}
    first = [with_number(name, 0) for name in rule.names]
    missing = [name for name in first if plain(name) not in bare]
    if ANY in rule.names[0]:
        return (
            f"{rule.place} must match a tensor and give a name of ours, and {str(rule)!r} does for "
            "none: correct it"
        )
    name = (missing or first)[0]
    return (
        f"{rule.place} must name tensors that are there, and {name!r} is not"
        f"{_near(name, there)}: correct it"
    )


def _near(name: str, names: Iterable[str]) -> str:
    near = get_close_matches(name, list(names), n=2, cutoff=0.5)
    return f" (near it: {', '.join(near)})" if near else ""
