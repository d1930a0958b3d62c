"""The words of the grammar: tables are whole, without doubles, their forms by rule or listed.

A form that no rule makes is listed here by hand, so that a slip in a table fails whether the word
is regular (the rule disagrees) or irregular (the list disagrees).
"""

import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

import pellucid

DATA = Path(pellucid.__file__).parent / "grammar" / "data"
COLUMNS = {
    "nouns": "german gender plural english english_plural classes",
    "verbs": "german third past participle auxiliary english english_third english_past"
    " english_participle english_ing frame",
    "adjectives": "german comparative superlative english english_comparative"
    " english_superlative classes",
}
CLASSES = {
    "person", "relative", "job", "animal", "food", "drink", "meal", "thing", "tool", "furniture",
    "clothing", "vehicle", "building", "place", "nature", "weather", "body", "text", "media",
    "abstract", "event", "material", "money", "subject", "plant", "device", "part", "room",
    "time", "group", "ingredient",
}  # fmt: skip
NOUN_MARKS = {"weak", "pair", "single", "rare", "one"}
ADJECTIVE_MARKS = {"predicate", "only-predicate", "indeclinable"}
FRAME_MARKS = {
    *("state", "habit", "particle", "nopassive", "dat-subject", "bare"),
    *("kein", "keine", "keinen"),
}
NAMED = {"name", "language", "city", "country"}  # tables of words.toml that a frame may ask for
CASES = {
    **{key: {"dat"} for key in ["aus", "bei", "mit", "nach", "von", "zu"]},
    **{key: {"acc"} for key in ["durch", "für", "gegen", "um"]},
    **{key: {"acc", "dat"} for key in ["an", "auf", "in", "über", "unter", "vor"]},
}
TENSES = {"past", "perfect", "now", "habit", "future"}


def rows(table: str) -> list[dict[str, str]]:
    """The lines of a table as records."""
    lines = [
        line
        for line in (DATA / f"{table}.tsv").read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    ]
    columns = lines[0].split("\t")
    assert columns == COLUMNS[table].split(), f"{table}.tsv: other columns"
    records = []
    for line in lines[1:]:
        cells = line.split("\t")
        assert len(cells) == len(columns), f"{table}.tsv: {line!r} has {len(cells)} cells"
        records.append(dict(zip(columns, cells, strict=True)))
    return records


NOUNS, VERBS, ADJECTIVES = rows("nouns"), rows("verbs"), rows("adjectives")
WORDS = tomllib.loads((DATA / "words.toml").read_text(encoding="utf-8"))
NOUN_NAMES = {noun["german"] for noun in NOUNS}


def items(cell: str) -> list[str]:
    """The members of a list in a cell."""
    return cell.split(",")


# The files


@pytest.mark.parametrize("name", ["nouns.tsv", "verbs.tsv", "adjectives.tsv", "words.toml"])
def test_text_is_composed_and_clean(name: str) -> None:
    """Umlauts are one sign each, no cell has a space at its edge, all signs are known."""
    text = (DATA / name).read_text(encoding="utf-8")
    assert unicodedata.normalize("NFC", text) == text
    assert "\r" not in text
    for number, line in enumerate(text.splitlines(), 1):
        assert line == line.rstrip(), f"{name}:{number} ends in a space"
        if name.endswith(".tsv") and not line.startswith("#"):
            for cell in line.split("\t"):
                assert cell == cell.strip(), f"{name}:{number}: {cell!r}"
                assert cell, f"{name}:{number} has an empty cell"
                assert "  " not in cell, f"{name}:{number}: {cell!r}"
    strange = set(text) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZäöüßÄÖÜé")
    assert strange <= set(" \t\n#-,;:./|='\"[]_()0123456789&+"), sorted(strange)


def test_how_many_words() -> None:
    """1,500 German entries and more."""

    def keys(table: dict[str, object]) -> set[str]:
        found: set[str] = set()
        for key, value in table.items():
            if isinstance(value, dict):
                found |= keys(value)
            elif isinstance(value, list) and all(isinstance(name, str) for name in value):
                found.add(key)
            else:
                found.add(key)
        return found

    closed = keys({k: v for k, v in WORDS.items() if k not in {"names", "surnames"}})
    names = {
        name for table in ("names", "surnames") for row in WORDS[table].values() for name in row
    }
    entries = (
        NOUN_NAMES
        | {verb["german"] for verb in VERBS}
        | {word["german"] for word in ADJECTIVES}
        | closed
        | names
    )
    assert len(entries) >= 1500


