"""Shapes drawn for an error message, with the sizes that do not fit put in brackets."""

from __future__ import annotations

Shape = tuple[int, ...]


def marked(shape: Shape, *places: int) -> str:
    """`marked((2, 3), -1) == "(2, [3])"`."""
    here = {p % len(shape) for p in places} if shape else set()
    sizes = [f"[{n}]" if i in here else str(n) for i, n in enumerate(shape)]
    return "(" + ", ".join(sizes) + ")"


def clash(x: Shape, y: Shape) -> dict[str, str]:
    """Two shapes that do not broadcast, lined up at the right, as broadcasting reads them."""
    pairs = zip(reversed(x), reversed(y), strict=False)
    places = [-i for i, (n, m) in enumerate(pairs, 1) if n != m and 1 not in (n, m)]
    first, second = marked(x, *places), marked(y, *places)
    width = max(len(first), len(second))
    return {"x": first.rjust(width), "y": second.rjust(width)}
