"""The pictures of the page for README.md and docs/page.md, from the page itself.

    python scripts/page_pictures.py            writes docs/page*.png
    python scripts/page_pictures.py --all DIR  every view, light and dark, wide and 400 px, into DIR

Needs Chromium and the `test` extra.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

DOCS = Path(__file__).resolve().parents[1] / "docs"
TEXT = "In the beginning God created the heaven and the earth."


@contextmanager
def served() -> Iterator[str]:
    """The address of a page that is served for as long as the pictures are taken."""
    command = [sys.executable, "-m", "pellucid", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


def model(page: Any) -> None:
    """The shipped model on a text."""
    page.get_by_role("textbox", name="Text").fill(TEXT)
    page.get_by_role("button", name="Run").click()
    page.wait_for_function(
        "(text) => document.querySelector('pel-app').store.run.text === text", arg=TEXT
    )


def example(page: Any) -> None:
    """A model of four dimensions."""
    page.get_by_role("button", name="choose another model or example").click()
    page.locator(".ps-card", has_text="AI rocks").first.click()
    page.wait_for_function("document.title.startsWith('AI rocks')")


def into(page: Any, *labels: str) -> None:
    """Zoom into one box of the drawing after the other."""
    for label in labels:
        page.locator("pel-drawing").get_by_role("button", name=label).first.focus()
        page.keyboard.press("Enter")
        page.wait_for_timeout(500)


def block(page: Any) -> None:
    """A block of the shipped model."""
    model(page)
    into(page, "Block 1,")


def attention(page: Any) -> None:
    """The heads of a model of four dimensions."""
    example(page)
    into(page, "Block 0,", "Multi-head self-attention")


def explain(page: Any) -> None:
    """The arithmetic behind a number, and its true digits."""
    attention(page)
    number = page.locator('[data-number="h.0.attn.att[0,1,0]"]')
    # On a phone the heads have no room for their numbers.
    (number if number.count() else page.locator('[data-number="losses[1]"]')).first.click()
    page.locator("pel-why").get_by_role("button", name="Prove this run").click()
    page.locator("pel-why").get_by_role("heading", name="Proved").wait_for()
    page.locator("pel-why").evaluate("(why) => why.closest('aside, section')?.scrollTo(0, 0)")


def learning(page: Any) -> None:
    """Ten steps of AdamW."""
    model(page)
    page.get_by_role("tab", name="Learn").click()
    page.get_by_role("button", name="Step × 10").click()
    page.locator("pel-learn").get_by_text("after 10 steps").wait_for()


def edit(page: Any) -> None:
    """A head ablated, and what that did."""
    model(page)
    page.get_by_role("tab", name="Touch").click()
    page.get_by_role("button", name="Ablate head 2 of block 1").click()
    page.locator('pel-touch button[aria-pressed="true"]').wait_for()


def generating(page: Any) -> None:
    """Tokens drawn one by one."""
    model(page)
    page.get_by_role("tab", name="Generate").click()
    page.get_by_role("button", name="Generate", exact=True).click()
    page.get_by_role("radiogroup", name="Generated tokens").get_by_role("radio").nth(19).wait_for()


VIEWS: dict[str, Callable[[Any], None]] = {
    "start": lambda _: None,
    "model": model,
    "block": block,
    "attention": attention,
    "explain": explain,
    "learning": learning,
    "edit": edit,
    "generate": generating,
}

PICTURES = {
    "page": ("explain", {"width": 1400, "height": 900}, "light"),
    "page_model": ("model", {"width": 1400, "height": 900}, "dark"),
    "page_edit": ("edit", {"width": 1400, "height": 900}, "light"),
}


def take(browser: Any, address: str, view: str, file: Path, *, size: Any, scheme: str) -> None:
    """Go to a view, and save what is seen."""
    context = browser.new_context(viewport=size, color_scheme=scheme)
    page = context.new_page()
    page.goto(address)
    page.locator("pel-tokens button").first.wait_for()
    VIEWS[view](page)
    page.mouse.move(2, size["height"] - 2)
    page.wait_for_timeout(1500)
    page.screenshot(path=file)
    context.close()
    print(file.name)


def main() -> None:
    """Take the pictures that were asked for."""
    folder = Path(sys.argv[2]) if sys.argv[1:2] == ["--all"] else None
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with served() as address, sync_playwright() as running:
        browser = running.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        if folder is None:
            for name, (view, size, scheme) in PICTURES.items():
                file = DOCS / f"{name}.png"
                take(browser, address, view, file, size=size, scheme=scheme)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            for view in VIEWS:
                for scheme in ("light", "dark"):
                    for width, height in ((1280, 900), (400, 800)):
                        size = {"width": width, "height": height}
                        file = folder / f"{view}-{scheme}-{width}.png"
                        take(browser, address, view, file, size=size, scheme=scheme)
        browser.close()


if __name__ == "__main__":
    main()
