"""Questions about graphics cards, and the honest answer: Gobhir computes on the CPU."""

from __future__ import annotations

from typing import Any

__all__ = [
    "current_device",
    "device_count",
    "empty_cache",
    "is_available",
    "manual_seed",
    "manual_seed_all",
    "synchronize",
]


def is_available() -> bool:
    """False: no tensor can be on a graphics card."""
    return False


def device_count() -> int:
    """0."""
    return 0


def current_device() -> int:
    """RuntimeError: there is none."""
    from gobhir.engine.device import check_place

    check_place("cuda")
    return 0


def manual_seed(seed: int) -> None:
    """Nothing to seed; harmless, as in PyTorch without a graphics card."""


def manual_seed_all(seed: int) -> None:
    """Nothing to seed; harmless, as in PyTorch without a graphics card."""


def empty_cache() -> None:
    """Nothing to give back."""


def synchronize(device: Any = None) -> None:
    """Nothing to wait for: every result is there when a function returns."""