# Nouns


def test_nouns_are_there_once() -> None:
    """A German noun has one line; genders, classes and marks are known."""
    counts = Counter(noun["german"] for noun in NOUNS)
    assert [name for name, count in counts.items() if count > 1] == []
    for noun in NOUNS:
        name = noun["german"]
        assert name[0].isupper(), name
        assert noun["plural"] == "-" or noun["plural"][0].isupper(), name
        assert noun["gender"] in {"m", "f", "n", "p"}, name
        kinds = items(noun["classes"])
        assert len(kinds) == len(set(kinds)), name
        assert set(kinds) <= CLASSES | NOUN_MARKS, (name, kinds)
        assert set(kinds) & CLASSES, f"{name} has only marks"


def test_every_class_has_nouns() -> None:
    """A class that a frame names has something to choose from."""
    counts = Counter(kind for noun in NOUNS for kind in items(noun["classes"]))
    assert {kind for kind in CLASSES if counts[kind] < 3} == set()


def test_numbers_of_nouns_agree() -> None:
    """What has no plural in German has none in English, but for what one of them has only so."""
    for noun in NOUNS:
        kinds = set(items(noun["classes"]))
        name, english, plural = noun["german"], noun["english"], noun["english_plural"]
        if noun["gender"] == "p":
            assert noun["plural"] == name, name
            assert plural in {english, "-"}, name
        elif kinds & {"pair", "single"}:
            assert plural == english, name
            if "single" in kinds:
                assert noun["plural"] == "-", name
        elif noun["plural"] == "-":
            assert plural == "-", name
        else:
            assert plural != "-", name
        if "weak" in kinds:
            assert noun["gender"] == "m", name
            assert noun["plural"] in {f"{name}n", f"{name}en"}, name


GENDERS = [
    (r"(ung|heit|keit|schaft|ion|tät|ik|ei)$", "f", {"Ei", "Stadion", "Plastik"}),
    (r"in$", "f", {"Benzin", "Termin", "Cousin", "Wein", "Rotwein", "Stein", "Bein", "Schwein"}),
    (r"(chen|lein)$", "n", {"Kuchen", "Pfannkuchen"}),
    (r"(ling|ist|ent|or)$", "m", {"Tor"}),
    (r"(um|ment)$", "n", {"Baum", "Traum", "Apfelbaum"}),
]


def test_genders_follow_endings() -> None:
    """Endings that tell the gender do."""
    for ending, gender, exceptions in GENDERS:
        for noun in NOUNS:
            if re.search(ending, noun["german"]) and noun["german"] not in exceptions:
                assert noun["gender"] == gender, noun
    others_in_e = {
        "Kaffee", "Tee", "See", "Schnee", "Knie", "Wochenende", "Junge", "Neffe",
        "Kunde", "Kollege", "Hase", "Löwe", "Affe", "Name", "Käse", "Gemüse",
        "Auge", "Ende",
    }  # fmt: skip
    for noun in NOUNS:
        if noun["german"].endswith("e") and noun["gender"] != "p":
            assert (noun["gender"] != "f") == (noun["german"] in others_in_e), noun


