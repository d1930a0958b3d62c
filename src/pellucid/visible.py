"""Control characters of a foreign text, shown and never sent: a terminal obeys them."""

import re

# The C0 and C1 controls and DEL; separators of lines and paragraphs; what turns the direction of
# writing, behind which a text can hide; halves of characters, which no file in UTF-8 can hold.
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str, *, keep: str = "") -> str:
    r"""The text with each control character as Python escapes it, but for those of `keep`.

    >>> print(visible("a\x1b[2Jb"))
    a\x1b[2Jb
    """
    return CONTROL.sub(
        lambda found: (
            found[0] if found[0] in keep else found[0].encode("unicode_escape").decode("ascii")
        ),
        text,
    )
