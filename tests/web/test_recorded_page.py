"""A record answers as the session did that was recorded, from disk, and says what it lacks."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from pellucid.documents.numbers import Format
from pellucid.web import Library, SessionApi
from pellucid.web.record.chunks import read_chunk, write_chunk
from pellucid.web.record.page import write_page
from pellucid.web.record.subjects import record
from pellucid.web.session.experiment import read_experiment
from tests.web.examples import AI_ROCKS, answer, changed, setting, stepping
from tests.web.modules import Modules

LACKS = "to compute something new, run `pellucid serve`"

ASK = """async ([call, fields]) => {
    const { store } = document.querySelector("pel-app");
    const ask = call === "generate" ? store.stream(call, fields) : store.call(call, fields);
    return ask.then((answer) => ({ answer }), ({ message }) => ({ error: message }));
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page with a record of two worked examples."""
    made = tmp_path_factory.mktemp("page")
    write_page(made)
    record(made / "record", ["ai_rocks", "softmax"], [])
    return made


@pytest.fixture
def opened(chromium: Any, folder: Path) -> Iterator[Any]:
    """The page from disk; nothing may complain, and nothing be asked for elsewhere."""
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: request.url.startswith((folder.as_uri(), "data:", "blob:"))
            or complaints.append(request.url))  # fmt: skip
    page.goto((folder / "index.html").as_uri())
    page.wait_for_function("document.querySelector('pel-app')?.store.start")
    yield page
    page.close()
    assert complaints == []


def asked(page: Any, call: str, **fields: Any) -> Any:
    return page.evaluate(ASK, [call, fields])


def test_a_record_answers_what_the_session_answered(opened: Any):
    api = SessionApi(Library({"english-1M": "english-1M"}))
    step = stepping("adamw", 1, 0.001) | {"weight_decay": 0.1}
    runs = [
        AI_ROCKS,
        AI_ROCKS | {"text": api.answer("open", {"experiment": AI_ROCKS})["text"]},
        changed(AI_ROCKS, step, step),
        changed(AI_ROCKS, setting("h.0.attn.att", [1], 0)),
        {"subject": {"example": "softmax"}},
    ]
    for experiment in runs:
        overview = answer(api, "open", experiment=experiment)
        assert asked(opened, "open", experiment=experiment) == {"answer": overview}
        run = api.runs.run(read_experiment(experiment))
        tensors = [
            one for one in overview["names"] if isinstance(run.tape.value(one), torch.Tensor)
        ]
        for name in tensors[:: 1 if experiment is AI_ROCKS else 9]:
            lead = [size - 1 for size in run.tape.value(name).shape[:-2]]
            for call, how in (
                ("tensor", {}), ("tensor", {"rows": [1, 3], "columns": [0, 2]}), ("picture", {}),
            ):  # fmt: skip
                fields = {"experiment": experiment, "name": name, "lead": lead, **how}
                assert asked(opened, call, **fields) == {"answer": answer(api, call, **fields)}
            if len(lead) == 1:
                fields = {"experiment": experiment, "name": name}
                every = {"answer": answer(api, "picture", **fields)}
                assert asked(opened, "picture", **fields) == every
    for name in ("loss", "h.0.attn.att[1,1,0]", "dwte.weight[2,3]", "wte.weight.update[0,0]"):
        fields = {"experiment": AI_ROCKS, "name": name}
        assert asked(opened, "why", **fields) == {"answer": answer(api, "why", **fields)}
    both = {"experiment": runs[2], "against": AI_ROCKS, "name": "probs", "lead": []}
    assert asked(opened, "tensor", **both) == {"answer": answer(api, "tensor", **both)}
    fields = {"experiment": runs[3], "top": 50}
    assert asked(opened, "effect", **fields) == {"answer": answer(api, "effect", **fields)}
    api.close()


def test_what_was_not_recorded_is_said_in_one_line(opened: Any):
    for call, fields in (
        ("open", {"experiment": AI_ROCKS | {"text": "rocks AI"}}),
        ("open", {"experiment": changed(AI_ROCKS, setting("wte.weight", [0, 0], 7))}),
        ("why", {"experiment": AI_ROCKS, "name": "nobody[0]"}),
        ("tensor", {"experiment": AI_ROCKS, "name": "nobody"}),
        ("picture", {"experiment": AI_ROCKS, "name": "nobody"}),
        ("checkpoint", {"experiment": AI_ROCKS}),
        ("generate", {"experiment": AI_ROCKS, "sampling": {"temperature": 7}}),
    ):
        said = asked(opened, call, **fields)
        assert said["error"].endswith(f"{LACKS}."), (call, said)


def test_numbers_are_written_as_python_writes_them(modules: Modules):
    kinds = [
        torch.randn(200, dtype=torch.float64) * 10.0**power for power in (-9, -6, -2, 0, 3, 9)
    ] + [torch.tensor([-1e-9, 0.5, 0.0, -0.0, float("nan"), float("inf"), -float("inf")])]
    for values in kinds:
        written = Format(values)
        how = {"decimals": written.decimals, "scientific": written.scientific}
        texts = modules.run(
            """const { textOf } = await import("/core/record_tensors.js");
            return given[0].map((one) => textOf(Number(one), given[1]));""",
            [[repr(one).replace("inf", "Infinity") for one in values.tolist()], how],
        )
        assert texts == [written(one) for one in values.tolist()]


def test_a_file_of_a_record_is_read_as_it_was_written(tmp_path: Path):
    said = {"a": 'é "\n</script>', "b": [1, None]}
    write_chunk(tmp_path, "x/0", said, b"\n\0\xff")
    assert read_chunk(tmp_path, "x/0") == (said, b"\n\0\xff")
    text = (tmp_path / "x/0.js").read_text("ascii")
    assert re.fullmatch(r'\(globalThis\.\w+ \?\?= \{\}\)\["x/0"\] = "[\w+/=]*";\n', text)
    with pytest.raises(ValueError, match="Out of range"):
        write_chunk(tmp_path, "y", {"nan": float("nan")})
    assert json.loads(json.dumps(said)) == said


def test_the_tour_and_every_view_are_there_without_a_server(opened: Any):
    page, tried = opened, 0
    trouble = page.locator(".pel-problem p")
    page.get_by_role("button", name="Tour", exact=True).click()
    tour = page.locator("pel-tour")
    steps = tour.locator(".tour-place")
    steps.first.wait_for()
    for at in range(steps.count()):
        tour.locator(".tour-count", has_text=f"{at + 1} / {steps.count()}").wait_for()
        if tour.locator(".tour-try button").is_visible():
            tour.locator(".tour-try button").click()
            tour.get_by_role("button", name="Put it back").click()
            tried += 1
        page.keyboard.press("ArrowRight")
    assert tried
    page.keyboard.press("Escape")
    for tab, act in (
        ("Touch", "Ablate head 0 of block 0"), ("Touch", "Undo"), ("Learn", "Step"),
        ("Learn", "Undo"), ("Learn", "SGD"), ("Learn", "AdamW"), ("Generate", "Generate"),
        ("Analyze", "Ablate every head"),
    ):  # fmt: skip
        page.get_by_role("tab", name=tab).click()
        view = page.locator(f".pel-view-{tab.lower()}")
        view.get_by_role("button", name=act, exact=True).or_(
            view.get_by_role("radio", name=act, exact=True)
        ).first.click()
        page.wait_for_timeout(300)
        assert trouble.count() == 0, (tab, act, trouble.inner_text())
    page.get_by_role("textbox", name="Text").fill("rocks rocks")
    page.get_by_role("button", name="Run").click()
    trouble.wait_for()
    assert LACKS in trouble.inner_text()
