"""What MkDocs is told: the theme, the plug-ins, the order of the pages.

Nothing here makes a page ask for anything: no fonts or scripts of other sites. Pages are files with
their endings in the links, and the search index is a script, so that all works from disk.
"""

import json
from pathlib import Path
from typing import Any

from pellucid.site.pages import PACKAGE, Pages

FEATURES = [
    "content.code.copy",
    "navigation.footer",
    "navigation.indexes",
    "navigation.tabs",
    "navigation.top",
    "search.highlight",
    "search.suggest",
    "toc.follow",
]

PALETTE: list[dict[str, Any]] = [
    {
        "media": "(prefers-color-scheme)",
        "toggle": {"icon": "material/brightness-auto", "name": "Switch to light"},
    },
    {
        "media": "(prefers-color-scheme: light)",
        "scheme": "default",
        "toggle": {"icon": "material/weather-sunny", "name": "Switch to dark"},
    },
    {
        "media": "(prefers-color-scheme: dark)",
        "scheme": "slate",
        "toggle": {"icon": "material/weather-night", "name": "Follow the system"},
    },
]

EXTENSIONS: list[Any] = [
    "admonition",
    "attr_list",
    "md_in_html",
    "tables",
    {"toc": {"permalink": True, "permalink_title": "Link to this section"}},
    {"pymdownx.highlight": {"anchor_linenums": False}},
    "pymdownx.superfences",
]

DOCSTRINGS: dict[str, Any] = {
    "docstring_style": "google",
    "extensions": ["pellucid.site.docstrings"],
    "heading_level": 2,
    "line_length": 88,
    "members_order": "source",
    "separate_signature": True,
    "show_bases": True,
    "show_root_heading": True,
    "show_root_full_path": False,
    "show_signature_annotations": True,
    "show_source": True,
    "show_symbol_type_toc": True,
    "filters": ["!^_"],
}


def settings(pages: Pages, made: Path) -> str:
    """The text of `mkdocs.yml` (JSON is YAML)."""
    source = str(PACKAGE.parent)
    python = {"paths": [source], "options": DOCSTRINGS}
    found = {
        "site_name": "Pellucid",
        "site_description": "A transformer that you can see through",
        "docs_dir": str(pages.folder),
        "site_dir": str(made),
        "use_directory_urls": False,
        "theme": {
            "name": "material",
            "font": False,
            "language": "en",
            "icon": {"logo": "material/eye-outline"},
            "favicon": "assets/icon.svg",
            "features": FEATURES,
            "palette": [one | {"primary": "custom", "accent": "custom"} for one in PALETTE],
        },
        "plugins": [
            "search",
            "offline",
            {"mkdocstrings": {"handlers": {"python": python}, "enable_inventory": False}},
        ],
        "extra": {"generator": False, "polyfills": ["assets/iframe-worker.js"]},
        "extra_css": ["assets/site.css"],
        "extra_javascript": [f"assets/{name}.js" for name in ("access", "grade", "exercises")],
        "markdown_extensions": EXTENSIONS,
        "validation": {"links": {"anchors": "warn", "unrecognized_links": "warn"}},
        "nav": pages.navigation,
    }
    return json.dumps(found, indent=1)
