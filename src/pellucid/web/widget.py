"""The page in a notebook: the same view as a widget, without a server, a port or a network.

    from pellucid.web.widget import see

    see("ai_rocks")
    see("english-1M", "In the beginning")
    see(model, "a text", tokenizer=tokenizer)

It needs anywidget: `pip install 'pellucid[notebook]'`.
"""

from collections.abc import Mapping
from typing import Any

from pellucid.errors import ConfigError
from pellucid.examples import EXAMPLES
from pellucid.models import CausalModel
from pellucid.shipped import SHIPPED, SHIPPED_MODEL
from pellucid.text import Tokenizer
from pellucid.web.answers.api import SessionApi
from pellucid.web.notebook.bundle import module_text
from pellucid.web.notebook.messages import Messages
from pellucid.web.session.experiment import Experiment, read_experiment
from pellucid.web.session.library import Library

try:
    import anywidget
    import traitlets
except ImportError:
    raise ConfigError(
        "the view in notebooks needs anywidget, which is not installed: pip install "
        "'pellucid[notebook]'"
    ) from None

VIEWS = ("see", "learn", "touch", "generate", "analyze", "compare")

HEIGHT = 720
"""Pixels."""


class View(anywidget.AnyWidget):
    """The page as a widget; `see` makes one.

    `experiment` is what is looked at, as docs/page.md describes it: it follows what is done in the
    view, and the view follows it where it is set. None is what a page opens on. `view` is which
    part of the page is shown, one of `VIEWS`, and follows and is followed likewise; `height` is in
    pixels.
    Raises `ConfigError` where one of them is set to something else.

    `close()` gives the memory back; a view whose cell's output has gone keeps none of its runs.
    """

    _esm = module_text("notebook.js")

    experiment = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    view = traitlets.Unicode("see").tag(sync=True)
    height = traitlets.Int(HEIGHT).tag(sync=True)

    def __init__(self, library: Library, **how: Any) -> None:
        self._messages = Messages(SessionApi(library), self._reply)
        super().__init__(**how)
        self.on_msg(lambda _, message, __: self._messages.take(message))

    def close(self) -> None:
        """Close the view, and give its memory back."""
        self._messages.close()
        super().close()

    def _reply(self, message: dict[str, Any], files: list[bytes]) -> None:
        if self.comm is not None:  # a view may have been closed while its answer was found
            self.send(message, files)

    @traitlets.validate("experiment")
    def _is_experiment(self, proposal: Mapping[str, Any]) -> dict[str, Any] | None:
        if (value := proposal["value"]) is not None:
            read_experiment(value)
        return value  # type: ignore[no-any-return]  # traitlets says of none what it holds

    @traitlets.validate("view")
    def _is_view(self, proposal: Mapping[str, Any]) -> str:
        if (value := proposal["value"]) not in VIEWS:
            raise ConfigError(f"view must be one of {', '.join(VIEWS)}, not {value!r}")
        return str(value)

    @traitlets.validate("height")
    def _is_height(self, proposal: Mapping[str, Any]) -> int:
        if not 200 <= (value := proposal["value"]) <= 10_000:
            raise ConfigError(f"height must be from 200 to 10,000 pixels, not {value}")
        return int(value)


def see(
    model: str | CausalModel | None = None,
    text: str | None = None,
    *,
    tokenizer: Tokenizer | None = None,
    view: str = "see",
    height: int = HEIGHT,
) -> View:
    """The page in a notebook, with a model and a text; the shipped model where none is said.

    `model` is a worked example (`pellucid examples` lists them), what `open_model` takes, or a
    model with its `tokenizer`. Without a `text`, an example has its own, and a model begins with a
    sentence. Raises `ConfigError` for a model without a tokenizer, and for settings out of range;
    what goes wrong with the model or the text is said in the view.
    """
    names: dict[str, str | tuple[CausalModel, Tokenizer]] = {
        name: name for name in (SHIPPED_MODEL, *SHIPPED)
    }
    if isinstance(model, CausalModel):
        if tokenizer is None:
            raise ConfigError("a model must come with its tokenizer: see(model, text, tokenizer=…)")
        subject = Experiment("model", "this model", text)
        names = {subject.name: (model, tokenizer), **names}
    elif model is None:
        subject = Experiment("model", SHIPPED_MODEL, text)
    elif model in EXAMPLES:
        subject = Experiment("example", model, text)
    else:
        subject = Experiment("model", model, text)
        names = {model: model, **names}
    empty = model is None and text is None
    return View(
        Library(names),
        experiment=None if empty else subject.as_json(),
        view=view,
        height=height,
    )
