"""Forms by hand: every class of article, adjective, noun, pronoun and verb."""

import pytest

from pellucid.grammar import english, german
from pellucid.grammar.conjugation import FORMS, PrincipalParts, with_zu
from pellucid.grammar.counting import english_clock, english_number, german_clock, german_number
from pellucid.grammar.phrases import both, name, pronoun
from tests.grammar.said import a

GENDERS = "mfnp"


def declined(article: str) -> list[str]:
    """The forms by case, and in each by gender."""
    return [
        " ".join(german.article(article, one, case) for one in GENDERS) for case in german.CASES
    ]


def test_articles():
    assert declined("der") == [
        "der die das die",
        "den die das die",
        "dem der dem den",
        "des der des der",
    ]
    assert declined("dies") == [
        "dieser diese dieses diese",
        "diesen diese dieses diese",
        "diesem dieser diesem diesen",
        "dieses dieser dieses dieser",
    ]
    assert declined("kein") == [
        "kein keine kein keine",
        "keinen keine kein keine",
        "keinem keiner keinem keinen",
        "keines keiner keines keiner",
    ]
    assert declined("euer")[0] == "euer eure euer eure"


def endings(after: str) -> list[str]:
    """What klein ends in, by case and gender."""
    whole = [
        [german.adjective("klein", after, one, case) for one in GENDERS] for case in german.CASES
    ]
    return [" ".join(word.removeprefix("klein") for word in row) for row in whole]


def test_adjectives_after_der_after_ein_and_alone():
    assert endings("der") == ["e e e en", "en e e en", "en en en en", "en en en en"]
    assert endings("dies") == endings("der")
    assert endings("kein") == ["er e es en", "en e es en", "en en en en", "en en en en"]
    assert endings("") == ["er e es e", "en e es e", "em er em en", "en er en er"]


def test_stems_of_adjectives():
    stems = {
        "hoch": "hohes",
        "teuer": "teures",
        "dunkel": "dunkles",
        "leise": "leises",
        "schwer": "schweres",
    }
    assert {word: german.adjective(word, "", "n", "nom") for word in stems} == stems


def test_nouns_in_the_singular():
    for word, gender, weak, forms in (
        ("Tisch", "m", False, "Tisch Tisch Tisch Tisches"),
        ("Lehrer", "m", False, "Lehrer Lehrer Lehrer Lehrers"),
        ("Haus", "n", False, "Haus Haus Haus Hauses"),
        ("Bus", "m", False, "Bus Bus Bus Busses"),
        ("Zeugnis", "n", False, "Zeugnis Zeugnis Zeugnis Zeugnisses"),
        ("Auto", "n", False, "Auto Auto Auto Autos"),
        ("Kind", "n", False, "Kind Kind Kind Kindes"),
        ("Frau", "f", False, "Frau Frau Frau Frau"),
        ("Junge", "m", True, "Junge Jungen Jungen Jungen"),
        ("Student", "m", True, "Student Studenten Studenten Studenten"),
        ("Herr", "m", True, "Herr Herrn Herrn Herrn"),
        ("Name", "m", True, "Name Namen Namen Namens"),
        ("Herz", "n", True, "Herz Herz Herzen Herzens"),
    ):
        found = [german.noun(word, gender, case, weak=weak) for case in german.CASES]
        assert found == forms.split(), word


def test_nouns_in_the_plural_have_n_in_the_dative():
    for plural, dative in (
        ("Häuser", "Häusern"),
        ("Frauen", "Frauen"),
        ("Autos", "Autos"),
        ("Tage", "Tagen"),
    ):
        assert german.nouns(plural, "dat") == dative
        assert german.nouns(plural, "gen") == plural


