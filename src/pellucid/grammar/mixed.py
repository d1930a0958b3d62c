"""The pairs that a translator is trained on: the phrasebook's, and sentences of the grammar."""

from itertools import islice

from pellucid.errors import ConfigError
from pellucid.grammar.sentences import sentences
from pellucid.text.parallel import ParallelText, phrasebook, read_parallel

MOST = 50
"""So often a German sentence may come among those to train on. What is said often, as "Das gefällt
mir.", is drawn often; were each read once, it would be one of a million, and not be learnt."""


def pairs(count: int, seed: int = 0, *, held_out: bool = False) -> list[ParallelText]:
    """So many pairs, German first; the same for the same seed.

    Those to train on begin with the phrasebook, and a sentence comes as often as it is drawn, up to
    `MOST` times. Those that are held out have none of the phrasebook and no German text twice, and
    each has a combination of words that no pair to train on has, whatever the seeds of both.

    Raises `ConfigError` where there are not so many.
    """
    if count < 1:
        raise ConfigError(f"the count of pairs must be at least 1, not {count}")
    phrases = list(dict(read_parallel(phrasebook())).items())
    known = {german for german, _ in phrases}
    most = 1 if held_out else MOST
    drawn = sentences(count + most * len(phrases), seed, held_out=held_out, most=most)
    new = (ParallelText(one.german, one.english) for one in drawn if one.german not in known)
    if held_out:
        return list(islice(new, count))
    own = [ParallelText(*pair) for pair in phrases[:count]]
    return own + list(islice(new, count - len(own)))
