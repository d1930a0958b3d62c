"""The glossary: what words mean, with links to the numbers that they name."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pellucid.examples import find_example
from pellucid.lessons import Lesson, example_run
from pellucid.site.pages import Pages, words
from pellucid.site.walks import Walks


def write_glossary(pages: Pages, walks: Walks, lessons: Sequence[Lesson]) -> None:
    """Write the glossary; a number of an example that was not written has no link."""
    own = words()["glossary_page"]
    titles = {lesson.name: lesson.title for lesson in lessons}
    lines = [f"# {own['title']}", "", own["about"], ""]
    for key, entry in words()["glossary"].items():
        lines += [f"## {entry['term']} {{ #{key} }}", "", entry["says"], ""]
        lines += _ways(entry, own, walks, titles)
    path = pages.write("glossary.md", "\n".join(lines))
    pages.navigation.append({words()["tabs"]["glossary"]: path})


def _ways(
    entry: Mapping[str, Any], own: Mapping[str, str], walks: Walks, titles: Mapping[str, str]
) -> Iterator[str]:
    numbers = []
    for told in entry.get("numbers", ()):
        example, _, name = told.partition(":")
        link = walks.link(example, name)
        if link is not None:
            size = "×".join(map(str, example_run(example).tape.value(name).shape)) or "1"
            where = own["of"].format(size=size, title=find_example(example).title)
            numbers.append(f"[`{name}`]({link}) ({where})")
    ways = [f"{own['numbers']}: {', '.join(numbers)}"] if numbers else []
    lesson = str(entry.get("lesson", ""))
    if lesson in titles:
        ways.append(f"{own['lesson']}: [{titles[lesson]}](lessons/{lesson}.md)")
    if ways:
        yield from (f"{' · '.join(ways)}", "{ .ways }", "")
