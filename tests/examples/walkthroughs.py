"""The walkthrough of each worked example, made once."""

from functools import cache

from pellucid.examples import Example, find_example
from pellucid.walkthrough import Walkthrough


@cache
def walkthrough_of(name: str, optimizer: str | None = None) -> Walkthrough:
    """By another optimizer than the example's own if one is named; some examples take no step."""
    example = find_example(name)
    if not isinstance(example, Example):
        return example.walkthrough()
    return example.walkthrough(example.update | ({"optimizer": optimizer} if optimizer else {}))
