"""The glass network standing still: a self-contained SVG with the engine's own numbers.

It is drawn narrow, so that it can be read on a phone and grows on paper.
"""

from __future__ import annotations

import math
from typing import Any
from xml.sax.saxutils import escape

from gobhir.lang import t
from gobhir.widgets.numbers import Numbers

PITCH, TOP = 82, 40
BOX = 68, 50
END = 44, 44
INK, SOFT, RULE, POSITIVE, NEGATIVE = "#1d2530", "#56616f", "#9aa5b1", "#0b63b0", "#b8470a"
_SUB = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_STYLE = (
    "text{font-family:'Noto Sans Bengali','Noto Sans',sans-serif;font-size:12px;text-anchor:middle;"
    f"dominant-baseline:central;fill:{INK}}}.tag{{font-size:11px;fill:{SOFT}}}.a{{font-weight:700}}"
)


def short(value: float) -> str:
    """At most four decimals and five digits, with a real minus sign; short() of numbers.js."""
    size = abs(value)
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "∞" if value > 0 else "−∞"
    if 0 < size < 0.00005 or size >= 1e5:
        front, power = f"{value:.1e}".split("e")
        raised = str(int(power)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        return f"{float(front):g}·10{raised}".replace("-", "−")
    decimals = max(0, 4 - max(0, math.floor(math.log10(size or 1))))
    # Halves go away from zero, also where binary fractions fall a hair short of a half.
    rounded = round(value * (1 + 2e-13), decimals) or 0.0
    return f"{rounded:.{decimals}f}".rstrip("0").rstrip(".").replace("-", "−") or "0"


def draw(network: dict[str, Any], numbers: Numbers, lang: str) -> str:
    """SVG text: inputs, weights on the wires, z and a in each neuron, δ below it, the loss."""
    sizes = [len(network["x"]), *map(len, network["weights"])]
    last = len(sizes) - 1
    rows = max(sizes)
    gap = 128
    columns = [34 + c * (gap + BOX[0]) - (12 if c else 0) for c in range(last + 1)]
    width = columns[-1] + BOX[0] // 2 + 8

    def y(c: int, j: int) -> float:
        return TOP + ((rows - sizes[c]) / 2 + j + 0.5) * PITCH

    parts: list[str] = []
    for c, x in enumerate(columns):
        key = "input" if c == 0 else "output" if c == last else "hidden"
        parts.append(_text(x, 20, t(f"widgets.glass.column.{key}", lang), "tag"))
    parts += _wires(network["weights"], columns, sizes, y)
    for i, value in enumerate(network["x"]):
        parts += _glass(columns[0], y(0, i), END, value, 22)
        parts.append(_text(columns[0], y(0, i), short(value), "a"))
        parts.append(_text(columns[0], y(0, i) - 31, f"x{i + 1}".translate(_SUB), "tag"))
    for layer in range(last):
        for j in range(sizes[layer + 1]):
            parts += _neuron(network, numbers, layer, j, columns[layer + 1], y(layer + 1, j))
    bottom = y(last, sizes[-1] - 1) + 58
    wanted = ", ".join(map(short, network["y"]))
    parts.append(_text(columns[-1], bottom, f"y = {wanted}", ""))
    parts.append(_text(columns[-1], bottom + 20, f"L = {short(numbers.loss)}", "a"))

    height = max(TOP + rows * PITCH + 8, bottom + 34)
    alt = t(
        "widgets.glass.alt",
        lang,
        sizes="-".join(map(str, sizes)),
        x=", ".join(map(short, network["x"])),
        output=", ".join(map(short, numbers.output)),
        y=wanted,
        loss=short(numbers.loss),
    )
    title = escape(t("widgets.glass.name", lang))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height:g}" role="img" '
        f'lang="{lang}" aria-label="{escape(alt, {chr(34): "&quot;"})}" '
        f'style="width:100%;max-width:{width * 1.6:g}px;height:auto">'
        f"<title>{title}</title><desc>{escape(alt)}</desc><style>{_STYLE}</style>"
        f'<rect width="{width}" height="{height:g}" rx="12" fill="#fff"/>{"".join(parts)}</svg>'
    )


def _wires(weights: list[Any], columns: list[int], sizes: list[int], y: Any) -> list[str]:
    """Lines first, then their numbers, each matrix as one even column, row after row."""
    lines, labels = [], []
    biggest = max(abs(w) for matrix in weights for row in matrix for w in row) or 1.0
    for layer, matrix in enumerate(weights):
        x1 = columns[layer] + (BOX if layer else END)[0] / 2
        x2 = columns[layer + 1] - BOX[0] / 2
        n = sizes[layer]
        way = 0.5 if len(matrix) == 1 else min(n / (n + 1), 1 - 20 / (x2 - x1))
        for j, row in enumerate(matrix):
            for i, w in enumerate(row):
                y1, y2 = y(layer, i), y(layer + 1, j)
                dashed = ' stroke-dasharray="7 4"' if w < 0 else ""
                lines.append(
                    f'<path d="M{x1:g} {y1:g}L{x2:g} {y2:g}" stroke="{_colour(w)}" opacity=".45" '
                    f'stroke-width="{1 + 4 * abs(w) / biggest:.2f}"{dashed}/>'
                )
                x, at, printed = x1 + (x2 - x1) * way, y1 + (y2 - y1) * way, short(w)
                half = 3.4 * len(printed) + 2
                labels.append(
                    f'<rect x="{x - half:.1f}" y="{at - 7:.1f}" width="{2 * half:.1f}" height="14" '
                    f'rx="4" fill="#fff"/>{_text(x, at, printed, "", _colour(w))}'
                )
    return lines + labels


def _neuron(
    network: dict[str, Any], numbers: Numbers, layer: int, j: int, x: float, y: float
) -> list[str]:
    delta = float(numbers.deltas[layer][j])
    a = float(numbers.a[layer][j])
    return [
        *_glass(x, y, BOX, a, 14),
        _text(x, y - 11, f"z {short(float(numbers.z[layer][j]))}", "tag"),
        _text(x, y + 9, short(a), "a"),
        _text(x, y - 33, f"b {short(network['biases'][layer][j])}", "tag"),
        _text(x, y + 34, f"δ {short(delta)}", "", _colour(delta)),
    ]


def _glass(x: float, y: float, size: tuple[int, int], value: float, radius: int) -> list[str]:
    """A glass filled as high as its number: a filled shape, cut off above the level."""
    w, h = size
    full = h * min(1.0, abs(value)) if math.isfinite(value) else 0.0
    fill = "#fbd5b5" if value < 0 else "#bcdcf7"
    shape = f'x="{x - w / 2:g}" y="{y - h / 2:g}" width="{w}" height="{h}" rx="{radius}"'
    cut = f"inset({h - full:.1f}px 0 0 0)"
    return [
        f'<rect {shape} fill="#f6f8fb"/>',
        f'<rect {shape} fill="{fill}" style="clip-path:{cut}"/>',
        f'<rect {shape} fill="none" stroke="{RULE}" stroke-width="1.2"/>',
    ]


def _text(x: float, y: float, content: str, kind: str, colour: str = "") -> str:
    looks = f' class="{kind}"' if kind else ""
    looks += f' style="fill:{colour}"' if colour else ""
    return f'<text x="{x:g}" y="{y:.1f}"{looks}>{escape(content)}</text>'


def _colour(value: float) -> str:
    return POSITIVE if value > 0 else NEGATIVE if value < 0 else SOFT
