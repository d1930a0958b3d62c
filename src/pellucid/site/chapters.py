"""The lessons as chapters: words, pictures, and exercises that the page grades by itself."""

import json
from collections.abc import Callable, Sequence

from markupsafe import Markup

from pellucid.documents.markdown import escaped
from pellucid.examples import EXAMPLES
from pellucid.lessons import PATH, Exercise, Lesson, OpenLesson
from pellucid.lessons.grade import TELLING
from pellucid.lessons.typed import FARTHEST, LONGEST
from pellucid.lessons.words import texts
from pellucid.site.live_page import LivePage
from pellucid.site.pages import Pages, templates, words
from pellucid.site.pictures import PICTURES, formulas, table
from pellucid.site.walks import Walks

FOLDER = "lessons"

WALK = "pellucid walk "


def write_chapters(
    pages: Pages,
    lessons: Sequence[Lesson],
    walks: Walks,
    live: LivePage,
    watch: Callable[[str], None],
) -> None:
    """Write the chapters of these lessons, and a page that lists them."""
    entries = []
    own = words()["chapters"]
    lines = [f"# {own['title']}", "", own["about"], ""]
    for lesson in lessons:
        watch(lesson.name)
        place = PATH.index(lesson) + 1
        path = pages.write(f"{FOLDER}/{lesson.name}.md", chapter(lesson.open(), place, walks, live))
        title = f"{place} {lesson.title}"
        entries.append({title: path})
        count = own["count"].format(count=len(lesson.asks))
        told = f'<span data-lesson="{lesson.name}" data-done="{own["done"]}">{count}</span>'
        lines.append(f"{place}. [{escaped(lesson.title)}]({lesson.name}.md) {told}")
    pages.write(f"{FOLDER}/index.md", "\n".join(lines) + "\n")
    pages.navigation.append({words()["tabs"]["lessons"]: [f"{FOLDER}/index.md", *entries]})


def chapter(lesson: OpenLesson, place: int, walks: Walks, live: LivePage) -> str:
    """The Markdown of one chapter."""
    command = lesson.lesson.command
    walk = walks.link(example_of(lesson.lesson))
    drawn = live.link(example_of(lesson.lesson))
    captions = words()["captions"]
    pictures = []
    for picture in PICTURES.get(lesson.name, ()):
        link = walks.link(example_of(lesson.lesson), picture.shows) if picture.shows else None
        drawing = picture.draw(lesson)
        caption = captions[picture.caption]
        pictures.append(
            {
                "drawing": drawing,
                "formulas": formulas(lesson.run.walkthrough, picture.shows),
                "caption": caption,
                "link": link and f"../{link}",
            }
        )
    return templates().get_template("chapter.md").render(
        place=place,
        title=escaped(lesson.title),
        prose=map(escaped, lesson.prose),
        tries=map(escaped, lesson.tries),
        pictures=pictures,
        walk=walk and f"../{walk}",
        drawn=drawn and f"../{drawn}",
        command=command,
        words=words()["chapter"],
        exercises=[_asked(lesson, one, at) for at, one in enumerate(lesson.exercises, start=1)],
        data=data_of(lesson),
    )  # fmt: skip


def example_of(lesson: Lesson) -> str:
    """The worked example that a lesson is about; empty where it is about none."""
    name = lesson.command.removeprefix(WALK)
    return name if name in EXAMPLES else ""


def data_of(lesson: OpenLesson) -> Markup:
    """What the page grades by, as JSON that can stand in a script element."""
    told = texts()
    data = {
        "exercises": [exercise.as_data() for exercise in lesson.exercises],
        "words": {key: told[key] for key in ("marks", "slips", "typed")},
        "rules": {"longest": LONGEST, "farthest": FARTHEST, "telling": TELLING},
        "page": words()["exercise"],
    }
    return Markup(json.dumps(data, ensure_ascii=False).replace("<", "\\u003c"))


def _asked(lesson: OpenLesson, exercise: Exercise, place: int) -> Markup:
    """One exercise as a form."""
    walkthrough = lesson.run_of(exercise).walkthrough
    given = Markup("\n").join(table(walkthrough, name) for name in exercise.given)
    text = templates().get_template("exercise.html").render(
        exercise=exercise, place=place, given=given, words=words()["chapter"]
    )  # fmt: skip
    return Markup("\n".join(line for line in text.splitlines() if line.strip()))
