"""German verb forms, from a verb's principal parts.

A person is one of "ich", "du", "er", "wir", "ihr", "they": `FORMS`. The forms here have no
separable prefix: where that stands is the clause's matter.
"""

import re
from typing import NamedTuple

FORMS = ("ich", "du", "er", "wir", "ihr", "they")

SEIN = ("bin", "bist", "ist", "sind", "seid", "sind")
HABEN = ("habe", "hast", "hat", "haben", "habt", "haben")
WERDEN = ("werde", "wirst", "wird", "werden", "werdet", "werden")
WAR = ("war", "warst", "war", "waren", "wart", "waren")
HATTE = ("hatte", "hattest", "hatte", "hatten", "hattet", "hatten")
WURDE = ("wurde", "wurdest", "wurde", "wurden", "wurdet", "wurden")
WAERE = ("wäre", "wärst", "wäre", "wären", "wärt", "wären")
HAETTE = ("hätte", "hättest", "hätte", "hätten", "hättet", "hätten")
WUERDE = ("würde", "würdest", "würde", "würden", "würdet", "würden")
TUN = ("tue", "tust", "tut", "tun", "tut", "tun")
WISSEN = ("weiß", "weißt", "weiß", "wissen", "wisst", "wissen")

WHOLE = {"sein": SEIN, "haben": HABEN, "werden": WERDEN, "tun": TUN, "wissen": WISSEN}
WHOLE_PAST = {"sein": WAR, "haben": HATTE, "werden": WURDE}

MODALS = {
    "können": ("kann", "kannst", "kann", "können", "könnt", "können"),
    "müssen": ("muss", "musst", "muss", "müssen", "müsst", "müssen"),
    "wollen": ("will", "willst", "will", "wollen", "wollt", "wollen"),
    "sollen": ("soll", "sollst", "soll", "sollen", "sollt", "sollen"),
    "dürfen": ("darf", "darfst", "darf", "dürfen", "dürft", "dürfen"),
    "mögen": ("mag", "magst", "mag", "mögen", "mögt", "mögen"),
    "möchten": ("möchte", "möchtest", "möchte", "möchten", "möchtet", "möchten"),
}
MODALS_PAST = {
    modal: tuple(stem + ending for ending in ("te", "test", "te", "ten", "tet", "ten"))
    for modal, stem in (
        *(("können", "konn"), ("müssen", "muss"), ("wollen", "woll")),
        *(("sollen", "soll"), ("dürfen", "durf"), ("mögen", "moch"), ("möchten", "woll")),
    )
}
"""The past of möchten is that of wollen."""

MODALS_WOULD = {
    modal: tuple(stem + ending for ending in ("te", "test", "te", "ten", "tet", "ten"))
    for modal, stem in (("können", "könn"), ("müssen", "müss"), ("dürfen", "dürf"))
}
"""könnte, müsste, dürfte."""

IMPERATIVES = {"sein": "sei", "haben": "hab", "werden": "werde", "wissen": "wisse"}

HISSING = ("s", "ß", "x", "z")

NEEDS_E = re.compile(r"([td]|[^aeiouäöülrhmn][mn]|chn)$")
"""Stems before whose -st and -t there is an e: du arbeitest, er öffnet, ihr zeichnet."""


class PrincipalParts(NamedTuple):
    """What a verb's forms are made of: infinitive, third person, preterite; none has a prefix."""

    infinitive: str
    third: str
    past: str

    @property
    def stem(self) -> str:
        """The infinitive without -en or -n."""
        if self.infinitive.endswith("en"):
            return self.infinitive[:-2]
        return self.infinitive[:-1]

    def present(self, person: str) -> str:
        """The present.

        >>> lesen = PrincipalParts("lesen", "liest", "las")
        >>> [lesen.present(person) for person in FORMS]
        ['lese', 'liest', 'liest', 'lesen', 'lest', 'lesen']
        """
        place = FORMS.index(person)
        if whole := WHOLE.get(self.infinitive) or MODALS.get(self.infinitive):
            return whole[place]
        return (self._ich, self._du, self.third, self.infinitive, self._ihr, self.infinitive)[place]

    @property
    def _ich(self) -> str:
        stem = self.stem
        return f"{stem[:-2]}le" if self.infinitive.endswith("eln") else f"{stem}e"

    @property
    def _changed(self) -> str | None:
        """The stem of du and er where its vowel changes: lies, fähr, hält."""
        regular = self.stem + ("et" if NEEDS_E.search(self.stem) else "t")
        if self.third in {regular, f"{self.stem}t"}:
            return None
        swallowed = self.stem.endswith("t") or not self.third.endswith("t")
        return self.third if swallowed else self.third[:-1]

    @property
    def _du(self) -> str:
        if changed := self._changed:
            return changed + ("t" if changed.endswith(HISSING) else "st")
        if self.stem.endswith(HISSING):
            return f"{self.stem}t"
        return self.stem + ("est" if NEEDS_E.search(self.stem) else "st")

    @property
    def _ihr(self) -> str:
        return self.stem + ("et" if NEEDS_E.search(self.stem) else "t")

    def preterite(self, person: str) -> str:
        """The preterite.

        >>> [PrincipalParts("rufen", "ruft", "rief").preterite(person) for person in FORMS]
        ['rief', 'riefst', 'rief', 'riefen', 'rieft', 'riefen']
        >>> [PrincipalParts("machen", "macht", "machte").preterite(one) for one in FORMS]
        ['machte', 'machtest', 'machte', 'machten', 'machtet', 'machten']
        """
        place, past = FORMS.index(person), self.past
        if self.infinitive in WHOLE_PAST:
            return WHOLE_PAST[self.infinitive][place]
        if past.endswith("e"):
            return past + ("", "st", "", "n", "t", "n")[place]
        du = "est" if past.endswith((*HISSING, "t", "d")) else "st"
        ihr = "et" if past.endswith(("t", "d")) else "t"
        return past + ("", du, "", "en", ihr, "en")[place]

    def imperative(self, person: str) -> str:
        """What one says to du, ihr or Sie, for which the pronoun follows.

        >>> parts = PrincipalParts("nehmen", "nimmt", "nahm")
        >>> [parts.imperative(person) for person in ("du", "ihr", "Sie")]
        ['nimm', 'nehmt', 'nehmen']
        """
        if person == "Sie":
            return "seien" if self.infinitive == "sein" else self.infinitive
        if person == "ihr":
            return self.present("ihr")
        if self.infinitive in IMPERATIVES:
            return IMPERATIVES[self.infinitive]
        changed = self._changed
        if changed and "i" in changed and "i" not in self.stem.replace("ei", ""):
            return changed
        if self.infinitive.endswith("eln"):
            return f"{self.stem[:-2]}le"
        softened = re.search(r"(?<!e)igen$|ern$", self.infinitive)
        return self.stem + ("e" if NEEDS_E.search(self.stem) or softened else "")


def with_zu(prefix: str, infinitive: str) -> str:
    """The infinitive with zu.

    >>> with_zu("an", "rufen"), with_zu("", "lesen"), with_zu("spazieren ", "gehen")
    ('anzurufen', 'zu lesen', 'spazieren zu gehen')
    """
    if not prefix or prefix.endswith(" "):
        return f"{prefix}zu {infinitive}"
    return f"{prefix}zu{infinitive}"