def test_prepositions_and_articles_become_one_word():
    fused = {
        "in dem": "im",
        "an dem": "am",
        "zu der": "zur",
        "in das": "ins",
        "von dem": "vom",
        "bei dem": "beim",
    }
    for apart, together in fused.items():
        preposition, article = apart.split()
        assert german.joined(preposition, f"{article} X") == f"{together} X"
    assert german.joined("auf", "dem Tisch") == "auf dem Tisch"
    assert german.joined("in", "diesem Haus") == "in diesem Haus"


def test_pronouns_in_three_cases():
    forms = {
        "ich": "ich mich mir", "du": "du dich dir", "er": "er ihn ihm", "sie": "sie sie ihr",
        "es": "es es ihm", "wir": "wir uns uns", "ihr": "ihr euch euch", "they": "sie sie ihnen",
        "Sie": "Sie Sie Ihnen",
    }  # fmt: skip
    assert {key: " ".join(pronoun(key).cases[:3]) for key in forms} == forms
    words = {key: (pronoun(key).subject, pronoun(key).object) for key in forms}
    assert words["er"] == ("he", "him")
    assert words["they"] == ("they", "them")
    assert words["Sie"] == words["ihr"] == words["du"] == ("you", "you")


def test_noun_phrases_agree_in_both_languages():
    assert a("Mann", "ein").cases == ("ein Mann", "einen Mann", "einem Mann", "eines Mannes")
    assert a("Student", "dies").cases[1] == "diesen Studenten"
    assert a("Apfel", "ein").object == "an apple"
    assert a("Apfel", "3").cases[2] == "drei Äpfeln"
    assert a("Apfel", "3").object == "three apples"
    assert a("Milch", "").denied == ("keine Milch", "keine Milch", "keiner Milch", "keiner Milch")
    assert a("Milch", "").denied_english == "any milk"
    assert a("Hose", "dies").object == "these trousers"
    assert a("Hose", "ein").object == "trousers"
    assert (a("Hose").form, a("Hose").plural) == ("er", True)
    assert (a("Eltern").form, a("Eltern").object) == ("they", "the parents")
    assert a("Haus", "mein", owner="ihr").cases[0] == "euer Haus"
    assert a("Schwester", "mein", owner="ihr").cases[2] == "eurer Schwester"
    assert both(name("Anna", "f"), pronoun("ich")).form == "wir"


@pytest.mark.parametrize(
    ("parts", "forms"),
    [
        (("machen", "macht", "machte"), "mache machst macht machen macht machen"),
        (
            ("arbeiten", "arbeitet", "arbeitete"),
            "arbeite arbeitest arbeitet arbeiten arbeitet arbeiten",
        ),
        (("öffnen", "öffnet", "öffnete"), "öffne öffnest öffnet öffnen öffnet öffnen"),
        (("lernen", "lernt", "lernte"), "lerne lernst lernt lernen lernt lernen"),
        (("spielen", "spielt", "spielte"), "spiele spielst spielt spielen spielt spielen"),
        (("sammeln", "sammelt", "sammelte"), "sammle sammelst sammelt sammeln sammelt sammeln"),
        (("wandern", "wandert", "wanderte"), "wandere wanderst wandert wandern wandert wandern"),
        (("reisen", "reist", "reiste"), "reise reist reist reisen reist reisen"),
        (("fahren", "fährt", "fuhr"), "fahre fährst fährt fahren fahrt fahren"),
        (("lesen", "liest", "las"), "lese liest liest lesen lest lesen"),
        (("nehmen", "nimmt", "nahm"), "nehme nimmst nimmt nehmen nehmt nehmen"),
        (("halten", "hält", "hielt"), "halte hältst hält halten haltet halten"),
        (("laden", "lädt", "lud"), "lade lädst lädt laden ladet laden"),
        (("treten", "tritt", "trat"), "trete trittst tritt treten tretet treten"),
        (("wissen", "weiß", "wusste"), "weiß weißt weiß wissen wisst wissen"),
        (("wollen", "will", "wollte"), "will willst will wollen wollt wollen"),
        (("mögen", "mag", "mochte"), "mag magst mag mögen mögt mögen"),
        (("haben", "hat", "hatte"), "habe hast hat haben habt haben"),
        (("sein", "ist", "war"), "bin bist ist sind seid sind"),
        (("werden", "wird", "wurde"), "werde wirst wird werden werdet werden"),
        (("tun", "tut", "tat"), "tue tust tut tun tut tun"),
    ],
)
def test_verbs_in_the_present(parts: tuple[str, str, str], forms: str):
    assert [PrincipalParts(*parts).present(form) for form in FORMS] == forms.split()


