"""What is said of each trained model that has a name here: the facts that its files do not hold."""

from typing import NamedTuple


class Description(NamedTuple):
    """What one says of a model before it is opened; sizes and architecture its files say."""

    use: str
    """What it is and does, in a few words."""
    trained_on: str
    licence: str
    """The weights' licence by its SPDX name; its model card names it too."""
    text: str
    """A text to begin with, that the model can do something with."""

    @property
    def line(self) -> str:
        """A line on what it is and what it was trained on."""
        return f"{self.use}, trained on {self.trained_on}"


DESCRIBED = {
    "english-1M": Description(
        use="A GPT of one million weights that writes English as it was",
        trained_on="Shakespeare, the King James Bible and Jane Austen, and nothing else",
        licence="Apache-2.0",
        text="Elizabeth looked at Mr.",
    ),
    "english-4M": Description(
        use="A Llama of four million weights that writes English, old and of today",
        trained_on="28 MB of speeches, manuals, WordNet, novels and Bibles of free licences",
        licence="Apache-2.0",
        text="My fellow Americans, tonight",
    ),
    "german-english": Description(
        use="An encoder-decoder that translates everyday German into English",
        trained_on="sentences of Pellucid's own grammar of some 1,900 words, and its phrasebook",
        licence="Apache-2.0",
        text="Wo wohnst du?",
    ),
    "copying": Description(
        use="A GPT of one head that copies five letters, always rightly",
        trained_on="a quarter of the 7,776 strings of five letters",
        licence="Apache-2.0",
        text="badef|",
    ),
    "induction": Description(
        use="A GPT of two heads, the second an induction head: it goes on as the text went before",
        trained_on="a quarter of the 46,656 texts of six letters",
        licence="Apache-2.0",
        text="cafbca",
    ),
    "addition-113": Description(
        use="A GPT that adds two numbers modulo 113, always rightly",
        trained_on="two fifths of the 12,769 sums",
        licence="Apache-2.0",
        text="46 + 80 =",
    ),
    "brackets-16": Description(
        use="A GPT that says of each string of up to 16 brackets what may end it, always rightly",
        trained_on="strings of brackets drawn at random",
        licence="Apache-2.0",
        text="(()(",
    ),
    "smollm2-135m": Description(
        use="SmolLM2-135M-Instruct of Hugging Face in 4 bits, a Llama of 135 million weights",
        trained_on="two trillion tokens of the web, textbooks and code",
        licence="Apache-2.0",
        text="The chef put the cake in the",
    ),
}
"""By name. A row here, and a folder of that name beside this file, are a model that comes along.

In a folder's name underscores stand for hyphens. It holds `model.safetensors`, `config.json`,
`tokenizer.json` and `README.md`, the model card; `pellucid.shipped.SECTIONS` says what a card has.
A name that is one of `FETCHED` has no folder.
"""
