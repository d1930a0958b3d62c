"""The page's modules in a browser without a server: an API in this process answers them."""

from collections.abc import Mapping
from typing import Any

from pellucid.errors import PellucidError
from pellucid.web.http.assets import KINDS
from pellucid.web.resources import PAGE
from tests.web.examples import answer, session_api

ADDRESS = "http://page.test/"

HANGS = 60_000
"""Milliseconds after which a script counts as one that never comes to its end."""

EMPTY = """<!doctype html><meta charset="utf-8"><title>Modules</title>
<link rel="stylesheet" href="style.css"><div id="pellucid" class="pellucid page"></div>"""

STORED = """
const { Store } = await import("/core/store.js");
const { ApiError } = await import("/core/api_error.js");
const python = async (name, fields) => {
    const said = await askPython(name, fields);
    if (said.error !== undefined) throw new ApiError(said.error);
    return said;
};
const call = async (name, fields) => (await python(name, fields)).answer;
const stream = async (name, fields, { onEvent = () => {} } = {}) => {
    const { answer, events } = await python(name, fields);
    for (const event of events) onEvent(event);
    return answer;
};
const store = new Store({ call, stream, url: (path) => path });
const problems = [];
store.addEventListener("problem", ({ detail }) => problems.push(detail));
const place = document.getElementById("pellucid");
const shown = async (tag, fields = {}) => {
    const made = Object.assign(document.createElement(tag), { store, ...fields });
    place.replaceChildren(made);
    return made;
};
const until = async (holds, what = holds) => {
    for (let tries = 0; tries < 2000; tries += 1) {
        const found = await holds();
        if (found) return found;
        await new Promise((resolve) => setTimeout(resolve, 25));
    }
    throw new Error(`in vain: ${what}`);
};
"""
"""What a script finds: a store, whose calls an API answers; a place in the page; patience."""


class Modules:
    """A page with nothing on it, in which modules are imported and their functions called."""

    def __init__(self, browser: Any) -> None:
        self.api = session_api()
        self.asked: list[tuple[str, Any]] = []
        self.page = browser.new_page(viewport={"width": 1000, "height": 800})
        self.page.set_default_timeout(HANGS)
        self.page.route("**/*", _file)
        self.page.expose_function("askPython", self._ask)
        self.page.goto(ADDRESS)

    def run(self, script: str, given: Any = None) -> Any:
        """What an async function with this body returns; it has `given`."""
        return self.page.evaluate(
            f"""(given) => Promise.race([
                (async () => {{ {script} }})(),
                new Promise((_, no) => setTimeout(() => no(new Error("it hangs")), {HANGS})),
            ])""",
            given,
        )

    def stored(self, script: str, given: Any = None) -> Any:
        """The same, where the script has a store and what else stands in `STORED`."""
        return self.run(STORED + script, given)

    def call(self, module: str, function: str, *given: Any) -> Any:
        """What a module's function returns."""
        return self.run(
            "const found = await import(given[0]); return found[given[1]](...given[2])",
            [f"/{module}", function, [*given]],
        )

    def close(self) -> None:
        self.page.close()
        self.api.close()

    def _ask(self, name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        self.asked.append((name, fields))
        try:
            made = answer(self.api, name, **fields)
        except PellucidError as error:
            return {"error": str(error)}
        if isinstance(made, list):
            return {"answer": made[-1]["done"], "events": made[:-1]}
        return {"answer": made}


def _file(route: Any) -> None:
    name = route.request.url.removeprefix(ADDRESS)
    file = PAGE / (name or "none")
    if not name:
        route.fulfill(body=EMPTY, content_type=KINDS[".html"])
    elif file.is_file():
        route.fulfill(body=file.read_bytes(), content_type=KINDS[file.suffix])
    else:
        route.fulfill(status=404)
