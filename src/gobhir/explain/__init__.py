"""From a recorded step to a page: the tape, read once more with pencil and paper.
Stands on engine and derivation; widgets, course, studio and cli may import it.
Start reading in reading.py (the tape in a second arithmetic), then rules.py (one rule a family).
"""

from gobhir.explain.explanation import Explanation, explain

__all__ = ["Explanation", "explain"]