# German plurals that are not by the rule of plural_by_rule, by kind.
PLURALS = {
    "umlaut": """Mutter Vater Bruder Tochter Großmutter Großvater Vogel Apfel Nagel Hammer Garten
        Mantel Laden Kindergarten Hafen Flughafen Boden Dachboden Ofen""",
    "umlaut e": """Sohn Gast Koch Arzt Zahnarzt Tierarzt Anwalt Kuh Maus Wolf Fuchs Frosch Wurst
        Nuss Rucksack Topf Korb Ball Schneeball Pass Schrank Kleiderschrank Kühlschrank
        Stuhl Vorhang Bank Rock Anzug Kamm Strumpf Hut Badeanzug Schlafanzug Zug
        Supermarkt Bahnhof Turm Bauernhof Stadt Hauptstadt Platz Spielplatz Sitzplatz Markt
        Parkplatz Hof Campingplatz Fluss Bach Strand Sturm Baum Apfelbaum Busch
        Kopf Zahn Hals Hand Fuß Bauch Brust Bart Satz Vertrag Stadtplan Fahrplan
        Wand Zaun Eingang Ausgang Knopf Ast Schwanz Grund Traum Plan Wunsch Angst
        Geruch Zufall Unfall Ausflug Spaziergang Flug Anfang Nacht Aufzug""",
    "umlaut er": """Mann Ehemann Feuerwehrmann Huhn Glas Handtuch Haus Krankenhaus Kaufhaus Rathaus
        Schloss Schwimmbad Land Dorf Tal Wald Mund Buch Wörterbuch Tagebuch Dach
        Rad Fahrrad Motorrad Blatt Wort Gehalt Fach Streichholz""",
    "er": """Kind Ei Bild Kleid Feld Nest Gesicht Lied Licht Schild""",
    "s": """Oma Opa Cousin Baby Chef Pizza Steak Radiergummi Foto Sofa T-Shirt Auto Taxi Kino
        Hotel Restaurant Café Bar Büro Park Zoo E-Mail Video Handy Radio Kamera
        Hobby Schal Clown""",
    "n": """See Auge Ende Wochenende""",
    "same": """Babysitter Euro Cent Knie""",
}  # fmt: skip
UMLAUT = str.maketrans({"a": "ä", "o": "ö", "u": "ü", "A": "Ä", "O": "Ö", "U": "Ü"})


def with_umlaut(word: str) -> str:
    """The last vowel that can take an umlaut takes it: Haus -> Häus, Apfel -> Äpfel."""
    if match := re.search(r"(.*)(au)([^aou]*)$", word):
        return match[1] + "äu" + match[3]
    found = [at for at, sign in enumerate(word) if sign in "aouAOU"]
    at = found[-1]
    return word[:at] + word[at].translate(UMLAUT) + word[at + 1 :]


def plural_by_rule(noun: dict[str, str]) -> str:
    """The plural that most nouns of this gender and ending have."""
    name, gender = noun["german"], noun["gender"]
    if "weak" in items(noun["classes"]):
        return name + ("n" if name.endswith(("e", "ar", "uer")) else "en")
    if gender == "f":
        if name.endswith("in"):
            return name + "nen"
        return name + ("n" if name.endswith(("e", "el", "er")) else "en")
    if re.search(r"(?<![ie])(er|el)$|en$", name) or (gender == "n" and re.match("Ge.*e$", name)):
        return name
    return name + "e"


def test_german_plurals() -> None:
    """A plural is by rule, or its kind of exception is listed; Herz and Museum one by one."""
    kind_of = {name: kind for kind, names in PLURALS.items() for name in names.split()}
    single = {
        "Museum": "Museen", "Stadion": "Stadien", "Konto": "Konten", "Praxis": "Praxen",
        "Kaktus": "Kakteen", "Bus": "Busse", "Gefängnis": "Gefängnisse", "Geheimnis": "Geheimnisse",
        "Ergebnis": "Ergebnisse", "Werkstatt": "Werkstätten", "Motor": "Motoren",
        "Traktor": "Traktoren", "Professor": "Professoren", "Insekt": "Insekten",
        "Schmerz": "Schmerzen", "Herz": "Herzen", "Bett": "Betten", "Hemd": "Hemden",
        "Ohr": "Ohren",
        "Direktor": "Direktoren",
    }  # fmt: skip
    make: dict[str, Callable[[str], str]] = {
        "umlaut": with_umlaut,
        "umlaut e": lambda name: with_umlaut(name) + "e",
        "umlaut er": lambda name: with_umlaut(name) + "er",
        "er": lambda name: name + "er",
        "s": lambda name: name + "s",
        "n": lambda name: name + "n",
        "same": lambda name: name,
    }
    wrong = {}
    for noun in NOUNS:
        name, plural = noun["german"], noun["plural"]
        if plural == "-" or noun["gender"] == "p":
            continue
        if name in single:
            expected = single[name]
        elif name in kind_of:
            expected = make[kind_of[name]](name)
        else:
            expected = plural_by_rule(noun)
        if plural != expected:
            wrong[name] = (plural, expected)
    assert wrong == {}


