"""Tokenizers: characters, words and sub-words; a byte-pair encoding learnt merge by merge."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from pellucid.examples.demonstration import Demonstration
from pellucid.examples.toolbox import apart, axes, normal, numbered, table
from pellucid.layers import embedding, linear
from pellucid.tape import Tape
from pellucid.text import Characters, Words
from pellucid.text.merges import merge
from pellucid.walkthrough import Labels, Part, Step, Walkthrough, labelled

TITLE = "Tokenizers"
ABOUT = (
    "A text as characters, as words, and as sub-words that are learnt from it: the most frequent "
    "pair becomes one token, again and again, until cats is cat + s."
)

WORDS = ("cat", "cats", "cat", "dog", "dogs", "cat")
"""What is learnt from. No space belongs to a word here; GPT-2 keeps one at a word's beginning."""

MERGES = 4
UNSEEN = "cogs"
"""A word that the text does not have."""

WIDTH = 3
SEED = 4

Pieces = tuple[str, ...]


class MergeRound(NamedTuple):
    """One round: the pieces so far, the words in them, how often each pair is, and the merge."""

    vocabulary: Pieces
    words: tuple[Pieces, ...]
    symbols: Pieces  # those of the vocabulary that the words still have
    counts: Tensor  # (S, S): a row for the left of a pair, a column for the right
    left: str
    right: str

    @property
    def times(self) -> int:
        """How often the pair that is merged stands in the text."""
        return int(self.counts[self.symbols.index(self.left), self.symbols.index(self.right)])

    @property
    def as_often(self) -> list[str]:
        """All pairs as frequent as the one that is merged, which comes first."""
        places = (self.counts == self.counts.max()).nonzero().tolist()
        return [f"{self.symbols[row]} + {self.symbols[column]}" for row, column in places]


def learnt(tape: Tape) -> Iterator[MergeRound]:
    """Count, merge the most frequent pair, and again; of pairs equally frequent the first.

    The counts of a round are a product of one-hot rows, on the tape as `merge1.counts.out`.
    """
    vocabulary = tuple(sorted(set("".join(WORDS))))
    words = tuple(tuple(word) for word in WORDS)
    for number in range(1, MERGES + 1):
        at = tape.at(f"merge{number}")
        used = set(chain(*words))
        symbols = tuple(piece for piece in vocabulary if piece in used)
        left, right = (
            one_hot(torch.tensor(side), len(symbols)).double()  # (P, S), a row a pair
            for side in zip(*(map(symbols.index, pair) for pair in pairs_of(words)), strict=True)
        )
        at.given({"left": left.mT, "right": right})
        counts, _ = linear(left.mT, weight=right, tape=at.at("counts"))  # (S, S)
        row, column = divmod(int(counts.argmax()), len(symbols))
        yield MergeRound(vocabulary, words, symbols, counts, symbols[row], symbols[column])
        words = tuple(cut(word, symbols[row], symbols[column]) for word in words)
        vocabulary = (*vocabulary, symbols[row] + symbols[column])


def pairs_of(words: Iterable[Pieces]) -> list[tuple[str, str]]:
    """All neighbours in one word, in their order."""
    return [pair for word in words for pair in pairwise(word)]


def cut(word: Pieces, left: str, right: str) -> Pieces:
    """A word's pieces after the merge of this one pair."""
    ranks = {(left.encode(), right.encode()): 0}
    spelt = tuple(piece.encode() for piece in word)
    for step in merge(spelt, ranks):
        spelt = step.pieces
    return tuple(piece.decode() for piece in spelt)


def _walkthrough() -> Walkthrough:
    tape = Tape()
    rounds = list(learnt(tape))
    last = rounds[-1]
    vocabulary = (*last.vocabulary, last.left + last.right)
    merges = [(one.left, one.right) for one in rounds]
    parts = numbered(
        Part("Sub-words, learnt from a text", _learning(rounds)),
        _side_by_side(tape, vocabulary, merges),
        _one_hot(tape, vocabulary, merges),
    )
    names: dict[str, Sequence[Labels]] = {}
    for number, one in enumerate(rounds, start=1):
        pairs = ["".join(pair) for pair in pairs_of(one.words)]
        names[f"merge{number}.left"] = (one.symbols, pairs)
        names[f"merge{number}.right"] = (pairs, one.symbols)
        names[f"merge{number}.counts.out"] = (one.symbols, one.symbols)
    cats = encoded("cats", merges)
    names["one_hot"] = (cats, vocabulary)
    names["table"] = (vocabulary, None)
    names |= axes((cats, None), "product.out", "lookup.out")
    return Walkthrough(TITLE, ABOUT, tape, parts, labelled(names))


def encoded(word: str, merges: list[tuple[str, str]]) -> Pieces:
    """A word in the pieces that the merges make of it, in their order."""
    pieces = tuple(word)
    for left, right in merges:
        pieces = cut(pieces, left, right)
    return pieces


