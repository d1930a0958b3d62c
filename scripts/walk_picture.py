"""Write docs/walk.svg, the picture in the README: attention in "AI rocks"."""

import io
import re
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

from pellucid.documents.build import document
from pellucid.examples import load_example
from pellucid.terminal.text import Walk

PICTURE = Path(__file__).parents[1] / "docs" / "walk.svg"
STEPS = (5,)

# Rich's own template fetches a font from the network; any monospaced one will do.
TEMPLATE = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL).replace(
    "Fira Code", "Menlo, Consolas, DejaVu Sans Mono"
)

example = load_example("ai_rocks")
walk = Walk(document(example.walkthrough()))
console = Console(record=True, width=100, file=io.StringIO(), force_terminal=True)
console.print("[dim]$[/] pellucid walk")
number = 0
for line in walk.part(walk.document.parts[0]):
    start = re.match(r"\n\s*(\d+)  ", getattr(line, "plain", ""))
    number = int(start[1]) if start else number
    if number in STEPS:
        console.print(line)
PICTURE.write_text(
    console.export_svg(title="AI rocks <EOS>", code_format=TEMPLATE), encoding="utf-8"
)
