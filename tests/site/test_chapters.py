"""Every lesson as a chapter: its words, its pictures, and all that its exercises are graded by."""

import json
import re

from pellucid.examples import EXAMPLES
from pellucid.lessons import PATH
from pellucid.site.chapters import chapter, example_of
from pellucid.site.drawings import bars, curves, network
from pellucid.site.live_page import LivePage
from pellucid.site.pictures import PICTURES
from pellucid.site.walks import Walks
from tests.lessons.opened import opened


def test_every_lesson_is_a_chapter_with_its_pictures_and_exercises():
    walks = Walks({name: {} for name in EXAMPLES})
    for place, lesson in enumerate(PATH, start=1):
        page = chapter(opened(lesson.name), place, walks, LivePage(EXAMPLES))
        assert page.startswith(f"# {place} {lesson.title}\n")
        figures = re.findall(r"<figure.*?</figure>", page, re.DOTALL)
        assert len(figures) == len(PICTURES.get(lesson.name, ()))
        forms = re.findall(r'<div class="exercise".*?<div class="said"', page, re.DOTALL)
        assert len(forms) == len(lesson.asks)
        # In Markdown a blank line ends a block of HTML.
        assert not [one for one in (*figures, *forms) if "\n\n" in one]
        script = page[page.index('id="exercise-data">') :].partition(">")[2]
        data = json.loads(script.partition("</script>")[0])
        assert [one["name"] for one in data["exercises"]] == [
            f"{lesson.name}.{ask.name}" for ask in lesson.asks
        ]
        assert bool(example_of(lesson)) == ("../walks/" in page)
        assert ("../walks/" in page) == ("](../page/index.html#" in page)


def test_what_a_drawing_shows_is_said_too():
    drawn = bars(["a", "<b>"], [0.75, 0.25])
    assert 'aria-label="a 0.75, &lt;b&gt; 0.25"' in drawn
    assert ">&lt;b&gt;</text>" in drawn
    assert len(re.findall("<rect", bars("abcdefgh", [0.1] * 8, most=3))) == 3
    lines = curves(["up", "down"], [[0.0, 1.0], [1.0, -1.0]], ["0", "1"])
    assert "up: from 0 to 1; down: from 1 to −1" in lines
    net = network([[("x", 2.0)], [("y", -6.0)]], [[[-3.0]]])
    assert 'class="minus"' in net
    assert "<title>−3</title>" in net
    assert "1 to 1 nodes: x 2; y −6" in net