def _learning(rounds: list[MergeRound]) -> tuple[Step, ...]:
    first = rounds[0]
    letters, pairs = sum(map(len, first.words)), pairs_of(first.words)
    begin = Step(
        "The text, cut into letters",
        lines=(
            "words   " + "   ".join(" ".join(word) for word in first.words),
            "pairs   " + " ".join("".join(pair) for pair in pairs),
        ),
        says=f"{len(WORDS)} words of {letters} letters, {len(first.vocabulary)} of them "
        f"different. A pair is two neighbours in one word: there are {len(pairs)}. As one-hot "
        "rows they are two tables, left and right, with a 1 for each pair's own letter; their "
        "product counts.",
    )
    return (begin, *(_merge(number, one) for number, one in enumerate(rounds, start=1)))


def _merge(number: int, one: MergeRound) -> Step:
    new = one.left + one.right
    after = [cut(word, one.left, one.right) for word in one.words]
    rest = one.as_often[1:]
    tie = (
        f" {' and '.join(rest)} came as often, and the first in the table is taken." if rest else ""
    )
    return Step(
        f"Merge {number}: {one.left} + {one.right} → {new}",
        ("counts.out = left right: how often the row's piece stands before the column's",),
        (f"merge{number}.counts.out",),
        ("   ".join(" ".join(word) for word in after),),
        says=f"The largest count is {one.times}, of {one.left} + {one.right}.{tie} So {new} is a "
        f"piece of its own, number {len(one.vocabulary)}, and the text has "
        f"{sum(map(len, after))} pieces instead of {sum(map(len, one.words))}.",
    )


def _side_by_side(tape: Tape, vocabulary: Pieces, merges: list[tuple[str, str]]) -> Part:
    text = "\n".join(WORDS)
    letters = Characters("".join(sorted(set("".join(WORDS)))))
    words = Words.from_text(text)
    shown = [*dict.fromkeys(WORDS), UNSEEN]
    rows: list[tuple[str, ...]] = []
    known = set(words.vocabulary)
    for word in shown:
        whole = word if word in known else "unknown"
        rows.append((word, " ".join(word), whole, " + ".join(encoded(word, merges))))
    counts = (
        sum(len(letters.encode(word)) for word in WORDS),
        len(words.encode(text)),
        sum(len(encoded(word, merges)) for word in WORDS),
    )
    sizes = (letters.vocab_size, words.vocab_size, len(vocabulary))
    rows.append(("tokens of the text", *map(str, counts)))
    rows.append(("vocabulary", *map(str, sizes)))
    tape.given({"text_tokens": torch.tensor(counts), "vocabulary_sizes": torch.tensor(sizes)})
    cats, unseen = encoded("cats", merges), encoded(UNSEEN, merges)
    return Part(
        "Characters, words, sub-words",
        (
            Step(
                "The same words in three ways",
                lines=table(("", "characters", "words", "sub-words"), rows),
                says=f"As words, cat and cats have nothing to do with each other, and {UNSEEN} is "
                f"not known at all. As sub-words cats is {' + '.join(cats)}: what is learnt of "
                f"{cats[0]} holds in both. And {UNSEEN} is {' + '.join(unseen)}: a word that was "
                "never seen is spelt from smaller pieces, letters if need be.",
            ),
        ),
    )


def _one_hot(tape: Tape, vocabulary: Pieces, merges: list[tuple[str, str]]) -> Part:
    cats = encoded("cats", merges)
    tokens = torch.tensor([vocabulary.index(piece) for piece in cats])
    weight = normal(len(vocabulary), WIDTH, seed=SEED).round(decimals=2)
    rows = one_hot(tokens, len(vocabulary)).double()  # (T, V)
    tape.given({"cats": tokens, "table": weight, "one_hot": rows})
    product, _ = linear(rows, weight=weight, tape=tape.at("product"))  # (T, C)
    looked_up, _ = embedding(tokens, weight=weight, tape=tape.at("lookup"))  # (T, C)
    ids = " and ".join(
        f"{piece} is number {token}" for piece, token in zip(cats, tokens.tolist(), strict=True)
    )
    return Part(
        "From tokens to numbers",
        (
            Step(
                "Each token has a row in a table",
                ("lookup.out[t] = table[cats[t]]",),
                ("cats", "table", "lookup.out"),
                says=f"Counted from 0, {ids}. The table has a row for each of the "
                f"{len(vocabulary)} pieces, and cats takes two of them. These {weight.numel()} "
                "numbers are drawn at random; a model would train them.",
            ),
            Step(
                "To look up is to multiply by one-hot rows",
                ("product.out = one_hot table",),
                ("one_hot", "product.out"),
                says="A one-hot row is 0 everywhere and 1 at its token. Multiplied by the table, "
                f"all rows but one count 0 times. The two ways differ by "
                f"{apart(product, looked_up)}.",
            ),
        ),
    )


TOKENIZERS = Demonstration(TITLE, ABOUT, _walkthrough)