ENGLISH_PLURALS = {
    "man": "men", "woman": "women", "child": "children", "wife": "wives", "thief": "thieves",
    "wolf": "wolves", "mouse": "mice", "sheep": "sheep", "fish": "fish", "foot": "feet",
    "tooth": "teeth", "knife": "knives", "shelf": "shelves", "bookshelf": "bookshelves",
    "scarf": "scarves", "leaf": "leaves", "potato": "potatoes", "tomato": "tomatoes",
    "cactus": "cacti", "series": "series", "crossroads": "crossroads", "policeman": "policemen",
    "policewoman": "policewomen", "fireman": "firemen", "postman": "postmen", "person": "people",
    "stomach": "stomachs",
}  # fmt: skip


def test_english_plurals() -> None:
    """An English plural is by rule, or listed."""
    for noun in NOUNS:
        english, plural = noun["english"], noun["english_plural"]
        if (
            plural == "-"
            or set(items(noun["classes"])) & {"pair", "single"}
            or noun["gender"] == "p"
        ):
            continue
        if re.search(r"(s|x|z|ch|sh)$", english):
            rule = english + "es"
        elif re.search(r"[^aeiou]y$", english):
            rule = english[:-1] + "ies"
        else:
            rule = english + "s"
        assert plural == ENGLISH_PLURALS.get(english, rule), noun


# Verbs

GERMAN_IRREGULAR = """
backen backt backte gebacken; beginnen beginnt begann begonnen; beißen beißt biss gebissen; bieten
bietet bot geboten; biegen biegt bog gebogen; bitten bittet bat gebeten; bleiben bleibt blieb
geblieben; braten brät briet gebraten; brechen bricht brach gebrochen; brennen brennt brannte
gebrannt; bringen bringt brachte gebracht; denken denkt dachte gedacht; essen isst aß gegessen;
fahren fährt fuhr gefahren; fallen fällt fiel gefallen; fangen fängt fing gefangen; finden findet
fand gefunden; fliegen fliegt flog geflogen; fließen fließt floss geflossen; fressen frisst fraß
gefressen; frieren friert fror gefroren; geben gibt gab gegeben; gehen geht ging gegangen;
gelingen gelingt gelang gelungen; genießen genießt genoss genossen; geschehen geschieht geschah
geschehen; gewinnen gewinnt gewann gewonnen; gießen gießt goss gegossen; graben gräbt grub
gegraben; haben hat hatte gehabt; halten hält hielt gehalten; heben hebt hob gehoben; heißen heißt
hieß geheißen; helfen hilft half geholfen; kennen kennt kannte gekannt; kommen kommt kam gekommen;
laden lädt lud geladen; lassen lässt ließ gelassen; laufen läuft lief gelaufen; leihen leiht lieh
geliehen; lesen liest las gelesen; liegen liegt lag gelegen; lügen lügt log gelogen; messen misst
maß gemessen; mögen mag mochte gemocht; nehmen nimmt nahm genommen; nennen nennt nannte genannt;
raten rät riet geraten; reiten reitet ritt geritten; rennen rennt rannte gerannt; riechen riecht
roch gerochen; rufen ruft rief gerufen; scheiden scheidet schied geschieden; scheinen scheint
schien geschienen; schieben schiebt schob geschoben; schlafen schläft schlief geschlafen; schlagen
schlägt schlug geschlagen; schließen schließt schloss geschlossen; schmelzen schmilzt schmolz
geschmolzen; schneiden schneidet schnitt geschnitten; schreiben schreibt schrieb geschrieben;
schreien schreit schrie geschrien; schweigen schweigt schwieg geschwiegen; schwimmen schwimmt
schwamm geschwommen; sehen sieht sah gesehen; singen singt sang gesungen; sitzen sitzt saß
gesessen; sprechen spricht sprach gesprochen; springen springt sprang gesprungen; stechen sticht
stach gestochen; stehen steht stand gestanden; stehlen stiehlt stahl gestohlen; steigen steigt
stieg gestiegen; sterben stirbt starb gestorben; streiten streitet stritt gestritten; tragen trägt
trug getragen; treffen trifft traf getroffen; treiben treibt trieb getrieben; treten tritt trat
getreten; trinken trinkt trank getrunken; tun tut tat getan; verbieten verbietet verbot verboten;
vergessen vergisst vergaß vergessen; vergleichen vergleicht verglich verglichen; verlieren
verliert verlor verloren; verzeihen verzeiht verzieh verziehen; wachsen wächst wuchs gewachsen;
waschen wäscht wusch gewaschen; werfen wirft warf geworfen; wiegen wiegt wog gewogen; wissen weiß
wusste gewusst; wollen will wollte gewollt; ziehen zieht zog gezogen; empfehlen empfiehlt empfahl
empfohlen; besitzen besitzt besaß besessen; bekommen bekommt bekam bekommen; bestehen besteht
bestand bestanden; verbringen verbringt verbrachte verbracht; beschließen beschließt beschloss
beschlossen; befinden befindet befand befunden; erkennen erkennt erkannte erkannt; hängen hängt
hing gehangen
""".replace("\n", " ")  # fmt: skip
INSEPARABLE = (
    "be",
    "emp",
    "ent",
    "er",
    "ge",
    "miss",
    "ver",
    "zer",
    "über",
    "unter",
    "um",
    "wieder",
)
UNPREFIXED = {"bellen", "ernten"}  # no prefix, though they begin like one
WEAK_ALIKE = {"bereiten"}  # a prefix before a stem that is strong elsewhere: reiten


