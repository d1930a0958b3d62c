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
STEP = 5

# Rich's own template fetches a font from the network; any monospaced one will do.
TEMPLATE = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL).replace(
    "Fira Code", "Menlo, Consolas, DejaVu Sans Mono"
)

example = load_example("ai_rocks")
walk = Walk(document(example.walkthrough()))
console = Console(record=True, width=100, file=io.StringIO(), force_terminal=True)
console.print(f"[dim]$[/] pellucid walk --step {STEP}")
(step,) = [step for step in walk.document.parts[0].steps if step.number == STEP]
for line in walk.step(step):
    console.print(line)
PICTURE.write_text(
    console.export_svg(title="AI rocks <EOS>", code_format=TEMPLATE), encoding="utf-8"
)
