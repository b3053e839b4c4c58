"""How a tensor prints: PyTorch's way. Four decimals in columns of equal width, scientific when
the range of the numbers asks for it; of more than 1,000 numbers, the first and last three."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from gobhir.engine.tensor import Tensor


@dataclass
class _Options:
    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


_options = _Options()
_PROFILES = {
    "default": _Options(),
    "short": _Options(precision=2, edgeitems=2),
    "full": _Options(threshold=math.inf),
}


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """How tensors print: digits after the point; how many numbers are shown in full, and of more
    how many at each end; characters in a line; a ready profile (default, short, full); numbers
    as 1.0000e+00 always, never, or (None) where their range asks for it."""
    if profile is not None:
        vars(_options).update(vars(_PROFILES[profile]))
    wishes = {
        "precision": precision,
        "threshold": threshold,
        "edgeitems": edgeitems,
        "linewidth": linewidth,
    }
    vars(_options).update({k: v for k, v in wishes.items() if v is not None})
    _options.sci_mode = sci_mode


def tensor_text(t: Tensor, opening: str = "tensor(") -> str:
    """`tensor([0.5000, 0.2500], grad_fn=<SigmoidBackward0>)`"""
    from gobhir.engine.dtypes import default_dtype

    usual: list[Any] = [default_dtype()]
    suffixes = []
    if t.array.size:
        usual += [np.dtype("int64"), np.dtype("bool")]
    elif t.array.ndim != 1:
        suffixes.append(f"size={tuple(t.shape)}")
    if t.dtype not in usual:
        suffixes.append(f"dtype={t.dtype.name}")
    if t.grad_fn is not None:
        suffixes.append(f"grad_fn={t.grad_fn!r}")
    elif t.requires_grad:
        suffixes.append("requires_grad=True")
    text = opening + _numbers(t.array, len(opening))
    last = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if last + len(suffix) + 2 > _options.linewidth:
            text += ",\n" + " " * len(opening) + suffix
            last = len(opening) + len(suffix)
        else:
            text += ", " + suffix
            last += len(suffix) + 2
    return text + ")"


def _numbers(a: np.ndarray, indent: int) -> str:
    if a.size == 0:
        return "[]"
    folded = a.size > _options.threshold
    one, width = _column(_corners(a) if folded else a)
    return _block(a, indent, folded, one, width)


def _block(a: np.ndarray, indent: int, folded: bool, one: Callable[[Any], str], width: int) -> str:
    if not a.ndim:
        return one(a.item())
    edge = _options.edgeitems
    fold = folded and len(a) > 2 * edge
    ends = [a[:edge], a[-edge:]] if fold else [a]
    if a.ndim == 1:
        first, *last = [[one(x) for x in end.tolist()] for end in ends]
        parts = first + ([" ...", *last[0]] if fold else [])
        n = max(1, (_options.linewidth - indent) // (width + 2))
        rows = [", ".join(parts[i : i + n]) for i in range(0, len(parts), n)]
        return "[" + (",\n" + " " * (indent + 1)).join(rows) + "]"
    first, *last = [[_block(x, indent + 1, folded, one, width) for x in end] for end in ends]
    parts = first + (["...", *last[0]] if fold else [])
    return "[" + ("," + "\n" * (a.ndim - 1) + " " * (indent + 1)).join(parts) + "]"


def _corners(a: np.ndarray) -> np.ndarray:
    """The numbers that are shown of a large array."""
    edge = _options.edgeitems
    for axis, n in enumerate(a.shape):
        if n > 2 * edge:
            shown = [*range(edge), *range(n - edge, n)]
            a = np.take(a, shown, axis)
    return a


def _column(a: np.ndarray) -> tuple[Callable[[Any], str], int]:
    """How one number is written, and how wide the widest is."""
    if a.dtype.kind != "f":
        width = max(len(str(x)) for x in a.ravel().tolist())
        return (lambda x: str(x).rjust(width)), width
    usual = a[np.isfinite(a) & (a != 0)].astype(float)
    low, high = (np.abs(usual).min(), np.abs(usual).max()) if usual.size else (1.0, 1.0)
    scientific, digits = _options.sci_mode, _options.precision
    if scientific is None:
        scientific = bool(high / low > 1000 or high > 1e8 or low < 1e-4)
    whole = bool((usual == np.ceil(usual)).all())

    def write(x: float) -> str:
        if scientific:
            return f"{x:.{digits}e}"
        if not whole:
            return f"{x:.{digits}f}"
        return f"{x:.0f}." if math.isfinite(x) else str(x)

    width = max((len(write(x)) for x in usual.tolist()), default=1)
    return (lambda x: write(x).rjust(width)), width
