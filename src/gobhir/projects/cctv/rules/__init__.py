"""The rules: each a small class with its parameters, which says of every moment what it notices.
They stand on people.py and zones.py, see no pixels but those of the scene, and ask no clock.
Start reading in base.py, then areas.py.
"""

from typing import Any

from gobhir.projects.cctv.rules.areas import Crowding, Intrusion, Loitering
from gobhir.projects.cctv.rules.base import Finding, Rule
from gobhir.projects.cctv.rules.left import AbandonedObject
from gobhir.projects.cctv.rules.scored import Fight, Unusual
from gobhir.projects.cctv.rules.ways import Fall, LineCrossing, Running, WrongWay

_ALL: tuple[type[Rule], ...] = (
    Intrusion,
    LineCrossing,
    Loitering,
    Crowding,
    WrongWay,
    Running,
    Fall,
    AbandonedObject,
    Fight,
    Unusual,
)
RULES: dict[str, type[Any]] = {rule.kind: rule for rule in _ALL}
"""By their names in cctv.toml."""

__all__ = ["RULES", "Finding", "Rule"]
