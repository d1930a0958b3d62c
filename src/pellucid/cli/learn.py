"""`pellucid learn`: the path for a learner, and a lesson with its exercises."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from pellucid.cli.options import variant
from pellucid.cli.options.output import AS_JSON
from pellucid.cli.screen import console
from pellucid.errors import ConfigError, WriteError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from pellucid.lessons import Lesson
    from pellucid.lessons.bookmark import Bookmark
    from pellucid.lessons.session import Score


def learn(
    name: Annotated[
        str | None, Argument(metavar="[NAME|N]", help="A lesson's name or number.")
    ] = None,
    answers: Annotated[
        str | None,
        Option(
            metavar="TEXT",
            help="Grade these, one for each exercise, and end: 0.429,0.846, or with ; between.",
        ),
    ] = None,
    as_json: Annotated[bool, variant(AS_JSON, "A lesson comes with its exercises.")] = False,
    forget: Annotated[
        bool, Option("--forget", help="Forget what has been done, in this lesson or in all.")
    ] = False,
) -> None:
    """Learn how a transformer works, from adding and multiplying on, with exercises.

    Without a name: the lessons, what is done, and where you stopped.

    An answer is right if it is a correct rounding of the true value, and a known slip is named.
    """
    from pellucid.lessons import PATH, find_lesson
    from pellucid.lessons.bookmark import Bookmark

    lesson = None if name is None else find_lesson(name)
    if lesson is None and answers is not None:
        raise ConfigError(
            "answers are those of one lesson, and none is named: pellucid learn softmax --answers "
            f"{answers}"
        )
    if as_json:
        _print_json([lesson] if lesson else list(PATH), one=lesson is not None)
        return
    bookmark = Bookmark()
    if bookmark.put_aside is not None:
        _warn("put_aside", path=bookmark.put_aside)
    if forget:
        bookmark.forget(None if lesson is None else _exercises(lesson))
    alive = answers is None and sys.stdin.isatty()
    if lesson is None:
        lesson = _list(bookmark, alive=alive)
    given = None if answers is None else _split(answers)
    if lesson is not None and given is not None and len(given) > len(lesson.asks):
        raise ConfigError(
            f"there must be at most one answer for each exercise, and {len(given)} came for "
            f"{len(lesson.asks)}: with decimals a dot, as in 0.25, and ; between shapes"
        )
    while lesson is not None:
        score = _take(lesson, bookmark, given, alive=alive)
        if not alive and score.wrong:
            raise typer.Exit(1)
        following = _after(lesson)
        onward = alive and not score.left and following is not None
        lesson = following if onward and following and _wanted("ask_go_on", following) else None


def _take(
    lesson: "Lesson", bookmark: "Bookmark", given: list[str] | None, *, alive: bool
) -> "Score":
    """Show a lesson and ask its exercises, those of which are given answers at once."""
    from pellucid.lessons.session import take
    from pellucid.terminal.lesson import TerminalAsker, given_answers, print_lesson, typed

    screen = console()
    opened = lesson.open()
    print_lesson(screen, opened, _place(lesson))
    if alive:
        _tell(screen, "keys")
    lines: Iterator[str | None] = typed(screen) if given is None else given_answers(screen, given)
    names = _exercises(lesson)
    undone = [place for place, one in enumerate(names) if one not in bookmark.done]
    keeper = _Keeper(bookmark)
    score = take(
        opened,
        TerminalAsker(screen, opened, lines),
        begin=undone[0] if alive and undone else 0,
        patient=alive,
        seen=keeper.seen if alive else lambda _: None,
        done=keeper.done,
    )
    right = sum(one in bookmark.done for one in names) if alive else len(score.right)
    screen.print()
    if score.left:
        _tell(
            screen, "left" if alive else "score", name=bookmark.last, right=right, count=len(names)
        )
        return score
    following = _after(lesson)
    key = "finished_all" if following is None else "score" if alive else "finished"
    _tell(screen, key, right=right, count=len(names), next=following and following.name)
    return score


class _Keeper:
    """Keeps what is done, and says once where it cannot be kept."""

    def __init__(self, bookmark: "Bookmark") -> None:
        self._progress, self._told = bookmark, False

    def seen(self, exercise: str) -> None:
        """An exercise is looked at."""
        self._keep(lambda: self._progress.at(exercise))

    def done(self, exercise: str) -> None:
        """An exercise is answered rightly."""
        self._keep(lambda: self._progress.add(exercise))

    def _keep(self, write: "Callable[[], None]") -> None:
        try:
            write()
        except WriteError as error:
            if not self._told:
                _warn("not_kept", why=error)
            self._told = True


def _list(bookmark: "Bookmark", *, alive: bool) -> "Lesson | None":
    """Print the path; the lesson to go on with, where somebody at the terminal wants to."""
    from pellucid.terminal.lesson import print_path

    here = _here(bookmark)
    screen = console()
    print_path(screen, bookmark.done, here.name if here and bookmark.last else "")
    screen.print()
    if here is None:
        _tell(screen, "all_done")
        return None
    if not alive:
        _tell(screen, "go_on" if bookmark.last else "begin", name=here.name)
        return None
    return here if _wanted("ask_go_on" if bookmark.last else "ask_begin", here) else None


def _wanted(key: str, lesson: "Lesson") -> bool:
    """Whether somebody at the terminal wants that lesson."""
    _tell(console(), key, title=lesson.title)
    try:
        return not input("> ").strip()
    except (EOFError, KeyboardInterrupt):
        typer.echo()
        return False


def _here(bookmark: "Bookmark") -> "Lesson | None":
    """The lesson to go on with: the last one that was begun, or the next that is not done."""
    from pellucid.lessons import PATH

    left = [one for one in PATH if not set(_exercises(one)) <= bookmark.done]
    stopped = bookmark.last.partition(".")[0]
    begun = next((_place(one) for one in PATH if one.name == stopped), 0)
    return next((one for one in left if _place(one) >= begun), left[0] if left else None)


def _split(answers: str) -> list[str]:
    """Answers in one text: between them stands ;, or where there is none, a comma."""
    return [one.strip() for one in answers.split(";" if ";" in answers else ",")]


def _print_json(lessons: "list[Lesson]", *, one: bool) -> None:
    import json

    found = [lesson.open().as_data() for lesson in lessons]
    sys.stdout.write(json.dumps(found[0] if one else found, ensure_ascii=False, indent=1) + "\n")


def _exercises(lesson: "Lesson") -> list[str]:
    return [f"{lesson.name}.{ask.name}" for ask in lesson.asks]


def _place(lesson: "Lesson") -> int:
    from pellucid.lessons import PATH

    return PATH.index(lesson) + 1


def _after(lesson: "Lesson") -> "Lesson | None":
    """The next lesson; None after the last."""
    from pellucid.lessons import PATH

    return PATH[_place(lesson)] if _place(lesson) < len(PATH) else None


def _tell(screen: "Console", key: str, **values: object) -> None:
    from pellucid.lessons.words import said

    screen.print(said(f"session.{key}", **values), markup=False, style="dim")


def _warn(key: str, **values: object) -> None:
    from pellucid.lessons.words import said

    typer.echo(said(f"session.{key}", **values), err=True)
