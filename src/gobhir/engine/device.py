"""device: where a tensor's numbers are. For Gobhir that is always the CPU; other names can be
asked about, and are refused where one would have to compute there."""

from __future__ import annotations

from typing import Any

from gobhir.lang import say

_KINDS = {"cpu", "cuda", "mps", "xpu", "meta", "mkldnn", "xla", "hpu", "vulkan"}


class device:
    """`gobhir.device("cpu")`, `gobhir.device("cuda", 0)`, `gobhir.device("cuda:0")`. RuntimeError
    for a kind that PyTorch does not know either."""

    __slots__ = ("index", "type")

    def __init__(self, type: Any, index: int | None = None):
        kind, _, number = str(type).partition(":")
        if kind not in _KINDS or (number and (not number.isdigit() or index is not None)):
            raise RuntimeError(say("errors.tensor.device_name", device=type))
        self.type: str = kind
        self.index: int | None = int(number) if number else index
        if isinstance(type, device) and index is None:
            self.index = type.index

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        index = "" if self.index is None else f", index={self.index}"
        return f"device(type='{self.type}'{index})"

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other) if isinstance(other, (str, device)) else NotImplemented

    def __hash__(self) -> int:
        return hash(str(self))

    def __enter__(self) -> device:
        check_place(self)
        return self

    def __exit__(self, *exc: object) -> None:
        pass


CPU = device("cpu")


def check_place(wish: Any) -> None:
    """RuntimeError unless this is None or the CPU."""
    if wish is None or wish is CPU:
        return
    found = wish if isinstance(wish, device) else device(wish)
    if found.type != "cpu":
        raise RuntimeError(say("errors.tensor.device", device=found))