def test_verbs_in_the_past():
    for parts, forms in (
        (("machen", "macht", "machte"), "machte machtest machte machten machtet machten"),
        (("gehen", "geht", "ging"), "ging gingst ging gingen gingt gingen"),
        (("finden", "findet", "fand"), "fand fandest fand fanden fandet fanden"),
        (("lesen", "liest", "las"), "las lasest las lasen last lasen"),
        (("sein", "ist", "war"), "war warst war waren wart waren"),
        (("bringen", "bringt", "brachte"), "brachte brachtest brachte brachten brachtet brachten"),
    ):
        assert [PrincipalParts(*parts).preterite(form) for form in FORMS] == forms.split()


def test_imperatives():
    for parts, forms in (
        (("gehen", "geht", "ging"), "geh geht gehen"),
        (("lesen", "liest", "las"), "lies lest lesen"),
        (("fahren", "fährt", "fuhr"), "fahr fahrt fahren"),
        (("halten", "hält", "hielt"), "halte haltet halten"),
        (("warten", "wartet", "wartete"), "warte wartet warten"),
        (("spielen", "spielt", "spielte"), "spiel spielt spielen"),
        (("sammeln", "sammelt", "sammelte"), "sammle sammelt sammeln"),
        (
            ("entschuldigen", "entschuldigt", "entschuldigte"),
            "entschuldige entschuldigt entschuldigen",
        ),
        (("steigen", "steigt", "stieg"), "steig steigt steigen"),
        (("sein", "ist", "war"), "sei seid seien"),
        (("haben", "hat", "hatte"), "hab habt haben"),
    ):
        found = [PrincipalParts(*parts).imperative(one) for one in ("du", "ihr", "Sie")]
        assert found == forms.split(), parts


def test_zu_stands_in_the_verb_behind_a_prefix():
    assert [with_zu("auf", "stehen"), with_zu("", "gehen")] == ["aufzustehen", "zu gehen"]
    assert with_zu("Rad ", "fahren") == "Rad zu fahren"


def test_english_articles_and_forms_of_be():
    for word, whole in (
        ("apple", "an"),
        ("hour", "an"),
        ("uniform", "a"),
        ("European", "a"),
        ("umbrella", "an"),
    ):
        assert english.indefinite(word) == f"{whole} {word}"
    whole = [
        english.be(person, plural=plural, past=False)
        for plural in (False, True)
        for person in (1, 2, 3)
    ]
    assert whole == ["am", "is", "is", "are", "are", "are"]
    afraid = english.EnglishVerb(
        "be afraid", "is afraid", "was afraid", "been afraid", "being afraid"
    )
    assert afraid.present(1, plural=False) == "am afraid"
    assert afraid.preterite(3, plural=True) == "were afraid"


def test_numbers_and_clock_times():
    assert german_number(777) == "siebenhundertsiebenundsiebzig"
    assert german_number(16) == "sechzehn"
    assert english_number(340) == "three hundred and forty"
    assert [german_clock(3, 45, spoken=True), english_clock(3, 45, spoken=True)] == [
        "Viertel vor vier",
        "a quarter to four",
    ]
    assert [german_clock(12, 30, spoken=True), english_clock(12, 30, spoken=True)] == [
        "halb eins",
        "half past twelve",
    ]
    assert [german_clock(18, 0, spoken=False), english_clock(18, 0, spoken=False)] == [
        "achtzehn Uhr",
        "six in the evening",
    ]
