"""`pellucid score`: how good translations are, and whether one system's beat another's."""

import json
from pathlib import Path
from typing import Annotated

from typer import Argument, Option, echo

from pellucid.cli.options import variant
from pellucid.cli.options.output import AS_JSON
from pellucid.cli.options.text import SEPARATOR, separator_of
from pellucid.errors import ConfigError


def score(
    pairs: Annotated[
        Path, Argument(help="The pairs, whose targets the translations are compared with.")
    ],
    translations: Annotated[
        list[Path],
        Argument(help="A file for each system, a line for each pair; the first is the base line."),
    ],
    samples: Annotated[
        int, Option(min=2, help="How often the sentences are drawn again, for the intervals.")
    ] = 1000,
    separator: Annotated[str, variant(SEPARATOR, "Between the two texts.")] = "tab",
    as_json: Annotated[bool, AS_JSON] = False,
) -> None:
    """BLEU and chrF with intervals of 95 %, and each system against the first by paired bootstrap.

    The files are those that pellucid translate --file writes.
    """
    from pellucid.evaluate import compared_scores
    from pellucid.text.corpus import read_text
    from pellucid.text.parallel import read_parallel

    names = [str(path) for path in translations]
    if len(set(names)) < len(names):
        raise ConfigError("each system must be another file, and one came twice: leave out one")
    references = [pair.target for pair in read_parallel(pairs, separator_of(separator))]
    systems = {
        name: read_text(path).removesuffix("\n").split("\n")
        for name, path in zip(names, translations, strict=True)
    }
    found = compared_scores(systems, references, samples=samples)
    if as_json:
        echo(
            json.dumps(
                {
                    name: {metric: one._asdict() for metric, one in scores.items()}
                    for name, scores in found.items()
                },
                indent=2,
            )
        )
        return
    base, wide = found[names[0]], max(map(len, names))
    for name, scores in found.items():
        parts = []
        for metric, one in scores.items():
            part = f"{metric} {one.score:5.2f} ± {one.interval:.2f}"
            if one.p_value is not None:
                part += f"  ({one.score - base[metric].score:+.2f}, p = {one.p_value:.3f})"
            parts.append(part)
        echo(f"{name:<{wide}}  " + "   ".join(parts))