def weak_forms(base: str) -> tuple[str, str, str]:
    """Third person, preterite and participle of a weak verb: reden -> redet, redete, geredet."""
    stem = base[:-2] if base.endswith("en") else base[:-1]
    e = "e" if re.search(r"([td]|ch[mn]|[^aeiouäöülrhmn][mn])$", stem) else ""
    plain = base.endswith("ieren") or (base.startswith(INSEPARABLE) and base not in UNPREFIXED)
    return stem + e + "t", stem + e + "te", ("" if plain else "ge") + stem + e + "t"


def strong_forms() -> dict[str, tuple[str, str, str]]:
    """The listed verbs, and those that a prefix makes of them."""
    listed = {}
    for entry in GERMAN_IRREGULAR.split(";"):
        base, third, past, participle = entry.split()
        listed[base] = (third, past, participle)
    return listed


def forms_of(base: str, listed: dict[str, tuple[str, str, str]]) -> tuple[str, str, str]:
    """The forms of a verb without its separable prefix: as listed, as its stem's, or weak."""
    if base in listed:
        return listed[base]
    for prefix in INSEPARABLE:
        rest = base.removeprefix(prefix)
        if rest != base and rest in listed and base not in WEAK_ALIKE:
            third, past, participle = listed[rest]
            return prefix + third, prefix + past, prefix + participle.removeprefix("ge")
    return weak_forms(base)


def test_german_principal_parts() -> None:
    """Weak verbs follow the rule, strong ones the list; a separable prefix stands before all."""
    listed = strong_forms()
    for verb in VERBS:
        prefix, _, base = verb["german"].removeprefix("sich ").rpartition("|")
        assert verb["participle"].startswith(prefix), verb
        found = (verb["third"], verb["past"], verb["participle"].removeprefix(prefix))
        if prefix == "fallen ":  # the participle of lassen after an infinitive is its infinitive
            expected = ("lässt", "ließ", "lassen")
        elif base == "hängen" and "acc:" in verb["frame"]:  # to hang something is weak
            expected = weak_forms(base)
        else:
            expected = forms_of(base, listed)
        assert found == expected, verb


# Verbs of motion and of change that make the perfect with sein; a direct object wants haben.
WITH_SEIN = {
    "ein|schlafen", "auf|wachen", "auf|stehen", "um|ziehen", "gehen", "kommen", "fahren",
    "reisen", "verreisen", "laufen", "rennen", "springen", "klettern", "steigen", "fallen",
    "fliegen", "schwimmen", "wandern", "reiten", "folgen", "landen", "starten", "ab|biegen",
    "bleiben", "unter|gehen", "auf|gehen", "sterben", "wachsen", "passieren", "geschehen",
    "ein|ziehen", "aus|ziehen", "fließen", "schmelzen", "begegnen",
}  # fmt: skip


def test_auxiliaries() -> None:
    """Sein for motion and change without an accusative, haben for everything else."""
    for verb in VERBS:
        name, frame = verb["german"], verb["frame"].split(" | ")[0]
        base = name.rpartition("|")[2]
        accusative = re.search(r"(^|[ ;])acc[=:]", frame.split(" / ")[1])
        moves = name in WITH_SEIN or (base in WITH_SEIN and "|" in name and base != "reiten")
        reflexive = name.startswith("sich ")
        expected = "sein" if moves and not accusative and not reflexive else "haben"
        assert verb["auxiliary"] == expected, verb


