"""What goes with what, from data/scenes.tsv: cause and effect, one thing and the next."""

import re
from functools import cache
from typing import NamedTuple

from pellucid.errors import TextError
from pellucid.grammar.lexicon import Verb, lexicon
from pellucid.grammar.meaning import HABEN, SEIN, ClauseMeaning, is_predicate
from pellucid.grammar.phrases import NounPhrase, pronoun
from pellucid.grammar.tables import NONE, table

COLUMNS = ("kind", "first", "second", "against")

_CELL = re.compile(
    r"(?P<no>nicht )?(?P<es>es )?(?P<modal>(?:können|müssen|wollen|möchten) )?"
    r"(?P<verb>[^=:~]+)=(?P<english>[^=:~]+)(?:: (?P<rest>[^~]+) ~ (?P<other>[^~]+))?"
)


class Deed(NamedTuple):
    """A clause but for its subject, unless that is es."""

    verb: Verb
    text: tuple[str, str]
    modal: str
    negated: bool
    weather: bool

    @property
    def key(self) -> str:
        """By what combinations are noted."""
        return f"{self.modal} {self.verb.german} {self.text[0]}".strip()

    def by(self, doer: NounPhrase) -> ClauseMeaning:
        """Somebody does it, now: in the progressive, unless it is a state or a habit."""
        who = pronoun("es") if self.weather else doer
        lively = not self.modal and not {"state", "habit"} & self.verb.frame.marks
        return ClauseMeaning(
            who,
            self.verb,
            (is_predicate(self.text),) if self.text[0] else (),
            aspect="progressive" if lively else "simple",
            modal=self.modal,
            negated=self.negated,
        )


class GrammarScene(NamedTuple):
    """Two clauses that go together, and perhaps one that goes against the first."""

    kind: str
    first: Deed
    second: Deed | None
    against: Deed | None


@cache
def scenes(kind: str) -> list[GrammarScene]:
    """The lines of the table that are of a kind."""
    found = []
    for number, (one, *cells) in table("scenes.tsv", COLUMNS):
        first, second, against = (_deed(cell, number) for cell in cells)
        if first is None:
            raise TextError(
                f"a scene must have a first clause: correct line {number} of scenes.tsv"
            )
        if one == kind:
            found.append(GrammarScene(one, first, second, against))
    return found


def _deed(cell: str, number: int) -> Deed | None:
    if cell == NONE:
        return None
    match = _CELL.fullmatch(cell)
    if match is None:
        raise TextError(
            "a clause of a scene must look like gehen=go: ins Bett ~ to bed, and line "
            f"{number} of scenes.tsv has {cell!r}: correct it"
        )
    named = {"sein": [SEIN], "haben": [HABEN]}.get(match["verb"])
    verbs = named or lexicon().verbs_named[match["verb"]]
    for verb in verbs:
        if verb.english.base == match["english"]:
            text = (match["rest"] or "", match["other"] or "")
            modal = (match["modal"] or "").strip()
            return Deed(verb, text, modal, bool(match["no"]), bool(match["es"]))
    raise TextError(
        f"a verb of a scene must be in verbs.tsv with this English, and {match['verb']}="
        f"{match['english']} of line {number} of scenes.tsv is not: correct it"
    )
