"""An API that computes nothing: what comes between a browser and any API is tested with it."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Event
from typing import Any, ClassVar

from pellucid.errors import ConfigError


class PlainApi:
    """Keeps what it is told, and answers with it."""

    calls = ("keep", "kept", "hold", "wrong", "fail", "nan", "wait", "count", "broken")
    opened: ClassVar[list["PlainApi"]] = []  # of this process

    def __init__(self) -> None:
        self.notes: dict[str, Any] = {}
        self.memory: list[bytes] = []
        self.going_on, self.waited = Event(), Event()
        self.counted, self.ended = 0, Event()
        self.files: dict[str, Path] = {}
        self.shut = Event()
        PlainApi.opened.append(self)

    @property
    def held(self) -> int:
        return sum(map(len, self.memory))

    def answer(self, call: str, fields: Mapping[str, Any]) -> Any:
        return getattr(self, f"_{call}")(fields)

    def download(self, name: str) -> Path | None:
        return self.files.get(name)

    def close(self) -> None:
        self.notes.clear()
        self.memory = []
        self.shut.set()

    @property
    def closed(self) -> bool:
        return self.shut.is_set()

    def _keep(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        self.notes.update(fields)
        return {}

    def _kept(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        return self.notes

    def _hold(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        # As an API holds it: in pieces that an allocator keeps when they are freed.
        self.memory = [bytes([1]) * 10_000 for _ in range(0, fields["bytes"], 10_000)]
        return {}

    def _wrong(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        raise ConfigError("a thing must be right,\nand it is wrong: mend it")

    def _fail(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        raise ZeroDivisionError("a secret")

    def _nan(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        return {"value": float("nan")}

    def _wait(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        self.waited.set()
        assert self.going_on.wait(30)
        return {}

    def _count(self, fields: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        try:
            while self.counted < fields["to"]:
                self.counted += 1
                yield {"count": self.counted, "fill": "x" * fields.get("fill", 0)}
                time.sleep(fields.get("pause", 0))
            yield {"done": {}}
        finally:
            self.ended.set()

    def _broken(self, fields: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        yield {"count": 1}
        if fields.get("mistake"):
            raise ConfigError("it must go on, and it does not")
        raise ZeroDivisionError("a secret")
