"""Bangla letters in matplotlib's pictures: the font that the studio ships, made readable.

matplotlib reads no packed web fonts, so the font is unpacked once into matplotlib's own cache.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

FAMILY = "Noto Sans Bengali"
SHIPPED = Path(__file__).parents[1] / "static" / "fonts"


@cache
def families() -> list[str]:
    """What to set as matplotlib's font.family so that Bangla and Latin letters are both drawn.
    Without any Bangla font at hand only Latin ones are named."""
    from matplotlib import font_manager

    if not any(font.name == FAMILY for font in font_manager.fontManager.ttflist):
        for packed in sorted(SHIPPED.glob("noto-sans-bengali-bengali-*.woff")):
            font_manager.fontManager.addfont(str(_unpacked(packed)))
    known = {font.name for font in font_manager.fontManager.ttflist}
    return ["DejaVu Sans", FAMILY] if FAMILY in known else ["DejaVu Sans"]


def _unpacked(packed: Path) -> Path:
    import matplotlib
    from fontTools.ttLib import TTFont  # type: ignore[import-untyped]  # comes with matplotlib

    plain = Path(matplotlib.get_cachedir()) / f"{packed.stem}.ttf"
    if not plain.exists() or plain.stat().st_mtime < packed.stat().st_mtime:
        with TTFont(packed) as font:
            font.flavor = None
            font.save(plain)
    return plain
