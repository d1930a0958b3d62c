"""Where the files are that come with this package and are not Python."""

from pathlib import Path

PAGE = Path(__file__).with_name("page")
"""The page: a folder of modules and style sheets for a browser."""

MESSAGES = Path(__file__).with_name("messages.json")
"""What the page and the session say to each other, as a JSON Schema."""
