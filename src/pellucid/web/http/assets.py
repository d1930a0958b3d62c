"""The page's own files: read from the package's folder `page`, and nothing else."""

import hashlib
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from pellucid.web.resources import PAGE

KINDS = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}
"""Kinds of files, by a table of our own: a system's may say what a browser refuses."""


class Assets:
    """Files of one folder by names relative to it; there is no way out of it."""

    def __init__(self, folder: Path = PAGE) -> None:
        self.folder = folder

    def file(self, name: str) -> Path | None:
        """The file of that name; None if there is none, or a link in its place.

        >>> Assets(PAGE).file("../server.py")
        """
        place = self.folder
        for part in name.split("/"):
            place /= part
            if part in {"", ".", ".."} or "\\" in part or "\0" in part or place.is_symlink():
                return None
        return place if place.suffix in KINDS and place.is_file() else None

    def answer(self, request: Request) -> Response:
        """The file that a request's path names, `index.html` where it names none.

        A browser asks each time whether its copy is still the one: its tag is the contents' hash.
        """
        found = self.file(request.path_params.get("name", "index.html"))
        if found is None:
            raise HTTPException(404, "there is no such file")
        content = found.read_bytes()
        tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        headers = {"ETag": tag, "Cache-Control": "no-cache", "Content-Type": KINDS[found.suffix]}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(content, headers=headers)
