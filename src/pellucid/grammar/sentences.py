"""Sentences by weighted rules, for training or held out.

>>> from pellucid.grammar.sentences import sentences
>>> [one.german for one in sentences(1, seed=0, rule="clock")] != []
True
"""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from pellucid.errors import ConfigError, did_you_mean
from pellucid.grammar import rules_asking as asking
from pellucid.grammar import rules_being as being
from pellucid.grammar import rules_complex as complex_
from pellucid.grammar import rules_content as content
from pellucid.grammar import rules_daily as daily
from pellucid.grammar import rules_degrees as degrees
from pellucid.grammar import rules_food as food
from pellucid.grammar import rules_having as having
from pellucid.grammar import rules_indefinite as indefinite
from pellucid.grammar import rules_linking as linking
from pellucid.grammar import rules_more as more
from pellucid.grammar import rules_pronouns as pronouns
from pellucid.grammar import rules_questions as questions
from pellucid.grammar import rules_relative as relatives
from pellucid.grammar import rules_reported as reported
from pellucid.grammar import rules_requests as requests
from pellucid.grammar import rules_simple as simple
from pellucid.grammar.lexicon import lexicon
from pellucid.grammar.making import Maker, UnfitError
from pellucid.grammar.patterns import filled_pattern, patterns
from pellucid.grammar.rules_simple import Pair

PATIENCE = 4000
"""After so many sentences in a row that were there already, no more are expected."""


class GrammarSentence(NamedTuple):
    """A German sentence, its English, and the rule that made both."""

    german: str
    english: str
    rule: str


RULES: tuple[tuple[Callable[[Maker], Pair], float], ...] = (
    (simple.statement, 16),
    (simple.negation, 5),
    (simple.no_longer, 1),
    (questions.yes_no_question, 8),
    (questions.when_question, 4),
    (questions.where_question, 4),
    (questions.object_question, 4),
    (questions.subject_question, 1.5),
    (questions.which_question, 2),
    (questions.how_long_question, 1.5),
    (simple.modal_statement, 7),
    (simple.modal_question, 3),
    (simple.gladly, 3),
    (simple.imperative, 4),
    (simple.lets, 1),
    (simple.since, 1.5),
    (simple.whither_home, 1),
    (being.adjective, 6),
    (being.how_question, 0.7),
    (being.job, 1.5),
    (being.this_is, 2.5),
    (being.comparison, 2),
    (being.superlative, 1.2),
    (having.there_is, 2),
    (having.having, 3),
    (having.whose, 1.5),
    (having.again, 1.2),
    (having.lies_where, 2),
    (complex_.because, 3),
    (complex_.when_clause, 2.5),
    (complex_.as_it_was, 2),
    (complex_.so_that, 1),
    (content.that_clause, 2.5),
    (content.whether, 2.5),
    (content.to_infinitive, 2.5),
    (relatives.relative, 6),
    (relatives.anybody_who, 0.7),
    (relatives.somebody_who, 0.7),
    (linking.reason, 5),
    (linking.next_thing, 2),
    (linking.with_infinitive, 2.5),
    (linking.paired, 2.5),
    (reported.thought, 2.5),
    (reported.judged, 1.5),
    (reported.it_is, 1.5),
    (reported.wondering, 3),
    (asking.preposition_question, 3),
    (asking.with_whom, 2),
    (asking.what_kind, 1),
    (asking.which_of, 0.7),
    (asking.since_when, 0.7),
    (asking.tagged, 1.2),
    (asking.answer, 2),
    (pronouns.two_pronouns, 3),
    (pronouns.about_it, 2),
    (pronouns.mine, 2),
    (indefinite.one_does, 1.5),
    (indefinite.everybody, 1.5),
    (indefinite.to_somebody, 1),
    (pronouns.taken_up, 2),
    (indefinite.around, 2),
    (content.passive, 2.5),
    (complex_.condition, 2),
    (complex_.two_clauses, 2),
    (more.perhaps, 2),
    (more.therefore, 2),
    (more.somebody, 1.5),
    (more.beside, 1.5),
    (more.nationality, 0.7),
    (daily.outing, 5),
    (daily.outing_wished, 2),
    (daily.outing_when, 2),
    (daily.home, 2.5),
    (daily.at_home, 2),
    (daily.together, 5),
    (daily.how_often, 3),
    (requests.request, 2.5),
    (requests.order, 1.5),
    (degrees.how_much_so, 4),
    (degrees.still_so, 2),
    (degrees.a_very_good_one, 2),
    (food.meal, 3),
    (food.guest, 3.5),
    (food.price, 1),
    (food.as_one_likes, 1),
)
"""The rules and how often each is taken; those of patterns.tsv come to them."""

PATTERN_WEIGHT = 1.8
"""How often a rule of patterns.tsv is taken."""


def rules() -> dict[str, tuple[Callable[[Maker], Pair], float]]:
    """All rules by their names, with their weights."""
    found = {rule.__name__: (rule, float(weight)) for rule, weight in RULES}
    for name in patterns():
        found[name] = (partial(filled_pattern, rule=name), PATTERN_WEIGHT)
    return found


def sentences(
    count: int,
    seed: int = 0,
    *,
    held_out: bool = False,
    rule: str | None = None,
    most: int = 1,
) -> Iterator[GrammarSentence]:
    """So many sentences with their translations, each German one at most `most` times.

    A German sentence that comes again has the English that it had the first time. With `held_out`
    each sentence has a combination of words that no other sentence has: see `making`. `rule` names
    the only rule to follow.

    Raises `ConfigError` for a rule that there is none of, and where there are no more sentences.
    """
    known = rules()
    if rule is not None and rule not in known:
        raise ConfigError(
            f"a rule must be one of the grammar's {len(known)}, and {rule!r} is not"
            f"{did_you_mean(rule, known)} (pellucid sentences --rules lists them)"
        )
    if count < 0:
        raise ConfigError(f"the count of sentences must not be below 0, and {count} is")
    chosen = [(name, weight) for name, (_, weight) in known.items() if rule in {None, name}]
    maker, made, idle = Maker(lexicon(), seed), 0, 0
    first, times = dict[str, str](), Counter[str]()
    while made < count:
        maker.begin()
        name = maker.weighted(chosen)
        try:
            german, english = map(finished, known[name][0](maker))
        except UnfitError:
            german, english = "", ""
        if german and maker.held_out is held_out and times[german] < most:
            times[german] += 1
            made, idle = made + 1, 0
            yield GrammarSentence(german, first.setdefault(german, english), name)
        else:
            idle += 1
            if idle > PATIENCE:
                raise ConfigError(
                    f"there are about {made:,} sentences"
                    + (f" by the rule {rule}" if rule else "")
                    + (" that are held out" if held_out else "")
                    + f", and {count:,} are too many: ask for fewer"
                )


def finished(text: str) -> str:
    """A sentence with its first letter as a capital.

    >>> finished("über mir wohnt niemand.")
    'Über mir wohnt niemand.'
    """
    return text[:1].upper() + text[1:]
