"""The page's modules as one text: what can be put together, and what is refused."""

from pathlib import Path

import pytest

from pellucid.web.notebook.bundle import BundleError, module_text, style_text
from pellucid.web.resources import PAGE


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.js").write_text(text, encoding="utf-8")
    (folder / "notebook.css").write_text("p { width: 50vw }\n", encoding="utf-8")
    return folder


def test_each_module_stands_once_and_after_those_that_it_imports(tmp_path: Path):
    folder = written(
        tmp_path,
        entry='import { one as first } from "./a.js";\nimport {\n  two,\n} from "./b.js";\n'
        "export function widget() { return first + two; }\n",
        a='import "./b.js";\nexport const one = 1;\n',
        b="export const two = 2;\n",
    )
    text = module_text("entry.js", folder)
    places = [text.index(f"const {name} = (() =>") for name in ("$b", "$a", "$entry")]
    assert places == sorted(places)
    assert [text.count(f"// {name}.js\n") for name in ("a", "b", "entry")] == [1, 1, 1]
    assert "const { one: first } = $a;" in text
    assert text.endswith("export default $entry.widget(STYLE);\n")
    assert "import" not in text


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("export default 1;", "has: export default 1;"),
        ('import a from "./b.js";', 'has: import a from "./b.js";'),
        ('import * as b from "./b.js";', "import and export by name"),
        ('import "https://example.org/a.js";', "import and export by name"),
        ('export { two } from "./b.js";', "import and export by name"),
        ("let two = 2;\nexport let three = 3;", "has: export let three = 3;"),
        ('const b = import("./b.js");', "import and export by name"),
        ("await 1;", "has: await 1;"),
        ('import "./entry.js";', "circle: entry.js -> entry.js"),
    ],
)
def test_another_way_to_import_or_export_is_refused(tmp_path: Path, source: str, says: str):
    folder = written(tmp_path, entry=source, b="export const two = 2;")
    with pytest.raises(BundleError) as refused:
        module_text("entry.js", folder)
    assert says in str(refused.value)


def test_every_file_of_the_page_is_in_the_module_but_how_others_are_asked():
    text = module_text("notebook.js")
    names = {str(path.relative_to(PAGE)) for path in PAGE.rglob("*.js")}
    left = {name for name in names if f"// {name}\n" not in text}
    kinds = ("api", "http_api", "record_api", "record_chunks", "record_tensors", "visited")
    assert left == {"main.js", *(f"core/{kind}.js" for kind in kinds)}


def test_a_style_sheet_asks_for_its_box_and_never_for_the_window():
    style = style_text("notebook.css")
    for path in PAGE.rglob("*.css"):
        # A font is not declared in a shadow tree: there the system's own are taken.
        within = style_text(str(path.relative_to(PAGE))) in style
        assert within == (path.name != "fonts.css"), path.name
    for unit in ("rem;", "vw", "vh", "@media (m", "@import", "url("):
        assert unit not in style


def test_the_focus_is_asked_for_by_what_sees_into_a_shadow_tree():
    for path in PAGE.rglob("*.js"):
        if path.name != "dom.js":
            assert "document.activeElement" not in path.read_text(encoding="utf-8"), path.name
