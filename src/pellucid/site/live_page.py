"""The page of `pellucid serve` within the site: the same files, a record in a server's place."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from pellucid.site.pages import Pages, words
from pellucid.web.record.page import RECORD, address, write_page
from pellucid.web.record.subjects import record

FOLDER = "page"


@dataclass(frozen=True)
class LivePage:
    """The page that was written, and the worked examples that it shows."""

    examples: Collection[str]

    def link(self, example: str) -> str | None:
        """The address within the site where an example is shown; None where it is not."""
        if example not in self.examples:
            return None
        return f"{FOLDER}/{address({'experiment': {'subject': {'example': example}}})}"


def write_live_page(
    pages: Pages, examples: Sequence[str], models: Sequence[str], watch: Callable[[str], None]
) -> LivePage:
    """Write the page, and the record of these worked examples and models."""
    write_page(pages.folder / FOLDER)
    record(pages.folder / FOLDER / RECORD, examples, models, watch)
    return LivePage(examples)


def list_live_page(pages: Pages) -> None:
    """Put the page into the menu."""
    pages.navigation.append({words()["tabs"]["page"]: f"{FOLDER}/index.html"})
