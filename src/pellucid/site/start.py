"""The first page: what is here, and where to begin."""

from pellucid.site.pages import Pages, templates, words


def write_start(pages: Pages, *, whole: bool) -> None:
    """Write the first page; of a part of the site, it leads to that part."""
    own = words()["start"]
    told = own if whole else {**own, "lines": [own["part"]], "who": ()}
    text = templates().get_template("start.md").render(told)
    pages.navigation.append({words()["tabs"]["start"]: pages.write("index.md", text)})
