"""The general formulas of what slides over images, with letters for indices: the line that a
teacher writes before putting the numbers in. For showing only."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from gobhir.derivation.arrays import Sigma
from gobhir.derivation.expression import Expr, Fraction, Function, Name, Product, Sum, Sym, number
from gobhir.derivation.step import Line
from gobhir.explain.quantity import Pulled, Quantity
from gobhir.explain.reading import Reading
from gobhir.explain.rules.use import Use

PLACES, KERNEL = "ijk", "uvt"
"""Letters for places in an image, and in a kernel."""


def forward_line(r: Reading, q: Quantity) -> Line | None:
    """z with letters = the sum that it is; None where an operand has no name of its own."""
    use = r.use(q)
    if use is None or _named(use, 0) is None:
        return None
    places = PLACES[: use.arrays[0].ndim - 2]
    kernel = KERNEL[: len(places)]
    left = letter(q.sym, ("n", "o", *places), use.record.value.shape)
    match use.record.op.name:
        case "conv":
            seen = _at(use, 0, ("n", "m", *_slid(use, places, kernel)))
            return Line(left, (_with_bias(use, _weighed(use, ("o", "m", *kernel), seen)),))
        case "conv_transpose":
            seen = _at(use, 0, ("n", "m", *_met(use, places, kernel)))
            return Line(left, (_with_bias(use, _weighed(use, ("m", "o", *kernel), seen)),))
        case "max_pool" | "avg_pool":
            left = letter(q.sym, ("n", "m", *places), use.record.value.shape)
            seen = _at(use, 0, ("n", "m", *_slid(use, places, kernel)))
            sizes = use.record.settings["kernel"]
            counted = tuple((k, n) for k, n in zip(kernel, sizes, strict=True) if n > 1)
            if use.record.op.name == "max_pool":
                return Line(left, (Function("max", (seen,)),))
            below = number(_product(sizes))
            return Line(left, (Product((Fraction(number(1), below), Sigma(seen, counted))),))
    return None


def kernel_line(r: Reading, p: Pulled) -> Line | None:
    """dL/dw with letters: blame times what the kernel met, over all the places where it stood."""
    use = _user(r, p)
    d = None if use is None else _blame(r, use)
    if use is None or d is None or _named(use, 0) is None:
        return None
    places = PLACES[: use.arrays[0].ndim - 2]
    kernel = KERNEL[: len(places)]
    turned = use.record.op.name == "conv_transpose"
    image, small = (use.record.value.shape, use.arrays[0].shape)[:: 1 if turned else -1]
    names = ("m", "o") if turned else ("o", "m")
    at = _slid(use, places, kernel)
    if turned:
        factors = _at(use, 0, ("n", "m", *places)), letter(d, ("n", "o", *at), image)
    else:
        factors = letter(d, ("n", "o", *places), small), _at(use, 0, ("n", "m", *at))
    left = _at(use, 1, (*names, *kernel), p.sym)
    summed = [("n", small[0]), *zip(places, small[2:], strict=True)]
    counted = tuple((k, n) for k, n in summed if n > 1)
    return Line(left, (Sigma(Product(factors), counted),))


def letter(e: Sym, letters: tuple[str, ...], shape: tuple[int, ...]) -> Sym:
    """The general element of a quantity, its dimensions of size 1 not counted."""
    n = e.name
    index = tuple(a for a, size in zip(letters, shape, strict=True) if size > 1)
    return Sym(
        Name(n.element or n.base, n.layer, (*n.index, *index), None, n.partial, n.by), Decimal(0)
    )


def _named(use: Use, i: int) -> Sym | None:
    """The name of an operand, also of one that was only turned on its way here."""
    e, turned = use.operands[i], _order(use, i)
    if isinstance(e, Sym) or turned is None:
        return e if isinstance(e, Sym) else None
    found = [n for n in e.walk() if isinstance(n, Sym)]
    return found[0] if len(found) == 1 else None


def _order(use: Use, i: int) -> list[int] | None:
    """Which dimension of what was turned each dimension of the operand was."""
    made = getattr(use.record.inputs[i], "_record", None)
    if made is None or made.op.name != "permute":
        return None
    rank = made.value.ndim
    return [d % rank for d in made.settings["dims"]]


def _at(use: Use, i: int, letters: tuple[str, ...], named: Sym | None = None) -> Sym:
    """The general element of operand i, or of what lies like it."""
    sym, order, shape = _named(use, i), _order(use, i), use.arrays[i].shape
    assert sym is not None
    if order is not None and not isinstance(use.operands[i], Sym):
        back = [order.index(d) for d in range(len(order))]
        letters, shape = tuple(letters[k] for k in back), tuple(shape[k] for k in back)
    return letter(named or sym, letters, shape)


def _weighed(use: Use, letters: tuple[str, ...], seen: Sym) -> Expr:
    if _named(use, 1) is None:
        return seen
    shape = use.arrays[1].shape
    counted = tuple((a, n) for a, n in zip(letters, shape, strict=True) if a != "o" and n > 1)
    return Sigma(Product((_at(use, 1, letters), seen)), counted)


def _with_bias(use: Use, z: Expr) -> Expr:
    b = use.operands[2] if len(use.operands) > 2 else None
    return Sum((z, letter(b, ("o",), use.arrays[2].shape))) if isinstance(b, Sym) else z


def _slid(use: Use, places: str, kernel: str) -> list[str]:
    """Where place u of the kernel lies when it stands at i: stride i + dilation u - ..., counted
    from 1."""
    s = use.record.settings
    dilation = s.get("dilation", (1,) * len(places))
    found = zip(places, kernel, s["stride"], dilation, s["padding"], strict=True)
    return [_linear(((a, i), (d, u)), 1 - a - d - p) for i, u, a, d, p in found]


def _met(use: Use, places: str, kernel: str) -> list[str]:
    """Where the kernel stands whose place u lies on i; with a stride a letter of its own."""
    s = use.record.settings
    found = zip(places, kernel, s["stride"], s["dilation"], s["padding"], strict=True)
    return [f"{i}'" if a > 1 else _linear(((1, i), (-d, u)), p + d) for i, u, a, d, p in found]


def _linear(terms: tuple[tuple[int, str], ...], constant: int) -> str:
    """2i+u-3"""
    out = ""
    for factor, name in terms:
        sign = "-" if factor < 0 else "+" if out else ""
        out += f"{sign}{'' if abs(factor) == 1 else abs(factor)}{name}"
    return out + (f"{constant:+d}" if constant else "")


def _product(sizes: tuple[int, ...]) -> int:
    out = 1
    for n in sizes:
        out *= n
    return out


def _user(r: Reading, p: Pulled) -> Use | None:
    """The one use of this kernel."""
    found = [
        u for u in r.uses() if len(u.operands) > 1 and p.of is not None and _named(u, 1) is p.of.sym
    ]
    return found[0] if len(found) == 1 else None


def _blame(r: Reading, use: Use) -> Any:
    """dL/d(result) of this use, by its name."""
    found = (p for p in r.pulled if p.of is not None and p.of.sym is use.result)
    return next((p.sym for p in found), None)