ENGLISH_IRREGULAR = """
beat beat beaten; become became become; begin began begun; bite bit bitten; blow blew blown; break
broke broken; bring brought brought; build built built; buy bought bought; catch caught caught;
choose chose chosen; come came come; cost cost cost; cut cut cut; dig dug dug; do did done; draw
drew drawn; drink drank drunk; drive drove driven; eat ate eaten; fall fell fallen; feed fed fed;
feel felt felt; fight fought fought; find found found; fly flew flown; forbid forbade forbidden;
forget forgot forgotten; forgive forgave forgiven; freeze froze frozen; get got got; give gave
given; go went gone; grow grew grown; hang hung hung; have had had; hear heard heard; hide hid
hidden; hold held held; hurt hurt hurt; keep kept kept; know knew known; lay laid laid; lead led
led; leave left left; lend lent lent; lie lay lain; lose lost lost; make made made; mean meant
meant; meet met met; pay paid paid; put put put; read read read; ride rode ridden; ring rang rung;
rise rose risen; run ran run; say said said; see saw seen; sell sold sold; send sent sent; set set
set; shine shone shone; sing sang sung; sink sank sunk; sit sat sat; sleep slept slept; speak
spoke spoken; spend spent spent; split split split; stand stood stood; steal stole stolen; sting
stung stung; sweep swept swept; swim swam swum; take took taken; teach taught taught; tell told
told; think thought thought; throw threw thrown; understand understood understood; wake woke
woken; wear wore worn; win won won; withdraw withdrew withdrawn; write wrote written; show showed
shown
""".replace("\n", " ")  # fmt: skip
DOUBLED = {
    "begin", "cut", "dig", "drop", "fit", "forbid", "forget", "get", "hug", "put", "quarrel",
    "cancel", "run", "set", "shop", "sit", "split",
}  # fmt: skip
DOUBLED |= {"stop", "swap", "swim", "travel", "win", "plan", "hit"}


def english_by_rule(word: str) -> tuple[str, str, str, str]:
    """Third person, past, participle and -ing of a regular English verb."""
    if re.search(r"(s|x|z|ch|sh)$", word) or word in {"go", "do"}:
        third = word + "es"
    elif re.search(r"[^aeiou]y$", word):
        third = word[:-1] + "ies"
    else:
        third = word + "s"
    stem = word + word[-1] if word in DOUBLED else word
    if word.endswith("e"):
        past = word + "d"
    elif re.search(r"[^aeiou]y$", word):
        past = word[:-1] + "ied"
    else:
        past = stem + "ed"
    ing = stem.removesuffix("e") + "ing" if not word.endswith("ee") else word + "ing"
    return third, past, past, {"lie": "lying", "die": "dying"}.get(word, ing)


def test_english_principal_parts() -> None:
    """Regular English verbs follow the rule, the others the list; a phrase's rest never changes."""
    listed = {}
    for entry in ENGLISH_IRREGULAR.split(";"):
        base, past, participle = entry.split()
        listed[base] = (past, participle)
    for verb in VERBS:
        word, _, rest = verb["english"].partition(" ")
        columns = ("english_third", "english_past", "english_participle", "english_ing")
        cells = [verb[column] for column in columns]
        heads = tuple(cell.partition(" ")[0] for cell in cells)
        assert {cell.partition(" ")[2] for cell in cells} == {rest}, verb
        third, past, participle, ing = english_by_rule(word)
        if word == "be":
            expected = ("is", "was", "been", "being")
        elif word == "have":
            expected = ("has", "had", "had", "having")
        elif word in listed and verb["german"] != "lügen":
            expected = (third, *listed[word], ing)
        else:
            expected = (third, past, participle, ing)
        assert heads == expected, verb


def test_verbs_are_there_once() -> None:
    """No line twice; two lines of one meaning differ in what they take."""
    lines = [tuple(verb.values()) for verb in VERBS]
    assert len(lines) == len(set(lines))
    frames = Counter((verb["german"], verb["frame"]) for verb in VERBS)
    assert [frame for frame, count in frames.items() if count > 1] == []
    for verb in VERBS:
        assert re.fullmatch(r"(sich )?([A-Za-zäöüß]+ ?\|)?[a-zäöüß]+n", verb["german"]), verb


