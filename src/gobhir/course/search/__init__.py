"""Search over lessons, terms and ops, in either language, script or spelling.
Start reading in folding.py (when two spellings are one), then index.py and finding.py.
"""

from gobhir.course.search.finding import find
from gobhir.course.search.index import Item, index

__all__ = ["Item", "find", "index"]
"""`find(query)` gives the items, the best first."""
