"""The token of the page's address, kept from one start to the next: so links go on leading there.

It is a secret of the user's, in a file that nobody else can read.
"""

import os
import re
import secrets
import sys
from contextlib import suppress
from pathlib import Path

_TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")


def new_token() -> str:
    """192 random bits of the system, in letters that an address has."""
    return secrets.token_urlsafe(24)


def kept_token(folder: Path | None = None) -> str:
    """The token of the last start; a new one, kept for the next, where there is none to be trusted.

    Where nothing can be kept it is new at each start.
    """
    file = (folder or _state_folder()) / "page-token"
    found = _read(file)
    if found is None:
        found = new_token()
        with suppress(OSError):
            _write(file, found)
    return found


def _read(file: Path) -> str | None:
    """What the file holds, where it is this user's own, and closed to all others."""
    try:
        opened = os.open(file, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return None
    with os.fdopen(opened, encoding="ascii", errors="replace") as stream:
        facts = os.fstat(opened)
        if hasattr(os, "getuid") and (facts.st_uid != os.getuid() or facts.st_mode & 0o077):
            return None
        found = stream.read(64)
    return found if _TOKEN.fullmatch(found) else None


def _write(file: Path, token: str) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    opened = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(opened, "w", encoding="ascii") as stream:
            stream.write(token)
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)


def _state_folder() -> Path:
    """Where programs of this user keep what they remember."""
    if sys.platform == "win32":
        default = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        default = Path.home() / "Library" / "Application Support"
    else:
        default = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(default) / "pellucid"
