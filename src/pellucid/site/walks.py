"""The worked examples, each as the document that `pellucid walk NAME -o` writes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pellucid.documents.build import document
from pellucid.documents.html import html
from pellucid.documents.links import Link
from pellucid.documents.markdown import escaped
from pellucid.examples import find_example
from pellucid.lessons import example_run
from pellucid.site.live_page import LivePage
from pellucid.site.pages import Pages, words

FOLDER = "walks"


@dataclass(frozen=True)
class Walks:
    """The examples that were written, in their order: of each the anchors of its values by name."""

    anchors: Mapping[str, Mapping[str, str]]

    def link(self, example: str, name: str = "") -> str | None:
        """The address of a value within the site, or of the whole walk; None where none is."""
        if example not in self.anchors:
            return None
        page = f"{FOLDER}/{example}.html"
        if not name:
            return page
        anchor = self.anchors[example].get(name)
        return anchor and f"{page}#{anchor}"

    def list_them(self, pages: Pages, live: LivePage) -> None:
        """Write the page that lists them."""
        own = words()["walks"]
        lines = [f"# {own['title']}", "", own["about"], ""]
        for name in self.anchors:
            example = find_example(name)
            lines += [f"## [{escaped(example.title)}]({name}.html)", "", escaped(example.about), ""]
            drawn = f"[{own['drawn']}](../{live.link(name)})"
            lines += [f"`pellucid walk {name}` · {drawn}", ""]
        path = pages.write(f"{FOLDER}/index.md", "\n".join(lines))
        pages.navigation.append({words()["tabs"]["walks"]: path})


def write_walks(pages: Pages, names: Sequence[str], watch: Callable[[str], None]) -> Walks:
    """Write the documents of these examples."""
    found: dict[str, dict[str, str]] = {}
    for name in names:
        watch(name)
        made = document(example_run(name).walkthrough, colophon=(words()["walks"]["made"],))
        pages.write(
            f"{FOLDER}/{name}.html", html(made, Link(words()["walks"]["back"], "index.html"))
        )
        found[name] = {value.name: value.anchor for value in made.values if value.anchor}
    return Walks(found)
