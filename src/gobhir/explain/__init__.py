"""From a recorded step to a page: the tape, read once more with pencil and paper.
Stands on engine and derivation; widgets, course, studio and cli may import it.
Start reading in reading.py (the tape in a second arithmetic), then rules.py (one rule a family).
Steps that the engine ran as one op are taken apart before that: opening.py, attending.py.

Of many steps: story.py (gobhir.story), symptoms.py (what counts as a symptom, and why),
story_told.py and story_picture.py (its sentences, its picture).
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
