"""The lessons, each opened once."""

from functools import cache

from pellucid.lessons import Exercise, OpenLesson, find_lesson


@cache
def opened(name: str) -> OpenLesson:
    """The lesson of a name, with its run."""
    return find_lesson(name).open()


def exercise_of(name: str) -> Exercise:
    """An exercise by its full name, such as `attention.score`."""
    return next(one for one in opened(name.partition(".")[0]).exercises if one.name == name)
