"""The engine's floor plan, its docstring, names every file that there is, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import gobhir.engine


def test_the_floor_plan_names_every_file() -> None:
    house = Path(gobhir.engine.__file__).parent
    plan = gobhir.engine.__doc__ or ""
    rooms = {room: plan.index(f"\n{room}/: ") for room in ("ops", "functions")}
    after = plan.index("\nAround the core")
    parts = {
        "ops": plan[rooms["ops"] : rooms["functions"]],
        "functions": plan[rooms["functions"] : after],
        "": plan[plan.index("\nThe core") : rooms["ops"]]
        + plan[after : plan.index("\nWhere one op")],
    }
    for room, text in parts.items():
        named = re.findall(r"\b[a-z_]+\.py\b", text)
        there = {f.name for f in (house / room).glob("*.py")} - {"__init__.py"}
        assert set(named) == there and len(named) == len(there), room or "engine"
