"""The page as files beside a record: what a server gives out, for where there is none."""

import base64
import json
import re
import shutil
import zlib
from pathlib import Path
from typing import Any

from pellucid.web.notebook.bundle import script_text
from pellucid.web.resources import PAGE

RECORD = "record/"
"""Where the record lies, beside the page."""

_PRELOAD = re.compile(r"^<link rel=\"modulepreload\".*\n", re.MULTILINE)
_MODULE = '<script type="module" src="page/main.js"></script>'
_SCRIPT = '<script src="page.js"></script>'
_LEAD = f'<meta name="pellucid-record" content="{RECORD}">\n</head>'


def write_page(folder: Path) -> None:
    """Write the page into a folder: its modules as one script, its styles as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in PAGE.rglob("*"):
        if file.is_file() and file.suffix not in {".js", ".html"}:
            place = folder / file.relative_to(PAGE)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place)
    (folder / "page.js").write_text(script_text("main.js"), encoding="utf-8")
    text = _PRELOAD.sub("", (PAGE / "index.html").read_text(encoding="utf-8"))
    assert _MODULE in text
    text = text.replace(_MODULE, _SCRIPT).replace("</head>", _LEAD).replace('="page/', '="')
    (folder / "index.html").write_text(text, encoding="utf-8")


def address(state: dict[str, Any]) -> str:
    """The page's address, from its folder, that shows a state: as core/share.js writes it."""
    packing = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packing.compress(json.dumps(state).encode()) + packing.flush()
    return f"index.html#{base64.urlsafe_b64encode(packed).decode('ascii').rstrip('=')}"
