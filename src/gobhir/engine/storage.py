"""The memory under a tensor, as one row of numbers: what tensors that are views of each other
share. https://docs.pytorch.org/docs/stable/storage.html
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import index
from typing import Any

import numpy as np

from gobhir.engine.tensor import Tensor
from gobhir.lang import say


class Storage:
    """All numbers of a tensor's memory, in the order in which they lie; `storage[i] = v` changes
    every tensor on it. IndexError where there is no number i."""

    def __init__(self, numbers: np.ndarray, changes: list[Any]):
        self.numbers = numbers
        self._changes = changes

    @property
    def dtype(self) -> np.dtype:
        """Which kind of numbers they are."""
        return self.numbers.dtype

    def __len__(self) -> int:
        return len(self.numbers)

    size = __len__

    def nbytes(self) -> int:
        """How many bytes the memory has."""
        return self.numbers.nbytes

    def element_size(self) -> int:
        """How many bytes one number takes."""
        return self.numbers.itemsize

    def data_ptr(self) -> int:
        """The address of the first number."""
        return int(self.numbers.__array_interface__["data"][0])

    def _at(self, place: Any) -> int:
        if not -len(self) <= index(place) < len(self):
            raise IndexError(say("errors.shape.storage", place=place, size=len(self)))
        return index(place)

    def __getitem__(self, place: Any) -> Any:
        return self.numbers[self._at(place)].item()

    def __setitem__(self, place: Any, value: Any) -> None:
        self.numbers[self._at(place)] = value
        self._changes[0] += 1
        self._changes[1] = "storage"

    def __iter__(self) -> Iterator[Any]:
        return iter(self.tolist())

    def tolist(self) -> list[Any]:
        """The numbers as a Python list."""
        return list(self.numbers.tolist())

    def __repr__(self) -> str:
        rows = "".join(f" {v}\n" for v in self)
        return f"{rows}[gobhir.Storage(dtype={self.dtype}, device=cpu) of size {len(self)}]"


def storage_of(x: Tensor) -> Storage:
    """The memory of what x is a view of, or of x itself."""
    root = x if x._view is None else x._view.root
    return Storage(root.array.ravel(order="K"), x._changes)
