"""How a tensor prints: PyTorch's way (4 decimals, scientific when the range asks for it)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from gobhir.engine.tensor import Tensor


def tensor_text(t: Tensor, opening: str = "tensor(") -> str:
    """`tensor([0.5000, 0.2500], grad_fn=<SigmoidBackward0>)`"""
    from gobhir.engine.dtypes import default_dtype

    parts = [_numbers(t.array, len(opening))]
    usual = (default_dtype(), np.dtype("int64"), np.dtype("bool"))
    if t.array.size == 0:
        if t.array.ndim != 1:
            parts.append(f"size={t.shape}")
        usual = (default_dtype(),)
    if t.dtype not in usual:
        parts.append(f"dtype={t.dtype.name}")
    if t.grad_fn is not None:
        parts.append(f"grad_fn={t.grad_fn!r}")
    elif t.requires_grad:
        parts.append("requires_grad=True")
    return opening + ", ".join(parts) + ")"


def _numbers(a: np.ndarray, indent: int) -> str:
    if a.size == 0:
        return "[]"
    if a.dtype.kind != "f":
        return np.array2string(a, separator=", ", prefix=" " * indent, threshold=1000)
    finite = np.abs(a[np.isfinite(a) & (a != 0)]).astype(float)
    whole = bool(np.all(finite == np.rint(finite)))
    low, high = (finite.min(), finite.max()) if finite.size else (1.0, 1.0)
    if whole:
        form = "{:.4e}" if high / low > 1000 or high > 1e8 else "{:.0f}."
    else:
        form = "{:.4e}" if high / low > 1000 or high > 1e8 or low < 1e-4 else "{:.4f}"

    def one(x: float) -> str:
        return form.format(x) if np.isfinite(x) else str(x)

    width = max(len(one(x)) for x in a.flat) if a.ndim and a.size <= 1000 else 0
    return np.array2string(
        a,
        separator=", ",
        prefix=" " * indent,
        threshold=1000,
        max_line_width=80,
        formatter={"float_kind": lambda x: one(x).rjust(width)},
    )
