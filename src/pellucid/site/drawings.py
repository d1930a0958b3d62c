"""Small drawings of a run's numbers as SVG: a network, bars, curves. Colours are the page's own."""

from collections.abc import Sequence

from markupsafe import Markup, escape

MINUS = "\N{MINUS SIGN}"

Series = Sequence[float]


def figure(number: float) -> str:
    """A number as it stands in a drawing: to three digits."""
    return f"{number:.3g}".replace("-", MINUS) if abs(number) < 1000 else f"{number:.0f}"


def bars(labels: Sequence[str], shares: Series, *, most: int = 5) -> Markup:
    """Horizontal bars, the largest first where not all have room."""
    rows = list(zip(labels, shares, strict=True))
    if len(rows) > most:
        rows = sorted(rows, key=lambda row: -row[1])[:most]
    largest = max(abs(share) for _, share in rows) or 1.0
    wide = max(len(label) for label, _ in rows) * 9 + 12
    parts = []
    for place, (label, share) in enumerate(rows):
        y, length = place * 26, 250 * abs(share) / largest
        parts.append(
            Markup(
                '<text class="end" x="{}" y="{}">{}</text>'
                '<rect class="bar" x="{}" y="{}" width="{:.1f}" height="18"/>'
                '<text x="{:.1f}" y="{}">{}</text>'
            ).format(
                wide - 8, y + 15, label, wide, y + 2, max(length, 1), wide + length + 8, y + 15,
                figure(share),
            )
        )  # fmt: skip
    told = ", ".join(f"{label} {figure(share)}" for label, share in rows)
    return _svg(wide + 330, len(rows) * 26, told, parts)


def curves(names: Sequence[str], series: Sequence[Series], places: Sequence[str]) -> Markup:
    """Lines over places that stand at equal distances; their names stand above."""
    width, height, left, top = 560, 260, 52, 44
    low = min(0.0, *(min(one) for one in series))
    high = max(max(one) for one in series)
    across = (width - left - 20) / max(len(places) - 1, 1)

    def down(number: float) -> float:
        return top + (height - top - 34) * (high - number) / ((high - low) or 1)

    parts = [
        Markup(
            '<line class="rule" x1="{}" y1="{:.1f}" x2="{}" y2="{:.1f}"/>'
            '<text class="end small" x="{}" y="{:.1f}">{}</text>'
        ).format(left, y, width - 20, y, left - 8, y + 4, figure(level))
        for level in dict.fromkeys((low, 0.0 if low < 0 else high / 2, high))
        for y in [down(level)]
    ]
    every = max(1, len(places) // 6)
    parts += [
        Markup('<text class="middle small" x="{:.1f}" y="{}">{}</text>').format(
            left + place * across, height - 8, places[place]
        )
        for place in range(0, len(places), every)
    ]
    x = float(left)
    for number, (name, one) in enumerate(zip(names, series, strict=True)):
        line = " ".join(
            f"{left + place * across:.1f},{down(value):.1f}" for place, value in enumerate(one)
        )
        parts.append(
            Markup(
                '<polyline class="curve c{}" points="{}"/>'
                '<line class="curve c{}" x1="{:.0f}" y1="16" x2="{:.0f}" y2="16"/>'
                '<text class="small" x="{:.0f}" y="20">{}</text>'
            ).format(number % 4, line, number % 4, x, x + 28, x + 36, name)
        )
        x += 8 * len(name) + 60
    told = "; ".join(
        f"{name}: from {figure(one[0])} to {figure(one[-1])}"
        for name, one in zip(names, series, strict=True)
    )
    return _svg(width, height, told, parts)


def network(
    layers: Sequence[Sequence[tuple[str, float]]], weights: Sequence[Sequence[Series]]
) -> Markup:
    """Nodes in columns, each with its name and number; a line is as thick as its weight."""
    width, gap = 560, 58
    height = gap * max(map(len, layers)) + 8
    across = (width - 150) / (len(layers) - 1)

    def at(layer: int, node: int) -> tuple[float, float]:
        return 75 + layer * across, height / 2 + gap * (node - (len(layers[layer]) - 1) / 2)

    parts = []
    for layer, matrix in enumerate(weights):
        largest = max(abs(weight) for row in matrix for weight in row) or 1.0
        for one, row in enumerate(matrix):
            for other, weight in enumerate(row):
                (x1, y1), (x2, y2) = at(layer, one), at(layer + 1, other)
                parts.append(
                    Markup(
                        '<line class="{}" x1="{:.0f}" y1="{:.0f}" x2="{:.0f}" y2="{:.0f}" '
                        'stroke-width="{:.1f}"><title>{}</title></line>'
                    ).format(
                        "minus" if weight < 0 else "plus", x1, y1, x2, y2,
                        0.6 + 5 * abs(weight) / largest, figure(weight),
                    )
                )  # fmt: skip
    for layer, nodes in enumerate(layers):
        for node, (name, number) in enumerate(nodes):
            x, y = at(layer, node)
            parts.append(
                Markup(
                    '<rect class="node" x="{:.0f}" y="{:.0f}" width="112" height="44" rx="7"/>'
                    '<text class="middle small" x="{:.0f}" y="{:.0f}">{}</text>'
                    '<text class="middle strong" x="{:.0f}" y="{:.0f}">{}</text>'
                ).format(x - 56, y - 22, x, y - 5, name, x, y + 14, figure(number))
            )
    told = "; ".join(
        ", ".join(f"{name} {figure(number)}" for name, number in nodes) for nodes in layers
    )
    sizes = " to ".join(str(len(nodes)) for nodes in layers)
    return _svg(width, height, f"A network, {sizes} nodes: {told}", parts)


def pieces(texts: Sequence[str]) -> Markup:
    """Pieces of a text side by side, a box each; their spaces are shown."""
    x, parts = 4.0, []
    for text in texts:
        size = 10.0 * len(text) + 18
        parts.append(
            Markup(
                '<rect class="node" x="{:.0f}" y="4" width="{:.0f}" height="34" rx="6"/>'
                '<text class="middle mono" x="{:.0f}" y="26">{}</text>'
            ).format(x, size, x + size / 2, text.replace(" ", "␣"))
        )
        x += size + 6
    return _svg(x, 42, ", ".join(texts), parts)


def _svg(width: float, height: float, told: str, parts: Sequence[Markup]) -> Markup:
    """One drawing; blank lines would end a block of HTML in Markdown."""
    inside = Markup("\n").join(parts)
    return Markup(
        '<svg viewBox="0 0 {0:.0f} {1:.0f}" style="max-width:{0:.0f}px" role="img" '
        'aria-label="{2}">\n{3}\n</svg>'
    ).format(width, height, escape(told), inside)
