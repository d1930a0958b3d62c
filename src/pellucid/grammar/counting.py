"""Numbers, years, ordinals and clock times in words, in both languages.

>>> german_number(121), english_number(121)
('hunderteinundzwanzig', 'one hundred and twenty-one')
>>> german_year(1984), english_year(1984)
('neunzehnhundertvierundachtzig', 'nineteen eighty-four')
"""

_GERMAN = (
    *("null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn"),
    *("elf", "zwölf", "dreizehn", "vierzehn", "fünfzehn", "sechzehn", "siebzehn", "achtzehn"),
    "neunzehn",
)
_GERMAN_TENS = (
    *("", "", "zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig"),
    "neunzig",
)
_ENGLISH = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"),
    "nineteen",
)
_ENGLISH_TENS = (
    *("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"),
)
_GERMAN_ORDINALS = {1: "erst", 3: "dritt", 7: "siebt", 8: "acht"}
_ENGLISH_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}


def german_number(number: int, *, before_noun: bool = False) -> str:
    """A number from 0 to 999,999 in words; before a noun "eins" is left to the article.

    >>> [german_number(number) for number in (1, 21, 100, 101, 2000)]
    ['eins', 'einundzwanzig', 'hundert', 'hunderteins', 'zweitausend']
    """
    if number >= 1000:
        thousands, rest = divmod(number, 1000)
        head = "" if thousands == 1 else german_number(thousands, before_noun=True)
        return f"{head}tausend" + (german_number(rest) if rest else "")
    if number >= 100:
        hundreds, rest = divmod(number, 100)
        head = "" if hundreds == 1 else _GERMAN[hundreds]
        return f"{head}hundert" + (german_number(rest) if rest else "")
    if number < 20:
        return "ein" if number == 1 and before_noun else _GERMAN[number]
    tens, ones = divmod(number, 10)
    one = "ein" if ones == 1 else _GERMAN[ones]
    return (f"{one}und" if ones else "") + _GERMAN_TENS[tens]


def english_number(number: int) -> str:
    """A number from 0 to 999,999 in words.

    >>> [english_number(number) for number in (1, 21, 100, 101, 2001)]
    ['one', 'twenty-one', 'one hundred', 'one hundred and one', 'two thousand and one']
    """
    if number >= 1000:
        thousands, rest = divmod(number, 1000)
        glue = " and " if rest < 100 else " "
        return f"{english_number(thousands)} thousand" + (glue + english_number(rest)) * bool(rest)
    if number >= 100:
        hundreds, rest = divmod(number, 100)
        return f"{_ENGLISH[hundreds]} hundred" + (f" and {english_number(rest)}" if rest else "")
    if number < 20:
        return _ENGLISH[number]
    tens, ones = divmod(number, 10)
    return _ENGLISH_TENS[tens] + (f"-{_ENGLISH[ones]}" if ones else "")


def german_year(year: int) -> str:
    """A year as it is read out."""
    if 1100 <= year < 2000:
        centuries, rest = divmod(year, 100)
        return f"{german_number(centuries)}hundert" + (german_number(rest) if rest else "")
    return german_number(year)


def english_year(year: int) -> str:
    """A year as it is read out.

    >>> [english_year(year) for year in (1900, 1905, 2005, 2026)]
    ['nineteen hundred', 'nineteen oh five', 'two thousand and five', 'twenty twenty-six']
    """
    if 2000 <= year < 2010:
        return english_number(year)
    centuries, rest = divmod(year, 100)
    if not rest:
        return f"{english_number(centuries)} hundred"
    tail = f"oh {english_number(rest)}" if rest < 10 else english_number(rest)
    return f"{english_number(centuries)} {tail}"


def german_ordinal(number: int) -> str:
    """An ordinal's stem, to which an adjective's ending comes.

    >>> [german_ordinal(number) for number in (1, 2, 7, 20, 31)]
    ['erst', 'zweit', 'siebt', 'zwanzigst', 'einunddreißigst']
    """
    if number in _GERMAN_ORDINALS:
        return _GERMAN_ORDINALS[number]
    return german_number(number) + ("t" if number < 20 else "st")


def english_ordinal(number: int) -> str:
    """An ordinal below a hundred in words.

    >>> [english_ordinal(number) for number in (1, 4, 20, 31)]
    ['first', 'fourth', 'twentieth', 'thirty-first']
    """
    *tens, last = english_number(number).split("-")
    if last.endswith("y"):
        return "-".join((*tens, f"{last[:-1]}ieth"))
    return "-".join((*tens, _ENGLISH_ORDINALS.get(last, f"{last}th")))


def german_clock(hour: int, minute: int, *, spoken: bool) -> str:
    """A time of the day, officially (acht Uhr dreißig) or as one says it (halb neun).

    >>> german_clock(8, 30, spoken=True), german_clock(20, 5, spoken=False)
    ('halb neun', 'zwanzig Uhr fünf')
    >>> german_clock(12, 45, spoken=True), german_clock(1, 0, spoken=False)
    ('Viertel vor eins', 'ein Uhr')
    """
    if not spoken:
        text = f"{german_number(hour, before_noun=True)} Uhr"
        return f"{text} {german_number(minute)}" if minute else text
    this, following = german_number((hour - 1) % 12 + 1), german_number(hour % 12 + 1)
    if minute == 0:
        return this
    if minute == 30:
        return f"halb {following}"
    past = minute < 30
    count = minute if past else 60 - minute
    many = "Viertel" if count == 15 else german_number(count)
    return f"{many} nach {this}" if past else f"{many} vor {following}"


def english_clock(hour: int, minute: int, *, spoken: bool) -> str:
    """The same in English: eight thirty, or half past eight.

    >>> english_clock(8, 30, spoken=True), english_clock(20, 5, spoken=False)
    ('half past eight', 'five past eight in the evening')
    >>> english_clock(12, 45, spoken=True), english_clock(1, 0, spoken=False)
    ('a quarter to one', "one o'clock")
    """
    this, following = english_number((hour - 1) % 12 + 1), english_number(hour % 12 + 1)
    if not spoken and hour > 12:
        part = "in the afternoon" if hour < 18 else "in the evening"
        return f"{english_clock(hour - 12, minute, spoken=not minute % 5)} {part}"
    if minute == 0:
        return this if spoken else f"{this} o'clock"
    if minute == 30 and spoken:
        return f"half past {this}"
    if not spoken and minute >= 10:
        return f"{this} {english_number(minute)}"
    past = minute <= 30
    count = minute if past else 60 - minute
    many = "a quarter" if count == 15 else english_number(count)
    return f"{many} past {this}" if past else f"{many} to {following}"
