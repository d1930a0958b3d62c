"""The pictures of the page for README.md and docs/page.md, from the page itself.

    python scripts/page_pictures.py            writes docs/page*.png
    python scripts/page_pictures.py --all DIR  every state, light and dark, three widths, into DIR

Needs Chromium, the `test` extra, and `pellucid get smollm2-135m`.
"""

import base64
import json
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import sync_playwright

DOCS = Path(__file__).resolve().parents[1] / "docs"
SHIPPED = {"model": "english-1M"}
LLAMA = {"model": "smollm2-135m"}
ROCKS = {"example": "ai_rocks"}
OFF = {"do": "set", "name": "h.0.attn.att", "index": [3], "value": 0}
LOOKS = {"tour": {"step": "looks", "open": True}}
WIDE = {"width": 1400, "height": 900}
LONGEST = 120_000  # milliseconds: a Llama of 135 million weights is read first


class State(NamedTuple):
    """What is opened, and what is done then."""

    subject: dict[str, str]
    view: str = "see"
    text: str | None = None
    focus: dict[str, Any] | None = None
    actions: tuple[dict[str, Any], ...] = ()
    then: Callable[[Any], None] | None = None

    @property
    def fragment(self) -> str:
        """The end of the address that opens it: JSON, deflated, in base64url."""
        experiment = {"subject": self.subject, "text": self.text, "actions": list(self.actions)}
        whole = {"experiment": experiment, "view": self.view, "focus": self.focus}
        deflate = zlib.compressobj(wbits=-15)
        packed = deflate.compress(json.dumps(whole).encode()) + deflate.flush()
        return "#" + base64.urlsafe_b64encode(packed).decode().rstrip("=")


def prove(page: Any) -> None:
    """The true digits of the number that is explained."""
    page.locator("pel-why").get_by_role("button", name="Prove this run").click()
    page.locator("pel-why").get_by_role("heading", name="Proved").wait_for()
    page.locator("pel-why").evaluate("(why) => why.closest('aside, section')?.scrollTo(0, 0)")


def generate(page: Any) -> None:
    """Tokens drawn one by one."""
    page.get_by_role("button", name="Generate", exact=True).click()
    page.get_by_role("radiogroup", name="Generated tokens").get_by_role("radio").nth(19).wait_for()


def sweep(page: Any) -> None:
    """Every head ablated."""
    page.get_by_role("button", name="Ablate every head").click()
    page.get_by_text("Largest changes").wait_for()


def present(page: Any) -> None:
    """The tour as a talk."""
    page.get_by_role("button", name="Present").click()


STATES = {
    "first": State(LLAMA),
    "model": State(SHIPPED),
    "tour": State(SHIPPED, focus=LOOKS),
    "talk": State(SHIPPED, focus=LOOKS, then=present),
    "block": State(SHIPPED, focus={"node": "h.1"}),
    "why": State(
        ROCKS, focus={"tensor": "h.0.attn.att", "number": "h.0.attn.att[0,1,0]"}, then=prove
    ),
    "llama": State(
        LLAMA,
        text="The capital of France is",
        focus={"node": "h.12.attn", "number": "probs[4,7042]"},
    ),
    "edit": State(SHIPPED, "touch", actions=(OFF,)),
    "edited": State(SHIPPED, actions=(OFF,)),
    "learn": State(SHIPPED, "learn"),
    "generate": State(SHIPPED, "generate", then=generate),
    "analyze": State(SHIPPED, "analyze", then=sweep),
    "translate": State({"example": "where_do_you_live"}),
}

PICTURES = {
    "page": ("first", "light"),
    "page_tour": ("tour", "light"),
    "page_why": ("why", "light"),
    "page_edit": ("edited", "light"),
    "page_analyze": ("analyze", "light"),
    "page_model": ("block", "dark"),
    "page_llama": ("llama", "light"),
}


@contextmanager
def served() -> Iterator[str]:
    """The address of a page that is served for as long as the pictures are taken."""
    command = [sys.executable, "-m", "pellucid", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


def take(browser: Any, address: str, state: State, file: Path, *, size: Any, scheme: str) -> None:
    """Open a state, and save what is seen."""
    how = {"color_scheme": scheme, "reduced_motion": "reduce", "bypass_csp": True}
    context = browser.new_context(viewport=size, **how)
    page = context.new_page()
    page.set_default_timeout(LONGEST)
    page.goto(address + state.fragment)
    page.wait_for_function("document.querySelector('pel-app')?.store?.run")
    page.wait_for_timeout(2500)
    if state.then:
        state.then(page)
    page.mouse.move(2, size["height"] - 2)
    page.wait_for_timeout(1500)
    page.screenshot(path=file)
    context.close()
    print(file.name)


def main() -> None:
    """Take the pictures that were asked for."""
    folder = Path(sys.argv[2]) if sys.argv[1:2] == ["--all"] else None
    names = ("chromium", "chromium-browser", "chromium-headless-shell")
    chromium = next(filter(None, map(shutil.which, names)), None)
    with served() as address, sync_playwright() as running:
        browser = running.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        if folder is None:
            for name, (state, scheme) in PICTURES.items():
                file = DOCS / f"{name}.png"
                take(browser, address, STATES[state], file, size=WIDE, scheme=scheme)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            for name, state in STATES.items():
                for scheme in ("light", "dark"):
                    for width, height in ((1280, 800), (1920, 1080), (400, 800)):
                        size = {"width": width, "height": height}
                        file = folder / f"{name}-{scheme}-{width}.png"
                        take(browser, address, state, file, size=size, scheme=scheme)
        browser.close()


if __name__ == "__main__":
    main()