def parse_frame(frame: str) -> tuple[list[str], list[tuple[str, str, list[str]]], list[str]]:
    """SUBJECTS / OBJECT; OBJECT | marks -> subjects, (case, preposition, classes), marks."""
    match = re.fullmatch(r"([^/|]+) / ([^/|]+?)(?: \| ([a-z, -]+))?", frame)
    assert match, f"the frame {frame!r} has not the form SUBJECT / OBJECTS | marks"
    objects: list[tuple[str, str, list[str]]] = []
    for text in match[2].split("; "):
        if text in {"-", "place", "direction", "zu", "zu=ing", "dass", "ob", "name", "adj"}:
            objects.append((text, "", []))
            continue
        plain = re.fullmatch(r"(acc|dat)(=[a-z ]+|=-)?:([\w,-]+)", text)
        bound = re.fullmatch(r"prep:([a-zü]+)\+(acc|dat)=([a-z ]+|-):([\w,-]+)", text)
        assert plain or bound, f"the object {text!r} of {frame!r} has no known form"
        if plain:
            objects.append((plain[1], "", items(plain[3])))
        elif bound:
            assert bound[2] in CASES[bound[1]], f"{bound[1]} does not take {bound[2]}: {frame}"
            objects.append((f"prep {bound[2]}", bound[1], items(bound[4])))
    return items(match[1]), objects, [mark.strip() for mark in (match[3] or "").split(",") if mark]


def test_every_frame_parses() -> None:
    """Frames name known classes, nouns and marks, and prepositions with their case."""
    for verb in VERBS:
        subjects, objects, marks = parse_frame(verb["frame"])
        assert set(marks) <= FRAME_MARKS, verb["frame"]
        assert len(marks) == len(set(marks)), verb["frame"]
        for name in subjects + [name for *_, names in objects for name in names]:
            if name[0].isupper():
                assert name in NOUN_NAMES, f"{name} of {verb['german']} is no noun of nouns.tsv"
            else:
                assert name in CLASSES | NAMED | {"es"}, f"{name} of {verb['german']}"
        assert "es" not in subjects or subjects == ["es"], verb["frame"]
        kinds = [kind for kind, *_ in objects]
        assert len(kinds) == len(set(kinds)), f"{verb['german']}: two objects of a kind"
        if "dat-subject" in marks:
            assert "dat" in kinds, verb["frame"]
        if verb["english"].startswith("be "):
            assert "state" in marks or "habit" in marks, verb


# Adjectives

GERMAN_ADJECTIVES = """
groß größer größt; lang länger längst; kurz kürzer kürzest; hoch höher höchst; alt älter ältest;
jung jünger jüngst; gut besser best; teuer teurer teuerst; warm wärmer wärmst; kalt kälter
kältest; hart härter härtest; scharf schärfer schärfst; sauer saurer sauerst; dunkel dunkler
dunkelst; krank kränker kränkst; gesund gesünder gesündest; stark stärker stärkst; schwach
schwächer schwächst; klug klüger klügst; dumm dümmer dümmst; arm ärmer ärmst; nah näher nächst;
neu neuer neuest; genau genauer genauest; frisch frischer frischest
""".replace("\n", " ")  # fmt: skip
ENGLISH_ADJECTIVES = {
    "good": ("better", "best"),
    "bad": ("worse", "worst"),
    "far": ("further", "furthest"),
}
ENGLISH_DOUBLED = {"big", "hot", "wet", "sad", "thin", "slim", "flat"}


def test_adjectives_are_there_once() -> None:
    """An adjective has one line; its classes are known, and it fits something."""
    counts = Counter(word["german"] for word in ADJECTIVES)
    assert [name for name, count in counts.items() if count > 1] == []
    for word in ADJECTIVES:
        kinds = items(word["classes"])
        assert len(kinds) == len(set(kinds)), word
        for kind in kinds:
            known = NOUN_NAMES if kind[0].isupper() else CLASSES | ADJECTIVE_MARKS
            assert kind in known, (word["german"], kind)
        fits = set(kinds) - ADJECTIVE_MARKS
        assert bool(fits) != ("only-predicate" in kinds), word
        assert "predicate" in kinds or "only-predicate" not in kinds, word


