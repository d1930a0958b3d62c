"""What came with a call: JSON of a bounded size, whose numbers are numbers."""

import json
import math
from collections.abc import Mapping
from typing import Any

import anyio
from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

LARGEST = 2_000_000
"""Bytes of one body at most."""

TOGETHER = 32 * LARGEST
"""Bytes at most of all bodies that are being read."""

PATIENCE = 30.0
"""Seconds in which a body must have come."""

DIGITS = 25
"""A whole number has at most so many digits; a seed has 19."""

DEPTH = 32
"""Objects and lists in one another at most."""


class RequestBody:
    """Reads bodies, and holds only a limited number of their bytes at a time."""

    def __init__(self) -> None:
        self._coming = 0

    async def read(self, request: Request) -> Mapping[str, Any]:
        """The object that came; `HTTPException` with one line for anything else."""
        kind = ",".join(request.headers.getlist("content-type")).replace(" ", "").lower()
        if kind not in {"application/json", "application/json;charset=utf-8"}:
            raise HTTPException(415, "a call must be sent as application/json")
        if request.headers.get("content-encoding", "identity") != "identity":
            raise HTTPException(415, "a call must be sent as it is, not compressed")
        if int(request.headers.get("content-length", "0")) > LARGEST:
            raise _TOO_LARGE
        return await to_thread.run_sync(read_object, await self._whole(request))

    async def _whole(self, request: Request) -> bytes:
        """All bytes of the body, counted as they come: nobody has to say how many there are."""
        body = bytearray()
        try:
            with anyio.fail_after(PATIENCE):
                async for chunk in request.stream():
                    self._coming += len(chunk)
                    body += chunk
                    if len(body) > LARGEST:
                        raise _TOO_LARGE
                    if self._coming > TOGETHER:
                        raise HTTPException(503, "too much is being sent at once: try it again")
        except TimeoutError:
            raise HTTPException(408, f"a call must have come in {PATIENCE:.0f} seconds") from None
        except ClientDisconnect:
            raise HTTPException(400, "the call broke off") from None
        finally:
            self._coming -= len(body)
        return bytes(body)


_TOO_LARGE = HTTPException(413, f"a call must have at most {LARGEST:,} bytes: send less")


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object that the bytes are.

    Raises `HTTPException` (400) where they are none, where a number is not finite or has more than
    `DIGITS` digits, where it is nested deeper than `DEPTH`, and where a text is no Unicode.

    >>> read_object(b'{"text": "a", "count": 2}')
    {'text': 'a', 'count': 2}
    """
    try:
        came = json.loads(
            body.decode("utf-8"), parse_int=_whole, parse_float=_finite, parse_constant=_finite
        )
        if rb"\ud" in body.lower():
            json.dumps(came, ensure_ascii=False).encode("utf-8")  # half a character is no text
    except (ValueError, RecursionError):
        raise HTTPException(400, "a call must be JSON as RFC 8259 has it, in UTF-8") from None
    if not isinstance(came, dict):
        raise HTTPException(400, "a call must be a JSON object: {…}")
    level: list[Any] = [came]
    for _ in range(DEPTH):
        level = [inner for outer in level for inner in _inside(outer)]
    if level:
        raise HTTPException(400, f"a call must have at most {DEPTH} levels of objects and lists")
    return came


def _inside(value: Any) -> list[Any]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [one for one in inner if isinstance(one, dict | list)]


def _whole(text: str) -> int:
    if len(text) > DIGITS:
        raise ValueError
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError
    return number
