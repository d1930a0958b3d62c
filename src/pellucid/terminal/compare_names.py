"""What is said of another program's names: those that nobody knows, and layouts of others."""

from collections.abc import Iterator

from rich.text import Text

from pellucid.compare.translate import NameTranslation

LISTED = 8
"""How many names that were not understood are listed."""


def name_lines(translation: NameTranslation) -> Iterator[Text]:
    """The names that were not understood, how to find what they are, and what layouts there are."""
    unknown = translation.unknown
    if unknown:
        some = ", ".join(
            one.name + (f" (near {one.near[0]})" if one.near else "") for one in unknown[:LISTED]
        )
        more = f" and {len(unknown) - LISTED} more" if len(unknown) > LISTED else ""
        yield Text(f"names not understood, left out: {some}{more}", style="yellow")
        folded = any(one.name.startswith("onnx::") for one in unknown)
        why = "the exporter has folded weights into onnx:: names; " if folded else ""
        yield Text(f"{why}--guess pairs them by shapes and numbers", style="dim")
    for said in translation.layouts:
        yield Text(f"layout: {said}", style="dim")
    for said in translation.notes:
        yield Text(f"names: {said}", style="yellow")
