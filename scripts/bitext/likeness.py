"""Which pairs are nearest to a text: Moore and Lewis's difference of two cross-entropies.

    score(s) = H_like(s) − H_all(s),  H(s) = −1/(n+1) · Σ log₂ P(wᵢ | wᵢ₋₁)

in bits a word, summed over both languages; the lower, the nearer. The source is R. C. Moore and
W. Lewis, Intelligent selection of language model training data, ACL 2010.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

BETWEEN = "\n"
RARE = "\t"
TOKEN = re.compile(r"[^\W\d_]+|\d+|[^\w\s]")


class Bigrams:
    """P(w | v) = (c(v w) + T(v)·P(w)) / (c(v) + T(v)), Witten and Bell's, over a vocabulary.

    T(v) is how many different words follow v. P(w) = (c(w) + 1) / (N + |V|).
    """

    def __init__(self, texts: Iterable[str], vocabulary: frozenset[str]) -> None:
        self.vocabulary = vocabulary
        self.ones: Counter[str] = Counter()
        self.twos: Counter[tuple[str, str]] = Counter()
        self.befores: Counter[str] = Counter()
        for text in texts:
            words = self.words(text)
            self.ones.update(words[1:])
            self.befores.update(words[:-1])
            self.twos.update(pairwise(words))
        self.kinds = Counter(first for first, _ in self.twos)
        self.total = self.ones.total() + len(vocabulary) + 2

    def words(self, text: str) -> list[str]:
        """The words of a text between two ends; those that are not known are one."""
        found = [w if w in self.vocabulary else RARE for w in TOKEN.findall(text.lower())]
        return [BETWEEN, *found, BETWEEN]

    def probability(self, word: str, before: str) -> float:
        """P(word | before); over all words of the vocabulary, the rare one and the end it is 1."""
        one = (self.ones[word] + 1) / self.total
        kinds = self.kinds[before]
        if not kinds:
            return one
        return (self.twos[before, word] + kinds * one) / (self.befores[before] + kinds)

    def bits(self, text: str) -> float:
        """The cross-entropy of a text in bits a word, its end among them."""
        words = self.words(text)
        chances = [self.probability(word, before) for before, word in pairwise(words)]
        return -sum(map(math.log2, chances)) / len(chances)


class Likeness:
    """Scores pairs of texts by their nearness to some that are wanted."""

    def __init__(self, wanted: list[tuple[str, str]], everything: list[tuple[str, str]]) -> None:
        self.models = []
        step = max(1, len(everything) // max(1, len(wanted)))
        for side in (0, 1):
            texts = [pair[side] for pair in wanted]
            seen = Counter(w for text in texts for w in TOKEN.findall(text.lower()))
            known = frozenset(word for word, times in seen.items() if times > 1)
            # As many texts of all as are wanted: two models of one size are fair to each other.
            like = Bigrams(texts, known)
            sample = Bigrams((pair[side] for pair in everything[::step]), known)
            self.models.append((like, sample))

    def score(self, german: str, english: str) -> float:
        """Bits a word more (or fewer, below 0) than in all texts; lower is nearer."""
        return sum(
            like.bits(text) - sample.bits(text)
            for (like, sample), text in zip(self.models, (german, english), strict=True)
        )
