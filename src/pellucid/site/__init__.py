"""The site: lessons, worked examples, documents, API and glossary as static pages.

`build_site` writes them; they are opened from disk and ask for nothing. `pages` is the folder that
the generator reads; a module a kind of page fills it: `start`, `chapters` (lessons, with `pictures`
and `drawings`), `walks`, `live_page`, `papers` (docs/), `glossary` and `room_pages`.
"""

from pellucid.site.build import BuiltSite, Contents, build_site

__all__ = ["BuiltSite", "Contents", "build_site"]
