"""Write the known mistakes into docs/compare.md from `pellucid.compare`; --check only compares."""

import sys
from pathlib import Path

from pellucid.compare import FAMILIES, MISTAKES, SOLVED

PAGE = Path(__file__).resolve().parents[1] / "docs" / "compare.md"
HEADING = "## The mistakes that are known"


def page() -> str:
    """The page with the list as it is now."""
    before, heading, _ = PAGE.read_text(encoding="utf-8").partition(HEADING)
    known = [(one.name, one.text) for one in (*MISTAKES, *SOLVED)]
    known += [(one.name, one.text.replace("{}", "…")) for one in FAMILIES]
    rows = "\n".join(f"| `{name}` | {text} |" for name, text in known)
    return f"{before}{heading}\n\n| name | what is done |\n|---|---|\n{rows}\n"


if __name__ == "__main__":
    if "--check" not in sys.argv:
        PAGE.write_text(page(), encoding="utf-8")
    elif page() != PAGE.read_text(encoding="utf-8"):
        sys.exit(f"{PAGE.name} must list the mistakes that are known: run {sys.argv[0]}")
