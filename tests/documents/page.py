"""An HTML page read without a browser: its tags in order, its tables, its anchors and links."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "input", "br", "link", "img", "hr"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    children: list["Element | str"] = field(default_factory=list)

    def all(self, tag: str = "", **wanted: str) -> Iterator["Element"]:
        """The elements below this one of that tag, and with these attributes, in order."""
        for child in self.children:
            if isinstance(child, Element):
                if tag in {"", child.tag} and wanted.items() <= child.attributes.items():
                    yield child
                yield from child.all(tag, **wanted)

    @property
    def text(self) -> str:
        return "".join(
            child.text if isinstance(child, Element) else child for child in self.children
        )


class Page(HTMLParser):
    """Reads a page; a tag that is not closed where it should be fails."""

    def __init__(self, content: str) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {})
        self.by_id: dict[str, list[Element]] = {}
        self._open = [self.root]
        self.feed(content)
        self.close()
        assert self._open == [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(element)
        if "id" in element.attributes:
            self.by_id.setdefault(element.attributes["id"], []).append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)


def numbers(page: Page, name: str) -> list[str]:
    """The numbers of a value as the page shows them, in the order of its tables."""
    (value,) = (element for element in page.by_id[name] if element.tag == "div")
    return [button.text for table in value.all("table") for button in table.all("button")]
