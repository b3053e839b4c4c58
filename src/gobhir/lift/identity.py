"""What is known of objects that belong to somebody else: by their identity, for as long as they
live."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, TypeVar
from weakref import ref

T = TypeVar("T")


class ByIdentity(Generic[T]):
    """A mapping whose keys are compared by `is` and are not kept alive; with a key its entry goes.

    Tensors cannot be keys of a dict or of a WeakKeyDictionary: `==` of them is a tensor."""

    def __init__(self) -> None:
        self._of: dict[int, tuple[ref[Any], T]] = {}

    def get(self, x: Any) -> T | None:
        found = self._of.get(id(x))
        return found[1] if found is not None and found[0]() is x else None

    def __contains__(self, x: Any) -> bool:
        return self.get(x) is not None

    def __setitem__(self, x: Any, known: T) -> None:
        place, of = id(x), self._of

        def gone(own: ref[Any]) -> None:
            if place in of and of[place][0] is own:  # else the id is another object's by now
                del of[place]

        of[place] = ref(x, gone), known

    def items(self) -> Iterator[tuple[Any, T]]:
        """The objects that live, with what is known of them."""
        for own, known in list(self._of.values()):
            x = own()
            if x is None:
                continue
            if hasattr(x, "_fix_weakref"):  # a tensor that only PyTorch's own graph still has
                x._fix_weakref()
            yield x, known

    def values(self) -> list[T]:
        return [known for _, known in list(self._of.values())]

    def clear(self) -> None:
        self._of.clear()
