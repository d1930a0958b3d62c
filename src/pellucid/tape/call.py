"""A recorded call: the function, its arguments, and the values that it showed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor

from pellucid.errors import TraceError

BACKWARD = "_backward"
"""The end of the name of every backward function."""


@dataclass(eq=False)
class Call:
    """One call of a layer: `function(**arguments)` at `path` made `outputs` from `inputs`.

    `arguments` are the very objects that the function received, so that the call can be run again
    (on terms, on balls, or under a known mistake). `inputs` gives the tape's name of each tensor
    among them, `"cache.0"` or `"c_attn.weight"` where it came inside another argument. `outer` is
    the call in which it ran, None for one that was called from outside; `undoes` is the forward
    call of a backward, and `result` what the function returned.
    """

    path: str
    function: Callable[..., Any]
    arguments: Mapping[str, Any]
    outer: "Call | None" = None
    undoes: "Call | None" = None
    inputs: dict[str, str] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    result: Any = None
    versions: dict[int, int] = field(default_factory=dict, repr=False)  # its tape's, by id

    @property
    def backward(self) -> bool:
        """Whether the function undoes another: what it calls dx is the gradient of x."""
        return self.function.__name__.endswith(BACKWARD)

    @property
    def key(self) -> tuple[str, str]:
        """What identifies a call within its step: the path and the function's name."""
        return self.path, self.function.__name__

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled: without the versions, whose objects have other ids elsewhere."""
        return {**self.__dict__, "versions": {}}

    def rerun(self, change: Callable[[str, Any], Any], tape: Any) -> None:
        """Run the call again, with `change(argument, value)` in place of each of its values.

        What it shows goes on the `Tape` that is given, under the names that it has on this one; an
        argument inside another is named as in `inputs`. Raises `TraceError` where a value that it
        read has been written to since.
        """
        for argument, value in leaves_of(self.arguments).items():
            check_unwritten(self.inputs.get(argument, argument), value, self.versions)
        self.function(**changed_leaves(self.arguments, change), tape=tape.at(self.path))

    def with_values(self, change: Callable[[str, Any], Any]) -> "Call":
        """The same call with other values."""
        arguments = changed_leaves(self.arguments, change)
        result = changed_leaves({"": self.result}, change)[""]
        return replace(self, arguments=arguments, result=result, versions={})


def version(value: Any) -> int:
    """How often a tensor has been written to in place, as PyTorch counts; 0 for anything else."""
    return value._version if isinstance(value, Tensor) and not value.is_inference() else 0


def check_unwritten(name: str, value: Any, versions: Mapping[int, int]) -> None:
    """Raise `TraceError` where a value of that name has been written to since it was kept."""
    now = version(value)
    if versions.get(id(value), now) != now:
        raise TraceError(
            f"what was recorded must stay as it ran, and {name} has been written to in place "
            "since: record the run again, and write to a copy, such as x.clone()"
        )


def changed_leaves(
    arguments: Mapping[str, Any], change: Callable[[str, Any], Any]
) -> dict[str, Any]:
    """The arguments of a call with each value inside its dicts and tuples changed."""
    return {key: _changed(key, value, change) for key, value in arguments.items()}


def _changed(name: str, value: Any, change: Callable[[str, Any], Any]) -> Any:
    if isinstance(value, Mapping):
        return {key: _changed(f"{name}.{key}", inner, change) for key, inner in value.items()}
    if isinstance(value, tuple):
        keys = getattr(value, "_fields", range(len(value)))
        parts = [
            _changed(f"{name}.{key}", inner, change) for key, inner in zip(keys, value, strict=True)
        ]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return change(name, value)


def leaves_of(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a call with dicts and tuples opened, under dotted names."""
    leaves: dict[str, Any] = {}
    for name, value in arguments.items():
        if isinstance(value, tuple):
            keys = getattr(value, "_fields", map(str, range(len(value))))
            opened: Any = dict(zip(keys, value, strict=True))
        else:
            opened = value
        if isinstance(opened, Mapping):
            inner = leaves_of(opened)
            leaves.update({f"{name}.{key}": leaf for key, leaf in inner.items()})
        else:
            leaves[name] = value
    return leaves
