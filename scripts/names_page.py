"""Write docs/names.md from pellucid.walkthrough.names; with --check, only compare."""

import sys
from collections.abc import Sequence
from pathlib import Path

from pellucid.models import VOCABULARIES
from pellucid.walkthrough.names import (
    INTERVENTIONS,
    MOMENTS,
    OF_ITS_USE,
    SIZES,
    UPDATES,
    NameRow,
    names,
    uses,
)

PROGRAMS = ("Hugging Face", "TransformerLens", "llm.c", "GGUF")
"""Whose names stand beside ours."""

OTHERS = sorted({name for own in VOCABULARIES.values() for name in own} - {*PROGRAMS})
"""Whose names are known too."""

PAGE = Path(__file__).parents[1] / "docs" / "names.md"

HEAD = """\
# Names

Every value of a step has one name: the same in the code, on the tape, in files and on the page.
This page is written by `python scripts/names_page.py` from what the layers say of themselves.

- `i` is the number of a block, counted from 0: `h.0.attn.att`, `h.11.attn.att`.
- The gradient of the loss with respect to a value is its name with a `d` in front: `dh.0.attn.att`.
- A value that is used twice also has a gradient for each use; see *Uses*.
- Parameters have GPT-2's names and its (in, out) layout, so that loading a checkpoint is a copy.

"""


def table(rows: Sequence[NameRow]) -> str:
    """The rows as a Markdown table."""
    lines = [
        f"| name | shape | symbol | meaning | {' | '.join(PROGRAMS)} |",
        f"|---|---|---|---|{'---|' * len(PROGRAMS)}",
    ]
    for name in rows:
        shape = f"({', '.join(name.shape)})" if name.shape else "number"
        cells = (
            f"`{name.pattern}`",
            shape,
            name.symbol,
            name.meaning,
            *(theirs(name.pattern, program) for program in PROGRAMS),
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def theirs(ours: str, program: str) -> str:
    """What another program calls it: of each architecture the first row that there is for it."""
    found: dict[str, None] = {}
    for own in VOCABULARIES.values():
        rows = own.get(program, ())
        row = next((row for row in rows if _shown(row.ours) == ours), None)
        if row is not None:
            found[", ".join(f"`{_shown(name)}`" for name in row.theirs)] = None
    return " or ".join(found)


def _shown(pattern: str) -> str:
    return pattern.replace("{i}", "i").replace("{L}", "L")


def page() -> str:
    """The whole page."""
    sizes = "\n".join(f"| {letter} | {meaning} |" for letter, meaning in SIZES.items())
    updates = "\n".join(
        f"| `….{name.pattern}` | {name.symbol} | {name.meaning} |" for name in (*UPDATES, *MOMENTS)
    )
    interventions = "\n".join(f"| `….{name.pattern}` | {name.meaning} |" for name in INTERVENTIONS)
    own = [(f"d{row.pattern}", row.meaning) for row in uses() if not row.pattern.endswith(".x")]
    by_use = "\n".join(f"| `{name}` | {said} |" for name, said in [*own, ("d….x", "its input")])
    return (
        f"{HEAD}## Sizes\n\n| letter | meaning |\n|---|---|\n{sizes}\n\n"
        f"A batch puts an axis B in front of every activation.\n\n"
        f"## Parameters and activations, in the order of the forward pass\n\n{table(names())}\n\n"
        "Layouts of others may differ; `pellucid compare` converts them as it reads, and those of\n"
        f"{', '.join(OTHERS[:-1])} and {OTHERS[-1]} too ([compare.md](compare.md#names)):\n\n"
        "- Hugging Face: a module's name stands for its output, as forward hooks get it; "
        "`hidden_states.i` and\n  `attentions.i` are what the model returns when asked; the last "
        "hidden state, `hidden_states.L` of L blocks,\n  is `ln_f.out`. The layouts are ours, but "
        "maps of Llama's family are (out, in),\n  and `q_norm` and `k_norm` put out (B, T, H, d).\n"
        "- TransformerLens: W_Q, W_K and W_V are (H, C, d), W_O is (H, d, C) and W_U (C, V); q, k, "
        "v and z are\n  (B, T, H, d). `hook_scale` is 1/rstd and `hook_normalized` is xhat. The "
        "names are those of 4.3, where a\n  `TransformerBridge` has taken the place of "
        "`HookedTransformer`. Its `enable_compatibility_mode` folds each\n  norm's gain and shift "
        "into the next map and centres the logits unless it is given `no_processing=True`.\n"
        "- llm.c: all layers of one kind are one tensor, layer first; weights are (out, in); the "
        "vocabulary is\n  filled up to a multiple of 128; `preatt` is not written where a key is "
        "hidden.\n"
        "- GGUF: maps are (out, in); in files of the architecture llama, rows of `attn_q` and "
        "`attn_k` stand in\n  pairs, 0 beside d/2, head by head.\n\n"
        "## Updates\n\nUnder the name of each parameter, after an optimizer's step on the tape:\n\n"
        f"| name | symbol | meaning |\n|---|---|---|\n{updates}\n\n"
        "## Interventions\n\nBeside an activation that was set by hand, as "
        "`h.0.ln_1.intervened.out` beside\n`h.0.ln_1.out`, `h.0.intervened.out`"
        " beside `h.0.resid_post` and\n"
        "`h.0.attn.attn_dropout.intervened.out` beside `h.0.attn.att`:\n\n"
        f"| name | meaning |\n|---|---|\n{interventions}\n\n"
        f"## Uses\n\n{OF_ITS_USE[0].upper()}{OF_ITS_USE[1:]}:\n\n| name | of |\n|---|---|\n"
        f"{by_use}\n"
    )


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(0 if PAGE.read_text(encoding="utf-8") == page() else f"{PAGE.name} is out of date")
    PAGE.write_text(page(), encoding="utf-8")
