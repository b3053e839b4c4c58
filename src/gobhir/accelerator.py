"""Questions about any accelerator, as newer programs ask them: there is none.

https://docs.pytorch.org/docs/stable/accelerator.html
"""

from __future__ import annotations

from typing import Any

from gobhir.engine.absent import missing

__all__ = ["current_accelerator", "device_count", "is_available"]


def is_available() -> bool:
    """False: Gobhir computes on the CPU."""
    return False


def current_accelerator(check_available: bool = False) -> None:
    """None, as PyTorch answers where there is none."""
    return None


def device_count() -> int:
    """0."""
    return 0


def __getattr__(name: str) -> Any:
    raise missing(__name__, name)
