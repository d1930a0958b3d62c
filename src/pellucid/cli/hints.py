"""What to try next: at the end of each command one line, a command that works on what was used."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any

from pellucid.cli.screen import console
from pellucid.shipped import DESCRIBED, FETCHED, SHIPPED_MODEL, TRANSLATOR, shelf_model

if TYPE_CHECKING:
    from rich.console import Console

    from pellucid.documents.model import Document

Given = Mapping[str, Any]
"""A command's parameters, as its function has them."""


def hinted(command: Callable[..., None]) -> Callable[..., None]:
    """The command, and on a terminal behind what it prints a line that says what to try next."""

    @wraps(command)
    def told(**given: Any) -> None:
        command(**given)
        screen = console()
        words = suggestion(command.__name__, given)
        if words and screen.is_terminal:
            say(screen, words)

    return told


def say(screen: "Console", words: Sequence[str]) -> None:
    """Print the line; a command is not broken, so that it can be copied."""
    from rich.text import Text

    line = Text.assemble(("Next: ", "dim"), shlex.join(("pellucid", *words)))
    screen.print(line, soft_wrap=True)


def suggestion(command: str, given: Given) -> list[str] | None:
    """The words of a command that goes on from another with these parameters; None for no idea."""
    make = _SUGGESTIONS.get(command)
    return make(given) if make else None


def read(given: Given) -> list[str]:
    """The text or example of a command and its model, as other commands take them."""
    words = [given["text"]] if given.get("text") else []
    for name, option in (("model", "--model"), ("tokenizer_name", "--tokenizer")):
        words += [option, str(given[name])] if given.get(name) else []
    return words


def next_words(made: "Document", used: Sequence[str]) -> list[str]:
    """What to try after a walk: the arithmetic behind one of its numbers, if it computes any."""
    computed = [value for value in made.values if made.links.origin(value.name)]
    attention = [value for value in computed if value.name.endswith(".att")]
    for value in attention or computed:
        places = [0] * len(value.shape)
        if value in attention:
            places[-2] = value.shape[-2] - 1
        index = f"[{','.join(map(str, places))}]" if places else ""
        return ["explain", value.name + index, *used]
    return ["examples"]


def _model(given: Given) -> list[str]:
    return read({**given, "text": None})


def _explain(given: Given) -> list[str]:
    step = ["--optimizer", given["optimizer"]] if given["optimizer"] else []
    if given["depth"] == 1 and not given["python"]:
        return ["explain", given["name"], *read(given), *step, "--depth", "2"]
    return ["walk", *read(given), *step, "--show", given["name"].partition("[")[0]]


def _plot(given: Given) -> list[str] | None:
    more = given["more"]
    return ["walk", more[0], *_model(given)] if given["what"] == "attention" and more else None


def _tokenize(given: Given) -> list[str] | None:
    if given["tokenizer"] == "gpt2" and not given["merges"]:
        return ["tokenize", given["text"], "--merges"]
    several = len(given["text"].split()) > 1
    return ["walk", given["text"], "--model", SHIPPED_MODEL] if several else None


def _generate(given: Given) -> list[str]:
    prompt = ["--prompt", given["prompt"]] if given["prompt"] else []
    if given["why"] and len((given["prompt"] or "").split()) > 1:
        return ["walk", given["prompt"], *_model(given)]
    return ["generate", *_model(given), *prompt, "--why", "--max-new-tokens", "5"]


def _trained_classifier(given: Given) -> list[str] | None:
    if given["out"] is None:
        return None
    cells = [] if given["separator"] == "," else ["--separator", given["separator"]]
    own = ["--model", str(given["out"]), "--label", given["label"]]
    return ["classify", str(given["table"]), *own, *cells]


def _exported(given: Given) -> list[str] | None:
    """Only with a tokenizer beside it can an exported model write."""
    file = given["out"] / "tokenizer.json"
    return ["generate", "--model", str(given["out"])] if file.exists() else None


def _translate(given: Given) -> list[str]:
    if given["why"]:
        return ["walk", "where_do_you_live"]
    return ["translate", *read(given), "--why"]


def _named(name: str | None) -> list[str]:
    """What a model of the shelf is for; without a name, its list goes on with a card."""
    if name is None:
        return ["models", SHIPPED_MODEL]
    text = DESCRIBED[name].text
    if shelf_model(name).architecture == "transformer":
        return ["translate", text, "--model", name]
    return ["generate", "--model", name, "--prompt", text]


_SUGGESTIONS: Mapping[str, Callable[[Given], list[str] | None]] = {
    "explain": _explain,
    "prove": lambda given: ["walk", *read(given)],
    "plot": _plot,
    "reach": lambda given: ["plot", "attention", *read(given), "-o", "attention.svg"],
    "examples": lambda _: ["walk", "leaf_or_flower"],
    "tokenize": _tokenize,
    "prepare": lambda given: ["train", str(given["out"]), "--out", f"{given['out']}-model"],
    "train": lambda given: ["generate", "--model", str(given["out"])],
    "generate": _generate,
    "evaluate": lambda given: ["generate", *_model(given)],
    "train_classifier": _trained_classifier,
    "classify": lambda _: ["walk", "leaf_or_flower_training"],
    "train_translator": lambda _: ["walk", "where_do_you_live"],
    "translate": _translate,
    "sentences": lambda _: _named(TRANSLATOR),
    "models": lambda given: None if given["as_json"] else _named(given["name"]),
    "get": lambda given: _named(given["name"] or next(iter(FETCHED))),
    "export": _exported,
    "reference": lambda given: ["compare", str(given["out"]), str(given["out"])],
}
"""What goes on from each command; `walk`, which has a document to choose from, says it itself."""
