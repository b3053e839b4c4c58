"""From a recorded step to a page: the tape, read once more with pencil and paper.
Stands on engine and derivation; widgets, course, studio and cli may import it.
Start reading in reading.py (the tape in a second arithmetic), then rules/families.py (one rule a
family). Steps that the engine ran as one op are taken apart before that: opening.py, attending.py.

rules/ has the rule book, pages/ lays a page out, why/ answers for one number, checking/ marks a
student's numbers, worksheets/ leaves blanks, stories/ tells of many steps, cards/ shows one op.
"""

import sys
from types import ModuleType
from typing import Any

from gobhir.explain.explanation import Explanation, explain

__all__ = ["Explanation", "explain"]


class _Room(ModuleType):
    """`gobhir.explain` is this room and, called, its main function."""

    def __call__(self, *args: Any, **kwargs: Any) -> Explanation:
        return explain(*args, **kwargs)


sys.modules[__name__].__class__ = _Room
