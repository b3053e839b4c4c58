"""What registering a hook returns: the means to take it away again."""

from __future__ import annotations

from collections.abc import Callable, MutableSequence
from typing import Any, NamedTuple

changes = [0]
"""How often anywhere a hook was registered or removed, an attribute of a module set, or NaN looked
for. While the number stays, `gobhir.compile` need not look whether a network still does what it
did."""


class AfterAccumulation(NamedTuple):
    """A hook on a leaf that is called once its `.grad` is complete, not with the gradient."""

    call: Callable[[Any], None]


class RemovableHandle:
    """`handle.remove()` takes the hook away; also a context manager that does so at its end."""

    def __init__(self, hooks: MutableSequence[Any], hook: Any, prepend: bool = False):
        self._hooks, self._hook = hooks, hook
        hooks.insert(0 if prepend else len(hooks), hook)
        changes[0] += 1

    def remove(self) -> None:
        """Take the hook away; it is not called any more."""
        changes[0] += 1
        if self._hook in self._hooks:
            self._hooks.remove(self._hook)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()