def test_german_comparison() -> None:
    """Schön, schöner, schönst; those with an umlaut or a lost e are listed."""
    listed = {}
    for entry in GERMAN_ADJECTIVES.split(";"):
        word, comparative, superlative = entry.split()
        listed[word] = (comparative, superlative)
    for row in ADJECTIVES:
        word = row["german"]
        if row["comparative"] == "-":
            assert row["superlative"] == "-", row
            continue
        e = re.search(r"([dtsßz]|sch)$", word) and not re.search(r"(end|isch)$", word)
        expected = listed.get(
            word, (word + ("r" if word.endswith("e") else "er"), word + ("est" if e else "st"))
        )
        assert (row["comparative"], row["superlative"]) == expected, row


def test_english_comparison() -> None:
    """Short words take -er and -est, the others more and most; both languages compare or none."""
    for row in ADJECTIVES:
        word = row["english"]
        found = (row["english_comparative"], row["english_superlative"])
        if row["comparative"] == "-":
            assert found == ("-", "-"), row
            continue
        if word.endswith("y") and word[-2] not in "aeiou":
            stem = word[:-1] + "i" if word != "shy" else word
        else:
            stem = word.removesuffix("e")
            stem += stem[-1] if word in ENGLISH_DOUBLED else ""
        short = ENGLISH_ADJECTIVES.get(word, (stem + "er", stem + "est"))
        long = (f"more {word}", f"most {word}")
        vowels = len(re.findall(r"[aeiouy]+", word.removesuffix("e")))
        if word in ENGLISH_ADJECTIVES or vowels == 1:
            assert found in ({short, long} if word in {"huge", "smart"} else {short}), row
        elif vowels >= 3:
            assert found in ({long, short} if word[-1] == "y" else {long}), row
        else:
            assert found in {short, long}, row


# Closed classes


def test_places_and_manners_are_of_known_words() -> None:
    """Places and surfaces are nouns of the list, manners go with verbs of the list."""
    assert set(WORDS["places"]) <= NOUN_NAMES
    assert set(WORDS["surfaces"]) <= NOUN_NAMES
    verbs = {verb["german"] for verb in VERBS}
    for word, (_, *names) in WORDS["manner"].items():
        assert names, word
        assert set(names) <= verbs, (word, set(names) - verbs)
    for noun, cells in WORDS["places"].items():
        assert len(cells) == 6, noun
        at, _, to, _, source, _ = cells
        assert at in {"in", "an", "auf"}, noun
        assert to in {at, "zu"}, noun
        assert source in {"aus", "von"}, noun
        assert (source == "aus") <= (at == "in"), noun


def test_times_have_tenses() -> None:
    """An adverb of time says which tenses it goes with."""
    for word, (english, *tenses) in (WORDS["time"] | WORDS["throughout"]).items():
        assert english, word
        assert tenses, word
        assert set(tenses) <= TENSES, word


def test_ordered_tables_are_whole() -> None:
    """Seven days, twelve months, four seasons, numbers in their order."""
    assert len(WORDS["days"]) == 7
    assert len(WORDS["months"]) == 12
    assert len(WORDS["seasons"]) == 4
    numbers = list(WORDS["numbers"].values())
    assert numbers[:4] == ["zero", "one", "two", "three"]
    assert numbers[20:23] == ["twenty", "thirty", "forty"]
    assert len(numbers) == 21 + 9


def test_capitals() -> None:
    """Names, days and languages have capitals; seasons and adjectives where their language has."""
    for table in ("cities", "languages", "days", "months", "holidays"):
        for german, english in WORDS[table].items():
            assert german[0].isupper(), german
            assert english[0].isupper(), english
    for german, english in WORDS["seasons"].items():
        assert german[0].isupper(), german
        assert english.islower(), english
    for german, english in WORDS["nationalities"].items():
        assert german.islower(), german
        assert english[0].isupper(), english
    for country in WORDS["people"]:
        assert country in WORDS["countries"], country
    assert list(WORDS["country_of"]) == list(WORDS["cities"])
    assert set(WORDS["country_of"].values()) <= set(WORDS["countries"])
