"""The pairs that a translator is trained on: the phrasebook's, and sentences of the grammar."""

from itertools import islice

from pellucid.errors import ConfigError
from pellucid.grammar.sentences import sentences
from pellucid.text.parallel import ParallelText, phrasebook, read_parallel


def pairs(count: int, seed: int = 0, *, held_out: bool = False) -> list[ParallelText]:
    """So many pairs, German first, no German text twice; the same for the same seed.

    Those to train on begin with the phrasebook. Those that are held out have none of it, and each
    has a combination of words that no pair to train on has, whatever the seeds of both.

    Raises `ConfigError` where there are not so many.
    """
    if count < 1:
        raise ConfigError(f"the count of pairs must be at least 1, not {count}")
    phrases = list(dict(read_parallel(phrasebook())).items())
    known = {german for german, _ in phrases}
    drawn = sentences(count + len(phrases), seed, held_out=held_out)
    new = (ParallelText(one.german, one.english) for one in drawn if one.german not in known)
    if held_out:
        return list(islice(new, count))
    own = [ParallelText(*pair) for pair in phrases[:count]]
    return own + list(islice(new, count - len(own)))
