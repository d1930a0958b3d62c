"""Why one next token rather than another: all that speaks to it, of one text and one place."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from pellucid.errors import TextError
from pellucid.inspect.attribution import Attribution, attribution
from pellucid.inspect.patching import (
    HeadPlace,
    Patching,
    check_texts,
    logit_difference,
    patch_heads,
    patched,
)
from pellucid.inspect.places import places, replaced_word, token_after
from pellucid.inspect.reach import Look, Reach, reach
from pellucid.layers import softmax, wide
from pellucid.models import CausalModel
from pellucid.tape import Tape, check_finite
from pellucid.text import Tokenizer


@dataclass(frozen=True)
class Contrast:
    """Two next tokens after a place of a text, and what each head has to do with their difference.

    `words` are the two as they were asked for, `swap` the word that was patched and the one in its
    place, and `patching`, `other_attribution` and `together`
    what came of that, where one was.
    """

    words: tuple[str, str]
    reach: Reach
    attribution: Attribution
    swap: tuple[str, str] | None = None
    patching: Patching | None = None
    other_attribution: Attribution | None = None
    """The same terms after the text with the other word."""
    together: float | None = None
    """The difference with the first heads of `ranked` patched together."""

    @cached_property
    def ranked(self) -> tuple[HeadPlace, ...]:
        """All heads: by how much a patch of each changes, or where none was, by their own terms."""
        table = self.attribution.heads if self.patching is None else self.patching.changes
        sizes = {
            (layer, head): abs(value)
            for layer, row in enumerate(table.tolist())
            for head, value in enumerate(row)
        }
        return tuple(sorted(sizes, key=lambda place: -sizes[place]))

    @cached_property
    def looks(self) -> dict[HeadPlace, Look]:
        """How each head looks back from the place."""
        return {(look.layer, look.head): look for look in self.reach.looks}

    @property
    def probabilities(self) -> tuple[float, float]:
        """How likely each of the two tokens is."""
        return self._probabilities(self.reach.tape, self.reach.start)

    @property
    def other_probabilities(self) -> tuple[float, float] | None:
        """How likely each is after the text with the other word, where one was patched."""
        return None if self.patching is None else self._probabilities(self.patching.other_tape, -1)

    def _probabilities(self, tape: Tape, position: int) -> tuple[float, float]:
        row, _ = softmax(wide(tape.value("logits")[position]))
        assert self.attribution.second is not None
        return float(row[self.attribution.first]), float(row[self.attribution.second])


def contrast(
    model: CausalModel,
    tokenizer: Tokenizer,
    text: str,
    words: tuple[str, str],
    *,
    start: str | None = None,
    target: str | None = None,
    swap: tuple[str, str] | None = None,
    at: str | None = None,
    top: int = 10,
    watch: Callable[[list[HeadPlace]], Iterable[HeadPlace]] = list,
) -> Contrast:
    """log p(words[0]) − log p(words[1]) as the token after `start`, and the heads that carry it.

    `start` and `target` are as in `reach`. With `swap`, two words, each head is patched from the
    text with the second word for the first, whose place is then the default `target`, at all
    positions or at one place alone, `at`; and the `top` heads that change most are patched
    together. See `attribution` and `patch_heads`; `watch` is what that takes.

    Raises `TextError` for a word that is not a single token there, or the same as the other, one
    that is not in the text, or a swap that changes how many tokens there are, and what `reach`
    raises.
    """
    if swap is not None and target is None:
        target = swap[0]
    found = reach(model, tokenizer, text, start=start, target=target)
    check_finite(found.tape, "logits", ["logits"])
    tokens = tokenizer.prompt(text)
    read = tokens[: found.start + 1]
    before = text if start is None else tokenizer.decode(read[len(tokenizer.beginning) :])
    first, second = (token_after(tokenizer, before, word) for word in words)
    if first == second:
        raise TextError(
            f"two next tokens are told apart, and {words[0]!r} and {words[1]!r} are the same one: "
            "give two different ones"
        )
    terms = attribution(model, found.tape, first, second, found.start)
    if swap is None:
        return Contrast(words, found, terms)
    others = tokenizer.prompt(replaced_word(text, *swap))
    check_texts(tokens, others)
    position = None if at is None else places(tokenizer, tokens, at, found.start)[-1]
    patching = patch_heads(
        model, read, others[: len(read)], first, second, position=position, watch=watch
    )
    other_terms = attribution(model, patching.other_tape, first, second)
    one = Contrast(words, found, terms, swap, patching, other_terms)
    both = patching.tape, patching.other_tape
    changed = patched(model, *both, one.ranked[:top], position=position)
    logits, _ = changed.extend(read, None, last=1)
    return replace(one, together=logit_difference(logits, first, second))
