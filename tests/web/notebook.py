"""What a notebook does for a widget: carries messages between its two sides, shows it in a page."""

import base64
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from pellucid.web.widget import View
from tests.web.messages import Conversation

PAGE = """<!doctype html><meta charset="utf-8"><title>A notebook</title>
<style>
    /* A notebook's own rules, which a view must neither suffer from nor change. */
    @font-face { font-family: "Own"; src: url("own.woff2") }
    body { margin: 13px; font: 11px/1 serif; text-align: right; white-space: pre; color: gray }
    html { font-size: 10px }
    * { letter-spacing: 3px }
    button { background: rgb(255, 0, 0); border-radius: 20px }
    .muted, .link, .main, pel-app { display: none }
</style>
<button id="own">A button of the notebook's</button>
<div class="cell"></div><div class="cell"></div>
"""

SCRIPT = """({ esm, cells }) => {
    class Model {
        heard = new Map();
        changed = {};
        constructor(name, state) { Object.assign(this, { name, state }) }
        get(key) { return this.state[key] }
        set(key, value) {
            if (JSON.stringify(this.state[key]) === JSON.stringify(value)) return;
            this.state[key] = this.changed[key] = value;
            this.fire(`change:${key}`);
        }
        save_changes() {
            const state = this.changed;
            this.changed = {};
            if (Object.keys(state).length) toPython(this.name, { method: "update", state });
        }
        send(content) { toPython(this.name, { method: "custom", content }) }
        on(event, call) { this.heard.set(event, [...(this.heard.get(event) ?? []), call]) }
        off(event, call) {
            this.heard.set(event, (this.heard.get(event) ?? []).filter((one) => one !== call));
        }
        fire(event, ...values) { for (const call of this.heard.get(event) ?? []) call(...values) }
        take({ method, content, state }, buffers) {
            const bytes = buffers.map((one) => Uint8Array.from(atob(one), (x) => x.charCodeAt(0)));
            if (method === "custom") {
                this.fire("msg:custom", content, bytes.map(({ buffer }) => new DataView(buffer)));
            } else if (method === "update") {
                for (const [key, value] of Object.entries(state)) {
                    if (JSON.stringify(this.state[key]) === JSON.stringify(value)) continue;
                    this.state[key] = value;
                    this.fire(`change:${key}`);
                }
            }
        }
    }
    window.models = {};
    window.leave = {};
    const loaded = () => import(URL.createObjectURL(new Blob([esm], { type: "text/javascript" })));
    const shown = cells.map(async ({ name, state, cell }) => {
        const { default: widget } = await loaded();
        const model = (models[name] ??= new Model(name, state));
        const el = document.querySelectorAll(".cell")[cell];
        leave[cell] = await widget.render({ model, el });
    });
    window.setInterval(async () => {
        for (const [name, data, buffers] of await fromPython()) models[name]?.take(data, buffers);
    }, 15);
    return Promise.all(shown).then(() => null);
}"""


class Comm:
    """The way from Python to the page: what a view sends is kept until it is fetched."""

    comm_id = "1"

    def __init__(self) -> None:
        self.sent: SimpleQueue[tuple[dict[str, Any], list[bytes]]] = SimpleQueue()

    def send(self, data: Any = None, metadata: Any = None, buffers: Any = None) -> None:
        self.sent.put((data, list(buffers or [])))

    def on_msg(self, _: Any) -> None:
        pass

    def close(self, **_: Any) -> None:
        pass

    def fetched(self) -> list[tuple[dict[str, Any], list[bytes]]]:
        """What was sent since it was asked last."""
        found = []
        while True:
            try:
                found.append(self.sent.get_nowait())
            except Empty:
                return found

    def reply(self, seconds: float = 60) -> tuple[dict[str, Any], list[bytes]]:
        """The next answer to a message."""
        while True:
            data, buffers = self.sent.get(timeout=seconds)
            if data["method"] == "custom":
                return data["content"], buffers


def connected(view: View) -> Comm:
    """The view's way out, in the place of a kernel's."""
    comm = Comm()
    view.comm = comm
    return comm


def said(view: View, **data: Any) -> None:
    """Give a view what the page's side sends."""
    view._handle_msg({"content": {"data": data}, "buffers": []})


def asked(view: View, name: str, call: str, **fields: Any) -> None:
    """Ask a view, as its page does."""
    said(view, method="custom", content={"id": name, "call": call, "fields": fields})


class Notebook:
    """A page with two cells, in which views are shown; what the browser complains of is noted.

    Each message, either way, must be what messages.json says.
    """

    conversation = Conversation()  # of all: an answer may reach the next notebook with that view

    def __init__(self, browser: Any, folder: Path, **how: Any) -> None:
        file = folder / "notebook.html"
        self.address = file.as_uri()
        self.complaints: list[str] = []
        self._views: dict[str, tuple[View, Comm]] = {}
        viewport = how.pop("viewport", {"width": 1280, "height": 1000})
        self.page = browser.new_context(viewport=viewport, offline=True, **how).new_page()
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self._requested(request.url))
        self.page.expose_binding("toPython", lambda _, name, data: self._take(name, data))
        self.page.expose_binding("fromPython", lambda _: self._give())
        file.write_text(PAGE, encoding="utf-8")
        self.page.goto(self.address)

    def show(self, *views: View) -> Any:
        """Show views, one in each cell; the page."""
        cells = []
        for cell, view in enumerate(views):
            name = str(id(view))
            if name not in self._views:
                self._views[name] = (view, connected(view))
            state = {key: getattr(view, key) for key in ("experiment", "view", "height")}
            cells.append({"name": name, "state": state, "cell": cell})
        self.page.evaluate(SCRIPT, {"esm": views[0]._esm, "cells": cells})
        return self.page

    def cell(self, number: int) -> Any:
        """What is shown in a cell."""
        return self.page.locator(".cell").nth(number)

    def _requested(self, url: str) -> None:
        # What is asked for by a relative address is asked of the notebook's server.
        if not url.startswith((self.address, "blob:", "data:")):
            self.complaints.append(url)

    def _take(self, name: str, data: dict[str, Any]) -> None:
        if data["method"] == "custom":
            self._noted(self.conversation.to_python, data["content"])
        said(self._views[name][0], **data)

    def _give(self) -> list[tuple[str, dict[str, Any], list[str]]]:
        messages = [
            (name, data, [base64.b64encode(one).decode() for one in buffers])
            for name, (_, comm) in self._views.items()
            for data, buffers in comm.fetched()
        ]
        for _, data, _ in messages:
            if data["method"] == "custom":
                self._noted(self.conversation.to_page, data["content"])
        return messages

    def _noted(self, check: Callable[[Any], None], message: Any) -> None:
        """Check a message by the schema; what is wrong with it is a complaint."""
        try:
            check(message)
        except AssertionError as error:
            self.complaints.append(str(error))
