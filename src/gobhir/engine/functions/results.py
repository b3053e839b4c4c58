"""Results that have names: `values, indices = x.max(dim=0)` is `x.max(dim=0).values` too."""

from __future__ import annotations

from collections import namedtuple
from typing import Any


def named(name: str, *fields: str) -> Any:
    """A tuple with these names that prints as PyTorch's do."""
    base: Any = namedtuple(name, fields)  # type: ignore[misc]  # mypy wants the names spelt out

    def __repr__(self: Any) -> str:
        lines = ",\n".join(f"{f}={v!r}" for f, v in zip(fields, self, strict=True))
        return f"gobhir.return_types.{name}(\n{lines})"

    return type(name, (base,), {"__slots__": (), "__repr__": __repr__})
